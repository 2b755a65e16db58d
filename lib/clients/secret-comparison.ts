import { HttpError } from '../http/http-error.js';
import { StoreUnavailableError, UnusableAnswerError } from '../tokens/store-errors.js';
import type { Attempt } from './attempt.js';
import type { Credentials } from './basic-credentials.js';
import type { ClientStore } from './client.js';
import {
  hashClientSecret,
  isQuick,
  parseSecretHash,
  type SecretHash,
  verifyNothing,
  verifySecret,
} from './client-secret.js';
import { SlowHashes } from './slow-hashes.js';
import { VerifiedSecrets } from './verified-secrets.js';

/** A secret to compare with the hashes of a client. */
export interface Comparison extends Credentials {
  /** Whether the client exists. */
  readonly isKnown: boolean;
  /** Of which the secret may be any: none of an unknown client. Of more than one, one at most is slow to compare. */
  readonly storedHashes: readonly string[];
}

interface StoredHash {
  readonly hash: string;
  /** `undefined`: a hash that somebody else made, for the hook of the store. */
  readonly parts: SecretHash | undefined;
}

/** So many secrets wait at most to get a hash of ours. */
const MAX_MOVES = 1000;

/** Compares secrets, and remembers those that were right: what all verifiers of one client store and clock have in common. */
export class SecretComparisons {
  readonly verified: VerifiedSecrets;
  readonly #hashes = new SlowHashes();
  /** Comparisons under way: equal ones that start together share one slow hash, whether or not there is such a client. */
  readonly #pending = new Map<string, Promise<string | undefined>>();
  /** A hash that somebody else made, which the hook is asked about for those who are wrong anyway. */
  #decoy: string | undefined;
  /** The hashes that are being replaced. */
  readonly #moving = new Set<string>();
  #moves: Promise<unknown> = Promise.resolve();

  constructor(clock: () => number, decoy?: string) {
    this.verified = new VerifiedSecrets(clock);
    this.#decoy = decoy;
  }

  /**
   * Which of the hashes is that of the secret.
   *
   * @throws HttpError 503 when too many are waiting, StoreUnavailableError when the hook of the store fails, what `attempt` throws
   */
  async matchingHash(
    clients: ClientStore,
    comparison: Comparison,
    attempt: Attempt,
  ): Promise<string | undefined> {
    // By all the hashes: those who come when one of them is no good any more wait for no result that counts it.
    const context = JSON.stringify([attempt.origin, comparison.storedHashes]);
    const name = this.verified.nameOf(comparison, context);
    for (let pending = this.#pending.get(name); pending; pending = this.#pending.get(name)) {
      try {
        return await pending;
      } catch (error) {
        // The caller who started it was stopped; this one is not. What the hook has to say concerns both.
        if (!(error instanceof HttpError)) throw error;
      }
    }
    const compared = this.#compare(clients, comparison, attempt).finally(() => this.#pending.delete(name));
    this.#pending.set(name, compared);
    return compared;
  }

  /**
   * Generated secrets are compared at once, since SHA-256 costs nothing, and all of them. Then follows one slow hash,
   * whether or not there is a chosen secret, so that being wrong takes as long for every client and for none.
   */
  async #compare(
    clients: ClientStore,
    { clientId, secret, storedHashes, isKnown }: Comparison,
    attempt: Attempt,
  ): Promise<string | undefined> {
    const proceed = (): void => attempt.proceed();
    // No hash is that of an empty secret.
    const stored = secret === '' ? [] : storedHashes.map((hash) => ({ hash, parts: parseSecretHash(hash) }));
    let match: string | undefined;
    for (const { hash, parts } of stored) {
      if (parts?.algorithm !== 'sha256') continue;
      proceed();
      if (await verifySecret(secret, parts)) match = hash;
    }
    if (match !== undefined) return match;
    const slow = stored.find(({ parts }) => parts?.algorithm !== 'sha256');
    if (slow && !slow.parts) this.#decoy = slow.hash;
    const { origin } = attempt;
    return this.#hashes.run(
      { origin, isKnown },
      async () => {
        // Somebody at another address may have been quicker with the same secret.
        const known = this.verified.secret(this.verified.nameOf({ clientId, secret }))?.storedHash;
        if (known !== undefined && storedHashes.includes(known)) return known;
        return (await this.#compareSlowly(clients, secret, slow)) ? slow?.hash : undefined;
      },
      proceed,
    );
  }

  /**
   * Compares a chosen secret. If that is wrong, the same is done for every client and for none, in the same turn: one slow
   * hash of ours, and where there is a hook, one question to it. What has not been done yet is done in vain.
   */
  async #compareSlowly(clients: ClientStore, secret: string, slow: StoredHash | undefined): Promise<boolean> {
    const foreign = slow && !slow.parts ? slow.hash : undefined;
    const ours = slow?.parts;
    if (ours && (await verifySecret(secret, ours))) return true;
    if (foreign !== undefined && (await askHook(clients, secret, foreign))) return true;
    if (foreign === undefined && clients.verifySecret && this.#decoy !== undefined)
      await askHook(clients, secret === '' ? '-' : secret, this.#decoy);
    if (!ours || isQuick(ours)) await verifyNothing(secret);
    return false;
  }

  /**
   * Gives a secret that somebody else has hashed a hash of ours, if the store can keep it. Nobody waits for that: it has
   * turns of its own, and if it fails, the next verification tries again.
   */
  moveToOurs(clients: ClientStore, { clientId, secret }: Credentials, oldHash: string): void {
    const replace = clients.replaceSecret?.bind(clients);
    if (!replace || parseSecretHash(oldHash) || this.#moving.has(oldHash) || this.#moving.size >= MAX_MOVES)
      return;
    this.#moving.add(oldHash);
    const turn = { origin: 'moving', isKnown: true };
    const proceed = (): void => {};
    const rehash = (): Promise<string> => this.#hashes.run(turn, () => hashClientSecret(secret), proceed);
    // One after the other, so that they take no more than one place. One that was refused stops none behind it.
    const hashed = this.#moves.then(rehash, rehash);
    this.#moves = hashed;
    hashed
      .then((newHash) => replace(clientId, newHash, oldHash))
      .catch(() => {})
      .finally(() => this.#moving.delete(oldHash));
  }
}

/** @throws StoreUnavailableError when there is no hook, it fails, or it returns no boolean */
async function askHook(clients: ClientStore, secret: string, storedHash: string): Promise<boolean> {
  if (!clients.verifySecret)
    throw new UnusableAnswerError(
      'The client store answered no usable client: "secret" is a hash that needs "verifySecret"',
    );
  let isRight: unknown;
  try {
    isRight = await clients.verifySecret(secret, storedHash);
  } catch (cause) {
    throw new StoreUnavailableError('"verifySecret" of the client store failed', { cause });
  }
  if (typeof isRight === 'boolean') return isRight;
  throw new UnusableAnswerError('"verifySecret" of the client store must return a boolean');
}

const shared = new WeakMap<ClientStore, WeakMap<() => number, SecretComparisons>>();

/** The comparisons of a client store: APIs that are mounted alone have one queue, and remember secrets together. */
export function sharedComparisons(clients: ClientStore, clock: () => number): SecretComparisons {
  const byClock = shared.get(clients) ?? new WeakMap<() => number, SecretComparisons>();
  shared.set(clients, byClock);
  const comparisons = byClock.get(clock) ?? new SecretComparisons(clock, foreignHashes.get(clients));
  byClock.set(clock, comparisons);
  return comparisons;
}

const foreignHashes = new WeakMap<ClientStore, string>();

/** Notes a hash that somebody else made, of a store that has one, so that the hook is asked in vain from the first call on. */
export function noteForeignHash(clients: ClientStore, hash: string): void {
  foreignHashes.set(clients, hash);
}
