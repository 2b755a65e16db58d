import type { Request } from 'express';
import type { Store } from 'express-rate-limit';
import { addressOf, ipOf, NETWORK, networkOf } from '../http/address.js';
import { HttpError } from '../http/http-error.js';
import { sharedThrottles } from '../http/shared-throttles.js';
import type { RateLimit, RateLimitPart, Throttle } from '../http/throttle.js';
import { isObject, knownOptions, must } from '../options.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** How many inactive tokens one address may send to a guard. */
export interface GuardRateLimitOptions {
  /**
   * Requests with an inactive token for which the introspector had to be asked, counted by the caller's address (IPv6: /64),
   * Express's `req.ip`. Over the limit, a token that is not in a cache gets 429 with `Retry-After`, and no one is asked about it;
   * one that is in the cache is judged as ever. A request without an address (a Unix socket) is not counted.
   */
  readonly inactive: RateLimit;
  /** The store, any of `express-rate-limit`'s, so that a fleet can share it. Default memory. If it fails, nothing is counted. */
  readonly store?: (part: RateLimitPart) => Store;
}

/** Holds back strangers who send junk, so that the introspector is not asked about all of it. */
export class InactiveLimit {
  readonly #throttle: Throttle;

  constructor(throttle: Throttle) {
    this.#throttle = throttle;
  }

  /** @throws HttpError 429 for an address over its limit */
  check(req: Request): void {
    const address = addressIn(req);
    if (address !== undefined) this.#throttle.check(() => address);
  }

  /** @throws HttpError 429 when it was one too many */
  async count(req: Request): Promise<void> {
    const address = addressIn(req);
    if (address === undefined) return;
    try {
      await this.#throttle.count(address);
    } catch (error) {
      // That the token is inactive is known, whatever became of the store.
      if (error instanceof HttpError && error.status === 429) throw error;
    }
  }
}

function addressIn(req: Request): string | undefined {
  const address = addressOf(ipOf(req));
  return address && networkOf(address, NETWORK);
}

/** @param source what the guard asks: guards of one source count together. @throws TypeError that names the bad option */
export function inactiveLimit(
  factory: string,
  option: GuardRateLimitOptions | false | undefined,
  source: object,
  clock: () => number,
  telemetry: Telemetry,
): InactiveLimit | undefined {
  if (option === undefined || option === false) return undefined;
  must(isObject(option), factory, 'rateLimit', 'an object or false');
  knownOptions(`${factory}: "rateLimit"`, option, ['inactive', 'store']);
  const { inactive, store } = option;
  must(isObject(inactive), factory, 'rateLimit.inactive', '{ windowMs, limit }');
  const limits = { inactive, failures: false, ...(store !== undefined && { store }) } as const;
  return new InactiveLimit(sharedThrottles(factory, source, limits, clock, telemetry).inactive);
}
