import { isObject } from '../options.js';
import type { InactiveResponse } from './introspector.js';

/** Why a token is not active, as far as an introspector of ours can tell. For `audit`, `onError` and logs, never for the caller. */
export type InactivityReason =
  /** The introspector says no more than that it is inactive: expired, revoked or never issued. */
  | 'unknown'
  | 'expired'
  | 'revoked'
  | 'not_yet_valid'
  /** The client that it was issued to is disabled or removed. */
  | 'client_disabled'
  /** Not in the form of such a token: no signed JWT, or not in the `tokenFormat`. */
  | 'malformed'
  /** A JWT's `typ`, or a claim, says that it is no access token. */
  | 'wrong_type'
  | 'wrong_issuer'
  | 'wrong_audience'
  /** A JWT's `alg` is not among those that are accepted. */
  | 'algorithm'
  /** The issuer publishes no key with the JWT's `kid`, or none that fits. */
  | 'unknown_key'
  | 'signature'
  /** A JWT without `exp`. */
  | 'missing_exp'
  /** An `exp` more than a century away: milliseconds in place of seconds. */
  | 'implausible_exp';

/** What would have made a value right: `trailing_slash`, a slash more or less at its end. */
export type NearMiss = 'trailing_slash';

export interface Inactivity {
  readonly reason: InactivityReason;
  /** With `wrong_issuer` and `wrong_audience`: how close it was. */
  readonly nearMiss?: NearMiss;
}

/** By a registered symbol, so that either build of this package understands the other's; not enumerable, so that no JSON shows it. */
const INACTIVITY = Symbol.for('express-token-introspection.inactivity');

/** `{ active: false }`, which does not say why. */
export const INACTIVE: InactiveResponse = Object.freeze({ active: false });

const responses = new Map<string, InactiveResponse>();

/** `{ active: false }`, which knows why: frozen, and the same object for the same reason. */
export function inactive(reason: InactivityReason, nearMiss?: NearMiss): InactiveResponse {
  const key = `${reason} ${nearMiss}`;
  let response = responses.get(key);
  if (!response) {
    const value: Inactivity = Object.freeze({ reason, ...(nearMiss && { nearMiss }) });
    response = Object.freeze(Object.defineProperty({ active: false as const }, INACTIVITY, { value }));
    responses.set(key, response);
  }
  return response;
}

/** Why a response is inactive; `undefined` if it does not say, as one that was copied or came from elsewhere. */
export function inactivityOf(response: unknown): Inactivity | undefined {
  if (!isObject(response) || response.active !== false) return undefined;
  return (response as { readonly [INACTIVITY]?: Inactivity })[INACTIVITY];
}

/** Whether one of `expected` differs from `given` in nothing but a slash at the end. */
export function nearMissOf(expected: readonly string[], given: unknown): NearMiss | undefined {
  const values: readonly unknown[] = Array.isArray(given) ? given : [given];
  // Nothing but strings: an object of a token's may be one that cannot be made a string.
  const isNear = values.some(
    (value) =>
      typeof value === 'string' && expected.some((one) => one === `${value}/` || `${one}/` === value),
  );
  return isNear ? 'trailing_slash' : undefined;
}
