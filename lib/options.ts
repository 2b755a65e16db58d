import { types } from 'node:util';

/** Checks that factories make once, so that the request path only runs. */

/** Throws a `TypeError` that names `option`, unless `ok`. */
export function must(ok: boolean, factory: string, option: string, expected: string): asserts ok {
  if (!ok) throw new TypeError(`${factory}: "${option}" must be ${expected}`);
}

/** Throws unless `options` is an object all of whose names are known: a misspelt option is never ignored. */
export function knownOptions(factory: string, options: unknown, known: readonly string[]): void {
  if (!isObject(options)) throw new TypeError(`${factory}: options must be an object`);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`${factory}: unknown option "${name}"`);
  }
}

/** An object that is no array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isFunction(value: unknown): value is (...args: never[]) => unknown {
  return typeof value === 'function';
}

export function isNonEmptyString(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** An absolute URL with `http:` or `https:`, and nothing before it. */
export function isWebUrl(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && /^https?:/i.test(value);
}

/** A secret of 32 bytes or more; a string counts as UTF-8. */
export function isSecret(value: unknown): value is string | Uint8Array {
  return (typeof value === 'string' || types.isUint8Array(value)) && Buffer.byteLength(value) >= 32;
}

/** A finite number of milliseconds, 0 or more. */
export function isDuration(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** A time (ms) that a timer can wait; of a longer one Node makes a single millisecond. */
export function isTimer(value: unknown): value is number {
  return isDuration(value) && value > 0 && value < 2 ** 31;
}

/** What is expected of such a time, for {@link must}. */
export const TIMER = 'milliseconds above 0, less than 2^31';

/** What is expected of a store, for {@link must}. */
export const STORE =
  'a store: an object with a find method, such as a MemoryTokenStore or a MemoryClientStore';

/** Whether `value` is an object with all these methods (own or inherited). An array, which has a `find` too, is no store. */
export function hasMethods(value: unknown, ...names: string[]): boolean {
  return isObject(value) && names.every((name) => isFunction(value[name]));
}

const TEN_YEARS = 10 * 365 * 24 * 60 * 60 * 1000;

/** Asks the clock once: one that answers seconds, or a promise, would keep expired tokens alive. */
export function checkClock(factory: string, clock: unknown): void {
  if (clock === undefined) return;
  const now: unknown = isFunction(clock) ? clock() : undefined;
  const isSeconds = typeof now === 'number' && Math.abs(now * 1000 - Date.now()) < TEN_YEARS;
  must(isDuration(now) && !isSeconds, factory, 'clock', 'a function that returns milliseconds');
}

export function checkBoolean(factory: string, option: string, value: unknown): void {
  must(value === undefined || typeof value === 'boolean', factory, option, 'a boolean');
}

/**
 * A realm goes into a quoted-string of a header (RFC 9110 §5.6.4), so it is
 * limited to printable ASCII.
 */
export function checkRealm(factory: string, realm: unknown): void {
  must(
    realm === undefined || (isNonEmptyString(realm) && /^[\x20-\x7e]+$/.test(realm)),
    factory,
    'realm',
    'a non-empty string of printable ASCII',
  );
}
