import type { IntrospectionResponse } from '../introspector.js';

/** A question that is under way, with all who wait for its answer. */
export interface Flight {
  /** Aborts when nobody waits any more; absent where the one who began it never goes away. */
  readonly signal: AbortSignal | undefined;
  /** How often the token was revoked or forgotten meanwhile: an answer asked for before that is not to be trusted. */
  readonly voided: number;
}

class Waiting implements Flight {
  readonly controller: AbortController | undefined;
  waiting = 0;
  voided = 0;
  answer: Promise<IntrospectionResponse> | undefined;

  constructor(canEnd: boolean) {
    // Not made in vain: an AbortController costs as much as all the rest of a miss.
    this.controller = canEnd ? new AbortController() : undefined;
  }

  get signal(): AbortSignal | undefined {
    return this.controller?.signal;
  }
}

/** One question a token at a time, however many want to know. */
export class Flights {
  readonly #underWay = new Map<string, Waiting>();
  #joined = 0;

  /** How many have waited for a question that somebody else had begun. */
  get joined(): number {
    return this.#joined;
  }

  /** Waits for the question about this token that is under way, if there is one. */
  join(digest: string, signal: AbortSignal | undefined): Promise<IntrospectionResponse> | undefined {
    const flight = this.#underWay.get(digest);
    if (!flight) return undefined;
    this.#joined += 1;
    return this.#wait(digest, flight, signal);
  }

  /** Begins one. `ask` must {@link end} it in the same turn in which it settles. */
  begin(
    digest: string,
    signal: AbortSignal | undefined,
    ask: (flight: Flight) => Promise<IntrospectionResponse>,
  ): Promise<IntrospectionResponse> {
    const flight = new Waiting(signal !== undefined);
    this.#underWay.set(digest, flight);
    flight.answer = ask(flight);
    return this.#wait(digest, flight, signal);
  }

  /** Whoever comes from now on begins anew. */
  end(digest: string, flight: Flight): void {
    if (this.#underWay.get(digest) === flight) this.#underWay.delete(digest);
  }

  void(digest: string): void {
    const flight = this.#underWay.get(digest);
    if (flight) flight.voided += 1;
  }

  voidAll(): void {
    for (const flight of this.#underWay.values()) flight.voided += 1;
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
