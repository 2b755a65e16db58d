/**
 * Remembers DPoP proofs for as long as they could be used again (RFC 9449 §11.1). One that
 * processes share keeps a proof from being used once at each of them: with Redis, say,
 * `remember: async (key, ttl) => (await redis.set(key, '1', { NX: true, PX: ttl })) === 'OK'`.
 */
export interface ReplayMemory {
  /**
   * Notes a key for `ttl` whole milliseconds: `true` where it was not there. To look and to
   * note must be one step. When this throws, rejects or answers anything but a boolean, the
   * request is answered with 503. Keys are digests.
   */
  remember(key: string, ttl: number): boolean | Promise<boolean>;
}

/** More than one process can verify in the time that a proof lives. */
const MAX_PROOFS = 500_000;

/** The memory of one process. */
export class ProcessReplayMemory implements ReplayMemory {
  /** Until when each is kept, in the order in which they came. */
  readonly #until = new Map<string, number>();
  readonly #clock: () => number;
  readonly #max: number;

  constructor(clock: () => number, max: number = MAX_PROOFS) {
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#until.size;
  }

  /** @throws Error when it is full: to forget a proof that is still good would let it be used again */
  remember(key: string, ttl: number): boolean {
    const now = this.#clock();
    const until = this.#until.get(key);
    if (until !== undefined && now < until) return false;
    this.#dropEnded(now);
    if (this.#until.size >= this.#max) throw new Error('The memory for DPoP proofs is full');
    this.#until.delete(key);
    this.#until.set(key, now + ttl);
    return true;
  }

  /** From the oldest on. Their ends are not quite in that order, which only keeps some a little longer. */
  #dropEnded(now: number): void {
    for (const [key, until] of this.#until) {
      if (now < until) return;
      this.#until.delete(key);
    }
  }
}
