import { hash } from 'node:crypto';
import { HookError, unavailable } from '../http/http-error.js';
import { isFunction } from '../options.js';
import { attempt, type Soon } from '../thenable.js';
import { type Fault, type PrivateJwk, type SigningKey, signingKey } from './signing-key.js';

export interface SignedAnswerOptions {
  /**
   * What signed answers (RFC 9701) are signed with, and what is published at `/v1/oauth/jwks`: private JWKs, each with a
   * `kid` of its own and an `alg`, RSA keys of 2048 bits or more. A caller's answers are signed with the first whose `alg` is
   * that of its `introspectionSignedResponseAlg`. A function is asked for each signed answer and each
   * request for the published keys, so that they can change; where it fails, these are 503. Default: nothing is signed.
   */
  readonly keys?: readonly PrivateJwk[] | (() => readonly PrivateJwk[] | Promise<readonly PrivateJwk[]>);
}

/** The keys that answers are signed with, as they change. */
export class SigningKeys {
  readonly #keys: readonly SigningKey[] | (() => unknown);
  /** Those that were there last, by a digest of all that is in them: to read a key costs more than to sign with it. */
  #known: ReadonlyMap<string, SigningKey> = new Map();

  /** @throws TypeError for keys of which one is no private JWK to sign with */
  constructor(factory: string, keys: unknown) {
    this.#keys = isFunction(keys)
      ? keys
      : this.#read(keys, (problem) => new TypeError(`${factory}: "keys": ${problem}`));
  }

  /**
   * The keys of this moment, the one to sign with before others of its `alg`.
   *
   * @throws HttpError 503 where the app's function fails, and HookError for an answer of it that is no such keys
   */
  current(): Soon<readonly SigningKey[]> {
    if (typeof this.#keys !== 'function') return this.#keys;
    return attempt(
      this.#keys,
      (cause) => unavailable(cause),
      (keys) => this.#read(keys, (problem) => new HookError(`keys: ${problem}`)),
    );
  }

  #read(jwks: unknown, fault: Fault): readonly SigningKey[] {
    if (!Array.isArray(jwks) || jwks.length === 0) throw fault('must be an array of one private JWK or more');
    const known = new Map<string, SigningKey>();
    const keys = jwks.map((jwk: unknown, index) => {
      const faultOfKey: Fault = (problem) => fault(`the JWK at ${index} ${problem}`);
      const digest = digestOf(jwk, faultOfKey);
      const key = this.#known.get(digest) ?? signingKey(jwk, faultOfKey);
      known.set(digest, key);
      return key;
    });
    const repeated = keys.findIndex(({ kid }, index) => keys.findIndex((key) => key.kid === kid) < index);
    if (repeated >= 0) throw fault(`the JWK at ${repeated} has the "kid" of another`);
    this.#known = known;
    return keys;
  }
}

function digestOf(jwk: unknown, fault: Fault): string {
  try {
    return hash('sha256', JSON.stringify([jwk]));
  } catch {
    throw fault('is no JSON');
  }
}
