import { describe, expect, it } from '@jest/globals';
import { ASYMMETRIC_ALGORITHMS } from '../../lib/algorithms.js';
import { type PrivateJwk, plainJwk, signingKey } from '../../lib/signing/signing-key.js';
import { EC, ED, privateJwk, RSA, secretsOf } from '../support/signing.js';

const fault = (problem: string): Error => new Error(problem);
const read = (jwk: unknown) => signingKey(plainJwk(jwk, fault), fault);

const { privateKey: short } = await (async () => {
  const { generateKeyPairSync } = await import('node:crypto');
  return generateKeyPairSync('rsa', { modulusLength: 1024 });
})();
const SHORT = { ...short.export({ format: 'jwk' }), kid: 'short', alg: 'RS256' };
const OTHER_RSA = await privateJwk('other', 'RS256');
const OTHER_EC = await privateJwk('other', 'ES256');
const OTHER_ED = await privateJwk('other', 'EdDSA');

const without = (jwk: PrivateJwk, ...members: string[]): PrivateJwk =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !members.includes(name)));

describe('signingKey', () => {
  it.each([
    ['RSA', RSA, { n: RSA.n, e: RSA.e }],
    ['EC', EC, { crv: 'P-256', x: EC.x, y: EC.y }],
    ['OKP', ED, { crv: 'Ed25519', x: ED.x }],
  ])('publishes what is public of a key of type %s, and nothing else', (kty, jwk, halves) => {
    const more = {
      key_ops: ['sign'],
      ext: true,
      x5c: ['a'],
      x5u: 'https://x',
      k: 'k',
      priv: 'p',
      use: 'sig',
    };
    const { published, kid, alg } = read({ ...jwk, ...more });
    expect([kid, alg]).toStrictEqual([jwk.kid, jwk.alg]);
    expect(published).toStrictEqual({ kty, ...halves, kid, alg, use: 'sig' });
    expect(Object.isFrozen(published)).toBe(true);
    for (const secret of secretsOf(jwk)) expect(JSON.stringify(published)).not.toContain(secret);
  });

  it('J-09 takes a key for every asymmetric algorithm', async () => {
    for (const alg of ASYMMETRIC_ALGORITHMS) {
      const jwk = alg.endsWith('S256') && alg !== 'ES256' ? { ...RSA, alg } : await privateJwk('k', alg);
      expect(read(jwk)).toMatchObject({ alg });
    }
  });

  it.each([
    ['ES256', 'P-256'],
    ['ES384', 'P-384'],
    ['ES512', 'P-521'],
  ])('knows %s by its curve', async (alg, crv) => {
    const jwk = without(await privateJwk('k', alg), 'alg');
    expect([jwk.crv, read(jwk).alg]).toStrictEqual([crv, alg]);
  });

  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'is no JWK'],
    ['a string', 'x', 'is no JWK'],
    ['an array', [], 'is no JWK'],
    ['no kid', without(RSA, 'kid'), 'has no "kid"'],
    ['an empty kid', { ...RSA, kid: '' }, 'has no "kid"'],
    ['a kid that is a number', { ...RSA, kid: 1 }, 'has no "kid"'],
    ['no kty', without(RSA, 'kty'), 'has a "kty" or "crv" with which nothing is signed'],
    [
      'a shared secret',
      { kty: 'oct', k: 'c2VjcmV0', kid: 'k' },
      'has a "kty" or "crv" with which nothing is signed',
    ],
    [
      'a curve for key agreement',
      { ...ED, crv: 'X25519' },
      'has a "kty" or "crv" with which nothing is signed',
    ],
    ['another curve', { ...EC, crv: 'secp256k1' }, 'has a "kty" or "crv" with which nothing is signed'],
    [
      'an inherited name for a curve',
      { ...EC, crv: 'constructor' },
      'has a "kty" or "crv" with which nothing is signed',
    ],
    [
      'an RSA key without alg',
      without(RSA, 'alg'),
      'must have an "alg" of its type: RS256, RS384, RS512, PS256, PS384, PS512',
    ],
    ['an Ed25519 key without alg', without(ED, 'alg'), 'must have an "alg" of its type: EdDSA, Ed25519'],
    [
      'an alg of none',
      { ...RSA, alg: 'none' },
      'must have an "alg" of its type: RS256, RS384, RS512, PS256, PS384, PS512',
    ],
    [
      'an HMAC alg',
      { ...RSA, alg: 'HS256' },
      'must have an "alg" of its type: RS256, RS384, RS512, PS256, PS384, PS512',
    ],
    [
      'an alg for encryption',
      { ...RSA, alg: 'RSA-OAEP' },
      'must have an "alg" of its type: RS256, RS384, RS512, PS256, PS384, PS512',
    ],
    ['the alg of another curve', { ...EC, alg: 'ES384' }, 'must have an "alg" of its type: ES256'],
    ['an alg that is an array', { ...EC, alg: ['ES256'] }, 'must have an "alg" of its type: ES256'],
    ['a use for encryption', { ...EC, use: 'enc' }, 'is not for signing, by its "use" or "key_ops"'],
    [
      'key_ops without "sign"',
      { ...EC, key_ops: ['verify'] },
      'is not for signing, by its "use" or "key_ops"',
    ],
    [
      'key_ops that are a string',
      { ...EC, key_ops: 'sign' },
      'is not for signing, by its "use" or "key_ops"',
    ],
    ['a public key', without(RSA, 'd', 'p', 'q', 'dp', 'dq', 'qi'), 'is no private key, or a broken one'],
    ['a public key on a curve', without(EC, 'd'), 'is no private key, or a broken one'],
    ['a point that is not on the curve', { ...EC, y: OTHER_EC.y }, 'is no private key, or a broken one'],
    ['a private member that is a number', { ...EC, d: 123456789 }, 'is no private key, or a broken one'],
    ['the kty of another type', { ...EC, kty: 'RSA', alg: 'RS256' }, 'is no private key, or a broken one'],
    ['an RSA key of 1024 bits', SHORT, 'has fewer than 2048 bits'],
    [
      'a public point of another key',
      { ...EC, x: OTHER_EC.x, y: OTHER_EC.y },
      'is no private key, or a broken one',
    ],
    ['a public half of another Ed25519 key', { ...ED, x: OTHER_ED.x }, 'is no private key, or a broken one'],
    [
      'an RSA key of more than two primes',
      { ...RSA, oth: [{ r: 'AQ', d: 'AQ', t: 'AQ' }] },
      'is no private key, or a broken one',
    ],
    ['an RSA key that could have more primes', { ...RSA, oth: [] }, 'is no private key, or a broken one'],
    ['a modulus of another key', { ...RSA, n: OTHER_RSA.n }, 'is no private key, or a broken one'],
  ])('refuses %s, and quotes nothing of it', (_what, jwk, problem) => {
    let error: unknown;
    try {
      read(jwk);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toStrictEqual(new Error(problem));
    expect((error as Error).cause).toBeUndefined();
  });
});
