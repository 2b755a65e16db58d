/**
 * Tells the time, and how much of it has gone by. A clock that is set back must not
 * make what is remembered younger, so ages are counted by the steps forward alone.
 */
export class AgeClock {
  readonly #clock: () => number;
  #last: number;
  /** Never 0, which `lru-cache` takes for "no time". */
  #age = 1000;

  constructor(clock: () => number) {
    this.#clock = clock;
    this.#last = clock();
  }

  /** The milliseconds gone by at the last reading, counted from an arbitrary start. */
  get age(): number {
    return this.#age;
  }

  /** Asks the clock, once, and returns the {@link age}. */
  readAge(): number {
    this.read();
    return this.#age;
  }

  /** Asks the clock, once. */
  read(): number {
    const now = this.#clock();
    if (now > this.#last) this.#age += now - this.#last;
    // A clock that answers no number for a while must not stop the ages for good.
    if (!Number.isNaN(now)) this.#last = now;
    return now;
  }
}
