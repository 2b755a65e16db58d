import { BoundedMap } from '../bounded-map.js';

/** How often something has happened. */
export interface Count {
  readonly hits: number;
  /** Milliseconds until it is counted from 0 again. */
  readonly left: number;
}

/** Counts events by key, in windows. */
export interface Counter {
  /** Counts one. */
  count(key: string): Promise<Count>;
}

interface Window {
  hits: number;
  readonly end: number;
}

/** So many keys are counted at once: to have the oldest forgotten, somebody needs as many others. */
const MAX_KEYS = 50_000;

/** Counts in this process, by elapsed time. A window begins with the first event of a key. */
export class WindowCounter implements Counter {
  readonly #windowMs: number;
  readonly #elapsed: () => number;
  readonly #windows: BoundedMap<Window>;

  constructor(windowMs: number, elapsed: () => number, max: number = MAX_KEYS) {
    this.#windowMs = windowMs;
    this.#elapsed = elapsed;
    this.#windows = new BoundedMap(max);
  }

  async count(key: string): Promise<Count> {
    const now = this.#elapsed();
    let window = this.#windows.get(key);
    if (!window || now >= window.end) {
      window = { hits: 0, end: now + this.#windowMs };
      this.#windows.set(key, window);
    }
    window.hits += 1;
    return { hits: window.hits, left: window.end - now };
  }
}
