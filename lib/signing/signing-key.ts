import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { isNonEmptyString, isObject } from '../options.js';

/**
 * A private key to sign with, as a JWK (RFC 7517 §4). It needs a `kid`, and an `alg` unless its type has one only:
 * `ES256`, `ES384` and `ES512` are told by the curve.
 */
export type PrivateJwk = Readonly<Record<string, unknown>>;

/** What everybody may know of such a key. */
type PublishedJwk = Readonly<Record<string, string>>;

/** A key that was found to sign. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly key: KeyObject;
  readonly published: PublishedJwk;
}

/** Makes the error for a key with a problem, which names a member and never its value. */
export type Fault = (problem: string) => Error;

/** Asymmetric algorithms by the type of the key, or its curve. */
const ALGORITHMS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['RSA', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
  ['P-256', ['ES256']],
  ['P-384', ['ES384']],
  ['P-521', ['ES512']],
  ['Ed25519', ['EdDSA', 'Ed25519']],
]);

/** Bits (RFC 7518 §3.3, §3.5). */
const SHORTEST_RSA = 2048;

/** What a public key consists of (RFC 7518 §6.2.1, §6.3.1, RFC 8037 §2). */
const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e'];

/** @throws what `fault` makes where the JWK is not one of a private key to sign with */
export function signingKey(jwk: unknown, fault: Fault): SigningKey {
  if (!isObject(jwk)) throw fault('is no JWK');
  const { kid, kty, crv, use, key_ops: operations } = jwk;
  if (!isNonEmptyString(kid)) throw fault('has no "kid"');
  const algorithms = ALGORITHMS.get(kty === 'RSA' ? kty : crv);
  if (!algorithms) throw fault('has a "kty" or "crv" with which nothing is signed');
  const alg = jwk.alg ?? (algorithms.length === 1 ? algorithms[0] : undefined);
  if (!isNonEmptyString(alg) || !algorithms.includes(alg)) {
    throw fault(`must have an "alg" of its type: ${algorithms.join(', ')}`);
  }
  const isForSigning =
    (use === undefined || use === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('sign')));
  if (!isForSigning) throw fault('is not for signing, by its "use" or "key_ops"');
  const key = privateKey(jwk);
  if (!key) throw fault('is no private key, or a broken one');
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < SHORTEST_RSA) throw fault(`has fewer than ${SHORTEST_RSA} bits`);
  const publicKey = createPublicKey(key);
  if (!belongTogether(key, publicKey)) throw fault('has a public half that is not that of its private one');
  return { kid, alg, key, published: published(publicKey, { kid, alg }) };
}

/** What Node.js throws says nothing more that is of use, and may quote the key. */
function privateKey(jwk: Readonly<Record<string, unknown>>): KeyObject | undefined {
  try {
    return createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** Else nobody could verify what is signed: a JWK has both halves, and they are read as they stand. */
function belongTogether(key: KeyObject, publicKey: KeyObject): boolean {
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const probe = Buffer.from('probe');
  return verify(digest, probe, publicKey, sign(digest, probe, key));
}

/** Made of what is public, one member after the other; never the private JWK less what is private. */
function published(
  publicKey: KeyObject,
  names: { readonly kid: string; readonly alg: string },
): PublishedJwk {
  const halves = publicKey.export({ format: 'jwk' }) as Readonly<Record<string, string>>;
  const members = PUBLIC_MEMBERS.filter((member) => member in halves);
  return Object.freeze({
    ...Object.fromEntries(members.map((member) => [member, halves[member] as string])),
    ...names,
    use: 'sig',
  });
}
