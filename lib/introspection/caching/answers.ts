import { LRUCache } from 'lru-cache';
import type { ActiveResponse, InactiveResponse } from '../introspector.js';
import type { AgeClock } from './age-clock.js';
import { endOf } from './lifetime.js';

/** The one answer about every token that is not alive. */
export const INACTIVE: InactiveResponse = Object.freeze({ active: false });

/** Inactive answers are short-lived, and anybody can cause them: there is little use in keeping more. */
const MAX_INACTIVE = 10_000;

/**
 * The answers that are remembered, by the digest of their tokens: active and inactive
 * ones in spaces of their own, so that junk tokens cannot push good ones out.
 *
 * `lru-cache` bounds them, and keeps for each its age and lifetime in plain arrays.
 */
export class Answers {
  readonly #active: LRUCache<string, ActiveResponse>;
  readonly #inactive: LRUCache<string, InactiveResponse>;
  readonly #time: AgeClock;
  readonly #staleIfError: number;
  #evictions = 0;

  constructor(maxEntries: number, staleIfError: number, time: AgeClock) {
    const timed = { perf: { now: (): number => time.age }, ttlResolution: 0 };
    this.#active = new LRUCache({
      ...timed,
      max: maxEntries,
      noDeleteOnStaleGet: staleIfError > 0,
      dispose: (_answer, _digest, reason) => {
        if (reason === 'evict') this.#evictions += 1;
      },
    });
    this.#inactive = new LRUCache({ ...timed, max: Math.min(maxEntries, MAX_INACTIVE) });
    this.#time = time;
    this.#staleIfError = staleIfError;
  }

  /** How many active answers were dropped for want of room. */
  get evictions(): number {
    return this.#evictions;
  }

  get size(): number {
    return this.#active.size;
  }

  get inactiveSize(): number {
    return this.#inactive.size;
  }

  /** A fresh answer, always the same frozen object. `now` must just have been read. */
  find(digest: string, now: number): ActiveResponse | InactiveResponse | undefined {
    const answer = this.#active.get(digest) ?? this.#inactive.get(digest);
    // Judged again, since the clock may have jumped; and written so that one that answers no number ends everything.
    return answer !== undefined && now < endOf(answer) ? answer : undefined;
  }

  /** Remembers an answer for so long (ms, 0: not at all) in place of the one before. */
  keep(digest: string, answer: ActiveResponse | InactiveResponse, lifetime: number): void {
    this.drop(digest);
    if (lifetime === 0) return;
    // Begun a millisecond early: `lru-cache` still gives an answer in the millisecond in which its time is up.
    const times = { ttl: lifetime, start: this.#time.age - 1 };
    if (answer.active) this.#active.set(digest, answer, times);
    else this.#inactive.set(digest, INACTIVE, times);
  }

  /** The last active answer, marked, where its time was up less than `staleIfError` ago. `now` must just have been read. */
  stale(digest: string, now: number): ActiveResponse | undefined {
    const answer = this.#active.peek(digest, { allowStale: true });
    if (answer === undefined || !(now < endOf(answer))) return undefined;
    const overdue = -1 - this.#active.getRemainingTTL(digest);
    return overdue < this.#staleIfError ? Object.freeze({ ...answer, stale: true }) : undefined;
  }

  drop(digest: string): void {
    this.#active.delete(digest);
    this.#inactive.delete(digest);
  }

  clear(): void {
    this.#active.clear();
    this.#inactive.clear();
  }
}
