import express, { type Router } from 'express';
import type { Client } from '../clients/client.js';
import { findClient } from '../clients/client-verifier.js';
import { type GuardSettings, guardSettings } from '../guard/guard-options.js';
import { type PresentedToken, readPresentedToken } from '../guard/presented-token.js';
import { invalidToken, requireScope, verifyToken } from '../guard/require-active-token.js';
import { describable } from '../http/challenge.js';
import { type Call, endpoint } from '../http/endpoint.js';
import { type FormParameters, formBody, hintParameter, tokenParameter } from '../http/form-body.js';
import { authorizationLines } from '../http/header-lines.js';
import { HttpError, invalidRequest } from '../http/http-error.js';
import { activeResponse } from '../introspection/active-response.js';
import type { Introspector } from '../introspection/introspector.js';
import { isNonEmptyString, must } from '../options.js';
import { isScopeValue } from '../tokens/check-token-record.js';
import { ApiContext } from './api-context.js';
import type { ApiOptions, CommonOptions } from './api-options.js';

const API = 'oauth-introspection';

export interface BearerCallerOptions {
  /** Our issuer identifier, which a Bearer caller's token must carry in `aud`. Without it Bearer callers are refused. */
  readonly issuer?: string;
  /** The scope that a Bearer caller's token must have. Default `introspection`. */
  readonly introspectionScope?: string;
}

/** The API over a token store. */
export interface OAuthIntrospectionOptions extends ApiOptions, BearerCallerOptions {
  readonly introspector?: never;
}

/** The API in front of whoever knows the tokens: a gateway. */
export interface OAuthGatewayOptions extends CommonOptions, BearerCallerOptions {
  /** Who is asked about tokens: a caching remote introspector, say. In place of `tokens`. */
  readonly introspector: Introspector;
  readonly tokens?: never;
}

export const OAUTH_INTROSPECTION_OPTIONS = ['introspector', 'issuer', 'introspectionScope'] as const;

/**
 * `POST /v1/oauth/introspect`: OAuth 2.0 Token Introspection (RFC 7662), over a token store or in
 * front of an introspector.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function oauthIntrospection(options: OAuthIntrospectionOptions | OAuthGatewayOptions): Router {
  const factory = 'oauthIntrospection';
  return oauthIntrospectionIn(
    express.Router(),
    new ApiContext(factory, options, ...OAUTH_INTROSPECTION_OPTIONS),
    factory,
    options,
  );
}

/** The same in a router and a context that it shares with the other APIs. */
export function oauthIntrospectionIn(
  router: Router,
  context: ApiContext,
  factory: string,
  options: BearerCallerOptions,
): Router {
  const bearer = bearerSettings(context, factory, options);
  return endpoint(router, {
    api: API,
    method: 'post',
    paths: ['/v1/oauth/introspect'],
    requireTls: context.requireTls,
    audit: context.audit,
    telemetry: context.telemetry,
    clock: context.clock,
    async answer(call) {
      const presented = readPresentedToken(authorizationLines(call.req), ['Bearer']);
      const caller = await context.admit(call, () => authenticate(context, bearer, call, presented));
      const parameters = await formBody(call.req, call.res);
      refuseSecondMechanism(parameters, caller);
      const token = tokenParameter(parameters);
      // RFC 7662 §2.1 lets a caller use a token to ask about others; about itself it would confirm what it holds.
      if (presented.kind === 'token' && presented.token === token) {
        throw invalidRequest('An access token may not ask about itself');
      }
      const found = await context.visibleToken(call, caller, token, API, nothing, hintParameter(parameters));
      return found?.state === 'active' ? activeResponse(found.record) : { active: false };
    },
    errorBody: ({ code, message }) => ({ error: code, error_description: describable(message) }),
  });
}

/** This API shows tokens of either kind. */
function nothing(): undefined {}

/** Client credentials, or an access token of a caller that may introspect (RFC 7662 §2.1). */
async function authenticate(
  context: ApiContext,
  bearer: GuardSettings | undefined,
  call: Call,
  presented: PresentedToken,
): Promise<Client> {
  if (authorizationLines(call.req).length > 1) {
    throw invalidRequest('The Authorization header must not be repeated', 400, { credentials: 'repeated' });
  }
  const caller =
    bearer && presented.kind !== 'missing'
      ? await bearerCaller(context, bearer, call, presented)
      : await context.basicCaller(call);
  if (caller.secret === undefined) {
    throw new HttpError(403, 'unauthorized_client', 'A public client may not introspect tokens here');
  }
  return caller;
}

/** The client that a Bearer caller's token was issued to; its token is judged as at any guarded API. */
async function bearerCaller(
  context: ApiContext,
  bearer: GuardSettings,
  call: Call,
  presented: PresentedToken,
): Promise<Client> {
  if (presented.kind !== 'token') {
    throw invalidToken(bearer, 'Bearer', 'The access token is malformed');
  }
  const token = await verifyToken(bearer, presented, call.req);
  const { client_id: clientId } = token;
  const caller = typeof clientId === 'string' ? await findClient(context.clients, clientId) : undefined;
  if (!caller || caller.disabled) {
    throw invalidToken(bearer, 'Bearer', 'The client of the access token is gone');
  }
  call.clientId = caller.clientId;
  requireScope(bearer, 'Bearer', token);
  return caller;
}

function bearerSettings(
  context: ApiContext,
  factory: string,
  { issuer, introspectionScope = 'introspection' }: BearerCallerOptions,
): GuardSettings | undefined {
  must(issuer === undefined || isNonEmptyString(issuer), factory, 'issuer', 'a non-empty string');
  must(isScopeValue(introspectionScope), factory, 'introspectionScope', 'one scope value');
  if (issuer === undefined) return undefined;
  const { introspector, clock, realm } = context;
  return guardSettings({
    introspector,
    clock,
    realm,
    audience: issuer,
    scope: introspectionScope,
    dpop: false,
  });
}

/** RFC 6749 §2.3: one authentication method a request. The same `client_id` again is no second one. */
function refuseSecondMechanism(parameters: FormParameters, caller: Client): void {
  const clientId = parameters.get('client_id');
  if (clientId !== undefined && clientId !== caller.clientId) {
    throw invalidRequest('The client_id differs from the authenticated client');
  }
  for (const name of ['client_secret', 'client_assertion', 'client_assertion_type', 'access_token']) {
    if (parameters.has(name)) throw invalidRequest('Only one way of client authentication may be used');
  }
}
