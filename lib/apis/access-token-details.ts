import express, { type Router } from 'express';
import type { ManagementRight } from '../clients/client.js';
import { type Endpoint, endpoint } from '../http/endpoint.js';
import { isNonEmptyString, must } from '../options.js';
import type { TokenStore } from '../tokens/token-store.js';
import { ApiContext } from './api-context.js';
import type { ApiOptions } from './api-options.js';
import { type BearerCallerOptions, BearerCallers } from './bearer-caller.js';
import { type ManagementOptions, managementSettings } from './management-options.js';
import { canRevokeMatching, revocationByOwnerIn } from './revocation-by-owner.js';
import {
  accessTokenMembers,
  type DetailsForm,
  holderOfOrganization,
  managementEndpoint,
  notFound,
  onlyThoseOf,
  tokenPaths,
} from './token-details.js';
import { accessTokenChanges, refreshTokenDetails } from './token-management.js';

const API = 'access-token-details';

/** How the API writes what the documentation leaves open, and what there is of it beside reading. */
export interface DetailsFormOptions {
  /** What stands between scope values. Default `,`; some servers send a space. */
  readonly scopeSeparator?: string;
  /** The `code` of the 404. Default `keymanagement.service.AccessTokenDoesntExists`. */
  readonly notFoundCode?: string;
  /** What may be done with tokens at the same paths, by clients whose `manages` names it. Default nothing. */
  readonly management?: ManagementOptions;
}

export interface AccessTokenDetailsOptions extends ApiOptions, DetailsFormOptions, BearerCallerOptions {}

export const ACCESS_TOKEN_DETAILS_OPTIONS = ['scopeSeparator', 'notFoundCode', 'management'] as const;

/** The defaults of {@link DetailsFormOptions}. */
export const SCOPE_SEPARATOR = ',';
export const NOT_FOUND_CODE = 'keymanagement.service.AccessTokenDoesntExists';
export const NOT_FOUND_MESSAGE = 'Access Token doesnt exists';
/** Our own, after the pattern of the other: the documentation has none. */
export const REFRESH_TOKEN_NOT_FOUND = {
  notFoundCode: 'keymanagement.service.RefreshTokenDoesntExists',
  notFoundMessage: 'Refresh Token doesnt exists',
};

/**
 * `GET /v1/o/{org_name}/oauth2/accesstokens/{access_token}`, and the same under
 * `/v1/organizations`: the details of an access token. With `management`, what may be done with it besides.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function accessTokenDetails(options: AccessTokenDetailsOptions): Router {
  const factory = 'accessTokenDetails';
  const router = express.Router();
  const context = new ApiContext(
    factory,
    options,
    ...ACCESS_TOKEN_DETAILS_OPTIONS,
    'issuer',
    'introspectionScope',
  );
  accessTokenDetailsIn(router, context, factory, options);
  return router;
}

/** The same in a router and a context that it shares with the other APIs. Answers what may be done beside reading. */
export function accessTokenDetailsIn(
  router: Router,
  context: ApiContext,
  factory: string,
  options: DetailsFormOptions & BearerCallerOptions & { readonly tokens: TokenStore },
): ReadonlySet<ManagementRight> {
  const { tokens, scopeSeparator = SCOPE_SEPARATOR, notFoundCode = NOT_FOUND_CODE, management } = options;
  must(isNonEmptyString(scopeSeparator), factory, 'scopeSeparator', 'a non-empty string');
  must(isNonEmptyString(notFoundCode), factory, 'notFoundCode', 'a non-empty string');
  const rights = managementSettings(factory, tokens, management);
  const bearer = new BearerCallers(context, factory, options);
  const form = { scopeSeparator, notFoundCode, notFoundMessage: NOT_FOUND_MESSAGE };
  endpoint(
    router,
    tokenPaths('accesstokens', 'access_token'),
    details(context, bearer, form),
    ...accessTokenChanges(context, bearer, tokens, rights, form),
  );
  if (rights.has('refreshTokens')) {
    endpoint(
      router,
      tokenPaths('refreshtokens', 'refresh_token'),
      refreshTokenDetails(context, bearer, { ...form, ...REFRESH_TOKEN_NOT_FOUND }),
    );
  }
  if (rights.has('revoke') && canRevokeMatching(tokens))
    revocationByOwnerIn(router, context, bearer, tokens, form);
  return rights;
}

function details(context: ApiContext, bearer: BearerCallers, form: DetailsForm): Endpoint {
  return {
    api: API,
    method: 'get',
    ...managementEndpoint(context, form),
    async answer(call) {
      const { caller, organization } = await holderOfOrganization(context, bearer, call);
      const { access_token: token } = call.req.params as { access_token: string };
      const hides = onlyThoseOf(organization, 'access_token');
      const visible = await context.tokens.visible(call, caller, token, API, hides);
      if (!visible) throw notFound();
      return accessTokenMembers(visible, token, form);
    },
  };
}
