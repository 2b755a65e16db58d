import { isUnusableAnswer, storeErrorKind } from '../../tokens/store-errors.js';
import { type InactivityReason, inactivityOf } from '../inactivity.js';
import {
  IntrospectionUnavailableError,
  isIntrospectionUnavailable,
  type UnavailableReason,
} from '../introspection-unavailable.js';
import type { Told } from './circuit-breaker.js';

const AWAY: ReadonlySet<UnavailableReason> = new Set([
  'connection',
  'timeout',
  'tls',
  'discovery',
  'rate_limited',
]);
const AWAY_STATUSES: ReadonlySet<number | undefined> = new Set([429, 502, 503, 504]);

/** What introspectors of ours find in the token itself, before any request. */
const BY_TOKEN_ALONE: ReadonlySet<InactivityReason | undefined> = new Set([
  'malformed',
  'wrong_type',
  'wrong_issuer',
  'wrong_audience',
  'algorithm',
  'missing_exp',
]);

/**
 * What a failed introspection tells about the server, or the store, that the introspector asks.
 *
 * Anything that a single token can cause counts as an answer: else one caller's token could cut off all others. Errors that
 * we know nothing about tell nothing, as an introspector of the app's may throw them for a token that it cannot parse.
 */
export function toldByFailure(error: unknown): Told {
  if (isIntrospectionUnavailable(error)) {
    const { reason, status } = error;
    // A cache behind this one has not asked either.
    if (reason === 'circuit_open') return 'nothing';
    return AWAY.has(reason) || (reason === 'status' && AWAY_STATUSES.has(status)) ? 'away' : 'answers';
  }
  const kind = storeErrorKind(error);
  if (kind === undefined) return 'nothing';
  return kind === 'unavailable' && !isUnusableAnswer(error) ? 'away' : 'answers';
}

/** What a response tells about the server: nothing if the token alone made it inactive, without a request. */
export function toldByResponse(response: unknown): Told {
  return BY_TOKEN_ALONE.has(inactivityOf(response)?.reason) ? 'nothing' : 'answers';
}

/**
 * The error as callers get it. A server may ask to be left alone for an hour, but the breaker tries again after `longest`
 * milliseconds, and callers are told no more than that.
 */
export function withBoundedWait(error: unknown, longest: number): unknown {
  if (!isIntrospectionUnavailable(error)) return error;
  const { reason, message, status, retryAfter } = error;
  if (!(Number(retryAfter) > longest)) return error;
  return new IntrospectionUnavailableError(reason, message, { cause: error, status, retryAfter: longest });
}
