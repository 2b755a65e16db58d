import { MANAGEMENT_RIGHTS, type ManagementRight } from '../clients/client.js';
import { checkBoolean, hasMethods, isObject, knownOptions, must } from '../options.js';
import type { ManagedTokenStore, TokenStore } from '../tokens/token-store.js';

/** What may be done with the tokens of an organization, by clients that hold it and whose `manages` names it. */
export interface ManagementOptions {
  /**
   * `POST …/accesstokens/{token}?action=revoke`. `tokens` must have `revoke` and `revokeGrant`. Where it has `revokeMatching`,
   * also `POST …/revoke?app={appId}&enduser={subject}`: the tokens of an app, of a user, or of a user at an app. Default false.
   */
  readonly revoke?: boolean;
  /** `POST …/accesstokens/{token}?action=approve`: takes a revocation back. `tokens` must have `approve` and `revoke`. Default false. */
  readonly approve?: boolean;
  /** `POST …/accesstokens/{token}` with a JSON body: changes attributes and scope. `tokens` must have `update`. Default false. */
  readonly update?: boolean;
  /** `DELETE …/accesstokens/{token}`. `tokens` must have `remove`. Default false. */
  readonly delete?: boolean;
  /** `GET …/refreshtokens/{token}`: the details of a refresh token. Default false. */
  readonly refreshTokens?: boolean;
}

const NEEDED: { readonly [Right in ManagementRight]: readonly (keyof ManagedTokenStore)[] } = {
  revoke: ['revoke', 'revokeGrant'],
  // To take back the one of two that was made, where the other cannot be.
  approve: ['approve', 'revoke'],
  update: ['update'],
  delete: ['remove'],
  refreshTokens: [],
};

/** What is switched on. @throws TypeError that names a bad or unknown option, or one for which the store has not got the methods */
export function managementSettings(
  factory: string,
  tokens: TokenStore,
  options: ManagementOptions | undefined,
): ReadonlySet<ManagementRight> {
  if (options === undefined) return new Set();
  must(isObject(options), factory, 'management', 'an object');
  knownOptions(`${factory}: "management"`, options, MANAGEMENT_RIGHTS);
  for (const right of MANAGEMENT_RIGHTS) {
    checkBoolean(factory, `management.${right}`, options[right]);
    const methods = NEEDED[right];
    must(
      options[right] !== true || hasMethods(tokens, ...methods),
      factory,
      `management.${right}`,
      `left out where "tokens" has no method ${methods.join(' or ')}`,
    );
  }
  return new Set(MANAGEMENT_RIGHTS.filter((right) => options[right]));
}
