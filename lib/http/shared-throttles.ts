import type { Telemetry } from '../telemetry/telemetry.js';
import { type RateLimitOptions, type RateLimits, rateLimits, type Throttles, throttles } from './throttle.js';

/** Throttles, and the limits that they are for. */
interface LimitedThrottles extends Throttles {
  readonly limits: RateLimits;
}

const shared = new WeakMap<object, WeakMap<() => number, readonly WeakRef<LimitedThrottles>[]>>();

/**
 * The throttles of an API or a guard. APIs that are mounted alone count together, as those of a router do, if they have the same
 * clock, limits, store and `owner`, which are their clients; so do guards that ask the same introspector. Nobody must get a limit
 * for each of them. Nothing here keeps any of these alive.
 *
 * @throws TypeError that names a bad option
 */
export function sharedThrottles(
  factory: string,
  owner: object,
  options: RateLimitOptions | false | undefined,
  clock: () => number,
  telemetry: Telemetry,
): Throttles {
  const limits = rateLimits(factory, options);
  const byClock = shared.get(owner) ?? new WeakMap<() => number, readonly WeakRef<LimitedThrottles>[]>();
  shared.set(owner, byClock);
  const inUse = (byClock.get(clock) ?? []).filter((made) => made.deref() !== undefined);
  const same = inUse.map((made) => made.deref()).find((made) => made && areSame(made.limits, limits));
  if (same) return same;
  const made = { ...throttles(factory, limits, clock, telemetry), limits };
  byClock.set(clock, [...inUse, new WeakRef(made)]);
  return made;
}

function areSame(one: RateLimits, other: RateLimits): boolean {
  return one.store === other.store && JSON.stringify(one) === JSON.stringify(other);
}
