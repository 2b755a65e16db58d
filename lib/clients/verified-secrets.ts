import { hash, randomBytes } from 'node:crypto';
import type { Credentials } from './basic-credentials.js';

const REMEMBERED_FOR = 5 * 60 * 1000;
const MAX_REMEMBERED = 10_000;
/** The block of SHA-256, in bytes. */
const BLOCK = 64;

/**
 * Remembers for five minutes which secrets were verified, so that slow hashing does
 * not dominate. Holds HMACs under a key of this process only. The stored hash is
 * part of what is remembered: a changed secret is forgotten at once.
 */
export class VerifiedSecrets {
  // HMAC-SHA256 (RFC 2104) by two one-shot hashes: to make an Hmac object for each call took a fifth of a request.
  readonly #key = randomBytes(BLOCK);
  readonly #inner = this.#key.map((byte) => byte ^ 0x36);
  readonly #outer = this.#key.map((byte) => byte ^ 0x5c);
  readonly #until = new Map<string, number>();
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** The name under which this secret of this client is remembered. */
  nameOf({ clientId, secret }: Credentials, storedHash: string): string {
    const message = Buffer.from(JSON.stringify([clientId, storedHash, secret]));
    const inner = hash('sha256', Buffer.concat([this.#inner, message]), 'buffer');
    return hash('sha256', Buffer.concat([this.#outer, inner]), 'base64url');
  }

  has(name: string): boolean {
    const until = this.#until.get(name);
    return until !== undefined && this.#clock() < until;
  }

  add(name: string): void {
    this.#until.delete(name);
    if (this.#until.size >= MAX_REMEMBERED) {
      const [oldest] = this.#until.keys();
      this.#until.delete(oldest as string);
    }
    this.#until.set(name, this.#clock() + REMEMBERED_FOR);
  }
}
