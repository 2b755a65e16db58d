/** After so long (ms) a probe that never settles counts as gone. */
const PROBE_LIMIT = 60_000;
/** What the refused are told to wait (ms) while a probe is under way. */
const PROBE_WAIT = 1000;

/** A request that is let through to see whether the server is back. */
export interface Probe {
  readonly token: string;
  /** Whether its failure says something: that of a token which has failed before does not. */
  readonly isTelling: boolean;
  readonly signal: AbortSignal | undefined;
  readonly hasFailed: boolean;
}

interface OnePlace extends Probe {
  hasFailed: boolean;
  /** The age of the clock at which its place is free again. */
  until: number;
}

/**
 * The probes of a half-open circuit, each of another token, so that no token is the probe each time.
 *
 * Tokens that have failed before have places of their own: they neither take those of other tokens nor open the circuit
 * again, but are there if the server is back and no other token comes.
 */
export class Probes {
  readonly #places: number;
  readonly #probes = new Map<string, OnePlace>();

  /** @param places for tokens of either kind; so many failures of telling ones open the circuit again */
  constructor(places: number) {
    this.#places = places;
  }

  /** A place for a request; `undefined` if there is none for this token now. */
  admit(token: string, isTelling: boolean, signal: AbortSignal | undefined, now: number): Probe | undefined {
    for (const one of this.#probes.values()) {
      if (now >= one.until || one.signal?.aborted) this.#probes.delete(one.token);
    }
    if (this.#probes.has(token) || this.#count((probe) => probe.isTelling === isTelling) >= this.#places)
      return undefined;
    const probe = { token, isTelling, signal, hasFailed: false, until: now + PROBE_LIMIT };
    this.#probes.set(token, probe);
    return probe;
  }

  /** Keeps the place of a probe that has failed until then. Returns whether it is time to open the circuit again. */
  failed(probe: Probe, until: number): boolean {
    const place = this.#probes.get(probe.token);
    if (place !== probe) return false;
    place.hasFailed = true;
    place.until = until;
    return this.#count(({ isTelling, hasFailed }) => isTelling && hasFailed) >= this.#places;
  }

  /** Frees the place of a probe that has told nothing. */
  end(probe: Probe): void {
    if (this.#probes.get(probe.token) === probe) this.#probes.delete(probe.token);
  }

  clear(): void {
    this.#probes.clear();
  }

  /** How long (ms) somebody who was refused should wait. */
  wait(now: number): number {
    const waits = [...this.#probes.values()].map(({ hasFailed, until }) =>
      hasFailed ? until - now : PROBE_WAIT,
    );
    return Math.min(...waits);
  }

  #count(is: (probe: Probe) => boolean): number {
    return [...this.#probes.values()].filter(is).length;
  }
}
