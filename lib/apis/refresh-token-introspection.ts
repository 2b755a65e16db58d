import express, { type Router } from 'express';
import type { Client } from '../clients/client.js';
import { isPublic } from '../clients/client-authentication.js';
import type { InactiveReason } from '../http/audit.js';
import { type Call, endpoint, notFoundOrConflict } from '../http/endpoint.js';
import { tokenParameter } from '../http/form-body.js';
import { HttpError, invalidRequest, type RefusedCredentials } from '../http/http-error.js';
import { seconds } from '../introspection/active-response.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { ApiContext } from './api-context.js';
import type { ApiOptions } from './api-options.js';

const API = 'refresh-token-introspection';

/** The documentation wants an integer and lists none. */
const MODULE_CODE = 0;
const PATH = '/csp/gateway/am/api/auth/introspect';
export const REFRESH_TOKEN_PATHS: readonly string[] = [PATH, `${PATH}/:client_id`];

/** The documentation's own words for each way in which the header is not one of client credentials. */
const MALFORMED: Readonly<Record<Exclude<RefusedCredentials, 'wrong'>, string>> = {
  missing: 'Authorization header must be specified',
  other_scheme: 'Invalid authorization header. Missing "Basic" prefix',
  malformed: 'Invalid authorization header',
  repeated: 'Invalid authorization header',
};
const OTHER_CLIENT_IN_PATH =
  "Bad Request - Client ID in path doesn't match the Client ID in the Basic Authorization Header.";

/** The documentation's own words for errors that have some. */
const MESSAGES: Readonly<Record<number, string>> = {
  404: 'The requested resource could not be found',
  409: 'The request could not be processed due to a conflict',
  429: 'The user has sent too many requests',
  500: 'An unexpected error has occurred while processing the request',
};

/**
 * `POST /csp/gateway/am/api/auth/introspect`, and the same with the client id in the
 * path: the state of a refresh token.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function refreshTokenIntrospection(options: ApiOptions): Router {
  return refreshTokenIntrospectionIn(express.Router(), new ApiContext('refreshTokenIntrospection', options));
}

/** The same in a router and a context that it shares with the other APIs. */
export function refreshTokenIntrospectionIn(router: Router, context: ApiContext): Router {
  return endpoint(router, REFRESH_TOKEN_PATHS, {
    api: API,
    method: 'post',
    ...context.common,
    async answer(call) {
      const caller = await context.admit(call, () => authenticate(context, call));
      const inPath = call.req.params.client_id;
      if (inPath !== undefined && inPath !== caller.clientId) throw invalidRequest(OTHER_CLIENT_IN_PATH);
      const token = tokenParameter(await call.form());
      const found = await context.tokens.visible(call, caller, token, API, whyHidden);
      return found?.state === 'active' ? activeBody(found.record) : { active: false };
    },
    errorBody,
    errorHeaders: (call) => ({ 'X-Request-Id': call.requestId() }),
    storeError: notFoundOrConflict,
  });
}

/** Basic is the only credential here. A header that is none of client credentials is 400, wrong credentials are 401. */
async function authenticate(context: ApiContext, call: Call): Promise<Client> {
  try {
    return await context.basicCaller(call);
  } catch (error) {
    if (!(error instanceof HttpError) || !error.credentials || error.credentials === 'wrong') throw error;
    throw invalidRequest(MALFORMED[error.credentials], 400, { credentials: error.credentials });
  }
}

/** Only refresh tokens; to a public client, which proves nothing by its id, only its own. */
function whyHidden({ clientId, kind }: TokenRecord, caller: Client): InactiveReason | undefined {
  if (kind !== 'refresh_token') return 'wrong_kind';
  return isPublic(caller) && clientId !== caller.clientId ? 'not_yours' : undefined;
}

function activeBody(record: TokenRecord): object {
  return {
    active: true,
    exp: seconds(record.expiresAt),
    iat: seconds(record.issuedAt),
    orgId: record.organization,
    sub: record.subject,
    token_type: record.tokenType ?? 'refresh_token',
  };
}

function errorBody({ code, message, status }: HttpError, call: Call): object {
  return {
    cspErrorCode: `csp.auth.introspect.${code}`,
    errorCode: code,
    message: MESSAGES[status] ?? message,
    moduleCode: MODULE_CODE,
    requestId: call.requestId(),
    statusCode: status,
  };
}
