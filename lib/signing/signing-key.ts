import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { isNonEmptyString, isObject } from '../options.js';
import { PRIVATE_MEMBERS } from '../public-jwk.js';
import { signed } from './signature.js';

/**
 * A private key to sign with, as a JWK (RFC 7517 §4). It needs a `kid`, and an `alg` unless its type has one only:
 * `ES256`, `ES384` and `ES512` are told by the curve. A public one is published beside the others, and signs nothing.
 */
export type PrivateJwk = Readonly<Record<string, unknown>>;

/** What everybody may know of such a key. */
export type PublishedJwk = Readonly<Record<string, unknown>>;

/** A key that others sign with. */
export interface PublishedKey {
  readonly kid: string;
  readonly published: PublishedJwk;
  readonly alg?: undefined;
}

/** A key that was found to sign. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly published: PublishedJwk;
  /**
   * The signature of JWS by its `alg` (RFC 7518 §3.1).
   *
   * @throws HttpError 503 and HookError, where a function of the app's signs
   */
  readonly sign: (data: Uint8Array) => Promise<Uint8Array>;
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

/** What may stand in a public key of others beside it (RFC 7517 §4). */
const MORE_PUBLIC_MEMBERS = ['kid', 'alg', 'use', 'x5u', 'x5c', 'x5t', 'x5t#S256'];

/** What is looked at in a JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2). */
const MEMBERS = [...PUBLIC_MEMBERS, ...MORE_PUBLIC_MEMBERS, 'key_ops', ...PRIVATE_MEMBERS];

/**
 * The members of a JWK that count, each read once. An app may answer an object whose members JSON does not see, and
 * which would look the same with another key in it.
 *
 * @throws what `fault` makes for what is no object, or cannot be read
 */
export function plainJwk(jwk: unknown, fault: Fault): PrivateJwk {
  if (!isObject(jwk)) throw fault('is no JWK');
  try {
    const members = MEMBERS.map((member) => [member, jwk[member]] as const);
    return Object.fromEntries(members.filter(([, value]) => value !== undefined));
  } catch {
    throw fault('cannot be read');
  }
}

/** @throws what `fault` makes where the JWK is not one of a private key to sign with */
export function signingKey(jwk: PrivateJwk, fault: Fault): SigningKey {
  const names = namesOf(jwk, fault);
  const { use, key_ops: operations } = jwk;
  const isForSigning =
    (use === undefined || use === 'sig') &&
    (operations === undefined || (Array.isArray(operations) && operations.includes('sign')));
  if (!isForSigning) throw fault('is not for signing, by its "use" or "key_ops"');
  const key = privateKey(jwk);
  if (!key) throw fault('is no private key, or a broken one');
  const published = publishedJwk(createPublicKey(key), names, fault);
  return { ...names, published, sign: (data) => signed(names.alg, key, data) };
}

/**
 * The `kid` of a key and its `alg`, which has to be one of its type.
 *
 * @throws what `fault` makes
 */
export function namesOf(jwk: PrivateJwk, fault: Fault): Pick<SigningKey, 'kid' | 'alg'> {
  const { kid, kty, crv } = jwk;
  if (!isNonEmptyString(kid)) throw fault('has no "kid"');
  const algorithms = ALGORITHMS.get(kty === 'RSA' ? kty : crv);
  if (!algorithms) throw fault('has a "kty" or "crv" with which nothing is signed');
  const alg = jwk.alg ?? (algorithms.length === 1 ? algorithms[0] : undefined);
  if (!isNonEmptyString(alg) || !algorithms.includes(alg)) {
    throw fault(`must have an "alg" of its type: ${algorithms.join(', ')}`);
  }
  return { kid, alg };
}

/** What Node.js throws says nothing more that is of use, and may quote the key. */
function privateKey(jwk: PrivateJwk): KeyObject | undefined {
  // RFC 7518 §6.3.2.7: who knows two primes only must not use a key of more.
  if (jwk.oth !== undefined) return undefined;
  try {
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    return belongTogether(key, jwk) ? key : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Whether what the two halves of a JWK say is one key: else nobody could verify what is signed. Node.js looks itself from
 * 24 on, and before that takes both as they stand.
 */
function belongTogether(key: KeyObject, jwk: PrivateJwk): boolean {
  const publicKey = publicHalf(jwk);
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const probe = Buffer.from('probe');
  return verify(digest, probe, publicKey, sign(digest, probe, key));
}

/**
 * Made of what is public, one member after the other; never the private JWK less what is private.
 *
 * @throws what `fault` makes for an RSA key that is too short
 */
export function publishedJwk(
  publicKey: KeyObject,
  names: Pick<SigningKey, 'kid' | 'alg'>,
  fault: Fault,
): PublishedJwk {
  const bits = publicKey.asymmetricKeyDetails?.modulusLength;
  if (bits !== undefined && bits < SHORTEST_RSA) throw fault(`has fewer than ${SHORTEST_RSA} bits`);
  const halves = publicKey.export({ format: 'jwk' }) as Readonly<Record<string, unknown>>;
  return Object.freeze({ ...picked(halves, PUBLIC_MEMBERS), ...names, use: 'sig' });
}

/** The public key that a JWK is of; `undefined` for what is none. */
export function publicKeyOf(jwk: PrivateJwk): KeyObject | undefined {
  try {
    return publicHalf(jwk);
  } catch {
    return undefined;
  }
}

/** @throws Error of Node's for what is no key */
function publicHalf(jwk: PrivateJwk): KeyObject {
  return createPublicKey({ key: picked(jwk, PUBLIC_MEMBERS), format: 'jwk' });
}

/**
 * A public key of others, published as they write it.
 *
 * @throws what `fault` makes for what is none
 */
export function publishedKey(jwk: PrivateJwk, fault: Fault): PublishedKey {
  const { kid } = jwk;
  if (!isNonEmptyString(kid)) throw fault('has no "kid"');
  const isText = (member: string): boolean => jwk[member] === undefined || isNonEmptyString(jwk[member]);
  if (!['alg', 'use', 'x5u', 'x5t', 'x5t#S256'].every(isText)) throw fault('has a member that is no string');
  if (!isCertificateChain(jwk.x5c)) throw fault('has an "x5c" that is no array of strings');
  if (!publicKeyOf(jwk)) throw fault('is no public key, or a broken one');
  return { kid, published: Object.freeze(picked(jwk, [...PUBLIC_MEMBERS, ...MORE_PUBLIC_MEMBERS])) };
}

function isCertificateChain(chain: unknown): boolean {
  return chain === undefined || (Array.isArray(chain) && chain.length > 0 && chain.every(isNonEmptyString));
}

function picked(jwk: PrivateJwk, members: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(members.filter((member) => member in jwk).map((member) => [member, jwk[member]]));
}
