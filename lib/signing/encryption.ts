import type { Client } from '../clients/client.js';
import type { ClientJwk } from '../clients/registered-key.js';
import { HookError } from '../http/http-error.js';
import { SIGNED_TYP } from '../introspection/signed-type.js';

/** Whether answers for a client have to be encrypted, so that it must never be told anything in plain JSON. */
export function isEncrypted(client: Client): boolean {
  return client.introspectionEncryptedResponseAlg !== undefined;
}

/**
 * A signed JWT, encrypted for a client whose answers have to be (RFC 7519 §5.2, §11.2).
 *
 * @param jwk a key of the client that fits
 * @throws HookError where it cannot be used
 */
export async function encrypted(jwt: string, client: Client, jwk: ClientJwk): Promise<string> {
  const alg = client.introspectionEncryptedResponseAlg as string;
  const enc = client.introspectionEncryptedResponseEnc ?? 'A128CBC-HS256';
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
