import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Of all guards of this process that are given no secret: a client keeps one nonce for all of a server. */
const OWN_SECRET = randomBytes(32);

/**
 * Nonces for DPoP proofs (RFC 9449 §9) that need no memory: each stands for a span of time,
 * and only who has the secret can make it. One is accepted in its own span and the next, and
 * in the one before, since the clocks of machines that share a secret differ.
 */
export class Nonces {
  readonly #key: Uint8Array;
  readonly #span: number;
  readonly #clock: () => number;
  readonly #known = new Map<number, string>();

  /** `lifetime` (ms): for how long one is good at least. */
  constructor(secret: Uint8Array | undefined, lifetime: number, clock: () => number) {
    this.#key = secret ?? OWN_SECRET;
    this.#span = lifetime;
    this.#clock = clock;
  }

  /** The one to give out now. */
  current(): string {
    return this.#of(this.#now());
  }

  accepts(nonce: string): boolean {
    const now = this.#now();
    return [now, now - 1, now + 1].some((span) => isSame(this.#of(span), nonce));
  }

  #now(): number {
    return Math.floor(this.#clock() / this.#span);
  }

  #of(span: number): string {
    const known = this.#known.get(span);
    if (known !== undefined) return known;
    const nonce = createHmac('sha256', this.#key)
      .update(`dpop nonce ${this.#span} ${span}`)
      .digest('base64url');
    // Three are in use at a time.
    if (this.#known.size >= 8) this.#known.clear();
    this.#known.set(span, nonce);
    return nonce;
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
