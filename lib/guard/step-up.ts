import type { ActiveToken } from './active-token.js';

/** What a route asks of the user's authentication (RFC 9470). */
export interface AuthenticationRequirements {
  /** Any of these must be `acr`; `undefined` where it does not matter. */
  readonly acrValues: readonly string[] | undefined;
  /** Seconds since `auth_time` at most. */
  readonly maxAge: number | undefined;
  /** Milliseconds of leeway. */
  readonly clockTolerance: number;
}

/** An `auth_time` further ahead (ms) than two clocks can differ is no such time: one in milliseconds would never be too old. */
const AHEAD = 5 * 60 * 1000;

/** Whether the user behind a token has authenticated well and lately enough. A token that does not say has not. */
export function isAuthenticatedEnough(
  { acr, auth_time: time }: ActiveToken,
  { acrValues, maxAge, clockTolerance }: AuthenticationRequirements,
  now: number,
): boolean {
  if (acrValues && !acrValues.some((value) => value === acr)) return false;
  if (maxAge === undefined) return true;
  if (typeof time !== 'number') return false;
  const age = now - time * 1000;
  // Written so that a clock that answers no number makes nothing recent.
  return age <= maxAge * 1000 + clockTolerance && age >= -AHEAD;
}
