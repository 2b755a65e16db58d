import type { IntrospectionResponse } from '../introspector.js';

/** A question that is under way, with all who wait for its answer. */
export interface Flight {
  /** Aborts when nobody waits any more; absent where the one who began it never goes away. */
  readonly signal: AbortSignal | undefined;
  /** How often the token was revoked or forgotten meanwhile: an answer asked for before that is not to be trusted. */
  readonly voided: number;
}

const NONE: readonly Waiting[] = [];

class Waiting implements Flight {
  readonly controller: AbortController | undefined;
  readonly tolerance: number;
  waiting = 0;
  voided = 0;
  answer: Promise<IntrospectionResponse> | undefined;

  constructor(tolerance: number, canEnd: boolean) {
    this.tolerance = tolerance;
    // Not made in vain: an AbortController costs as much as all the rest of a miss.
    this.controller = canEnd ? new AbortController() : undefined;
  }

  get signal(): AbortSignal | undefined {
    return this.controller?.signal;
  }
}

/**
 * One question a token at a time, however many want to know. Askers with different `clockTolerance` have questions of their
 * own, as the answer to one may be wrong for the other.
 */
export class Flights {
  readonly #underWay = new Map<string, readonly Waiting[]>();
  #joined = 0;

  /** How many have waited for a question that somebody else had begun. */
  get joined(): number {
    return this.#joined;
  }

  /** Waits for the question about this token that is under way, if there is one. */
  join(
    digest: string,
    tolerance: number,
    signal: AbortSignal | undefined,
  ): Promise<IntrospectionResponse> | undefined {
    const flight = this.#of(digest).find((one) => one.tolerance === tolerance);
    if (!flight) return undefined;
    this.#joined += 1;
    return this.#wait(digest, flight, signal);
  }

  /** Begins one. `ask` must {@link end} it in the same turn in which it settles. */
  begin(
    digest: string,
    tolerance: number,
    signal: AbortSignal | undefined,
    ask: (flight: Flight) => Promise<IntrospectionResponse>,
  ): Promise<IntrospectionResponse> {
    const flight = new Waiting(tolerance, signal !== undefined);
    this.#underWay.set(digest, [...this.#of(digest), flight]);
    flight.answer = ask(flight);
    return this.#wait(digest, flight, signal);
  }

  /** Whoever comes from now on begins anew. */
  end(digest: string, flight: Flight): void {
    const others = this.#of(digest).filter((one) => one !== flight);
    if (others.length > 0) this.#underWay.set(digest, others);
    else this.#underWay.delete(digest);
  }

  void(digest: string): void {
    for (const flight of this.#of(digest)) flight.voided += 1;
  }

  voidAll(): void {
    for (const digest of this.#underWay.keys()) this.void(digest);
  }

  #of(digest: string): readonly Waiting[] {
    return this.#underWay.get(digest) ?? NONE;
  }

  #wait(digest: string, flight: Waiting, signal: AbortSignal | undefined): Promise<IntrospectionResponse> {
    flight.waiting += 1;
    const answer = flight.answer as Promise<IntrospectionResponse>;
    if (!signal) return answer;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        reject(signal.reason);
        flight.waiting -= 1;
        if (flight.waiting > 0) return;
        this.end(digest, flight);
        flight.controller?.abort(signal.reason);
      };
      signal.addEventListener('abort', leave, { once: true });
      const settle = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(answer);
      };
      answer.then(settle, settle);
    });
  }
}
