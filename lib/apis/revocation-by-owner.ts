import type { Router } from 'express';
import { type Call, endpoint } from '../http/endpoint.js';
import { invalidRequest } from '../http/http-error.js';
import { hasNoContent } from '../http/read-body.js';
import { storeFault } from '../introspection/stored-tokens.js';
import { hasMethods } from '../options.js';
import { watchedMethods } from '../telemetry/store-probe.js';
import { UnusableAnswerError } from '../tokens/store-errors.js';
import type { ManagedTokenStore, TokenSelector, TokenStore } from '../tokens/token-store.js';
import type { ApiContext } from './api-context.js';
import type { BearerCallers } from './bearer-caller.js';
import { requestedRevocation } from './requested-revocation.js';
import {
  type DetailsForm,
  holderOfOrganization,
  managementEndpoint,
  organizationPaths,
} from './token-details.js';
import { demandRight } from './token-management.js';

/** A store that revokes by what tokens have. */
type Matching = Pick<Required<ManagedTokenStore>, 'revokeMatching'>;

/** The two forms of the path. */
export const REVOCATION_BY_OWNER_PATHS: readonly string[] = organizationPaths('revoke');

/** Whether a store revokes by organization: one that does not know it would revoke in all of them. */
export function canRevokeMatching(tokens: TokenStore): tokens is TokenStore & Matching {
  return hasMethods(tokens, 'revokeMatching');
}

/** `POST /v1/o/{org_name}/oauth2/revoke`: ends the tokens of an app, of a user, or of a user at an app, in one organization. */
export function revocationByOwnerIn(
  router: Router,
  context: ApiContext,
  bearer: BearerCallers,
  tokens: Matching,
  form: DetailsForm,
): void {
  const store = watchedMethods(context.telemetry, 'tokens', tokens, ['revokeMatching']);
  endpoint(router, REVOCATION_BY_OWNER_PATHS, {
    api: 'token-management',
    method: 'post',
    ...managementEndpoint(context, form),
    answer: (call) => revokeTokens(context, bearer, store, call),
  });
}

async function revokeTokens(
  context: ApiContext,
  bearer: BearerCallers,
  store: Matching,
  call: Call,
): Promise<object> {
  call.action = 'revoke';
  const { caller, organization } = await holderOfOrganization(context, bearer, call);
  demandRight(caller, 'revoke');
  const { of, cascade } = requestedRevocation(call.req.url);
  call.cascade = cascade;
  if (!(await hasNoContent(call.req, call.res))) throw invalidRequest('The call takes no body');
  const owned = { ...of, organization };
  // Refresh tokens first: what they are exchanged for until they end is there when the access tokens are looked for.
  const refreshTokens = cascade ? await revoke(store, { ...owned, kind: 'refresh_token' }) : 0;
  return { revoked: refreshTokens + (await revoke(store, { ...owned, kind: 'access_token' })) };
}

/** Resolves to how many. @throws StoreUnavailableError for whatever the store throws, save its own NotFoundError and ConflictError */
async function revoke(store: Matching, of: TokenSelector): Promise<number> {
  let revoked: number;
  try {
    revoked = await store.revokeMatching(of);
  } catch (cause) {
    throw storeFault(cause);
  }
  if (Number.isSafeInteger(revoked) && revoked >= 0) return revoked;
  throw new UnusableAnswerError('The token store did not answer how many tokens it has revoked');
}
