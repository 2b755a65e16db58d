import { createPublicKey, KeyObject, type webcrypto } from 'node:crypto';
import { types } from 'node:util';
import { HookError, unavailable } from '../http/http-error.js';
import { isPublicJwk } from '../public-jwk.js';
import { isSignature, schemeOf, signed } from './signature.js';
import {
  type Fault,
  namesOf,
  type PrivateJwk,
  publicKeyOf,
  publishedJwk,
  type SigningKey,
} from './signing-key.js';

/** What holds a private key, and signs with it where nobody else sees it. */
export type KeyHolder = { readonly kind: 'function'; readonly sign: (data: Uint8Array) => unknown } | HeldKey;

type HeldKey =
  | { readonly kind: 'KeyObject'; readonly key: KeyObject }
  | { readonly kind: 'CryptoKey'; readonly key: webcrypto.CryptoKey };

/**
 * The `KeyObject` or `CryptoKey` that a value is, or inherits from: that is not one itself, since Node.js keeps the key in
 * what only the object that it has made has.
 */
export function keyIn(value: unknown): HeldKey | undefined {
  let found: HeldKey | undefined;
  for (let one: unknown = value; one !== null && one !== undefined; one = Object.getPrototypeOf(one)) {
    if (types.isKeyObject(one)) found = { kind: 'KeyObject', key: one };
    else if (types.isCryptoKey(one)) found = { kind: 'CryptoKey', key: one as webcrypto.CryptoKey };
  }
  return found;
}

/**
 * A key that is held elsewhere, with its names.
 *
 * @param publicJwk its public half, which a function needs; of others it may be left out where they tell it
 * @throws what `fault` makes where nothing can be signed with it
 */
export function heldSigningKey(
  holder: KeyHolder,
  { kid, alg }: PrivateJwk,
  publicJwk: PrivateJwk | undefined,
  fault: Fault,
): SigningKey {
  const publicKey = publicKeyOfHolder(holder, publicJwk, fault);
  const jwk = exported(publicKey);
  if (!jwk) throw fault('is of a type with which nothing is signed');
  const names = namesOf({ ...jwk, kid: kid ?? publicJwk?.kid, alg: alg ?? publicJwk?.alg }, fault);
  if (holder.kind === 'CryptoKey' && !signsBy(holder.key, names.alg))
    throw fault('is a CryptoKey that does not sign by its "alg"');
  const published = publishedJwk(publicKey, names, fault);
  return { ...names, published, sign: checkedSigner(holder, names, publicKey) };
}

function publicKeyOfHolder(holder: KeyHolder, publicJwk: PrivateJwk | undefined, fault: Fault): KeyObject {
  const given = publicJwk && givenHalf(publicJwk, fault);
  if (holder.kind === 'function') return given as KeyObject;
  if (holder.key.type !== 'private') throw fault('is no private key');
  // Of a CryptoKey the first signature tells: to look into one that may not be exported is deprecated.
  if (given && holder.kind === 'CryptoKey') return given;
  const told = toldBy(holder);
  if (!told) throw fault('needs a "publicJwk"');
  if (given && !given.equals(told)) throw fault('has a "publicJwk" that is not the public half of its key');
  return told;
}

function givenHalf(publicJwk: PrivateJwk, fault: Fault): KeyObject {
  if (!isPublicJwk(publicJwk))
    throw fault('has a "publicJwk" that is no public JWK, or has members of a private one');
  if (publicJwk.use !== undefined && publicJwk.use !== 'sig') throw fault('is not for signing, by its "use"');
  const key = publicKeyOf(publicJwk);
  if (!key) throw fault('has a broken public key');
  return key;
}

function toldBy(holder: HeldKey): KeyObject | undefined {
  try {
    return createPublicKey(holder.kind === 'KeyObject' ? holder.key : KeyObject.from(holder.key));
  } catch {
    return undefined;
  }
}

function exported(key: KeyObject): PrivateJwk | undefined {
  try {
    return key.export({ format: 'jwk' }) as PrivateJwk;
  } catch {
    // Of a type that no JWK is of, such as DSA.
    return undefined;
  }
}

/** Web Crypto fixes the hash with the key, and makes no private key of such an algorithm that does not sign. */
function signsBy({ algorithm }: webcrypto.CryptoKey, alg: string): boolean {
  const { name, hash } = schemeOf(alg).webCrypto;
  const own = (algorithm as webcrypto.RsaHashedKeyAlgorithm).hash?.name;
  return algorithm.name === name && (own === undefined || own === hash);
}

/**
 * Signs, and verifies what comes back: a signature that is no good would be found out by those who get it, and by nobody here.
 */
function checkedSigner(
  holder: KeyHolder,
  { kid, alg }: Pick<SigningKey, 'kid' | 'alg'>,
  publicKey: KeyObject,
): SigningKey['sign'] {
  if (holder.kind === 'KeyObject') return (data) => signed(alg, holder.key, data);
  const sign = holder.kind === 'function' ? holder.sign : webCryptoSigner(holder.key, alg);
  return async (data) => {
    let found: unknown;
    try {
      // A copy: what is verified is what was to be signed.
      found = await sign(new Uint8Array(data));
    } catch (cause) {
      throw unavailable(cause);
    }
    const wrong = (problem: string): HookError => new HookError(`keys: the signature by "${kid}" ${problem}`);
    const signature = types.isArrayBuffer(found) ? new Uint8Array(found) : found;
    if (!(signature instanceof Uint8Array)) throw wrong('must be a Uint8Array');
    if (isSignature(alg, publicKey, data, signature)) return signature;
    throw alg.startsWith('ES') && isSignature(alg, publicKey, data, signature, 'der')
      ? wrong('is in DER; JWS needs r and s, one after the other (RFC 7518 §3.4)')
      : wrong('is not by its "alg" and the private half of its public key');
  };
}

function webCryptoSigner(key: webcrypto.CryptoKey, alg: string): (data: Uint8Array) => Promise<ArrayBuffer> {
  return (data) => crypto.subtle.sign(schemeOf(alg).webCrypto, key, data);
}
