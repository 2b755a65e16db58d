import type { Client } from '../clients/client.js';
import { HookError } from '../http/http-error.js';
import { SIGNED_TYP } from '../introspection/signed-type.js';

/** A public key of a client as a JWK (RFC 7517 §4). */
export type ClientJwk = Readonly<Record<string, unknown>>;

/** What ECDH-ES is done on (RFC 7518 §6.2.1.1, RFC 8037 §3.2). */
const CURVES: readonly unknown[] = ['P-256', 'P-384', 'P-521', 'X25519'];

/** Whether answers for a client have to be encrypted, so that it must never be told anything in plain JSON. */
export function isEncrypted(client: Client): boolean {
  return client.introspectionEncryptedResponseAlg !== undefined;
}

/**
 * A signed JWT, encrypted for a client whose answers have to be (RFC 7519 §5.2, §11.2).
 *
 * @throws HookError where no key of the client fits, or the one that does cannot be used
 */
export async function encrypted(jwt: string, client: Client, keys: readonly ClientJwk[]): Promise<string> {
  const alg = client.introspectionEncryptedResponseAlg as string;
  const enc = client.introspectionEncryptedResponseEnc ?? 'A128CBC-HS256';
  const jwk = encryptionKey(keys, alg);
  if (!jwk) throw new HookError('client: no key of it fits its "introspectionEncryptedResponseAlg"');
  const { kid, kty, crv, x, y, n, e } = jwk;
  const { CompactEncrypt, importJWK } = await import('jose');
  try {
    // What it is for has been looked at; of what else may stand in a JWK, jose takes some amiss that does no harm.
    const key = await importJWK({ kty, crv, x, y, n, e } as Parameters<typeof importJWK>[0], alg);
    return await new CompactEncrypt(Buffer.from(jwt))
      .setProtectedHeader({
        alg,
        enc,
        cty: 'JWT',
        typ: SIGNED_TYP,
        ...(typeof kid === 'string' && { kid }),
      })
      .encrypt(key);
  } catch (cause) {
    throw new HookError('client: its key for encryption cannot be used', { cause });
  }
}

/** The first that fits, and before it the first that fits and says that it is for this. */
function encryptionKey(keys: readonly ClientJwk[], alg: string): ClientJwk | undefined {
  const fitting = keys.filter((jwk) => fits(jwk, alg));
  return fitting.find((jwk) => jwk.use === 'enc' || jwk.alg === alg) ?? fitting[0];
}

function fits(jwk: ClientJwk, alg: string): boolean {
  const isOfType = alg.startsWith('RSA') ? jwk.kty === 'RSA' : CURVES.includes(jwk.crv);
  const isForSigning =
    jwk.use === undefined ? Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify') : jwk.use !== 'enc';
  return isOfType && !isForSigning && (jwk.alg === undefined || jwk.alg === alg);
}
