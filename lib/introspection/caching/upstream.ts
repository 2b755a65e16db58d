import { isObject } from '../../options.js';
import { INACTIVE, inactive, inactivityOf } from '../inactivity.js';
import type { InactiveResponse, IntrospectionResponse, Introspector } from '../introspector.js';
import type { AgeClock } from './age-clock.js';
import type { CachingSettings } from './caching-options.js';
import { type BreakerState, CircuitBreaker } from './circuit-breaker.js';
import { toldByFailure, toldByResponse, withBoundedWait } from './server-state.js';

/** What is asked about a token, and by whom. */
export interface Question {
  readonly token: string;
  readonly digest: string;
  readonly hint: string | undefined;
  /** The `clockTolerance` of who asks. */
  readonly tolerance: number;
}

/** The introspector behind a cache, with a circuit breaker. */
export class Upstream {
  readonly #inner: Introspector;
  readonly #resetAfter: number;
  readonly #breaker: CircuitBreaker | undefined;

  constructor(inner: Introspector, breaker: CachingSettings['breaker'], time: AgeClock) {
    this.#inner = inner;
    this.#resetAfter = breaker ? breaker.resetAfter : Number.POSITIVE_INFINITY;
    this.#breaker =
      breaker && new CircuitBreaker({ ...breaker, time, toldByFailure, toldByAnswer: toldByResponse });
  }

  /** The state of the breaker, if there is one. */
  get breaker(): BreakerState | undefined {
    return this.#breaker?.state;
  }

  /** @throws what the introspector throws, or IntrospectionUnavailableError `circuit_open` */
  async ask(
    { token, digest, hint, tolerance }: Question,
    signal: AbortSignal | undefined,
  ): Promise<IntrospectionResponse> {
    const ask = async (): Promise<IntrospectionResponse> =>
      this.#inner.introspect(token, {
        ...(hint !== undefined && { hint }),
        ...(signal && { signal }),
        ...(tolerance !== 0 && { clockTolerance: tolerance }),
      });
    try {
      return await (this.#breaker ? this.#breaker.run(digest, ask, signal) : ask());
    } catch (error) {
      throw withBoundedWait(error, this.#resetAfter);
    }
  }
}

/** Whether that is a response at all. What is none is for the guard to refuse. */
export function isResponse(response: unknown): response is IntrospectionResponse {
  return isObject(response) && typeof response.active === 'boolean';
}

/** What callers get of an inactive response: nothing of it but why, if it comes from an introspector of ours. */
export function withReason(response: InactiveResponse): InactiveResponse {
  const why = inactivityOf(response);
  return why ? inactive(why.reason, why.nearMiss) : INACTIVE;
}
