import type { Jws, JwsHeader } from '../../jws-form.js';
import { noKeys } from './keys.js';

// Loaded when it is needed: most who use the package do not, and some cannot load an ES module.
const loadJose = () => import('jose');
// Nothing of this may get into the declarations: those have to be read by older versions of TypeScript.
type Jose = Awaited<ReturnType<typeof loadJose>>;
type FindKey = ReturnType<Jose['createLocalJWKSet']>;
type Key = Awaited<ReturnType<FindKey>>;

/**
 * - `wrong`: the key that the token names has not signed it
 * - `no_key`: no key here can have signed it, but a newer one may have
 */
export type Verification = Jws | 'wrong' | 'no_key';

/** So many keys are tried on a token that names none: else a set of hundreds would be hundreds of times the work. */
const MAX_TRIED = 16;

/** The keys that an issuer has published at one time (RFC 7517 §5). */
export class PublishedKeys {
  readonly #jose: Jose;
  readonly #find: FindKey;
  /** All of them, as they were published. */
  readonly keys: readonly Readonly<Record<string, unknown>>[];

  private constructor(jose: Jose, keySet: Parameters<Jose['createLocalJWKSet']>[0]) {
    this.#jose = jose;
    this.#find = jose.createLocalJWKSet(keySet);
    this.keys = keySet.keys;
  }

  /** @throws JWKSInvalid for what is no key set */
  static async of(document: unknown): Promise<PublishedKeys> {
    return new PublishedKeys(await loadJose(), JSON.parse(JSON.stringify(document), told));
  }

  /**
   * Verifies a signature, with every key that fits where the token names none.
   *
   * @throws IntrospectionUnavailableError where the key that fits is broken
   */
  async verify(token: string, { alg, kid }: JwsHeader): Promise<Verification> {
    const keys = await this.#candidates({ alg, ...(typeof kid === 'string' && { kid }) });
    let fault: unknown;
    for (const key of keys) {
      try {
        const { protectedHeader, payload } = await this.#jose.compactVerify(token, key, {
          algorithms: [alg],
        });
        return { header: protectedHeader, payload: Buffer.from(payload) };
      } catch (error) {
        // All that jose has to say of a token is one; anything else is about the key, such as a short one.
        if (!(error instanceof this.#jose.errors.JOSEError)) fault = error;
      }
    }
    if (fault !== undefined) throw noKeys(fault);
    return keys.length > 0 && typeof kid === 'string' ? 'wrong' : 'no_key';
  }

  async #candidates(header: { readonly alg: string; readonly kid?: string }): Promise<readonly Key[]> {
    const { JWKSMultipleMatchingKeys, JWKSNoMatchingKey } = this.#jose.errors;
    try {
      return [await this.#find(header)];
    } catch (error) {
      if (error instanceof JWKSNoMatchingKey) return [];
      if (!(error instanceof JWKSMultipleMatchingKeys)) throw noKeys(error);
      const keys: Key[] = [];
      for await (const key of error) {
        if (keys.push(key) === MAX_TRIED) break;
      }
      return keys;
    }
  }
}

/** A member that is null is one that is not there. */
function told(this: unknown, _member: string, value: unknown): unknown {
  return value === null && !Array.isArray(this) ? undefined : value;
}
