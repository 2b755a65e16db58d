import { hash, randomBytes } from 'node:crypto';
import type { Credentials } from './basic-credentials.js';

const REMEMBERED_FOR = 5 * 60 * 1000;
const MAX_REMEMBERED = 10_000;
/** The blocks and the digests of SHA-256, in bytes. */
const BLOCK = 64;
const DIGEST = 32;

/** Whose a header was, and by which secret. */
interface VerifiedHeader {
  readonly clientId: string;
  readonly storedHash: string;
  /** Under which the secret is remembered. */
  readonly name: string;
}

/**
 * Remembers for five minutes which secrets were verified, so that slow hashing does
 * not dominate. Holds HMACs under a key of this process only. The stored hash is
 * part of what is remembered: a changed secret is forgotten at once.
 */
export class VerifiedSecrets {
  // HMAC-SHA256 (RFC 2104) by two one-shot hashes: to make an Hmac object for each call took a fifth of a request.
  // The key is of ASCII, so that what stands before the message can be joined with it as a string.
  readonly #inner: string;
  /** What the outer hash is of; the end of it is for the inner one. */
  readonly #outer = Buffer.alloc(BLOCK + DIGEST);
  readonly #until = new Map<string, number>();
  /** By the HMAC of a header, so that one that has been verified need not be taken apart again. */
  readonly #headers = new Map<string, VerifiedHeader>();
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
    const key = Buffer.from(randomBytes((BLOCK / 4) * 3).toString('base64url'));
    this.#inner = key.map((byte) => byte ^ 0x36).toString();
    this.#outer.set(key.map((byte) => byte ^ 0x5c));
  }

  /** The name under which this secret of this client is remembered. */
  nameOf({ clientId, secret }: Credentials, storedHash: string): string {
    const message = `${clientId.length}:${clientId}${storedHash.length}:${storedHash}${secret}`;
    return this.#mac(message);
  }

  /** What is known of a header whose secret is still remembered. */
  recall(header: string): VerifiedHeader | undefined {
    if (this.#headers.size === 0) return undefined;
    const verified = this.#headers.get(this.#mac(`header:${header}`));
    return verified && this.has(verified.name) ? verified : undefined;
  }

  addHeader(header: string, verified: VerifiedHeader): void {
    remember(this.#headers, this.#mac(`header:${header}`), verified);
  }

  #mac(message: string): string {
    this.#outer.write(hash('sha256', this.#inner + message, 'binary'), BLOCK, 'latin1');
    return hash('sha256', this.#outer, 'base64url');
  }

  has(name: string): boolean {
    const until = this.#until.get(name);
    return until !== undefined && this.#clock() < until;
  }

  add(name: string): void {
    remember(this.#until, name, this.#clock() + REMEMBERED_FOR);
  }
}

/** Puts a value last, in place of the oldest where there are too many. */
function remember<T>(values: Map<string, T>, name: string, value: T): void {
  values.delete(name);
  if (values.size >= MAX_REMEMBERED) {
    const [oldest] = values.keys();
    values.delete(oldest as string);
  }
  values.set(name, value);
}
