import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import type { AgeClock } from './age-clock.js';
import { FailingTokens } from './failing-tokens.js';
import { type Probe, Probes } from './probes.js';

export type BreakerState = 'closed' | 'open' | 'half_open';

/** What an outcome tells about the server: that it is away (or overloaded), that it answers, or nothing. */
export type Told = 'away' | 'answers' | 'nothing';

/** So often the circuit opens at the last failure of a row; whether that was an outage or a caller with many bad tokens. */
const CLOSINGS_AT_ONCE = 2;
/** The third time (ms). */
const FIRST_SILENCE = 1000;

export interface BreakerSettings {
  /** So many failures in a row open the circuit. */
  readonly failures: number;
  /** For how long (ms). */
  readonly resetAfter: number;
  /** Of so many different tokens at least; 1: whichever they are of. */
  readonly tokens: number;
  readonly time: AgeClock;
  readonly toldByFailure: (error: unknown) => Told;
  readonly toldByAnswer: (answer: unknown) => Told;
}

/** What was the case when a request began. */
interface Began {
  readonly era: number;
  readonly answers: number;
  /** Set if the circuit was half-open. */
  readonly probe: Probe | undefined;
}

/**
 * Stops asking a server that is away, and lets a few requests through when it is time to try again.
 *
 * A failure counts only if the server has answered no one since its request began, and failures of one token alone never
 * open the circuit: what one caller sends is not to cut off the others. Of the libraries, opossum and cockatiel want a newer
 * Node, take no clock and do not tell callers apart.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings;
  readonly #failing: FailingTokens;
  readonly #probes: Probes;
  /** Failures in a row. */
  #failed = 0;
  /** Which tokens these were of: as many as are needed. */
  readonly #failedTokens = new Set<string>();
  /** The age at which the next attempt may be made; undefined while closed. */
  #openUntil: number | undefined;
  /** Rises whenever the circuit opens or closes: what was asked before says nothing about what is now. */
  #era = 0;
  /** How often it has opened and closed. */
  #closings = 0;
  /** The age of the clock at the last answer. */
  #answeredAt = 0;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
    this.#failing = new FailingTokens(settings.tokens > 1);
    this.#probes = new Probes(settings.tokens);
  }

  get state(): BreakerState {
    if (this.#openUntil === undefined) return 'closed';
    return this.#now() < this.#openUntil ? 'open' : 'half_open';
  }

  /**
   * Asks, unless the circuit is open.
   *
   * @param token whom the request is about; its digest, say
   * @param signal when it has aborted, no one waits any more and a rejection is no failure
   * @throws IntrospectionUnavailableError `circuit_open`
   */
  async run<T>(token: string, ask: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const probe = this.#admit(token, signal);
    const began = { era: this.#era, answers: this.#failing.answers, probe };
    let told: Told = 'nothing';
    try {
      const answer = await ask();
      told = this.#settings.toldByAnswer(answer);
      return answer;
    } catch (error) {
      if (!signal?.aborted) told = this.#settings.toldByFailure(error);
      throw error;
    } finally {
      if (began.era === this.#era) this.#settle(token, told, began);
    }
  }

  #admit(token: string, signal: AbortSignal | undefined): Probe | undefined {
    if (this.#openUntil === undefined) return undefined;
    const now = this.#now();
    if (now < this.#openUntil) throw refusal(this.#openUntil - now);
    const probe = this.#probes.admit(token, !this.#failing.has(token), signal, now);
    if (!probe) throw refusal(this.#probes.wait(now));
    return probe;
  }

  #settle(token: string, told: Told, { answers, probe }: Began): void {
    if (told === 'answers') {
      this.#failing.answered(token);
      this.#answeredAt = this.#now();
      this.#close();
    } else if (told === 'away') {
      const counts = this.#failing.failed(token, answers);
      if (probe) this.#failProbe(probe);
      else if (counts) this.#fail(token);
    } else if (probe) this.#probes.end(probe);
  }

  #close(): void {
    this.#failed = 0;
    this.#failedTokens.clear();
    if (this.#openUntil === undefined) return;
    this.#openUntil = undefined;
    this.#probes.clear();
    this.#era += 1;
    this.#closings += 1;
  }

  #fail(token: string): void {
    const { failures, tokens } = this.#settings;
    this.#failed += 1;
    if (this.#failedTokens.size < tokens) this.#failedTokens.add(token);
    const isRow = this.#failed >= failures && this.#failedTokens.size === tokens;
    if (isRow && this.#now() - this.#answeredAt >= this.#silence()) this.#open();
  }

  /** For how long (ms) no one must have been answered either: the more often it has opened, the more it takes. */
  #silence(): number {
    const doublings = this.#closings - CLOSINGS_AT_ONCE;
    return doublings < 0 || this.#settings.tokens === 1
      ? 0
      : Math.min(FIRST_SILENCE * 2 ** doublings, this.#settings.resetAfter);
  }

  #failProbe(probe: Probe): void {
    if (this.#probes.failed(probe, this.#now() + this.#settings.resetAfter)) this.#open();
  }

  #open(): void {
    this.#openUntil = this.#now() + this.#settings.resetAfter;
    this.#failed = 0;
    this.#failedTokens.clear();
    this.#probes.clear();
    this.#era += 1;
  }

  #now(): number {
    return this.#settings.time.readAge();
  }
}

function refusal(retryAfter: number): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError(
    'circuit_open',
    'Not asked: the last requests found the server away, and it is not yet time for the next attempt',
    { retryAfter },
  );
}
