import type { Options, Store } from 'express-rate-limit';
import { BoundedMap } from '../bounded-map.js';
import { elapsedTime } from '../elapsed-time.js';
import { hasMethods, isFunction, isObject, knownOptions, must } from '../options.js';
import { StoreProbe, watchedCall } from '../telemetry/store-probe.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { onRejection } from '../thenable.js';
import { addressOf, networkOf } from './address.js';
import { slowDown, unavailable } from './http-error.js';
import { type Count, type Counter, WindowCounter } from './window-counter.js';

/** So many in so long. */
export interface RateLimit {
  /** Milliseconds. */
  readonly windowMs: number;
  /** How many are let through in a window. */
  readonly limit: number;
}

export type RateLimitPart = 'inactive' | 'failures' | 'calls';

/** What is throttled; `false` switches a part off. */
export interface RateLimitOptions {
  /**
   * A caller's responses about inactive and invisible tokens, the sign of scanning: over the limit, such a response is 429. A
   * token that the caller may see and that is active is answered all the same. Default off: what an API asks about is
   * what strangers send it.
   */
  readonly inactive?: RateLimit | false;
  /**
   * Failed authentications. Over the limit an address is refused with 429, save for credentials that were right in the last
   * five minutes. Counted by the claimed client if there is no address. Default 30 a minute and address.
   */
  readonly failures?: RateLimit | false;
  /** Everything a caller asks, counted before the token is read. Default off. */
  readonly calls?: RateLimit | false;
  /** The store of a part, any of `express-rate-limit`'s, so that a fleet can share it. Default memory. */
  readonly store?: (part: RateLimitPart) => Store;
}

const MINUTE = 60_000;
const DEFAULTS: { readonly [Part in RateLimitPart]: RateLimit | false } = {
  inactive: false,
  failures: { windowMs: MINUTE, limit: 30 },
  calls: false,
};
const MAX_BLOCKED = 10_000;

/** Counts one kind of event per key, and says who has had too many. */
export interface Throttle {
  /** `key` is asked for only where some key is over its limit. @throws HttpError 429 while this one is */
  check(key: () => string): void;
  /** Counts one, unless this key is known to be over its limit. @throws HttpError 429 when it is one too many, 503 when the store fails */
  count(key: string): Promise<void>;
}

export type Throttles = { readonly [Part in RateLimitPart]: Throttle };

/** Whether there is anything of which there can be too much. */
export function isThrottling({ inactive, failures, calls }: Throttles): boolean {
  return [inactive, failures, calls].some((throttle) => throttle !== unlimited);
}

/** The limits, checked and with their defaults. */
export interface RateLimits extends Readonly<Record<RateLimitPart, RateLimit | false>> {
  readonly store: RateLimitOptions['store'];
}

/** @throws TypeError that names a bad option */
export function rateLimits(factory: string, options: RateLimitOptions | false | undefined): RateLimits {
  if (options === false) return { inactive: false, failures: false, calls: false, store: undefined };
  if (options !== undefined) {
    must(typeof options === 'object' && options !== null, factory, 'rateLimit', 'an object or false');
    knownOptions(`${factory}: "rateLimit"`, options, ['inactive', 'failures', 'calls', 'store']);
    must(options.store === undefined || isFunction(options.store), factory, 'rateLimit.store', 'a function');
  }
  const part = (name: RateLimitPart): RateLimit | false => {
    const limit = options?.[name] ?? DEFAULTS[name];
    if (limit === false) return false;
    checkRateLimit(factory, name, limit);
    return { windowMs: limit.windowMs, limit: limit.limit };
  };
  return {
    inactive: part('inactive'),
    failures: part('failures'),
    calls: part('calls'),
    store: options?.store,
  };
}

/** @throws TypeError for a `store` that returns no store */
export function throttles(
  factory: string,
  { store: storeOf, ...limits }: RateLimits,
  clock: () => number,
  telemetry: Telemetry,
): Throttles {
  const elapsed = elapsedTime(clock);
  const part = (name: RateLimitPart): Throttle => {
    const limit = limits[name];
    if (limit === false) return unlimited;
    if (!storeOf) return new CountingThrottle(new WindowCounter(limit.windowMs, elapsed), limit, elapsed);
    const store = storeOf(name);
    must(
      hasMethods(store, 'increment'),
      factory,
      'rateLimit.store',
      'a function that returns express-rate-limit stores',
    );
    const probe = new StoreProbe(telemetry, 'rate_limit', 'increment', store);
    return new CountingThrottle(new StoreCounter(store, limit, probe), limit, elapsed);
  };
  return { inactive: part('inactive'), failures: part('failures'), calls: part('calls') };
}

function checkRateLimit(factory: string, name: string, limit: unknown): void {
  const option = `rateLimit.${name}`;
  must(isObject(limit), factory, option, '{ windowMs, limit } or false');
  knownOptions(`${factory}: "${option}"`, limit, ['windowMs', 'limit']);
  // Node's timers, which the stores use, count in 31 bits.
  must(
    isWhole(limit.windowMs) && limit.windowMs < 2 ** 31,
    factory,
    `${option}.windowMs`,
    'whole milliseconds above 0',
  );
  must(isWhole(limit.limit), factory, `${option}.limit`, 'a whole number above 0');
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

const unlimited: Throttle = {
  check() {},
  async count() {},
};

/**
 * Counts in a store of `express-rate-limit`. Its middleware is not used, because it
 * counts each request first and takes good ones back after the answer: more good
 * requests in flight than the limit would be refused. Here only the event itself counts.
 */
class StoreCounter implements Counter {
  readonly #increment: (key: string) => ReturnType<Store['increment']>;
  readonly #windowMs: number;

  constructor(store: Store, { windowMs }: RateLimit, probe: StoreProbe) {
    this.#increment = watchedCall(probe, (key) => store.increment(key));
    this.#windowMs = windowMs;
    // All that the stores read of the middleware's options is the window.
    // When it fails, so does the first count, which is a 503.
    onRejection(store.init?.({ windowMs } as Options), () => {});
  }

  async count(key: string): Promise<Count> {
    try {
      const { totalHits, resetTime } = await this.#increment(key);
      // The store's own clock set the reset time; what counts here is how far off it is, and that is a window at most.
      const left = resetTime ? resetTime.getTime() - Date.now() : this.#windowMs;
      return { hits: totalHits, left: Math.min(Math.max(1, left), this.#windowMs) };
    } catch (cause) {
      throw unavailable(cause);
    }
  }
}

/** A key that is over its limit is remembered until its window ends, so that a store is not asked again for each event. */
class CountingThrottle implements Throttle {
  readonly #counter: Counter;
  readonly #limit: number;
  readonly #elapsed: () => number;
  /** In elapsed time: the wall clock may be set back. */
  readonly #blockedUntil = new BoundedMap<number>(MAX_BLOCKED);

  constructor(counter: Counter, { limit }: RateLimit, elapsed: () => number) {
    this.#counter = counter;
    this.#limit = limit;
    this.#elapsed = elapsed;
  }

  check(keyOf: () => string): void {
    if (this.#blockedUntil.size === 0) return;
    const key = keyOf();
    const until = this.#blockedUntil.get(key);
    if (until === undefined) return;
    const left = until - this.#elapsed();
    if (left > 0) throw slowDown(left);
    this.#blockedUntil.delete(key);
  }

  async count(key: string): Promise<void> {
    this.check(() => key);
    const { hits, left } = await this.#counter.count(key);
    if (hits <= this.#limit) return;
    this.#blockedUntil.set(key, this.#elapsed() + left);
    throw slowDown(left);
  }
}

/** The bits of an IPv6 address that are one customer's. */
const CUSTOMER = 56;

/** The key of an address, Express's `req.ip` under the app's `trust proxy`; one for an IPv6 network. */
export function addressKey(ip: string | undefined): string {
  const address = addressOf(ip);
  return address === undefined ? 'unknown' : networkOf(address, CUSTOMER);
}
