import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { frozenCopy } from '../../frozen-copy.js';
import { isObject } from '../../options.js';
import { StoreProbe } from '../../telemetry/store-probe.js';
import type { Telemetry } from '../../telemetry/telemetry.js';
import type { ActiveResponse } from '../introspector.js';
import type { AgeClock } from './age-clock.js';
import { AnswerSeal, type SharedSecret } from './answer-seal.js';
import { CircuitBreaker } from './circuit-breaker.js';

/**
 * A cache that processes share, such as a Redis. It sees digests for keys, and answers
 * that are sealed under their token and the `secret`. Where it fails, is slow or has garbage, the
 * introspector is asked as if it had nothing.
 */
export interface SharedCache {
  /**
   * Says who is asked, and as whom: the server's issuer and our client id, say. Its digest
   * is part of every key, so that answers of different servers, or to different clients of
   * one, are never taken for one another. All processes that share must say the same.
   */
  readonly identity: string;
  /**
   * Makes responses authentic: values that were written without it are ignored. 32 bytes or more, from a random generator and
   * the same in all processes. Of several, the first seals and any opens, so that it can be changed.
   *
   * Default none. Then whoever can write to the cache can make any string an active token, with any subject, client, scope and
   * audience: they write a response for that string, and present it.
   */
  readonly secret?: SharedSecret | readonly SharedSecret[];
  /** The value of a key. Anything but a string is none. */
  get(key: string): Promise<string | null | undefined>;
  /** Keeps a value for `ttl` whole milliseconds, at least 1. */
  set(key: string, value: string, ttl: number): Promise<unknown>;
  /** Removes a key, where it is there. */
  delete(key: string): Promise<unknown>;
}

/** An answer that some process had, and when (ms) that one asked. */
export interface SharedAnswer {
  readonly answer: ActiveResponse;
  readonly askedAt: number;
}

/** How long (ms) a request waits for the shared cache. */
const PATIENCE = 250;
/** How far (ms) another machine's clock may be ahead of ours. */
const CLOCK_SKEW = 1000;
const MAX_DISTRUSTED = 100_000;

/**
 * The active answers in the shared cache. Inactive ones are not shared: they live a
 * few seconds, and anybody could fill the cache with them.
 */
export class SharedAnswers {
  readonly #cache: SharedCache;
  readonly #prefix: string;
  readonly #seal: AnswerSeal;
  /** How long (ms) nothing is taken that may have been written before: by a clock that is ahead it is younger than it is. */
  readonly #distrustFor: number;
  readonly #time: AgeClock;
  /** Left alone for 10 seconds after 5 failures in a row, so that a slow cache does not slow every request down. */
  readonly #breaker: CircuitBreaker;
  /**
   * Tokens that were revoked or forgotten less than `maxAge` ago, and as long as another machine's clock may be ahead. Another
   * process that has not heard of it may still write what it was told before, so they are not looked for.
   */
  readonly #distrusted: LRUCache<string, true>;
  readonly #get: StoreProbe;
  readonly #set: StoreProbe;
  readonly #delete: StoreProbe;
  #allDistrustedUntil = 0;

  constructor(cache: SharedCache, maxAge: number, time: AgeClock, telemetry: Telemetry) {
    const probe = (operation: string): StoreProbe =>
      new StoreProbe(telemetry, 'shared_cache', operation, cache);
    this.#get = probe('get');
    this.#set = probe('set');
    this.#delete = probe('delete');
    this.#cache = cache;
    this.#prefix = `token-introspection:${hash('sha256', cache.identity, 'base64url')}:`;
    this.#seal = new AnswerSeal(cache.secret);
    this.#distrustFor = maxAge + CLOCK_SKEW;
    this.#time = time;
    this.#breaker = new CircuitBreaker({
      failures: 5,
      resetAfter: 10_000,
      // A failure is one of the cache, whatever token it is about.
      tokens: 1,
      time,
      toldByFailure: () => 'away',
      toldByAnswer: () => 'answers',
    });
    this.#distrusted = new LRUCache({ max: MAX_DISTRUSTED, ttlResolution: 0, perf: { now: () => time.age } });
  }

  /** Resolves to the answer that is there, or to nothing; never rejects. Whether it is still fresh is the caller's to judge. */
  async find(token: string, digest: string): Promise<SharedAnswer | undefined> {
    if (this.#isDistrusted(digest)) return undefined;
    const key = this.#prefix + digest;
    try {
      const sealed = await this.#breaker.run(key, () =>
        this.#get.run(() => within(PATIENCE, async () => this.#cache.get(key))),
      );
      if (typeof sealed !== 'string') return undefined;
      return sharedAnswer(JSON.parse(this.#seal.open(sealed, token, key)), this.#time.read());
    } catch {
      return undefined;
    }
  }

  /** Shares an answer for so long (ms). Nobody waits for it; when it fails, the others ask for themselves. */
  async keep(
    token: string,
    digest: string,
    { answer, askedAt }: SharedAnswer,
    lifetime: number,
  ): Promise<void> {
    if (this.#isDistrusted(digest)) return;
    const key = this.#prefix + digest;
    try {
      const sealed = this.#seal.seal(JSON.stringify({ answer, askedAt }), token, key);
      await this.#breaker.run(key, () =>
        this.#set.run(() =>
          within(PATIENCE, async () => {
            await this.#cache.set(key, sealed, lifetime);
            // A removal meanwhile may have come before the writing, which must not outlive it.
            if (this.#isDistrusted(digest)) await this.#cache.delete(key);
          }),
        ),
      );
    } catch {
      // Nothing is lost but a little time.
    }
  }

  /** Forgets an answer. Resolves when it is gone, or cannot be reached; never rejects. */
  async drop(digest: string): Promise<void> {
    this.#distrusted.set(digest, true, { ttl: this.#distrustFor, start: this.#time.readAge() });
    try {
      await this.#delete.run(() => within(PATIENCE, async () => this.#cache.delete(this.#prefix + digest)));
    } catch {
      // It is not looked for any more, and ends by itself.
    }
  }

  /** Takes nothing that is there now. Other processes may go on with it. */
  distrustAll(): void {
    this.#allDistrustedUntil = this.#time.readAge() + this.#distrustFor;
  }

  #isDistrusted(digest: string): boolean {
    return this.#time.age <= this.#allDistrustedUntil || this.#distrusted.has(digest);
  }
}

function sharedAnswer(value: unknown, now: number): SharedAnswer | undefined {
  if (!isObject(value) || !isObject(value.answer) || value.answer.active !== true) return undefined;
  const { answer, askedAt } = value;
  // Written so that a time that is no number is none.
  if (typeof askedAt !== 'number' || !(askedAt - now <= CLOCK_SKEW)) return undefined;
  return { answer: frozenCopy(answer) as ActiveResponse, askedAt };
}

/** Rejects when it takes longer. What comes later is lost, and does no harm. */
async function within<T>(milliseconds: number, start: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('The shared cache did not answer in time')), milliseconds);
    timer.unref();
  });
  try {
    return await Promise.race([start(), late]);
  } finally {
    clearTimeout(timer);
  }
}
