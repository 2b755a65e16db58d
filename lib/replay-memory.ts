import { unavailable } from './http/http-error.js';
import { UnusableAnswerError } from './tokens/store-errors.js';

/**
 * Remembers DPoP proofs (RFC 9449 §11.1) and client assertions (RFC 7523 §3) for as long as they could be used again. One
 * that processes share keeps a proof from being used once at each of them: with Redis, say,
 * `remember: async (key, ttl) => (await redis.set(key, '1', { NX: true, PX: ttl })) === 'OK'`.
 */
export interface ReplayMemory {
  /**
   * Notes a key for `ttl` whole milliseconds or more: `true` where it was not there. To look
   * and to note must be one step. When this throws, rejects or answers anything but a boolean,
   * the request is answered with 503. Keys are digests.
   */
  remember(key: string, ttl: number): boolean | Promise<boolean>;
}

/**
 * Notes a key in whichever memory: whether it was not there.
 *
 * @throws HttpError 503 where nobody can tell
 */
export async function isUnused(memory: ReplayMemory, key: string, ttl: number): Promise<boolean> {
  let isNew: unknown;
  try {
    isNew = await memory.remember(key, ttl);
  } catch (cause) {
    throw unavailable(cause);
  }
  if (typeof isNew === 'boolean') return isNew;
  throw unavailable(new UnusableAnswerError('The replay memory answered no boolean'));
}

/** More than one process can verify in four minutes, which is how long they are kept by the default tolerance. */
const MAX_KEYS = 1_000_000;

/**
 * The memory of one process: two generations of keys, the older one of which is dropped whole
 * when all in it are over. So nothing has to be searched for, and no request pays for it.
 */
export class ProcessReplayMemory implements ReplayMemory {
  readonly #clock: () => number;
  readonly #max: number;
  #older = new Set<string>();
  #newer = new Set<string>();
  /** No key lives longer (ms). */
  #longest = 0;
  /** When the newer generation becomes the older one. */
  #turn = Number.NEGATIVE_INFINITY;

  constructor(clock: () => number, max: number = MAX_KEYS) {
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#older.size + this.#newer.size;
  }

  /** @throws Error when it is full: to forget a proof that is still good would let it be used again */
  remember(key: string, ttl: number): boolean {
    this.#longest = Math.max(this.#longest, ttl);
    this.#age(this.#clock());
    if (this.#older.has(key) || this.#newer.has(key)) return false;
    if (this.size >= this.#max) throw new Error('The replay memory is full');
    this.#newer.add(key);
    return true;
  }

  #age(now: number): void {
    if (now < this.#turn) return;
    // What came before the turn is over one longest life after it.
    this.#older = now < this.#turn + this.#longest ? this.#newer : new Set();
    this.#newer = new Set();
    this.#turn = now + this.#longest;
  }
}

/** Gives one memory to all who go by the same clock: what was used at one of them is used up at the others too. */
function perClock(): (clock: () => number) => ProcessReplayMemory {
  const memories = new WeakMap<() => number, ProcessReplayMemory>();
  return (clock) => {
    const memory = memories.get(clock) ?? new ProcessReplayMemory(clock);
    memories.set(clock, memory);
    return memory;
  };
}

/** That of DPoP proofs. */
export const processReplayMemory: (clock: () => number) => ProcessReplayMemory = perClock();

/** That of client assertions, which live longer, and must not keep proofs from being noted when there are many. */
export const assertionMemory: (clock: () => number) => ProcessReplayMemory = perClock();
