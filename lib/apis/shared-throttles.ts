import type { ClientStore } from '../clients/client.js';
import {
  type RateLimitOptions,
  type RateLimits,
  rateLimits,
  type Throttles,
  throttlesFor,
} from '../http/throttle.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** Throttles, and the limits that they are for. */
interface LimitedThrottles extends Throttles {
  readonly limits: RateLimits;
}

const shared = new WeakMap<ClientStore, WeakMap<() => number, readonly WeakRef<LimitedThrottles>[]>>();

/**
 * The throttles of an API. Those that are mounted alone count together, as those of a router do, if they have the same
 * clients, clock, limits and store: nobody must get a limit for each of them. Nothing here keeps any of these alive.
 *
 * @throws TypeError that names a bad option
 */
export function sharedThrottles(
  factory: string,
  clients: ClientStore,
  options: RateLimitOptions | false | undefined,
  clock: () => number,
  telemetry: Telemetry,
): Throttles {
  const limits = rateLimits(factory, options);
  const byClock = shared.get(clients) ?? new WeakMap<() => number, readonly WeakRef<LimitedThrottles>[]>();
  shared.set(clients, byClock);
  const inUse = (byClock.get(clock) ?? []).filter((made) => made.deref() !== undefined);
  const same = inUse.map((made) => made.deref()).find((made) => made && areSame(made.limits, limits));
  if (same) return same;
  const made = { ...throttlesFor(factory, limits, clock, telemetry), limits };
  byClock.set(clock, [...inUse, new WeakRef(made)]);
  return made;
}

function areSame(one: RateLimits, other: RateLimits): boolean {
  return one.store === other.store && JSON.stringify(one) === JSON.stringify(other);
}
