/** Milliseconds. No server issues tokens for so long: such an `exp` is in milliseconds, in place of seconds. */
const CENTURY = 36_525 * 24 * 60 * 60 * 1000;

/**
 * Whether an `exp` (seconds) is more than a century away. Written so that a clock that answers no number makes every one so.
 *
 * @param now milliseconds
 */
export function isImplausible(exp: number, now: number): boolean {
  return !(exp * 1000 <= now + CENTURY);
}

/**
 * A time of which little depends (`iat`, `auth_time`), which some servers write as text: whole seconds are the number; any
 * other text, such as the ISO dates of AD FS, is no value.
 */
export function leniently(time: unknown): unknown {
  if (typeof time !== 'string') return time;
  return /^\d{1,15}$/.test(time) ? Number(time) : undefined;
}
