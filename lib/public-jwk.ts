import { isNonEmptyString, isObject } from './options.js';

/** Members of a JWK that are not for others (RFC 7518 §6.2.2, §6.3.2, §6.4, RFC 9964). */
export const PRIVATE_MEMBERS: readonly string[] = ['d', 'priv', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** Whether a value is a JWK (RFC 7517 §4) of which everybody may know everything: no private key, no shared one. */
export function isPublicJwk(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && isNonEmptyString(value.kty) && !PRIVATE_MEMBERS.some((member) => member in value);
}
