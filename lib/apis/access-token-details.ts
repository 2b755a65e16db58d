import express, { type Router } from 'express';
import type { Client } from '../clients/client.js';
import type { InactiveReason } from '../http/audit.js';
import { endpoint, notFoundOrConflict } from '../http/endpoint.js';
import { HttpError } from '../http/http-error.js';
import { isNonEmptyString, must } from '../options.js';
import type { TokenRecord } from '../tokens/token-record.js';
import type { TokenState } from '../tokens/token-state.js';
import { ApiContext, type Hides, type VisibleToken } from './api-context.js';
import type { ApiOptions } from './api-options.js';

const API = 'access-token-details';

/** How the API writes what the documentation leaves open. */
export interface DetailsFormOptions {
  /** What stands between scope values. Default `,`; some servers send a space. */
  readonly scopeSeparator?: string;
  /** The `code` of the 404. Default `keymanagement.service.AccessTokenDoesntExists`. */
  readonly notFoundCode?: string;
}

export interface AccessTokenDetailsOptions extends ApiOptions, DetailsFormOptions {}

export const ACCESS_TOKEN_DETAILS_OPTIONS = ['scopeSeparator', 'notFoundCode'] as const;

const DEFAULT_NOT_FOUND_CODE = 'keymanagement.service.AccessTokenDoesntExists';
const NOT_FOUND_MESSAGE = 'Access Token doesnt exists';

/** `status` has three words for all states. A token that is only early is approved; one whose client is gone is as good as revoked. */
const STATUS: { readonly [State in TokenState]: 'approved' | 'revoked' | 'expired' } = {
  active: 'approved',
  not_yet_valid: 'approved',
  expired: 'expired',
  revoked: 'revoked',
  client_disabled: 'revoked',
};

/**
 * `GET /v1/o/{org_name}/oauth2/accesstokens/{access_token}`, and the same under
 * `/v1/organizations`: the details of an access token.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function accessTokenDetails(options: AccessTokenDetailsOptions): Router {
  const factory = 'accessTokenDetails';
  return accessTokenDetailsIn(
    express.Router(),
    new ApiContext(factory, options, ...ACCESS_TOKEN_DETAILS_OPTIONS),
    factory,
    options,
  );
}

/** The same in a router and a context that it shares with the other APIs. */
export function accessTokenDetailsIn(
  router: Router,
  context: ApiContext,
  factory: string,
  { scopeSeparator = ',', notFoundCode = DEFAULT_NOT_FOUND_CODE }: DetailsFormOptions,
): Router {
  must(isNonEmptyString(scopeSeparator), factory, 'scopeSeparator', 'a non-empty string');
  must(isNonEmptyString(notFoundCode), factory, 'notFoundCode', 'a non-empty string');
  return endpoint(router, {
    api: API,
    method: 'get',
    paths: [
      '/v1/o/:org_name/oauth2/accesstokens/:access_token',
      '/v1/organizations/:org_name/oauth2/accesstokens/:access_token',
    ],
    requireTls: context.requireTls,
    audit: context.audit,
    telemetry: context.telemetry,
    clock: context.clock,
    async answer(call) {
      const caller = await context.admit(call, () => context.basicCaller(call));
      const { org_name: organization, access_token: token } = call.req.params as {
        org_name: string;
        access_token: string;
      };
      refuseStranger(caller, organization);
      const hides: Hides = (record) => whyHidden(record, organization);
      const found = await context.visibleToken(call, caller, token, API, hides);
      if (!found) throw new HttpError(404, 'not_found', NOT_FOUND_MESSAGE);
      return details(found, token, scopeSeparator);
    },
    errorBody: ({ code, message, status }) =>
      status === 404
        ? { code: notFoundCode, message: NOT_FOUND_MESSAGE, contexts: [] }
        : { code: `keymanagement.service.${code}`, message, contexts: [] },
    storeError: notFoundOrConflict,
  });
}

/** A public client proves nothing by its id; whoever has no right learns nothing about the organization. */
function refuseStranger({ secret, organizations }: Client, organization: string): void {
  if (secret === undefined || !organizations?.includes(organization)) {
    throw new HttpError(
      403,
      'unauthorized_client',
      'The client may not read access tokens of this organization',
    );
  }
}

function whyHidden(record: TokenRecord, organization: string): InactiveReason | undefined {
  if (record.kind !== 'access_token') return 'wrong_kind';
  return record.organization === organization ? undefined : 'not_yours';
}

/** The documented members, in their alphabetical order. */
function details(
  { record, state, refreshToken }: VisibleToken,
  token: string,
  scopeSeparator: string,
): object {
  const { issuedAt, createdAt = issuedAt, createdBy = record.clientId } = record;
  return {
    apiProducts: record.apiProducts,
    app: record.app ?? '',
    appId: record.appId,
    attributes: (record.attributes ?? []).map(({ name, value }) => ({ name, value })),
    clientId: record.clientId,
    createdAt,
    createdBy,
    expiresAt: record.expiresAt ?? NEVER,
    grantType: record.grantType ?? '',
    issuedAt,
    lastModifiedAt: record.lastModifiedAt ?? createdAt,
    lastModifiedBy: record.lastModifiedBy ?? createdBy,
    refreshCount: record.refreshCount ?? 0,
    refreshToken: refreshToken(),
    scope: record.scope.join(scopeSeparator),
    status: STATUS[state],
    token,
    tokenType: 'BearerToken',
  };
}

/** How the management API writes the expiry of a token that never expires. */
const NEVER = -1;
