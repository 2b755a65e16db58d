import type { KeyObject, webcrypto } from 'node:crypto';
import { isFunction } from '../options.js';
import { isPublicJwk } from '../public-jwk.js';
import { heldSigningKey, type KeyHolder, keyIn } from './held-key.js';
import {
  type Fault,
  type PrivateJwk,
  type PublishedKey,
  plainJwk,
  publishedKey,
  type SigningKey,
  signingKey,
} from './signing-key.js';

/** A key in an HSM or a KMS, which signs there. */
export interface ExternalSigningKey {
  readonly kid: string;
  /** May be left out of a key on `P-256`, `P-384` or `P-521`. */
  readonly alg?: string;
  /** The public half as a JWK. */
  readonly publicJwk: PrivateJwk;
  /**
   * Signs bytes with the private key, by `alg`. Answers the signature as JWS has it: for `ES256`, `ES384` and `ES512` r and s one
   * after the other (RFC 7518 §3.4), not the DER that most KMS return. What it throws is 503 for that answer.
   */
  readonly sign: (data: Uint8Array) => Uint8Array | ArrayBuffer | Promise<Uint8Array | ArrayBuffer>;
}

/** A key that Node.js or Web Crypto holds. */
export interface HeldSigningKey {
  readonly kid: string;
  /** May be left out of a key on `P-256`, `P-384` or `P-521`. */
  readonly alg?: string;
  readonly key: KeyObject | webcrypto.CryptoKey;
  /** The public half as a JWK. Default: told by the key; of a `CryptoKey` that is not extractable, Node.js warns of that from 24 on. */
  readonly publicJwk?: PrivateJwk;
}

/** A key to sign answers with, or a public one to publish beside them. */
export type AnswerKey =
  | PrivateJwk
  | ExternalSigningKey
  | HeldSigningKey
  | ((KeyObject | webcrypto.CryptoKey) & { readonly kid: string; readonly alg?: string });

/** A key as it was given, its members read once. */
export interface GivenKey {
  readonly jwk: PrivateJwk;
  readonly publicJwk: PrivateJwk | undefined;
  readonly holder: KeyHolder | undefined;
  /** What has to be the same, and not only to look the same, for this to be the same key as another. */
  readonly identity: unknown;
}

/** @throws what `fault` makes for what is no key in any form */
export function givenKey(given: unknown, fault: Fault): GivenKey {
  const jwk = plainJwk(given, fault);
  const { key, sign, publicJwk } = heldMembers(given as Record<string, unknown>, fault);
  const held = keyIn(key ?? given);
  if (key !== undefined && !held) throw fault('has a "key" that is no KeyObject and no CryptoKey');
  if (sign !== undefined && !isFunction(sign)) throw fault('has a "sign" that is no function');
  if (held && sign) throw fault('has a "sign" beside a key that signs by itself');
  const half =
    publicJwk === undefined
      ? undefined
      : plainJwk(publicJwk, (problem) => fault(`has a "publicJwk" that ${problem}`));
  if (held) return { jwk, publicJwk: half, holder: held, identity: held.key };
  if (!sign) return { jwk, publicJwk: undefined, holder: undefined, identity: undefined };
  const holder = {
    kind: 'function',
    // It may be a method, of what knows where the key is.
    sign: (data: Uint8Array): unknown => Reflect.apply(sign as (data: Uint8Array) => unknown, given, [data]),
  } as const;
  return { jwk, publicJwk: half ?? jwk, holder, identity: given };
}

function heldMembers(
  given: Readonly<Record<string, unknown>>,
  fault: Fault,
): { readonly key: unknown; readonly sign: unknown; readonly publicJwk: unknown } {
  try {
    const { key, sign, publicJwk } = given;
    return { key, sign, publicJwk };
  } catch {
    throw fault('cannot be read');
  }
}

/** @throws what `fault` makes for a key that neither signs nor can be published */
export function readKey({ jwk, publicJwk, holder }: GivenKey, fault: Fault): SigningKey | PublishedKey {
  if (holder) return heldSigningKey(holder, jwk, publicJwk, fault);
  return isPublicJwk(jwk) ? publishedKey(jwk, fault) : signingKey(jwk, fault);
}
