import { inactivityOf } from '../inactivity.js';

/** What an answer says about its own time, whatever its server has put there. */
interface Timed {
  readonly active: boolean;
  readonly exp?: unknown;
  readonly nbf?: unknown;
}

/**
 * How long (ms) after its `exp` a token counts as dead whatever its server says. Before
 * that the two clocks may differ, and a guard may have a `clockTolerance` for it.
 */
const DEAD_AFTER = 5 * 60 * 1000;

/** The moment from which the answer must not be given any more: its `exp` (RFC 7662 §4). */
export function endOf({ exp }: Timed): number {
  return milliseconds(exp) ?? Number.POSITIVE_INFINITY;
}

/** Whether an answer says of itself, beyond the doubt of two clocks, that its token is dead. */
export function isLongExpired(answer: Timed, now: number): boolean {
  return endOf(answer) <= now - DEAD_AFTER;
}

/** Whether an introspector may answer otherwise to an asker with another `clockTolerance`. */
export function dependsOnTolerance(answer: Timed, now: number): boolean {
  if (answer.active) return (milliseconds(answer.nbf) ?? now) > now;
  const reason = inactivityOf(answer)?.reason;
  return reason === 'expired' || reason === 'not_yet_valid';
}

/**
 * For how many whole milliseconds from `now` on an answer may be remembered: up to
 * `maxAge` after it was asked for, never past `exp`, and not past an `nbf` to come,
 * since it changes then. 0: not at all.
 */
export function freshFor(answer: Timed, maxAge: number, askedAt: number, now: number): number {
  const begin = milliseconds(answer.nbf) ?? now;
  const end = Math.min(
    maxAge - (now - askedAt),
    answer.active ? endOf(answer) - now : maxAge,
    // No more than this in any case: another machine's clock may be ahead, so that it asked in our future.
    begin > now ? begin - now : maxAge,
  );
  // Written so that a clock that answers no number makes nothing last.
  return end >= 1 ? Math.floor(end) : 0;
}

/**
 * A time of an answer. It should be a number of seconds (RFC 7662 §2.2), but a server
 * that sends it as a string means it all the same. Anything else is no time: the
 * guard refuses it, and here `maxAge` bounds it.
 */
function milliseconds(seconds: unknown): number | undefined {
  if (typeof seconds === 'number') return Number.isNaN(seconds) ? undefined : seconds * 1000;
  if (typeof seconds !== 'string' || seconds.trim() === '') return undefined;
  return milliseconds(Number(seconds));
}
