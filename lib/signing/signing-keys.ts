import { hash } from 'node:crypto';
import { HookError, unavailable } from '../http/http-error.js';
import { isFunction } from '../options.js';
import { attempt, isThenable, type Soon } from '../thenable.js';
import { type AnswerKey, type GivenKey, givenKey, readKey } from './key-forms.js';
import type { Fault, PublishedKey, SigningKey } from './signing-key.js';

export interface SignedAnswerOptions {
  /**
   * What signed answers (RFC 9701) are signed with, and what is published at `/v1/oauth/jwks`: private JWKs, keys of Node.js
   * or Web Crypto (`{ kid, alg, key }`), or functions that sign (`{ kid, alg, publicJwk, sign }`), each with a `kid` of its own
   * and an `alg`, RSA keys of 2048 bits or more; and public JWKs of other signers of this issuer, which are published only. A
   * caller's answers are signed with the first whose `alg` is that of its `introspectionSignedResponseAlg`. A function is asked for
   * each signed answer and each request for the published keys or the metadata, so that they can change; where it fails, answers
   * and keys are 503. Default: nothing is signed.
   */
  readonly keys?: readonly AnswerKey[] | (() => readonly AnswerKey[] | Promise<readonly AnswerKey[]>);
}

type Key = SigningKey | PublishedKey;

/** A key that was read, and by what else than its digest it is known. */
interface Known extends Pick<GivenKey, 'identity'> {
  readonly key: Key;
}

/** The keys that answers are signed with, as they change. */
export class SigningKeys {
  readonly #keys: readonly Key[] | (() => unknown);
  /** Those that were there last, by a digest of all that is in them: to read a key costs more than to sign with it. */
  #known: ReadonlyMap<string, Known> = new Map();

  #last: readonly Key[] | undefined;

  /** @throws TypeError for keys of which one is none, or none signs */
  constructor(factory: string, keys: unknown) {
    this.#keys = isFunction(keys)
      ? keys
      : this.#read(keys, (problem) => new TypeError(`${factory}: "keys": ${problem}`));
  }

  /**
   * The keys of this moment, the one to sign with before others of its `alg`; those that are only published have none.
   *
   * @throws HttpError 503 where the app's function fails, and HookError for an answer of it that is no such keys
   */
  current(): Soon<readonly Key[]> {
    if (typeof this.#keys !== 'function') return this.#keys;
    return attempt(
      this.#keys,
      (cause) => unavailable(cause),
      (keys) => this.#read(keys, (problem) => new HookError(`keys: ${problem}`)),
    );
  }

  /** As {@link current}, or those of last time where they cannot be had: for whom it is enough to know what there was. */
  latest(): Soon<readonly Key[]> {
    const last = this.#last;
    if (!last) return this.current();
    try {
      const keys = this.current();
      return isThenable(keys) ? Promise.resolve(keys).catch(() => last) : keys;
    } catch {
      return last;
    }
  }

  #read(given: unknown, fault: Fault): readonly Key[] {
    if (!Array.isArray(given) || given.length === 0) throw fault('must be an array of one key or more');
    const known = new Map<string, Known>();
    // Of a hole, `map` would make another one.
    const keys = Array.from(given, (one: unknown, index) => {
      const faultOfKey: Fault = (problem) => fault(`the key at ${index} ${problem}`);
      const form = givenKey(one, faultOfKey);
      const { jwk, publicJwk, identity } = form;
      const digest = digestOf([jwk, publicJwk], faultOfKey);
      const before = this.#known.get(digest);
      const key = before && before.identity === identity ? before.key : readKey(form, faultOfKey);
      known.set(digest, { key, identity });
      return key;
    });
    const repeated = keys.findIndex(({ kid }, index) => keys.findIndex((key) => key.kid === kid) < index);
    if (repeated >= 0) throw fault(`the key at ${repeated} has the "kid" of another`);
    if (!keys.some(({ alg }) => alg !== undefined))
      throw fault('must have one that signs: all are public JWKs');
    this.#known = known;
    this.#last = keys;
    return keys;
  }
}

function digestOf(members: readonly unknown[], fault: Fault): string {
  try {
    return hash('sha256', JSON.stringify(members));
  } catch {
    throw fault('is no JSON');
  }
}
