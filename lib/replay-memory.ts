import { slowDown, unavailable } from './http/http-error.js';
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
   *
   * @param owner whose proof or assertion it is, as a digest: the thumbprint of the DPoP key, or a hash for each client. For
   *   memories that give each owner a share; others need not look at it
   */
  remember(key: string, ttl: number, owner?: string): boolean | Promise<boolean>;
}

/** An owner has noted as much as its share of a memory allows. */
class ShareIsFullError extends Error {
  /** Milliseconds. */
  readonly retryAfter: number;

  constructor(retryAfter: number) {
    super('The share of this owner in the replay memory is full');
    this.retryAfter = retryAfter;
  }
}

/**
 * Notes a key in whichever memory: whether it was not there.
 *
 * @throws HttpError 503 where nobody can tell, 429 where the owner has had too many
 */
export async function isUnused(
  memory: ReplayMemory,
  key: string,
  ttl: number,
  owner: string,
): Promise<boolean> {
  let isNew: unknown;
  try {
    isNew = await memory.remember(key, ttl, owner);
  } catch (cause) {
    throw cause instanceof ShareIsFullError ? slowDown(cause.retryAfter) : unavailable(cause);
  }
  if (typeof isNew === 'boolean') return isNew;
  throw unavailable(new UnusableAnswerError('The replay memory answered no boolean'));
}

/** More than one process can verify in four minutes, which is how long they are kept by the default tolerance. */
const MAX_KEYS = 1_000_000;

/** What is over at the same time. */
class Generation {
  readonly keys = new Set<string>();
  /** How many keys of each owner there are. */
  readonly owned = new Map<string | undefined, number>();

  add(key: string, owner: string | undefined): void {
    this.keys.add(key);
    if (owner !== undefined) this.owned.set(owner, this.ownedBy(owner) + 1);
  }

  ownedBy(owner: string | undefined): number {
    return this.owned.get(owner) ?? 0;
  }
}

/**
 * The memory of one process: two generations of keys, the older one of which is dropped whole
 * when all in it are over. So nothing has to be searched for, and no request pays for it.
 *
 * No owner can fill it: each may have as much as is still free. So one that is alone has a half at most, of two that are greedy
 * each a third, and there is as much left for all others.
 */
export class ProcessReplayMemory implements ReplayMemory {
  readonly #clock: () => number;
  readonly #max: number;
  #older = new Generation();
  #newer = new Generation();
  /** No key lives longer (ms). */
  #longest = 0;
  /** When the newer generation becomes the older one. */
  #turn = Number.NEGATIVE_INFINITY;

  constructor(clock: () => number, max: number = MAX_KEYS) {
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#older.keys.size + this.#newer.keys.size;
  }

  /**
   * @throws Error when it is full, or the share of the owner is: to forget a proof that is still good would let it be used
   *   again
   */
  remember(key: string, ttl: number, owner?: string): boolean {
    this.#longest = Math.max(this.#longest, ttl);
    const now = this.#clock();
    this.#age(now);
    if (this.#older.keys.has(key) || this.#newer.keys.has(key)) return false;
    const free = this.#max - this.size;
    const owned = this.#older.ownedBy(owner) + this.#newer.ownedBy(owner);
    // At the turn the older generation is dropped.
    if (owned > 0 && owned >= free) throw new ShareIsFullError(this.#turn - now);
    if (free <= 0) throw new Error('The replay memory is full');
    this.#newer.add(key, owner);
    return true;
  }

  #age(now: number): void {
    if (now < this.#turn) return;
    // What came before the turn is over one longest life after it.
    this.#older = now < this.#turn + this.#longest ? this.#newer : new Generation();
    this.#newer = new Generation();
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
