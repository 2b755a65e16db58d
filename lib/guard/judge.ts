import { derivedFrom, frozenCopy } from '../frozen-copy.js';
import { NBF_LEEWAY } from '../introspection/clock-leeway.js';
import { inactivityOf, nearMissOf } from '../introspection/inactivity.js';
import type { ActiveResponse } from '../introspection/introspector.js';
import { scopesOf, shapeProblem, tokenKind } from '../introspection/response-shape.js';
import { isObject } from '../options.js';
import type { ActiveToken } from './active-token.js';
import type { Why } from './guard-error.js';

/** What a route asks of a token, in the form in which it is compared. */
export interface Requirements {
  /** Any of these must be in `aud`. */
  readonly audience: readonly string[] | undefined;
  /** `iss` must be one of these. */
  readonly issuer: readonly string[] | undefined;
  /** All of these are needed. */
  readonly scope: readonly string[];
  /** One of these is needed, where there are any. */
  readonly anyScope: readonly string[];
  /** Milliseconds of leeway for `exp` and `nbf`. */
  readonly clockTolerance: number;
}

export type Judgement =
  | { readonly verdict: 'accepted'; readonly token: ActiveToken }
  | {
      readonly verdict: 'invalid_token';
      readonly description: string;
      readonly why: Why;
      /** Whether the token is not active at all, as one that somebody invented. */
      readonly isInactive: boolean;
    }
  /** The introspector's answer has no sense: it cannot know. */
  | { readonly verdict: 'unusable'; readonly problem: string };

/**
 * Judges what an introspector said, whoever it is: it may be a cache, or a server that
 * checks less than it should. What the request has to prove is judged apart, and so is scope
 * ({@link hasScope}), so that a dead token is never answered with a word about scope.
 */
export function judge(response: unknown, requirements: Requirements, now: number): Judgement {
  let copy: unknown = response;
  try {
    // Nothing but what is in it is judged: what a class adds would be gone for those who come after.
    if (isObject(response)) copy = activeTokenOf(response as unknown as ActiveResponse);
  } catch {
    return { verdict: 'unusable', problem: 'the answer cannot be read' };
  }
  const problem = shapeProblem(copy);
  if (problem !== undefined) return { verdict: 'unusable', problem };
  const answer = copy as ActiveToken;
  if (answer.active !== true) return inactive(inactivityOf(response) ?? { reason: 'unknown' });
  const { clockTolerance, issuer, audience } = requirements;
  const late = untimely(answer, clockTolerance, now);
  if (late) return inactive(late);
  if (tokenKind(answer) !== 'access_token')
    return invalid('The token is not an access token', { reason: 'wrong_type' });
  if (issuer && !issuer.some((one) => one === answer.iss)) {
    const nearMiss = nearMissOf(issuer, answer.iss);
    return invalid('The access token was issued by somebody else', { reason: 'wrong_issuer', nearMiss });
  }
  if (audience && !isMeantFor(audience, answer.aud)) {
    const nearMiss = nearMissOf(audience, answer.aud);
    return invalid('The access token is not meant for this resource', { reason: 'wrong_audience', nearMiss });
  }
  return { verdict: 'accepted', token: answer };
}

/**
 * A frozen copy: what an introspector keeps is not frozen under it, and no request can change
 * another's token. An answer that a cache gives again and again has one token; all that is
 * decided about it is decided anew each time.
 */
function activeTokenOf(answer: ActiveResponse): ActiveToken {
  return derivedFrom(answer, () => {
    const own = frozenCopy(answer) as ActiveResponse;
    return Object.freeze({ ...withoutNulls(own), scopes: Object.freeze(scopesOf(own.scope)) });
  });
}

/** `null` is how some servers write that there is none. */
function withoutNulls(answer: ActiveResponse): ActiveResponse {
  const members = Object.entries(answer).filter(([, value]) => value !== null);
  return Object.fromEntries(members) as unknown as ActiveResponse;
}

/** Whether a token has all of `scope`, and one of `anyScope` where there are any (RFC 6749 §3.3: exact, case-sensitive). */
export function hasScope({ scopes }: ActiveToken, { scope, anyScope }: Requirements): boolean {
  return (
    scope.every((value) => scopes.includes(value)) &&
    (anyScope.length === 0 || anyScope.some((value) => scopes.includes(value)))
  );
}

function invalid(description: string, why: Why, isInactive = false): Judgement {
  return { verdict: 'invalid_token', description, why, isInactive };
}

/** The caller is told the same whatever the reason. */
function inactive(why: Why): Judgement {
  return invalid('The access token is expired, revoked or unknown', why, true);
}

function untimely({ exp, nbf }: ActiveToken, tolerance: number, now: number): Why | undefined {
  // Written so that a clock that answers no number never keeps a token alive.
  if (typeof exp === 'number' && !(now < exp * 1000 + tolerance)) return { reason: 'expired' };
  const leeway = Math.max(tolerance, NBF_LEEWAY);
  return typeof nbf === 'number' && !(now >= nbf * 1000 - leeway) ? { reason: 'not_yet_valid' } : undefined;
}

/** Whether `aud`, a string or an array of them, names one of these resources. */
function isMeantFor(resources: readonly string[], aud: unknown): boolean {
  if (typeof aud === 'string') return resources.includes(aud);
  return Array.isArray(aud) && aud.some((value) => resources.includes(value));
}
