import { unavailable } from '../http/http-error.js';

/** So many at a time: Node's four threads also read files and resolve names, for the stores too. */
const AT_A_TIME = 2;
/** So many may wait from one origin, a few seconds' worth; more are refused. */
const MAX_WAITING = 32;
/** So many origins may wait, which is how long a round takes at most: a few seconds, too. */
const MAX_ORIGINS = 64;

/** Who wants a hash. */
export interface Turn {
  /** A network, or a claimed client. */
  readonly origin: string;
  /** Whether the client exists that is claimed. Among the turns of one origin that makes no difference. */
  readonly isKnown: boolean;
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: () => void;
}

/** Those who wait of one origin, in the order in which they came. */
interface Lane {
  readonly waiting: Waiting[];
  hasKnown: boolean;
}

/**
 * Runs slow hashes a few at a time. Anybody can make us hash by sending wrong credentials, and must not be able to keep the
 * whole process busy with it: turns go round by origin, so that one that sends many waits for itself, and any other one for
 * a round.
 */
export class SlowHashes {
  #running = 0;
  /** Those that wait, the next one first. */
  readonly #lanes = new Map<string, Lane>();

  /**
   * Runs `hash` when its turn comes.
   *
   * @param proceed called right before; what it throws takes the place of the hash
   * @throws HttpError 503 when too many are waiting
   */
  async run<T>(turn: Turn, hash: () => Promise<T>, proceed: () => void): Promise<T> {
    if (this.#running < AT_A_TIME) this.#running += 1;
    else await this.#wait(turn);
    try {
      proceed();
      return await hash();
    } finally {
      this.#next();
    }
  }

  #next(): void {
    const [first] = this.#lanes;
    if (!first) {
      this.#running -= 1;
      return;
    }
    const [origin, lane] = first;
    const next = lane.waiting.shift() as Waiting;
    // To the end of the round.
    this.#lanes.delete(origin);
    if (lane.waiting.length > 0) this.#lanes.set(origin, lane);
    next.start();
  }

  #wait({ origin, isKnown }: Turn): Promise<void> {
    const lane = this.#lanes.get(origin) ?? this.#newLane(origin, isKnown);
    if (!lane || lane.waiting.length >= MAX_WAITING) throw tooMany();
    lane.hasKnown ||= isKnown;
    return new Promise((resolve, reject) => {
      lane.waiting.push({ start: resolve, refuse: () => reject(tooMany()) });
    });
  }

  /** In a full house a known client takes the place of the origin that came last with unknown ids only. */
  #newLane(origin: string, isKnown: boolean): Lane | undefined {
    if (this.#lanes.size >= MAX_ORIGINS) {
      const unknown = isKnown ? [...this.#lanes].findLast(([, { hasKnown }]) => !hasKnown) : undefined;
      if (!unknown) return undefined;
      const [other, { waiting }] = unknown;
      this.#lanes.delete(other);
      for (const { refuse } of waiting) refuse();
    }
    const lane: Lane = { waiting: [], hasKnown: false };
    this.#lanes.set(origin, lane);
    return lane;
  }
}

function tooMany(): Error {
  return unavailable(new Error('Too many client authentications at once'));
}
