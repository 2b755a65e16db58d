import { describe, expect, it } from '@jest/globals';
import { compactDecrypt, decodeProtectedHeader } from 'jose';
import { type ClientJwk, encryptionKey as keyFor } from '../../lib/clients/registered-key.js';
import { HookError } from '../../lib/http/http-error.js';
import type { Client } from '../../lib/index.js';
import { encrypted, isEncrypted } from '../../lib/signing/encryption.js';
import { EC, type EncryptionKey, encryptionKey, RSA } from '../support/signing.js';

const ENCS = ['A128CBC-HS256', 'A192CBC-HS384', 'A256CBC-HS512', 'A128GCM', 'A192GCM', 'A256GCM'];
const RSA_KEY = await encryptionKey('RSA-OAEP-256', { kid: 'rsa-enc', use: 'enc' });
const EC_KEY = await encryptionKey('ECDH-ES', { kid: 'ec-enc' });
const OTHER_EC = await encryptionKey('ECDH-ES', { kid: 'other' });

const SHORT = { kty: 'RSA', e: 'AQAB', n: String(RSA.n).slice(0, 170) };

const client = (alg: string, enc?: string): Client => ({
  clientId: 'api',
  introspectionEncryptedResponseAlg: alg,
  ...(enc !== undefined && { introspectionEncryptedResponseEnc: enc }),
});

const chosen = (alg: string, keys: readonly object[]): ClientJwk =>
  keyFor(keys as readonly ClientJwk[], alg) as ClientJwk;

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
    const jwe = await encrypted('a.b.c', client(alg, enc), key.jwk as never);
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
    const jwe = await encrypted('a.b.c', client(alg), key.jwk as never);
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
    ['with key_ops that are empty', [{ ...EC_KEY.jwk, key_ops: [] }]],
    ['with a use, whatever its key_ops say', [{ ...EC_KEY.jwk, use: 'enc', key_ops: ['verify'] }]],
    ['with a key_op for this beside another one', [{ ...EC_KEY.jwk, key_ops: ['verify', 'deriveKey'] }]],
    ['with key_ops that are no array', [{ ...EC_KEY.jwk, key_ops: 'verify' }]],
    ['with a kid that is no string', [{ ...EC_KEY.jwk, kid: 1 }]],
  ])('takes the key %s', async (_what, keys) => {
    const jwe = await encrypted('a.b.c', client('ECDH-ES'), chosen('ECDH-ES', keys));
    expect(await opened(jwe, EC_KEY)).toBe('a.b.c');
  });

  it('takes a key of RSA by its type alone, and never one on a curve', async () => {
    const jwe = await encrypted(
      'a.b.c',
      client('RSA-OAEP-256'),
      chosen('RSA-OAEP-256', [EC_KEY.jwk, RSA_KEY.jwk]),
    );
    expect(decodeProtectedHeader(jwe).kid).toBe('rsa-enc');
  });

  it.each<[string, string, readonly object[]]>([
    ['none', 'ECDH-ES', []],
    ['none of the type', 'ECDH-ES', [RSA_KEY.jwk]],
    ['one of no type', 'ECDH-ES', [{ key_ops: ['deriveKey'] }]],
    ['one of another type', 'ECDH-ES', [{ ...EC_KEY.jwk, kty: 'OKP' }]],
    ['one for signing only', 'ECDH-ES', [{ ...EC_KEY.jwk, use: 'sig' }]],
    ['one for another algorithm only', 'ECDH-ES', [{ ...EC_KEY.jwk, alg: 'ECDH-ES+A128KW' }]],
    ['a point that is not on the curve', 'ECDH-ES', [{ ...EC_KEY.jwk, y: OTHER_EC.jwk.y }]],
    ['no point', 'ECDH-ES', [{ kty: 'EC', crv: 'P-256' }]],
    ['an unheard-of curve', 'ECDH-ES', [{ ...EC_KEY.jwk, crv: 'toString' }]],
    ['a curve that is no text', 'ECDH-ES', [{ ...EC_KEY.jwk, crv: { toString: 1 } }]],
    ['too few bits', 'RSA-OAEP-256', [SHORT]],
    ['the exponent 1', 'RSA-OAEP-256', [{ ...RSA_KEY.jwk, e: 'AQ' }]],
    ['one to sign with', 'RSA-OAEP-256', [{ ...RSA_KEY.jwk, use: undefined, key_ops: ['sign'] }]],
    ['one to agree with', 'RSA-OAEP-256', [{ ...RSA_KEY.jwk, use: undefined, key_ops: ['deriveKey'] }]],
  ])('finds no key where the client has %s, and another one after it', (_what, alg, keys) => {
    expect(chosen(alg, keys)).toBeUndefined();
    const good = alg === 'ECDH-ES' ? EC_KEY.jwk : RSA_KEY.jwk;
    expect(chosen(alg, [...keys, good])).toBe(good);
  });

  it('tries so few that a set of many costs no more than one of some', () => {
    const bad = { ...EC_KEY.jwk, y: OTHER_EC.jwk.y };
    expect(chosen('ECDH-ES', [...Array<object>(15).fill(bad), EC_KEY.jwk])).toBe(EC_KEY.jwk);
    expect(chosen('ECDH-ES', [...Array<object>(16).fill(bad), EC_KEY.jwk])).toBeUndefined();
    const bad15 = Array<object>(15).fill({ ...bad, use: 'enc' });
    expect(chosen('ECDH-ES', [...bad15, EC_KEY.jwk])).toBe(EC_KEY.jwk);
    // One that says what it is for comes before them.
    expect(chosen('ECDH-ES', [...Array<object>(99).fill(bad), { ...EC_KEY.jwk, use: 'enc' }])).toMatchObject({
      use: 'enc',
    });
  });

  it('fails where the key leads to nothing', async () => {
    const nothing = { kty: 'OKP', crv: 'X25519', x: Buffer.alloc(32).toString('base64url') };
    const thrown = encrypted('a.b.c', client('ECDH-ES'), nothing);
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
