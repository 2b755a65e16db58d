import { hash } from 'node:crypto';
import { HookError, unavailable } from '../http/http-error.js';
import { isFunction } from '../options.js';
import { attempt, isThenable, type Soon } from '../thenable.js';
import { type Fault, type PrivateJwk, plainJwk, type SigningKey, signingKey } from './signing-key.js';

export interface SignedAnswerOptions {
  /**
   * What signed answers (RFC 9701) are signed with, and what is published at `/v1/oauth/jwks`: private JWKs, each with a
   * `kid` of its own and an `alg`, RSA keys of 2048 bits or more. A caller's answers are signed with the first whose `alg` is
   * that of its `introspectionSignedResponseAlg`. A function is asked for each signed answer and each
   * request for the published keys or the metadata, so that they can change; where it fails, answers and keys are 503. Default: nothing is signed.
   */
  readonly keys?: readonly PrivateJwk[] | (() => readonly PrivateJwk[] | Promise<readonly PrivateJwk[]>);
}

/** The keys that answers are signed with, as they change. */
export class SigningKeys {
  readonly #keys: readonly SigningKey[] | (() => unknown);
  /** Those that were there last, by a digest of all that is in them: to read a key costs more than to sign with it. */
  #known: ReadonlyMap<string, SigningKey> = new Map();

  #last: readonly SigningKey[] | undefined;

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

  /** As {@link current}, or those of last time where they cannot be had: for whom it is enough to know what there was. */
  latest(): Soon<readonly SigningKey[]> {
    const last = this.#last;
    if (!last) return this.current();
    try {
      const keys = this.current();
      return isThenable(keys) ? Promise.resolve(keys).catch(() => last) : keys;
    } catch {
      return last;
    }
  }

  #read(jwks: unknown, fault: Fault): readonly SigningKey[] {
    if (!Array.isArray(jwks) || jwks.length === 0) throw fault('must be an array of one private JWK or more');
    const known = new Map<string, SigningKey>();
    // Of a hole, `map` would make another one.
    const keys = Array.from(jwks, (given: unknown, index) => {
      const faultOfKey: Fault = (problem) => fault(`the JWK at ${index} ${problem}`);
      const jwk = plainJwk(given, faultOfKey);
      const digest = digestOf(jwk, faultOfKey);
      const key = this.#known.get(digest) ?? signingKey(jwk, faultOfKey);
      known.set(digest, key);
      return key;
    });
    const repeated = keys.findIndex(({ kid }, index) => keys.findIndex((key) => key.kid === kid) < index);
    if (repeated >= 0) throw fault(`the JWK at ${repeated} has the "kid" of another`);
    this.#known = known;
    this.#last = keys;
    return keys;
  }
}

function digestOf(jwk: object, fault: Fault): string {
  try {
    return hash('sha256', JSON.stringify([jwk]));
  } catch {
    throw fault('is no JSON');
  }
}
