import type { ReadableCache } from '../../telemetry/cache-gauges.js';
import type { CacheResult, Instruments } from '../../telemetry/instruments.js';
import type { Telemetry } from '../../telemetry/telemetry.js';

/** Measures a cache: counts its look-ups, and makes its gauges known to whoever collects, whenever that begins. */
export class CacheProbe implements ReadableCache {
  readonly read: ReadableCache['read'];
  readonly #telemetry: Telemetry;
  #known: Instruments | undefined;

  constructor(telemetry: Telemetry, read: ReadableCache['read']) {
    this.read = read;
    this.#telemetry = telemetry;
    this.#instruments();
  }

  lookedUp(result: CacheResult): void {
    this.#instruments()?.lookedUp(result);
  }

  evicted(): void {
    this.#instruments()?.evicted();
  }

  #instruments(): Instruments | undefined {
    const { instruments } = this.#telemetry;
    if (instruments !== this.#known) {
      this.#known = instruments;
      instruments?.caches.add(this);
    }
    return instruments;
  }
}
