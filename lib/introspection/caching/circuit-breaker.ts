import { IntrospectionUnavailableError, isIntrospectionUnavailable } from '../introspection-unavailable.js';
import type { AgeClock } from './age-clock.js';

export type BreakerState = 'closed' | 'open' | 'half_open';

/** The longest (ms) that a server's `Retry-After` keeps the circuit open: a slip there must not end us for good. */
const LONGEST_WAIT = 60 * 60 * 1000;
/** After so long (ms) a probe that never settles counts as gone. */
const PROBE_LIMIT = 60_000;
/** What the refused are told to wait (ms) while a probe is under way. */
const PROBE_WAIT = 1000;

/**
 * Stops asking after so many failures in a row, and lets one question through when it
 * is time to try again. Of the libraries, opossum and cockatiel want a newer Node and
 * take no clock.
 */
export class CircuitBreaker {
  readonly #failures: number;
  readonly #resetAfter: number;
  readonly #time: AgeClock;
  /** Failures in a row. */
  #failed = 0;
  /** The age at which the next attempt may be made; undefined while closed. */
  #openUntil: number | undefined;
  #probe: { readonly signal: AbortSignal | undefined; readonly until: number } | undefined;
  /** Rises whenever the circuit opens or closes: what was asked before says nothing about what is now. */
  #era = 0;

  constructor(failures: number, resetAfter: number, time: AgeClock) {
    this.#failures = failures;
    this.#resetAfter = resetAfter;
    this.#time = time;
  }

  get state(): BreakerState {
    if (this.#openUntil === undefined) return 'closed';
    return this.#now() < this.#openUntil ? 'open' : 'half_open';
  }

  /**
   * Asks, unless the circuit is open.
   *
   * @param signal when it has aborted, nobody waits any more and a rejection is no failure
   * @throws IntrospectionUnavailableError `circuit_open`
   */
  async run<T>(question: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#admit(signal);
    const era = this.#era;
    try {
      const answer = await question();
      if (era === this.#era) this.#close();
      return answer;
    } catch (error) {
      if (!signal?.aborted) this.#fail(error, era);
      throw error;
    }
  }

  #admit(signal: AbortSignal | undefined): void {
    if (this.#openUntil === undefined) return;
    const now = this.#now();
    if (now < this.#openUntil) throw refusal(this.#openUntil - now);
    const probe = this.#probe;
    if (probe && !probe.signal?.aborted && now < probe.until) throw refusal(PROBE_WAIT);
    this.#probe = { signal, until: now + PROBE_LIMIT };
  }

  #close(): void {
    this.#failed = 0;
    if (this.#openUntil === undefined) return;
    this.#openUntil = undefined;
    this.#probe = undefined;
    this.#era += 1;
  }

  #fail(error: unknown, era: number): void {
    const wait = waitAskedFor(error);
    // Who asks us to slow down is heard at once, even where the question is an old one.
    if (wait > 0 && isIntrospectionUnavailable(error) && error.reason === 'rate_limited') {
      this.#open(wait);
      return;
    }
    if (era !== this.#era) return;
    this.#failed += 1;
    if (this.#probe || this.#failed >= this.#failures) this.#open(Math.max(wait, this.#resetAfter));
  }

  #open(wait: number): void {
    this.#openUntil = Math.max(this.#now() + wait, this.#openUntil ?? 0);
    this.#failed = 0;
    this.#probe = undefined;
    this.#era += 1;
  }

  #now(): number {
    this.#time.read();
    return this.#time.age;
  }
}

function waitAskedFor(error: unknown): number {
  const wait = isIntrospectionUnavailable(error) ? error.retryAfter : undefined;
  return typeof wait === 'number' && wait > 0 ? Math.min(wait, LONGEST_WAIT) : 0;
}

function refusal(retryAfter: number): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError(
    'circuit_open',
    'Not asked: the last questions have failed, and it is not yet time for the next attempt',
    { retryAfter },
  );
}
