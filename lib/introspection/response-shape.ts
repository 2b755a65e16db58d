import { isObject } from '../options.js';
import type { TokenKind } from '../tokens/token-record.js';

/*
 * What everybody who asks an introspector makes of its answer: it may come from a cache, from a
 * server that checks less than it should, or from an object of the app's.
 */

/**
 * Says why an answer is none; `undefined` where it is one. `active` is a boolean and times are
 * numbers (RFC 7662 §2.2): anything else tells nothing about a token.
 */
export function shapeProblem(response: unknown): string | undefined {
  if (!isObject(response)) return 'the introspector answered no object';
  if (typeof response.active !== 'boolean') return '"active" is not a boolean';
  const { exp, nbf } = response;
  if (!isTime(exp)) return '"exp" is not a number';
  if (!isTime(nbf)) return '"nbf" is not a number';
  return undefined;
}

function isTime(value: unknown): boolean {
  return isAbsent(value) || Number.isFinite(value);
}

/** `null` is how some servers write that there is none. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

const REFRESH_USES: readonly unknown[] = ['refresh_token', 'refresh'];

/** RFC 8693 §3. */
const URN = 'urn:ietf:params:oauth:token-type:';

/** What servers have for the type of a refresh token; `offline` is Keycloak's, for one that outlives the session. */
const REFRESH_TYPES: readonly string[] = ['refresh_token', 'refresh', 'offline', `${URN}refresh_token`];

/** For that of an access token: its type (RFC 6749 §7.1), or in its place that it is one, as Salesforce says, or a JWT. */
const ACCESS_TYPES: readonly string[] = [
  'bearer',
  'dpop',
  'access_token',
  'access',
  `${URN}access_token`,
  `${URN}jwt`,
];

/**
 * What kind of token an active answer is about; `undefined` if it is of neither kind, such as
 * an ID token. Servers that tell say so by `token_use`, or by a `token_type` that is none of
 * RFC 6749 §7.1; if a server tells nothing, it is an access token.
 */
export function tokenKind({
  token_use: use,
  token_type: type,
}: Readonly<Record<string, unknown>>): TokenKind | undefined {
  if (isAccessUse(use) && isAccessType(type)) return 'access_token';
  return isOneOf(REFRESH_TYPES, type) || REFRESH_USES.includes(use) ? 'refresh_token' : undefined;
}

/** Whether a `token_use` says that it is an access token, or says nothing. */
export function isAccessUse(use: unknown): boolean {
  return isAbsent(use) || use === 'access_token' || use === 'access';
}

function isAccessType(type: unknown): boolean {
  return isAbsent(type) || type === 'Bearer' || isOneOf(ACCESS_TYPES, type);
}

function isOneOf(types: readonly string[], type: unknown): boolean {
  return typeof type === 'string' && types.includes(type.toLowerCase());
}

/** RFC 6749 §7.1: a token type is compared without regard to case. */
export function isType(type: unknown, name: 'bearer' | 'dpop'): boolean {
  return typeof type === 'string' && type.length === name.length && type.toLowerCase() === name;
}

/** The values of `scope`, which an object of the app's may give as an array. */
export function scopesOf(scope: unknown): readonly string[] {
  if (typeof scope === 'string') return scope.split(' ').filter((value) => value !== '');
  return Array.isArray(scope) ? scope.filter((value) => typeof value === 'string') : [];
}
