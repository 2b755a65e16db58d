import { ipKeyGenerator, MemoryStore, type Options, type Store } from 'express-rate-limit';
import { hasMethods, isFunction, isObject, knownOptions, must } from '../options.js';
import { StoreProbe, watchedCall } from '../telemetry/store-probe.js';
import { NO_TELEMETRY, type Telemetry } from '../telemetry/telemetry.js';
import { onRejection } from '../thenable.js';
import { slowDown, unavailable } from './http-error.js';

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
  /** A caller's answers about dead or invisible tokens, the sign of scanning. Default 1,000 a minute and caller. */
  readonly inactive?: RateLimit | false;
  /** Failed authentications. Default 30 a minute and address. */
  readonly failures?: RateLimit | false;
  /** Everything a caller asks, counted before the token is read. Default off. */
  readonly calls?: RateLimit | false;
  /** The store of a part, any of `express-rate-limit`'s, so that a fleet can share it. Default memory. */
  readonly store?: (part: RateLimitPart) => Store;
}

const MINUTE = 60_000;
const DEFAULTS: { readonly [Part in RateLimitPart]: RateLimit | false } = {
  inactive: { windowMs: MINUTE, limit: 1000 },
  failures: { windowMs: MINUTE, limit: 30 },
  calls: false,
};
const MAX_BLOCKED = 10_000;

/** Counts one kind of event per key, and says who has had too many. */
interface Throttle {
  /** `key` is asked for only where some key is over its limit. @throws HttpError 429 while this one is */
  check(key: () => string): void;
  /** Counts one. @throws HttpError 429 when it is one too many, 503 when the store fails */
  count(key: string): Promise<void>;
}

export type Throttles = { readonly [Part in RateLimitPart]: Throttle };

/** Whether there is anything of which there can be too much. */
export function isThrottling({ inactive, failures, calls }: Throttles): boolean {
  return [inactive, failures, calls].some((throttle) => throttle !== unlimited);
}

/** @throws TypeError that names a bad option */
export function throttles(
  factory: string,
  options: RateLimitOptions | false | undefined,
  clock: () => number,
  telemetry: Telemetry,
): Throttles {
  if (options === false) return { inactive: unlimited, failures: unlimited, calls: unlimited };
  if (options !== undefined) {
    must(typeof options === 'object' && options !== null, factory, 'rateLimit', 'an object or false');
    knownOptions(`${factory}: "rateLimit"`, options, ['inactive', 'failures', 'calls', 'store']);
    must(options.store === undefined || isFunction(options.store), factory, 'rateLimit.store', 'a function');
  }
  const part = (name: RateLimitPart): Throttle => {
    const limit = options?.[name] ?? DEFAULTS[name];
    if (limit === false) return unlimited;
    checkRateLimit(factory, name, limit);
    const given = options?.store?.(name);
    const store = given ?? new MemoryStore();
    must(
      hasMethods(store, 'increment'),
      factory,
      'rateLimit.store',
      'a function that returns express-rate-limit stores',
    );
    // Our own memory is no store of the app's, and need not be watched.
    const probe = new StoreProbe(given ? telemetry : NO_TELEMETRY, 'rate_limit', 'increment', store);
    return new StoreThrottle(store, limit, clock, probe);
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
 * requests in flight than the limit would be refused. Here only the event itself
 * counts, and a key that is over its limit is remembered until its window ends.
 */
class StoreThrottle implements Throttle {
  readonly #increment: (key: string) => ReturnType<Store['increment']>;
  readonly #limit: RateLimit;
  readonly #clock: () => number;
  readonly #blockedUntil = new Map<string, number>();

  constructor(store: Store, limit: RateLimit, clock: () => number, probe: StoreProbe) {
    this.#increment = watchedCall(probe, (key) => store.increment(key));
    this.#limit = limit;
    this.#clock = clock;
    // All that the stores read of the middleware's options is the window.
    // When it fails, so does the first count, which is a 503.
    onRejection(store.init?.({ windowMs: limit.windowMs } as Options), () => {});
  }

  check(keyOf: () => string): void {
    if (this.#blockedUntil.size === 0) return;
    const key = keyOf();
    const until = this.#blockedUntil.get(key);
    if (until === undefined) return;
    const left = until - this.#clock();
    if (left > 0) throw slowDown(left);
    this.#blockedUntil.delete(key);
  }

  async count(key: string): Promise<void> {
    let totalHits: number;
    let resetTime: Date | undefined;
    try {
      ({ totalHits, resetTime } = await this.#increment(key));
    } catch (cause) {
      throw unavailable(cause);
    }
    if (totalHits <= this.#limit.limit) return;
    // The store's own clock set the reset time; what counts here is how far off it is.
    const left = resetTime ? Math.max(1, resetTime.getTime() - Date.now()) : this.#limit.windowMs;
    this.#block(key, this.#clock() + left);
    throw slowDown(left);
  }

  #block(key: string, until: number): void {
    this.#blockedUntil.delete(key);
    if (this.#blockedUntil.size >= MAX_BLOCKED) {
      const [oldest] = this.#blockedUntil.keys();
      this.#blockedUntil.delete(oldest as string);
    }
    this.#blockedUntil.set(key, until);
  }
}

/** The key of an address, Express's `req.ip` under the app's `trust proxy`; one for an IPv6 network. */
export function addressKey(ip: string | undefined): string {
  return ip === undefined ? 'unknown' : ipKeyGenerator(ip);
}
