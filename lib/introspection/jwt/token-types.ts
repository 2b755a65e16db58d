import { isNonEmptyString, must } from '../../options.js';

/** RFC 9068 §2.1. */
const ACCESS_TOKEN = 'at+jwt';

/**
 * Types of JWTs that are signed for something else, often with the same keys: answers of
 * introspection (RFC 9701 §8.1), DPoP proofs, logout tokens, ID tokens, …
 */
const NEVER: readonly string[] = [
  'token-introspection+jwt',
  'dpop+jwt',
  'logout+jwt',
  'secevent+jwt',
  'oauth-authz-req+jwt',
  'client-authentication+jwt',
  'entity-statement+jwt',
  'oauth-id-jag+jwt',
  'kb+jwt',
];

/**
 * The types that are taken for access tokens, in the form of {@link typeName}.
 *
 * @throws TypeError for a list that is empty, or that has a type which is never an access token
 */
export function typesOption(factory: string, types: unknown = [ACCESS_TOKEN]): readonly string[] {
  must(
    Array.isArray(types) && types.length > 0 && types.every(isNonEmptyString),
    factory,
    'types',
    'an array of non-empty strings',
  );
  const names = types.map(typeName);
  must(
    !names.some((name) => NEVER.includes(name) || /\bid[-_ ]?token|^id\+jwt$|refresh/.test(name)),
    factory,
    'types',
    `of access tokens: none of ${NEVER.join(', ')}, nor ID or refresh tokens`,
  );
  return names;
}

/** A `typ` as it is compared: without regard to case, and to `application/` (RFC 7515 §4.1.9). */
export function typeName(typ: string): string {
  const name = typ.toLowerCase();
  return name.startsWith('application/') ? name.slice('application/'.length) : name;
}

/**
 * Whether a JWT of one of the types is not an access token after all. Where both kinds are
 * called `JWT`, servers tell them apart by a claim: `token_use` (Amazon Cognito), `typ`
 * (Keycloak), or those that only ID tokens have (`nonce` and the hashes, OpenID Connect Core
 * §2, §3.1.3.6, §3.3.2.11) and logout tokens (`events`, Back-Channel Logout §2.4).
 */
export function isForAnotherUse(typ: string, claims: Readonly<Record<string, unknown>>): boolean {
  const { token_use: use } = claims;
  if (use !== undefined && use !== 'access' && use !== 'access_token') return true;
  if (typeName(typ) === ACCESS_TOKEN) return false;
  if (claims.at_hash !== undefined || claims.c_hash !== undefined) return true;
  // Before 25, Keycloak's access tokens had the nonce too: where it says what a token is, that counts.
  if (typeof claims.typ === 'string') return !['bearer', 'dpop', ACCESS_TOKEN].includes(typeName(claims.typ));
  return claims.nonce !== undefined || claims.events !== undefined;
}
