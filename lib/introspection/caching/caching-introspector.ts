import { frozenCopy } from '../../frozen-copy.js';
import type { CacheReadings } from '../../telemetry/cache-gauges.js';
import type { CacheResult } from '../../telemetry/instruments.js';
import type { Soon } from '../../thenable.js';
import { tokenDigest } from '../../tokens/token-digest.js';
import { canAsk } from '../ask.js';
import { inactive } from '../inactivity.js';
import { IntrospectionUnavailableError, reasonLabel } from '../introspection-unavailable.js';
import type {
  ActiveResponse,
  IntrospectionResponse,
  IntrospectOptions,
  Introspector,
} from '../introspector.js';
import { tellsRevocations } from '../revocations.js';
import { AgeClock } from './age-clock.js';
import { Answers } from './answers.js';
import { CacheProbe } from './cache-probe.js';
import { type CachingIntrospectorOptions, type CachingSettings, cachingSettings } from './caching-options.js';
import type { BreakerState } from './circuit-breaker.js';
import { type Flight, Flights } from './flights.js';
import { dependsOnTolerance, freshFor, isLongExpired } from './lifetime.js';
import { type SharedAnswer, SharedAnswers } from './shared-answers.js';
import { isResponse, type Question, Upstream, withReason } from './upstream.js';

/** Counted since the cache was made. `hits`, `negativeHits`, `misses` and `sharedFlights` together are all that was asked. */
export interface CachingStats {
  /** Answered at once with an active answer. */
  readonly hits: number;
  /** Answered at once with an inactive answer. */
  readonly negativeHits: number;
  /** Began a question. */
  readonly misses: number;
  /** Waited for a question about the same token that was under way. */
  readonly sharedFlights: number;
  /** Questions that the cache shared by processes has answered. */
  readonly sharedHits: number;
  /** Failed questions that the last answer has stood in for (`staleIfError`). */
  readonly staleServed: number;
  /** Active answers dropped for want of room: `maxEntries` is too low where this rises. */
  readonly evictions: number;
  /** Active answers in memory, those whose time is up and that nobody asked for since included. */
  readonly size: number;
  /** The same of inactive answers. */
  readonly negativeSize: number;
  /** `half_open`: it is time to try again, or that is under way. `closed` if there is no breaker. */
  readonly breaker: BreakerState;
}

/** An introspector that remembers answers. */
export interface CachingIntrospector extends Introspector {
  /**
   * Forgets a token at once, as a revocation that `inner` tells of does, and voids the answer
   * to a question about it that is under way. Resolves when the shared cache has forgotten it
   * too, or cannot be reached; without one there is nothing to wait for.
   */
  invalidate(token: string): Promise<void>;
  /** Forgets all tokens at once. The shared cache is not emptied, but this process takes nothing from it for `maxAge`. */
  clear(): void;
  stats(): CachingStats;
}

/** So often in all a question is asked when revocations keep coming in between. */
const MAX_QUESTIONS = 3;

/**
 * Remembers the answers of an introspector for a short time, under the digests of the tokens.
 *
 * - It holds answers, no decisions: every guard judges each answer by its own rules.
 * - An answer is frozen, and the same object each time. Concurrent questions about a token are one,
 *   with the `hint` of the first.
 * - When `inner` rejects, nothing is remembered, and those who wait reject with the same error.
 * - Where `inner` tells of revocations, it follows. Whoever waits at that moment, or asks later,
 *   gets an answer that was asked for after it. Where `inner` may have missed some, all is forgotten.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function cachingIntrospector(
  inner: Introspector,
  options: CachingIntrospectorOptions = {},
): CachingIntrospector {
  const cache = new AnswerCache(inner, cachingSettings(inner, options));
  if (cache.onRevoked) followRevocations(cache, cache.onRevoked);
  return cache;
}

/** Those who tell of revocations must not keep a cache alive that nobody uses any more. */
function followRevocations(cache: AnswerCache, onRevoked: NonNullable<Introspector['onRevoked']>): void {
  const weak = new WeakRef(cache);
  const withCache = (work: (target: AnswerCache) => void): void => {
    const target = weak.deref();
    if (target) work(target);
    else stop();
  };
  const stop = onRevoked(
    (digest) => withCache((target) => void target.forget(digest)),
    () => withCache((target) => target.clear()),
  );
}

function toleranceOf(options: { readonly clockTolerance?: number } | undefined): number {
  return options?.clockTolerance ?? 0;
}

class AnswerCache implements CachingIntrospector {
  /** Only there where `inner` has it. */
  declare readonly onRevoked?: NonNullable<Introspector['onRevoked']>;
  readonly #upstream: Upstream;
  readonly #maxAge: number;
  readonly #negativeMaxAge: number;
  readonly #time: AgeClock;
  readonly #answers: Answers;
  readonly #flights = new Flights();
  readonly #shared: SharedAnswers | undefined;
  readonly #probe: CacheProbe;
  #hits = 0;
  #negativeHits = 0;
  #misses = 0;
  #sharedHits = 0;
  #staleServed = 0;

  constructor(inner: Introspector, settings: CachingSettings) {
    const { maxAge, maxEntries, staleIfError, breaker, shared, telemetry } = settings;
    const time = new AgeClock(settings.clock);
    this.#maxAge = maxAge;
    this.#negativeMaxAge = settings.negativeMaxAge;
    this.#time = time;
    this.#answers = new Answers(maxEntries, staleIfError, time, () => this.#probe.evicted());
    this.#upstream = new Upstream(inner, breaker, time);
    this.#shared = shared && new SharedAnswers(shared, maxAge, time, telemetry);
    this.#probe = new CacheProbe(telemetry, () => this.#readings());
    canAsk(
      this.introspect,
      (token, asked) => this.#ask(token, asked),
      (token, asked) => this.#answers.has(tokenDigest(token), this.#time.read(), toleranceOf(asked)),
    );
    if (tellsRevocations(inner)) this.onRevoked = (...listeners) => inner.onRevoked(...listeners);
  }

  /** Of each cache its own, so that it can be told from a function that somebody has put in its place. */
  readonly introspect = async (token: string, options?: IntrospectOptions): Promise<IntrospectionResponse> =>
    this.#ask(token, options);

  #ask(token: string, options?: IntrospectOptions): Soon<IntrospectionResponse> {
    const digest = tokenDigest(token);
    const tolerance = toleranceOf(options);
    const answer = this.#answers.find(digest, this.#time.read(), tolerance);
    if (answer) {
      if (answer.active) this.#hits += 1;
      else this.#negativeHits += 1;
      this.#probe.lookedUp(answer.active ? 'hit' : 'negative_hit');
      return answer;
    }
    const signal = options?.signal;
    signal?.throwIfAborted();
    const joined = this.#flights.join(digest, tolerance, signal);
    if (joined) {
      this.#probe.lookedUp('shared_flight');
      return joined;
    }
    this.#misses += 1;
    return this.#flights.begin(digest, tolerance, signal, (flight) =>
      this.#find({ token, digest, hint: options?.hint, tolerance }, flight),
    );
  }

  async invalidate(token: string): Promise<void> {
    await this.forget(tokenDigest(token));
  }

  clear(): void {
    this.#answers.clear();
    this.#flights.voidAll();
    this.#shared?.distrustAll();
  }

  stats(): CachingStats {
    return {
      hits: this.#hits,
      negativeHits: this.#negativeHits,
      misses: this.#misses,
      sharedFlights: this.#flights.joined,
      sharedHits: this.#sharedHits,
      staleServed: this.#staleServed,
      evictions: this.#answers.evictions,
      size: this.#answers.size,
      negativeSize: this.#answers.inactiveSize,
      breaker: this.#upstream.breaker ?? 'closed',
    };
  }

  #readings(): CacheReadings {
    const { size, inactiveSize } = this.#answers;
    return { active: size, inactive: inactiveSize, breaker: this.#upstream.breaker };
  }

  /** Forgets a token: what is remembered at once, and what is under way as soon as it comes. */
  forget(digest: string): Promise<void> | undefined {
    this.#answers.drop(digest);
    this.#flights.void(digest);
    return this.#shared?.drop(digest);
  }

  /** Finds an answer that no revocation has overtaken. */
  async #find(question: Question, flight: Flight): Promise<IntrospectionResponse> {
    const { token, digest, tolerance } = question;
    let result: CacheResult = 'miss';
    try {
      for (let asked = 0; asked < MAX_QUESTIONS; asked++) {
        const since = flight.voided;
        const shared = this.#shared && (await this.#shared.find(token, digest));
        const known = shared && flight.voided === since ? this.#adopt(question, shared) : undefined;
        if (known) {
          result = 'shared_hit';
          return known;
        }
        // Everybody may have left meanwhile: then there is nobody to ask for.
        flight.signal?.throwIfAborted();
        const { voided } = flight;
        const askedAt = this.#time.read();
        const answer = await this.#upstream.ask(question, flight.signal);
        // Nor is it remembered then: a revocation does not find a question that everybody has left.
        flight.signal?.throwIfAborted();
        // What makes no sense is for the guard to refuse, and nothing to go on the next time.
        if (!isResponse(answer)) return answer;
        if (flight.voided === voided) return this.#remember(question, answer, askedAt);
        // Nothing can have been revoked that was dead before.
        if (!answer.active) return withReason(answer);
      }
      throw new IntrospectionUnavailableError(
        'revoked_meanwhile',
        'The token was revoked or forgotten again and again while it was asked about',
      );
    } catch (error) {
      if (reasonLabel(error) === 'circuit_open') result = 'circuit_open';
      const stale = this.#answers.stale(digest, this.#time.read(), tolerance);
      if (!stale || flight.signal?.aborted) throw error;
      this.#staleServed += 1;
      result = 'stale';
      return stale;
    } finally {
      // In the same turn as the last look at `voided`, so that nobody joins after a revocation.
      this.#flights.end(digest, flight);
      this.#probe.lookedUp(result);
    }
  }

  /** The answer that another process has shared, where it is fresh by our own rules too. */
  #adopt({ digest, tolerance }: Question, { answer, askedAt }: SharedAnswer): ActiveResponse | undefined {
    const now = this.#time.read();
    const lifetime = freshFor(answer, this.#maxAge, askedAt, now);
    if (lifetime === 0) return undefined;
    this.#sharedHits += 1;
    this.#answers.keep(digest, answer, lifetime, tolerance, now);
    return answer;
  }

  /** What is answered, remembered for as long as it may be. */
  #remember(
    { token, digest, tolerance }: Question,
    response: IntrospectionResponse,
    askedAt: number,
  ): IntrospectionResponse {
    const now = this.#time.read();
    const keep = (answer: IntrospectionResponse, lifetime: number): void =>
      this.#answers.keep(digest, answer, lifetime, tolerance, now);
    if (!response.active) {
      const answer = withReason(response);
      keep(answer, freshFor(response, this.#negativeMaxAge, askedAt, now));
      return answer;
    }
    const answer = frozenCopy(response) as ActiveResponse;
    if (isLongExpired(answer, now)) {
      // Not to be asked about again and again; the guards refuse it as it is.
      const expired = inactive('expired');
      keep(expired, freshFor(expired, this.#negativeMaxAge, askedAt, now));
      return answer;
    }
    // What a cache behind us has given for want of better must not live on here.
    const lifetime = answer.stale === true ? 0 : freshFor(answer, this.#maxAge, askedAt, now);
    keep(answer, lifetime);
    // Nor must what depends on an asker's tolerance be taken for what anybody gets.
    if (lifetime > 0 && !dependsOnTolerance(answer, now))
      void this.#shared?.keep(token, digest, { answer, askedAt }, lifetime);
    return answer;
  }
}
