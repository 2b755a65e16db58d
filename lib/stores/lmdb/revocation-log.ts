import type { Database } from 'lmdb';

/** A process that lags behind by more than so many revocations misses some. */
const KEPT = 100_000;

/** The digests of revoked tokens, in the order in which they were revoked: how processes tell each other. */
export class RevocationLog {
  readonly #entries: Database<string, number>;

  readonly #kept: number;

  constructor(entries: Database<string, number>, kept: number = KEPT) {
    this.#entries = entries;
    this.#kept = kept;
  }

  /** The number of the last entry, 0 where there is none. */
  last(): number {
    const [last = 0] = this.#entries.getKeys({ reverse: true, limit: 1 });
    return last;
  }

  /** To be called in a transaction. */
  append(digests: readonly string[]): void {
    const next = this.last() + 1;
    for (const [i, digest] of digests.entries()) void this.#entries.put(next + i, digest);
  }

  /** What came after entry `number`, oldest first. */
  after(number: number): Iterable<{ readonly key: number; readonly value: string }> {
    return this.#entries.getRange({ start: number + 1 });
  }

  /** Drops what is too old to matter; the last entry stays, for the counting goes on from it. In a transaction. */
  prune(): void {
    const end = this.last() - this.#kept + 1;
    for (const key of [...this.#entries.getKeys({ end })]) void this.#entries.remove(key);
  }
}
