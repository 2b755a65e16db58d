import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/*
 * The details API must show the refresh token that belongs to an access token.
 * It is sealed under a key derived from the access token, which is itself kept
 * only as a digest: whoever holds the store has nothing, whoever presents the
 * access token gets what the contract promises. Answers in a cache that processes
 * share are sealed in the same way, for a purpose of their own: under their token,
 * or under what only the processes that have a secret can make of it.
 */

const REFRESH_TOKEN = 'express-token-introspection refresh token v1';
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

function keyFrom(token: string | Uint8Array, salt: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', token, salt, purpose, 32));
}

/** Seals `value` (AES-256-GCM) so that only a holder of `token`, or of what stands for it, can open it, and for the same purpose only. */
export function seal(value: string, token: string | Uint8Array, purpose: string = REFRESH_TOKEN): Buffer {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyFrom(token, salt, purpose), nonce);
  const text = Buffer.concat([cipher.update(value, 'utf8'), cipher.final()]);
  return Buffer.concat([salt, nonce, cipher.getAuthTag(), text]);
}

/** Opens what {@link seal} made; throws when the token or the purpose is another one, or the bytes were changed. */
export function unseal(sealed: Buffer, token: string | Uint8Array, purpose: string = REFRESH_TOKEN): string {
  const nonceAt = SALT_BYTES;
  const tagAt = nonceAt + NONCE_BYTES;
  const textAt = tagAt + TAG_BYTES;
  const key = keyFrom(token, sealed.subarray(0, nonceAt), purpose);
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(nonceAt, tagAt), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAuthTag(sealed.subarray(tagAt, textAt));
  return Buffer.concat([decipher.update(sealed.subarray(textAt)), decipher.final()]).toString('utf8');
}
