import {
  type BatchObservableResult,
  type Meter,
  type ObservableUpDownCounter,
  ValueType,
} from '@opentelemetry/api';

/** What can be read of a cache at any moment. */
export interface CacheReadings {
  /** Active answers in memory. */
  readonly active: number;
  /** Inactive answers in memory. */
  readonly inactive: number;
  /** The state of its breaker, where it has one. */
  readonly breaker: 'closed' | 'open' | 'half_open' | undefined;
}

export interface ReadableCache {
  read(): CacheReadings;
}

const OUTCOME = 'token_introspection.outcome';
const STATE = 'token_introspection.state';

/**
 * Where the copies of this package in a process find each other's gauges (both builds, a second
 * version, a module that was loaded anew): callbacks for one series hide each other, since an SDK
 * keeps the value that it hears last. On the meter, which is of our scope and so nobody else's,
 * and whose series they are: nothing global, and gone with its provider. The number is that of
 * {@link SharedGauges}, which must stay as it is while the number does.
 */
const SHARED: unique symbol = Symbol.for('express-token-introspection.cache-gauges.1');

/** What another copy, of another version perhaps, may count on. */
export interface SharedGauges {
  add(cache: ReadableCache): void;
}

/** The gauges of a meter, whichever copy has made them. */
export function cacheGauges(meter: Meter & { readonly [SHARED]?: SharedGauges }): SharedGauges {
  const there = meter[SHARED];
  if (there) return there;
  const made = new CacheGauges(meter);
  // No matter where a meter takes no members: its copies cannot be helped then.
  Reflect.defineProperty(meter, SHARED, { value: made });
  return made;
}

/** What is read of the caches when metrics are collected. Several are one sum, as they would be of several processes. */
export class CacheGauges implements SharedGauges {
  /** A cache that nobody uses any more must not live on for its gauges. */
  readonly #caches = new Set<WeakRef<ReadableCache>>();
  readonly #entries: ObservableUpDownCounter;
  readonly #breakers: ObservableUpDownCounter;

  constructor(meter: Meter) {
    this.#entries = meter.createObservableUpDownCounter('token_introspection.cache.entries', {
      unit: '{entry}',
      description: 'Answers that caches have in memory',
      valueType: ValueType.INT,
    });
    this.#breakers = meter.createObservableUpDownCounter('token_introspection.breaker.state', {
      unit: '{breaker}',
      description: 'How many circuit breakers are in each state',
      valueType: ValueType.INT,
    });
    meter.addBatchObservableCallback((result) => this.#observe(result), [this.#entries, this.#breakers]);
  }

  add(cache: ReadableCache): void {
    // It comes again when the app has changed its provider and changed it back.
    if (!this.#alive().includes(cache)) this.#caches.add(new WeakRef(cache));
  }

  #alive(): ReadableCache[] {
    const alive: ReadableCache[] = [];
    for (const weak of this.#caches) {
      const cache = weak.deref();
      if (cache) alive.push(cache);
      else this.#caches.delete(weak);
    }
    return alive;
  }

  #observe(result: BatchObservableResult): void {
    const readings = this.#alive().map((cache) => cache.read());
    if (readings.length === 0) return;
    const sum = (of: (reading: CacheReadings) => number): number =>
      readings.reduce((total, reading) => total + of(reading), 0);
    result.observe(
      this.#entries,
      sum(({ active }) => active),
      { [OUTCOME]: 'active' },
    );
    result.observe(
      this.#entries,
      sum(({ inactive }) => inactive),
      { [OUTCOME]: 'inactive' },
    );
    if (readings.every(({ breaker }) => breaker === undefined)) return;
    for (const state of ['closed', 'open', 'half_open'] as const) {
      result.observe(
        this.#breakers,
        sum(({ breaker }) => Number(breaker === state)),
        { [STATE]: state },
      );
    }
  }
}
