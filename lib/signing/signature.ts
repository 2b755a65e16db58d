import { constants, type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';

/** How a signature of JWS is made (RFC 7518 §3.1, RFC 8037 §3.1), in the words of Node.js and of Web Crypto. */
interface Scheme {
  /** Ed25519 hashes by itself. */
  readonly digest: string | null;
  readonly padding?: number;
  readonly saltLength?: number;
  readonly webCrypto: { readonly name: string; readonly hash?: string; readonly saltLength?: number };
}

/** A length of the salt that is that of the digest (RFC 7518 §3.5). */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };

export function schemeOf(alg: string): Scheme {
  const bits = alg.slice(2);
  const [digest, hash] = [`sha${bits}`, `SHA-${bits}`];
  switch (alg.slice(0, 2)) {
    case 'RS':
      return { digest, webCrypto: { name: 'RSASSA-PKCS1-v1_5', hash } };
    case 'PS':
      return { digest, ...PSS, webCrypto: { name: 'RSA-PSS', hash, saltLength: Number(bits) / 8 } };
    case 'ES':
      return { digest, webCrypto: { name: 'ECDSA', hash } };
    default:
      return { digest: null, webCrypto: { name: 'Ed25519' } };
  }
}

const signInPool = promisify(sign);

/** Signs in a thread of Node's pool. */
export function signed(alg: string, key: KeyObject, data: Uint8Array): Promise<Uint8Array> {
  const { digest, padding, saltLength } = schemeOf(alg);
  const how = { key, dsaEncoding: 'ieee-p1363', padding, saltLength } as Parameters<typeof sign>[2];
  // The types do not know that Ed25519 has no digest.
  return signInPool(digest as string, data, how);
}

/** @param dsaEncoding of an ECDSA signature: r and s one after the other, as JWS has them (RFC 7518 §3.4), or in DER */
export function isSignature(
  alg: string,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
  dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363',
): boolean {
  const { digest, padding, saltLength } = schemeOf(alg);
  const how = { key, dsaEncoding, padding, saltLength } as Parameters<typeof verify>[2];
  return verify(digest, data, how, signature);
}
