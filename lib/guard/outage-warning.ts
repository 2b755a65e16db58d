import { faultOf } from '../http/audit.js';

/** An outage is told at most so often (ms). */
const INTERVAL = 60_000;

/** When each source of tokens was last told of; weakly, since guards come and go. */
const told = new WeakMap<object, number>();

/**
 * Tells of an outage by `process.emitWarning`, at most once a minute for each source: a guard that nobody has given an `audit`
 * or an `onError` would refuse everybody without a word. Quotes no message, which could hold anything.
 */
export function warnOfOutage(source: object, error: unknown, now: number): void {
  const last = told.get(source) ?? Number.NEGATIVE_INFINITY;
  // A clock that was set back must not silence it.
  if (now >= last && now < last + INTERVAL) return;
  told.set(source, now);
  const { name, code, reason } = faultOf(error);
  const why = reason ?? code ?? name;
  process.emitWarning(
    `requireActiveToken: the state of tokens cannot be known (${why}); requests get 503. Give the guard an "audit" or "onError" to hear of each`,
    { type: 'ExpressTokenIntrospection', code: 'ETI_UNAVAILABLE' },
  );
}
