import { hash, randomBytes } from 'node:crypto';
import { BoundedMap } from '../bounded-map.js';
import { elapsedTime } from '../elapsed-time.js';
import type { Credentials } from './basic-credentials.js';

const REMEMBERED_FOR = 5 * 60 * 1000;
/** What is used is put behind what is not, at most this often (ms). */
const TOUCHED_EVERY = 60 * 1000;
const MAX_REMEMBERED = 10_000;
/** The blocks and the digests of SHA-256, in bytes. */
const BLOCK = 64;
const DIGEST = 32;

/** Whose a secret is, and by which of the client's hashes: a public client has none. */
export interface VerifiedSecret {
  readonly clientId: string;
  readonly storedHash: string | undefined;
}

/** What a client proved who it is with, besides secrets. */
export type ProofKind = 'access_token' | 'assertion' | 'certificate';

interface Remembered<T> {
  readonly value: T;
  /** When it was put last, and until when it holds, in elapsed time. */
  readonly put: number;
  until: number;
}

/**
 * Remembers for five minutes after their last use which credentials were right, so that slow hashing does not dominate, and
 * that limits for guessing do not concern those who need not guess. Holds HMACs under a key of this process only. The
 * stored hash is part of what is remembered: a changed secret is forgotten at once.
 */
export class VerifiedSecrets {
  // HMAC-SHA256 (RFC 2104) by two one-shot hashes: to make an Hmac object for each call took a fifth of a request.
  // The key is of ASCII, so that what stands before the message can be joined with it as a string.
  readonly #inner: string;
  /** What the outer hash is of; the end of it is for the inner one. */
  readonly #outer = Buffer.alloc(BLOCK + DIGEST);
  readonly #secrets = new BoundedMap<Remembered<VerifiedSecret>>(MAX_REMEMBERED);
  /** The names of secrets by the HMAC of the header that they came in, so that one that has been verified need not be taken apart again. */
  readonly #headers = new BoundedMap<Remembered<string>>(MAX_REMEMBERED);
  readonly #proofs = new BoundedMap<Remembered<true>>(MAX_REMEMBERED);
  readonly #elapsed: () => number;

  constructor(clock: () => number, random: (bytes: number) => Buffer = randomBytes) {
    this.#elapsed = elapsedTime(clock);
    const key = Buffer.from(random((BLOCK / 4) * 3).toString('base64url'));
    this.#inner = key.map((byte) => byte ^ 0x36).toString();
    this.#outer.set(key.map((byte) => byte ^ 0x5c));
  }

  /** The name under which this secret of this client is remembered; with `context`, one for that alone. */
  nameOf({ clientId, secret }: Credentials, context = ''): string {
    return this.#mac(`${clientId.length}:${clientId}${context.length}:${context}${secret}`);
  }

  /** What is known of a secret, if it is still remembered. */
  secret(name: string): VerifiedSecret | undefined {
    return this.#recall(this.#secrets, name);
  }

  /** What is known of a header whose secret is still remembered. */
  header(header: string): VerifiedSecret | undefined {
    if (this.#headers.size === 0) return undefined;
    const name = this.#recall(this.#headers, this.#mac(`header:${header}`));
    return name === undefined ? undefined : this.secret(name);
  }

  /** Remembers a secret, and the header that it came in. */
  add(credentials: Credentials, verified: VerifiedSecret, header?: string): void {
    const name = this.nameOf(credentials);
    this.#remember(this.#secrets, name, verified);
    if (header !== undefined) this.#remember(this.#headers, this.#mac(`header:${header}`), name);
  }

  /** Whether a client has lately proved who it is in this way. */
  hasProof(kind: ProofKind, ...parts: readonly string[]): boolean {
    return this.#recall(this.#proofs, this.#proofName(kind, parts)) !== undefined;
  }

  addProof(kind: ProofKind, ...parts: readonly string[]): void {
    this.#remember(this.#proofs, this.#proofName(kind, parts), true);
  }

  #proofName(kind: ProofKind, parts: readonly string[]): string {
    return this.#mac(`${kind}:${JSON.stringify(parts)}`);
  }

  #mac(message: string): string {
    this.#outer.write(hash('sha256', this.#inner + message, 'binary'), BLOCK, 'latin1');
    return hash('sha256', this.#outer, 'base64url');
  }

  /** Use renews it: a caller that never pauses for five minutes is not made to wait for a slow hash again. */
  #recall<T>(values: BoundedMap<Remembered<T>>, name: string): T | undefined {
    const found = values.get(name);
    if (!found) return undefined;
    const now = this.#elapsed();
    if (now >= found.until) return undefined;
    if (now - found.put < TOUCHED_EVERY) found.until = now + REMEMBERED_FOR;
    else this.#remember(values, name, found.value);
    return found.value;
  }

  #remember<T>(values: BoundedMap<Remembered<T>>, name: string, value: T): void {
    const now = this.#elapsed();
    values.set(name, { value, put: now, until: now + REMEMBERED_FOR });
  }
}
