import { type AsymmetricKeyDetails, createPublicKey, type KeyObject } from 'node:crypto';

/** A public key of a client as a JWK (RFC 7517 §4). */
export type ClientJwk = Readonly<Record<string, unknown>>;

/** Bits (RFC 7518 §3.3, §3.5, §4.3). */
const SHORTEST_RSA = 2048;

/** Types of keys that there is something to do with here. */
const KNOWN_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP'];

/** What ECDH-ES is done on, and the type of such a key (RFC 7518 §6.2.1.1, RFC 8037 §3.2). */
const CURVES: ReadonlyMap<string, string> = new Map([
  ['P-256', 'EC'],
  ['P-384', 'EC'],
  ['P-521', 'EC'],
  ['X25519', 'OKP'],
]);

/** What `key_ops` calls that for which a key is wanted (RFC 7517 §4.3). */
const OPERATIONS: Readonly<Record<string, readonly unknown[]>> = {
  RSA: ['encrypt', 'wrapKey'],
  EC: ['deriveKey', 'deriveBits'],
  OKP: ['deriveKey', 'deriveBits'],
};

/** So many are tried for an answer: to read hundreds would take the time of hundreds of answers. */
const MAX_TRIED = 16;

/** The first of a client's keys that is broken, or too weak; one of a type that is not known here may be for others. */
export function brokenKey(keys: readonly ClientJwk[]): ClientJwk | undefined {
  return keys.find((jwk) => KNOWN_TYPES.includes(jwk.kty) && !isUsable(jwk));
}

/** The first that fits an algorithm of key management, and before it the first that fits and says that it is for this. */
export function encryptionKey(keys: readonly ClientJwk[], alg: string): ClientJwk | undefined {
  const fitting = keys.filter((jwk) => fits(jwk, alg));
  const isSaid = (jwk: ClientJwk): boolean => jwk.use === 'enc' || jwk.alg === alg;
  const inOrder = [...fitting.filter(isSaid), ...fitting.filter((jwk) => !isSaid(jwk))];
  return inOrder.slice(0, MAX_TRIED).find(isUsable);
}

function fits(jwk: ClientJwk, alg: string): boolean {
  const type = alg.startsWith('RSA') ? 'RSA' : CURVES.get(jwk.crv as string);
  return (
    type !== undefined &&
    jwk.kty === type &&
    isForEncryption(jwk, type) &&
    (jwk.alg === undefined || jwk.alg === alg)
  );
}

/** By its `use`, and by its `key_ops` where it has none: an empty array, as Web Crypto writes it, says nothing. */
function isForEncryption({ use, key_ops: operations }: ClientJwk, type: string): boolean {
  if (use !== undefined) return use === 'enc';
  if (!Array.isArray(operations) || operations.length === 0) return true;
  return operations.some((operation) => (OPERATIONS[type] as readonly unknown[]).includes(operation));
}

function isUsable(jwk: ClientJwk): boolean {
  const key = publicKey(jwk);
  if (!key) return false;
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails as AsymmetricKeyDetails;
  // With the exponent 1 everybody reads what is encrypted, and signs what is verified.
  return modulusLength === undefined || (modulusLength >= SHORTEST_RSA && (publicExponent as bigint) > 1n);
}

/** The key that a JWK is of; `undefined` for what is none, or of a type that is not known here. */
export function publicKey({ kty, crv, x, y, n, e }: ClientJwk): KeyObject | undefined {
  try {
    return createPublicKey({ key: { kty, crv, x, y, n, e } as Record<string, unknown>, format: 'jwk' });
  } catch {
    return undefined;
  }
}
