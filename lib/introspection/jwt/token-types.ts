import { typeName } from '../../jws-form.js';
import { isNonEmptyString, must } from '../../options.js';
import { isAccessUse } from '../response-shape.js';
import { SIGNED_TYP } from '../signed-type.js';

/** RFC 9068 §2.1. */
const ACCESS_TOKEN = 'at+jwt';

/** RFC 7519 §5.1. */
const GENERIC = 'jwt';

/**
 * Types of JWTs that are signed for something else, often with the same keys: answers of
 * introspection (RFC 9701 §8.1), DPoP proofs, logout tokens, ID tokens, …
 */
const NEVER: readonly string[] = [
  SIGNED_TYP,
  'dpop+jwt',
  'logout+jwt',
  'secevent+jwt',
  'oauth-authz-req+jwt',
  'client-authentication+jwt',
  'entity-statement+jwt',
  'oauth-id-jag+jwt',
  'kb+jwt',
];

/** What `typ` of a token may be, each by {@link typeName}. */
export type TokenTypes = ReadonlySet<string | undefined>;

/**
 * The types that are taken for access tokens. `JWT` says no more than no `typ` does (RFC 7519 §5.1), and includes it.
 *
 * @throws TypeError for a list that is empty, or that has a type which is never an access token
 */
export function typesOption(factory: string, types: unknown = [ACCESS_TOKEN]): TokenTypes {
  // Not `undefined`: a setting that was forgotten must not become a check that is not made.
  must(
    Array.isArray(types) &&
      types.length > 0 &&
      types.every((type) => type === null || isNonEmptyString(type)),
    factory,
    'types',
    'an array of non-empty strings, or null for tokens without "typ"',
  );
  const names = types.map((type: string | null) => (type === null ? undefined : typeName(type)));
  must(
    !names.some((name = '') => NEVER.includes(name) || /\bid[-_ ]?token|^id\+jwt$|refresh/.test(name)),
    factory,
    'types',
    `of access tokens: none of ${NEVER.join(', ')}, nor ID or refresh tokens`,
  );
  return new Set(names.includes(GENERIC) ? [...names, undefined] : names);
}

/** Claims that only ID tokens have (OpenID Connect Core §3.1.3.6, §3.3.2.11, Financial-grade API 1.0 part 2 §5.1). */
const OF_ID_TOKENS: readonly string[] = ['at_hash', 'c_hash', 's_hash'];

/**
 * Whether a JWT of one of the types is not an access token after all. If both kinds are
 * called `JWT` or nothing, servers tell them apart by a claim: `token_use` (Amazon Cognito), `typ`
 * (Keycloak), the beginning of `jti` (Okta: `AT.` or `ID.`), or those that only ID tokens have (`nonce` and the hashes,
 * OpenID Connect Core §2) and logout tokens (`events`, Back-Channel Logout §2.4).
 *
 * @param claims without those that are `null`
 */
export function isForAnotherUse(typ: string | undefined, claims: Readonly<Record<string, unknown>>): boolean {
  const { token_use: use, jti } = claims;
  if (!isAccessUse(use)) return true;
  if (typ !== undefined && typeName(typ) === ACCESS_TOKEN) return false;
  if (OF_ID_TOKENS.some((claim) => claims[claim] !== undefined)) return true;
  if (typeof jti === 'string' && jti.startsWith('ID.')) return true;
  // Before 25, Keycloak's access tokens had the nonce too: if one says what it is, that counts.
  if (typeof claims.typ === 'string')
    return !['bearer', 'dpop', ACCESS_TOKEN].includes(claims.typ.toLowerCase());
  return claims.nonce !== undefined || claims.events !== undefined;
}
