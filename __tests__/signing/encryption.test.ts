import { describe, expect, it } from '@jest/globals';
import { compactDecrypt, decodeProtectedHeader } from 'jose';
import { HookError } from '../../lib/http/http-error.js';
import type { Client } from '../../lib/index.js';
import { encrypted, isEncrypted } from '../../lib/signing/encryption.js';
import { EC, type EncryptionKey, encryptionKey, RSA } from '../support/signing.js';

const ENCS = ['A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512', 'A128GCM', 'A192GCM', 'A256GCM'];
const RSA_KEY = await encryptionKey('RSA-OAEP-256', { kid: 'rsa-enc', use: 'enc' });
const EC_KEY = await encryptionKey('ECDH-ES', { kid: 'ec-enc' });
const OTHER_EC = await encryptionKey('ECDH-ES', { kid: 'other' });

const client = (alg: string, enc?: string): Client => ({
  clientId: 'api',
  introspectionEncryptedResponseAlg: alg,
  ...(enc !== undefined && { introspectionEncryptedResponseEnc: enc }),
});

async function opened(jwe: string, { privateKey }: EncryptionKey): Promise<string> {
  const { plaintext } = await compactDecrypt(jwe, privateKey);
  return Buffer.from(plaintext).toString();
}

describe('encrypted', () => {
  it.each(
    [
      ['RSA-OAEP-256', RSA_KEY] as const,
      ['ECDH-ES', EC_KEY] as const,
      ['ECDH-ES+A128KW', EC_KEY] as const,
    ].flatMap(([alg, key]) => ENCS.map((enc) => [alg, enc, key] as const)),
  )('J-08 J-09 nests a JWT by %s with %s', async (alg, enc, key) => {
    const jwe = await encrypted('a.b.c', client(alg, enc), [key.jwk]);
    expect(decodeProtectedHeader(jwe)).toMatchObject({
      alg,
      enc,
      cty: 'JWT',
      typ: 'token-introspection+jwt',
      kid: key.jwk.kid,
    });
    expect(await opened(jwe, key)).toBe('a.b.c');
  });

  it.each([
    ['RSA-OAEP', undefined],
    ['RSA-OAEP-384', undefined],
    ['RSA-OAEP-512', undefined],
    ['ECDH-ES+A192KW', 'P-384'],
    ['ECDH-ES+A256KW', 'P-521'],
    ['ECDH-ES', 'X25519'],
  ])('J-09 nests a JWT by %s on %s, with A128CBC-HS256 where the client does not say', async (alg, crv) => {
    const key = await encryptionKey(alg, {}, crv);
    const jwe = await encrypted('a.b.c', client(alg), [key.jwk]);
    expect(decodeProtectedHeader(jwe)).toMatchObject({ alg, enc: 'A128CBC-HS256' });
    expect(decodeProtectedHeader(jwe)).not.toHaveProperty('kid');
    expect(await opened(jwe, key)).toBe('a.b.c');
  });

  it.each<[string, readonly object[]]>([
    ['after keys of other types', [RSA_KEY.jwk, { ...EC, use: undefined, crv: 'Ed25519' }, EC_KEY.jwk]],
    ['after one for signing, by its use', [{ ...OTHER_EC.jwk, use: 'sig' }, EC_KEY.jwk]],
    ['after one for signing, by its key_ops', [{ ...OTHER_EC.jwk, key_ops: ['verify'] }, EC_KEY.jwk]],
    ['after one for another algorithm', [{ ...OTHER_EC.jwk, alg: 'ECDH-ES+A256KW' }, EC_KEY.jwk]],
    ['after one to sign with', [{ ...OTHER_EC.jwk, alg: 'ES256' }, EC_KEY.jwk]],
    ['before another', [EC_KEY.jwk, OTHER_EC.jwk]],
    ['that says that it is for encryption', [OTHER_EC.jwk, { ...EC_KEY.jwk, use: 'enc' }]],
    ['that says for which algorithm it is', [OTHER_EC.jwk, { ...EC_KEY.jwk, alg: 'ECDH-ES' }]],
    ['with odd members', [{ ...EC_KEY.jwk, key_ops: ['deriveBits'], ext: false, x5c: ['!'] }]],
    ['with a use, whatever its key_ops say', [{ ...EC_KEY.jwk, use: 'enc', key_ops: ['verify'] }]],
    ['with key_ops that are no array', [{ ...EC_KEY.jwk, key_ops: 'verify' }]],
    ['with a kid that is no string', [{ ...EC_KEY.jwk, kid: 1 }]],
  ])('takes the key %s', async (_what, keys) => {
    const jwe = await encrypted('a.b.c', client('ECDH-ES'), keys as never);
    expect(await opened(jwe, EC_KEY)).toBe('a.b.c');
  });

  it('takes a key of RSA by its type alone, and never one on a curve', async () => {
    const jwe = await encrypted('a.b.c', client('RSA-OAEP-256'), [EC_KEY.jwk, RSA_KEY.jwk]);
    expect(decodeProtectedHeader(jwe).kid).toBe('rsa-enc');
  });

  it.each<[string, readonly object[]]>([
    ['has none', []],
    ['has none of the type', [RSA_KEY.jwk]],
    ['has one for signing only', [{ ...EC_KEY.jwk, use: 'sig' }]],
    ['has one for another algorithm only', [{ ...EC_KEY.jwk, alg: 'ECDH-ES+A128KW' }]],
  ])('refuses where the client %s', async (_what, keys) => {
    await expect(encrypted('a.b.c', client('ECDH-ES'), keys as never)).rejects.toStrictEqual(
      new HookError('client: no key of it fits its "introspectionEncryptedResponseAlg"'),
    );
  });

  it.each<[string, string, object]>([
    ['a point that is not on the curve', 'ECDH-ES', { ...EC_KEY.jwk, y: OTHER_EC.jwk.y }],
    ['no point', 'ECDH-ES', { kty: 'EC', crv: 'P-256' }],
    ['too few bits', 'RSA-OAEP-256', { kty: 'RSA', e: 'AQAB', n: String(RSA.n).slice(0, 170) }],
  ])('refuses a key of the client with %s', async (_what, alg, jwk) => {
    const thrown = encrypted('a.b.c', client(alg), [jwk] as never);
    await expect(thrown).rejects.toBeInstanceOf(HookError);
    await expect(thrown).rejects.toThrow('client: its key for encryption cannot be used');
  });
});

describe('isEncrypted', () => {
  it('goes by the algorithm alone', () => {
    expect(isEncrypted(client('ECDH-ES'))).toBe(true);
    expect(isEncrypted({ clientId: 'api', introspectionSignedResponseAlg: 'ES256' })).toBe(false);
  });
});
