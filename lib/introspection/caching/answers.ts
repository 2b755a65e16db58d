import { LRUCache } from 'lru-cache';
import type { ActiveResponse, InactiveResponse } from '../introspector.js';
import type { AgeClock } from './age-clock.js';
import { endOf } from './lifetime.js';

/** The one answer about every token that is not alive. */
export const INACTIVE: InactiveResponse = Object.freeze({ active: false });

/** Inactive answers are short-lived, and anybody can cause them: there is little use in keeping more. */
const MAX_INACTIVE = 10_000;

/** An active answer, and the age of the clock at which it is fresh no longer. */
class Kept {
  readonly answer: ActiveResponse;
  readonly freshUntil: number;

  constructor(answer: ActiveResponse, freshUntil: number) {
    this.answer = answer;
    this.freshUntil = freshUntil;
  }
}

/**
 * The answers that are remembered, by the digest of their tokens: active and inactive
 * ones in spaces of their own, so that junk tokens cannot push good ones out.
 *
 * `lru-cache` bounds them. Their time is kept here: asking it for that, too, cost a hit
 * as much again as all the rest of it.
 */
export class Answers {
  readonly #active: LRUCache<string, Kept>;
  /** Until when a token counts as inactive. */
  readonly #inactive: LRUCache<string, number>;
  readonly #time: AgeClock;
  readonly #staleIfError: number;
  #evictions = 0;

  /** @param evicted told of each active answer that is dropped for want of room */
  constructor(maxEntries: number, staleIfError: number, time: AgeClock, evicted: () => void) {
    this.#active = new LRUCache({
      max: maxEntries,
      dispose: (_kept, _digest, reason) => {
        if (reason !== 'evict') return;
        this.#evictions += 1;
        evicted();
      },
    });
    this.#inactive = new LRUCache({ max: Math.min(maxEntries, MAX_INACTIVE) });
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
    const kept = this.#active.get(digest);
    if (kept === undefined) return this.#findInactive(digest);
    // `exp` is judged again, since the clock may have jumped; and written so that one that answers no number ends everything.
    if (this.#time.age < kept.freshUntil && now < endOf(kept.answer)) return kept.answer;
    if (this.#staleIfError === 0 && !(this.#time.age < kept.freshUntil)) this.#active.delete(digest);
    return undefined;
  }

  #findInactive(digest: string): InactiveResponse | undefined {
    const until = this.#inactive.get(digest);
    if (until === undefined) return undefined;
    if (this.#time.age < until) return INACTIVE;
    this.#inactive.delete(digest);
    return undefined;
  }

  /** Remembers an answer for so long (ms, 0: not at all) in place of the one before. */
  keep(digest: string, answer: ActiveResponse | InactiveResponse, lifetime: number): void {
    this.drop(digest);
    if (lifetime === 0) return;
    const until = this.#time.age + lifetime;
    if (answer.active) this.#active.set(digest, new Kept(answer, until));
    else this.#inactive.set(digest, until);
  }

  /** The last active answer, marked, where its time was up less than `staleIfError` ago. `now` must just have been read. */
  stale(digest: string, now: number): ActiveResponse | undefined {
    const kept = this.#active.peek(digest);
    if (kept === undefined || !(now < endOf(kept.answer))) return undefined;
    const overdue = this.#time.age - kept.freshUntil;
    return overdue < this.#staleIfError ? Object.freeze({ ...kept.answer, stale: true }) : undefined;
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
