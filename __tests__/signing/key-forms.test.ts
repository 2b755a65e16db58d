import {
  createHash,
  createPrivateKey,
  createSign,
  generateKeyPairSync,
  KeyObject,
  sign as nodeSign,
  type webcrypto,
} from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import { compactVerify, importJWK } from 'jose';
import request from 'supertest';
import { ASYMMETRIC_ALGORITHMS } from '../../lib/algorithms.js';
import { JWKS_PATH } from '../../lib/apis/jwks.js';
import { HookError } from '../../lib/http/http-error.js';
import type { AnswerKey, PrivateJwk } from '../../lib/index.js';
import type { SigningKey } from '../../lib/signing/signing-key.js';
import { SigningKeys } from '../../lib/signing/signing-keys.js';
import { ask, caller, EC, ED, JWT, privateJwk, RSA, verified } from '../support/signing.js';
import { world } from '../support/world.js';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ecJwk = ec.publicKey.export({ format: 'jwk' }) as PrivateJwk;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaJwk = rsa.publicKey.export({ format: 'jwk' }) as PrivateJwk;
/** As a KMS does it, once its DER is made into what JWS wants. */
const kms = (data: Uint8Array): Uint8Array =>
  createSign('sha256').update(data).sign({ key: ec.privateKey, dsaEncoding: 'ieee-p1363' });
const subtle = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, [
  'sign',
  'verify',
]);

const names = { kid: 'k', alg: 'ES256' };
const external = (more: object = {}): AnswerKey =>
  ({ ...names, publicJwk: ecJwk, sign: kms, ...more }) as AnswerKey;
class Vault {
  readonly kid = 'k';
  readonly alg = 'ES256';
  readonly publicJwk: PrivateJwk = ecJwk;
  readonly key = undefined;
  readonly #secret = ec.privateKey;

  sign(data: Uint8Array): Uint8Array {
    return nodeSign('sha256', data, { key: this.#secret, dsaEncoding: 'ieee-p1363' });
  }
}

const FORMS: readonly (readonly [string, AnswerKey])[] = [
  ['a function beside a public JWK', external()],
  ['a function without an alg, where the curve tells it', external({ alg: undefined })],
  ['names that are in the public JWK', { publicJwk: { ...ecJwk, ...names }, sign: kms } as never],
  ['a function that answers later', external({ sign: async (data: Uint8Array) => kms(data) })],
  [
    'a function that answers an ArrayBuffer',
    external({ sign: (data: Uint8Array) => new Uint8Array(kms(data)).buffer }),
  ],
  ['a method of a class', new Vault()],
  ['a public JWK with a function in it', { ...ecJwk, ...names, use: 'sig', sign: kms }],
  ['a KeyObject', { ...names, key: ec.privateKey }],
  ['a KeyObject and its public half', { kid: 'k', key: ec.privateKey, publicJwk: ecJwk }],
  ['a KeyObject with the names on it', Object.assign(Object.create(ec.privateKey), names) as never],
  ['a CryptoKey', { ...names, key: subtle.privateKey }],
  [
    'a CryptoKey and its public half',
    {
      ...names,
      key: subtle.privateKey,
      publicJwk: KeyObject.from(subtle.publicKey).export({ format: 'jwk' }) as PrivateJwk,
    },
  ],
  ['a CryptoKey with the names on it', Object.assign(Object.create(subtle.privateKey), names) as never],
];

const RS256 = { hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
const rsaKey = (name: string) => crypto.subtle.generateKey({ name, ...RS256 }, false, ['sign', 'verify']);

const PKCS1 = await rsaKey('RSASSA-PKCS1-v1_5');
const PSS = await rsaKey('RSA-PSS');
const ECDH = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);

describe('a key in an HSM, a KMS, Node.js or Web Crypto', () => {
  it.each(FORMS)('issuer/19 signs answers, and is published: %s', async (_what, key) => {
    const { client, authorization } = caller('c', { introspectionSignedResponseAlg: 'ES256' });
    for (const keys of [[key], () => [key]]) {
      const { app } = await world({ keys, moreClients: [client] });
      for (let times = 0; times < 2; times += 1) {
        const { body } = await ask(app, authorization, 'at-live');
        const { payload, protectedHeader } = await verified(app, body, 'c');
        expect(protectedHeader).toStrictEqual({ ...names, typ: 'token-introspection+jwt' });
        expect(payload.token_introspection).toMatchObject({ active: true });
      }
      const published = (await request(app).get(JWKS_PATH)).body as { keys: object[] };
      expect(published.keys).toStrictEqual([
        { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String), ...names, use: 'sig' },
      ]);
    }
  });

  it.each(ASYMMETRIC_ALGORITHMS)(
    'issuer/19 J-09 signs by %s as jose verifies it, in every form',
    async (alg) => {
      const jwk: PrivateJwk = { ...(await privateJwk('k', alg)), alg };
      const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicJwk } = jwk as Record<string, unknown>;
      const keys = new SigningKeys('factory', [jwk]);
      const [own] = (await keys.current()) as readonly SigningKey[];
      const key = createPrivateKey({ key: jwk, format: 'jwk' });
      const cryptoKey = (await importJWK(jwk as never, alg)) as webcrypto.CryptoKey;
      const forms: readonly AnswerKey[] = [
        jwk,
        { kid: 'k', alg, key },
        { kid: 'k', alg, key: cryptoKey },
        { kid: 'k', alg, publicJwk, sign: (data) => (own as SigningKey).sign(data) },
      ];
      for (const form of forms) {
        const [read] = (await new SigningKeys('factory', [form]).current()) as readonly SigningKey[];
        const head = Buffer.from(JSON.stringify({ alg })).toString('base64url');
        const signature = await read?.sign(Buffer.from(`${head}.e30`));
        const jws = `${head}.e30.${Buffer.from(signature as Uint8Array).toString('base64url')}`;
        expect((await compactVerify(jws, await importJWK(publicJwk, alg))).protectedHeader).toStrictEqual({
          alg,
        });
        expect(read?.published).toMatchObject({ kid: 'k', alg, use: 'sig', kty: jwk.kty });
      }
    },
  );

  it.each<readonly [string, unknown, number, string | undefined]>([
    [
      'throws',
      () => {
        throw new Error('sealed');
      },
      503,
      undefined,
    ],
    ['rejects', () => Promise.reject(new Error('sealed')), 503, undefined],
    [
      'answers DER',
      (data: Uint8Array) => createSign('sha256').update(data).sign(ec.privateKey),
      500,
      'keys: the signature by "k" is in DER; JWS needs r and s, one after the other (RFC 7518 §3.4)',
    ],
    [
      'signs a digest',
      (data: Uint8Array) => kms(createHash('sha256').update(data).digest()),
      500,
      'keys: the signature by "k" is not by its "alg" and the private half of its public key',
    ],
    [
      'signs with another key',
      (data: Uint8Array) =>
        nodeSign('sha256', data, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
      500,
      'keys: the signature by "k" is not by its "alg" and the private half of its public key',
    ],
    [
      'changes what it is given',
      (data: Uint8Array) => kms(data.fill(0)),
      500,
      'keys: the signature by "k" is not by its "alg" and the private half of its public key',
    ],
    [
      'answers text',
      (data: Uint8Array) => Buffer.from(kms(data)).toString('base64url'),
      500,
      'keys: the signature by "k" must be a Uint8Array',
    ],
    ['answers nothing', () => undefined, 500, 'keys: the signature by "k" must be a Uint8Array'],
    [
      'answers no bytes',
      () => new Uint8Array(0),
      500,
      'keys: the signature by "k" is not by its "alg" and the private half of its public key',
    ],
  ])('issuer/19 nothing goes out unsigned where the function %s', async (_what, sign, status, message) => {
    const { client, authorization } = caller('c', { introspectionSignedResponseAlg: 'ES256' });
    const { app, events } = await world({ keys: [external({ sign })], moreClients: [client] });
    const answer = await ask(app, authorization, 'at-live', JWT);
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain('alice');
    expect(answer.headers['retry-after']).toBe(status === 503 ? '5' : undefined);
    expect(events.at(-1)).toMatchObject(
      message === undefined
        ? { outcome: 'unavailable', fault: { name: 'Error' } }
        : { outcome: 'failed', fault: { message } },
    );
    // JSON needs no key, and the public half is known all the same.
    expect((await ask(app, authorization, 'at-live', 'application/json')).status).toBe(200);
    expect((await request(app).get(JWKS_PATH)).status).toBe(200);
  });

  it('issuer/19 says so in every answer: a key that was right once may be another later', async () => {
    let isRight = true;
    const key = external({ sign: (data: Uint8Array) => (isRight ? kms(data) : new Uint8Array(64)) });
    const [read] = (await new SigningKeys('factory', [key]).current()) as readonly SigningKey[];
    expect(await read?.sign(Buffer.from('x'))).toHaveLength(64);
    isRight = false;
    await expect(read?.sign(Buffer.from('x'))).rejects.toBeInstanceOf(HookError);
  });

  it('issuer/19 a CryptoKey beside the public half of another is found out before anything goes out', async () => {
    const keys = new SigningKeys('factory', [{ ...names, key: subtle.privateKey, publicJwk: ecJwk }]);
    const [read] = (await keys.current()) as readonly SigningKey[];
    await expect(read?.sign(Buffer.from('x'))).rejects.toThrow('is not by its "alg"');
  });

  it('issuer/19 reads what changes, and never takes another holder for one that had the same names', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    let now: AnswerKey = { ...names, key: ec.privateKey };
    const keys = new SigningKeys('factory', () => [now]);
    const [first] = await keys.current();
    now = { ...names, key: ec.privateKey };
    expect((await keys.current())[0]).toBe(first);
    now = { ...names, key: other.privateKey };
    const [second] = await keys.current();
    expect(second?.published.x).toBe(other.publicKey.export({ format: 'jwk' }).x);
    now = external();
    const [third] = await keys.current();
    expect((await keys.current())[0]).toBe(third);
    now = external();
    expect((await keys.current())[0]).not.toBe(third);
  });

  it('issuer/24 a public JWK never signs, wherever it stands', async () => {
    const { d: _d, ...theirs } = EC;
    const { client, authorization } = caller('c', { introspectionSignedResponseAlg: 'ES256' });
    const { app } = await world({ keys: [{ ...theirs, kid: 'theirs' }, external()], moreClients: [client] });
    const { body } = await ask(app, authorization, 'at-live');
    expect((await verified(app, body, 'c')).protectedHeader.kid).toBe('k');
    const none = await world({ keys: [{ ...theirs, kid: 'theirs' }, RSA], moreClients: [client] });
    expect((await ask(none.app, authorization, 'at-live')).status).toBe(500);
  });

  it.each<readonly [string, unknown, string]>([
    [
      'a function without a public JWK',
      { ...names, sign: kms },
      'the key at 0 has a "publicJwk" that is no public JWK, or has members of a private one',
    ],
    [
      'a private JWK with a function',
      { ...EC, sign: kms },
      'the key at 0 has a "publicJwk" that is no public JWK, or has members of a private one',
    ],
    [
      'a private JWK as the public one',
      external({ publicJwk: EC }),
      'the key at 0 has a "publicJwk" that is no public JWK, or has members of a private one',
    ],
    [
      'a public JWK that is text',
      external({ publicJwk: 'x' }),
      'the key at 0 has a "publicJwk" that is no JWK',
    ],
    [
      'a public JWK that is broken',
      external({ publicJwk: { ...ecJwk, x: 'AA' } }),
      'the key at 0 has a broken public key',
    ],
    [
      'a public JWK for encryption',
      external({ publicJwk: { ...ecJwk, use: 'enc' } }),
      'the key at 0 is not for signing, by its "use"',
    ],
    ['a sign that is no function', external({ sign: 'x' }), 'the key at 0 has a "sign" that is no function'],
    ['a function without a kid', external({ kid: undefined }), 'the key at 0 has no "kid"'],
    [
      'another alg than that of the curve',
      external({ alg: 'ES384' }),
      'the key at 0 must have an "alg" of its type: ES256',
    ],
    [
      'an RSA key without an alg',
      { kid: 'k', publicJwk: rsaJwk, sign: kms },
      'the key at 0 must have an "alg" of its type: RS256, RS384, RS512, PS256, PS384, PS512',
    ],
    [
      'a short RSA key',
      { kid: 'k', alg: 'RS256', key: generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey },
      'the key at 0 has fewer than 2048 bits',
    ],
    [
      'a key that is none',
      { ...names, key: 'x' },
      'the key at 0 has a "key" that is no KeyObject and no CryptoKey',
    ],
    [
      'a key and a function',
      { ...names, key: ec.privateKey, sign: kms },
      'the key at 0 has a "sign" beside a key that signs by itself',
    ],
    ['a public KeyObject', { ...names, key: ec.publicKey }, 'the key at 0 is no private key'],
    ['a public CryptoKey', { ...names, key: subtle.publicKey }, 'the key at 0 is no private key'],
    [
      'a KeyObject of another key',
      { ...names, key: ec.privateKey, publicJwk: { ...EC, d: undefined } },
      'the key at 0 has a "publicJwk" that is not the public half of its key',
    ],
    [
      'a KeyObject of a type that no JWK is of',
      { ...names, key: generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey },
      'the key at 0 is of a type with which nothing is signed',
    ],
    [
      'a KeyObject for key agreement',
      { ...names, key: generateKeyPairSync('x25519').privateKey },
      'the key at 0 has a "kty" or "crv" with which nothing is signed',
    ],
    [
      'a CryptoKey for another hash',
      { kid: 'k', alg: 'RS384', key: PKCS1.privateKey },
      'the key at 0 is a CryptoKey that does not sign by its "alg"',
    ],
    [
      'a CryptoKey for another padding',
      { kid: 'k', alg: 'RS256', key: PSS.privateKey },
      'the key at 0 is a CryptoKey that does not sign by its "alg"',
    ],
    [
      'a CryptoKey that does not sign',
      { kid: 'k', key: ECDH.privateKey },
      'the key at 0 is a CryptoKey that does not sign by its "alg"',
    ],
    [
      'members that cannot be read',
      {
        ...names,
        get sign() {
          throw new Error('x');
        },
      },
      'the key at 0 cannot be read',
    ],
    [
      'a public JWK without a kid',
      [{ ...ED, d: undefined, kid: undefined }, EC],
      'the key at 0 has no "kid"',
    ],
    [
      'a public JWK that is no key',
      [{ ...ED, d: undefined, x: 'AA' }, EC],
      'the key at 0 is no public key, or a broken one',
    ],
    [
      'a public JWK with an alg that is no text',
      [{ ...ED, d: undefined, alg: 5 }, EC],
      'the key at 0 has a member that is no string',
    ],
    [
      'a public JWK with a certificate that is no array',
      [{ ...ED, d: undefined, x5c: 'MII' }, EC],
      'the key at 0 has an "x5c" that is no array of strings',
    ],
    [
      'a public JWK with an empty chain',
      [{ ...ED, d: undefined, x5c: [] }, EC],
      'the key at 0 has an "x5c" that is no array of strings',
    ],
    [
      'a public JWK with the kid of another',
      [EC, { ...ED, d: undefined, kid: 'ec' }],
      'the key at 1 has the "kid" of another',
    ],
    ['only public JWKs', [{ ...ED, d: undefined }], 'must have one that signs: all are public JWKs'],
  ])('issuer/19 cannot be made with %s', (_what, given, problem) => {
    expect(() => new SigningKeys('factory', [given].flat())).toThrow(
      new TypeError(`factory: "keys": ${problem}`),
    );
  });

  it('issuer/19 a CryptoKey whose public half Node.js does not tell needs it given', () => {
    jest.spyOn(KeyObject, 'from').mockImplementation(() => {
      throw new Error('no more');
    });
    const make = (more: object) => () =>
      new SigningKeys('factory', [{ ...names, key: subtle.privateKey, ...more }]);
    expect(make({})).toThrow('the key at 0 needs a "publicJwk"');
    expect(make({ publicJwk: ecJwk })).not.toThrow();
  });
});
