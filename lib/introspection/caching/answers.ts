import { LRUCache } from 'lru-cache';
import type { ActiveResponse, InactiveResponse } from '../introspector.js';
import type { AgeClock } from './age-clock.js';
import { dependsOnTolerance, endOf } from './lifetime.js';

/** Inactive answers are short-lived, and anybody can cause them: there is little use in keeping more. */
const MAX_INACTIVE = 10_000;

/** An answer, and the age of the clock at which it is fresh no longer. */
class Kept<A extends ActiveResponse | InactiveResponse> {
  readonly answer: A;
  readonly freshUntil: number;
  /** The only `clockTolerance` that it is good for; `undefined`: any. */
  readonly tolerance: number | undefined;

  constructor(answer: A, freshUntil: number, tolerance: number | undefined) {
    this.answer = answer;
    this.freshUntil = freshUntil;
    this.tolerance = tolerance;
  }

  isFor(tolerance: number): boolean {
    return this.tolerance === undefined || this.tolerance === tolerance;
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
  readonly #active: LRUCache<string, Kept<ActiveResponse>>;
  readonly #inactive: LRUCache<string, Kept<InactiveResponse>>;
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

  /** A fresh answer for an asker with this tolerance, always the same frozen object. `now` must just have been read. */
  find(digest: string, now: number, tolerance: number): ActiveResponse | InactiveResponse | undefined {
    const kept = this.#active.get(digest);
    if (kept === undefined) return this.#findInactive(digest, tolerance);
    return this.#isFresh(kept, now) && kept.isFor(tolerance) ? kept.answer : undefined;
  }

  #findInactive(digest: string, tolerance: number): InactiveResponse | undefined {
    const kept = this.#inactive.get(digest);
    return kept !== undefined && this.#time.age < kept.freshUntil && kept.isFor(tolerance)
      ? kept.answer
      : undefined;
  }

  /** Whether {@link find} would find one, without any trace of the look. `now` must just have been read. */
  has(digest: string, now: number, tolerance: number): boolean {
    const kept = this.#active.peek(digest) ?? this.#inactive.peek(digest);
    return kept !== undefined && this.#isFresh(kept, now) && kept.isFor(tolerance);
  }

  #isFresh(kept: Kept<ActiveResponse | InactiveResponse>, now: number): boolean {
    // `exp` is judged again, since the clock may have jumped; and written so that one that answers no number ends everything.
    return this.#time.age < kept.freshUntil && now < endOf(kept.answer);
  }

  /**
   * Remembers an answer for so long (ms, 0: not at all) in place of the one before.
   *
   * @param tolerance the `clockTolerance` of who asked: one that hinges on it is for askers with the same one only
   */
  keep(
    digest: string,
    answer: ActiveResponse | InactiveResponse,
    lifetime: number,
    tolerance: number,
    now: number,
  ): void {
    this.drop(digest);
    if (lifetime === 0) return;
    const until = this.#time.age + lifetime;
    const isFor = dependsOnTolerance(answer, now) ? tolerance : undefined;
    if (answer.active) this.#active.set(digest, new Kept(answer, until, isFor));
    else this.#inactive.set(digest, new Kept(answer, until, isFor));
  }

  /** The last active answer, marked, where its time was up less than `staleIfError` ago. `now` must just have been read. */
  stale(digest: string, now: number, tolerance: number): ActiveResponse | undefined {
    const kept = this.#active.peek(digest);
    if (!kept?.isFor(tolerance) || !(now < endOf(kept.answer))) return undefined;
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
