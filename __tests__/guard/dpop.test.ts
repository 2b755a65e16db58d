import { createHash, createHmac, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import {
  calculateJwkThumbprint,
  exportJWK,
  type GenerateKeyPairResult,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';
import {
  type ActiveResponse,
  cachingIntrospector,
  type ReplayMemory,
  type RequireActiveTokenOptions,
  requireActiveToken,
  tokenDigest,
} from '../../lib/index.js';
import { processReplayMemory } from '../../lib/replay-memory.js';
import { type RawAnswer, raw, serving } from '../support/http.js';
import { NOW, SECONDS } from '../support/world.js';

const TOKEN = 'bound-token';
const CERTIFICATE = readFileSync('__tests__/support/tls/self-signed.crt', 'utf8');
const ALGS = 'ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256';
const CHALLENGE =
  /^DPoP realm="api", error="([a-z_]+)", error_description="[^"]+", algs="[^"]+", Bearer realm="api"$/;

interface Key {
  readonly privateKey: GenerateKeyPairResult['privateKey'];
  readonly jwk: JWK;
  readonly jkt: string;
}

async function newKey(alg = 'ES256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = await exportJWK(publicKey);
  return { privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) };
}

let key: Key;
let jtis = 0;
beforeAll(async () => {
  key = await newKey();
});

interface Changes {
  readonly claims?: Record<string, unknown>;
  readonly header?: Partial<JWTHeaderParameters>;
  readonly by?: Key;
}

/** A proof that is right, save for what is changed. */
async function proof({ claims = {}, header = {}, by = key }: Changes = {}): Promise<string> {
  jtis += 1;
  const all = {
    jti: `jti-${jtis}`,
    htm: 'GET',
    htu: 'https://api.example.com/orders',
    iat: SECONDS,
    ath: tokenDigest(TOKEN),
    ...claims,
  };
  return new SignJWT(JSON.parse(JSON.stringify(all)))
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk: by.jwk, ...header })
    .sign(by.privateKey);
}

const bound = (more: object = {}): ActiveResponse =>
  ({ active: true, sub: 'alice', token_type: 'DPoP', cnf: { jkt: key.jkt }, ...more }) as ActiveResponse;

interface Guarded {
  readonly app: Express;
  readonly clock: { now: number };
  asked: number;
  reached: number;
}

function guarded({
  dpop,
  answer,
  ...options
}: Partial<RequireActiveTokenOptions> & { answer?: () => object } = {}): Guarded {
  const app = express().set('trust proxy', true);
  const guard: Guarded = { app, clock: { now: NOW }, asked: 0, reached: 0 };
  const introspector = {
    async introspect() {
      guard.asked += 1;
      return (answer?.() ?? bound()) as ActiveResponse;
    },
  };
  const clock = (): number => guard.clock.now;
  app.use(
    '/orders',
    requireActiveToken({
      introspector: cachingIntrospector(introspector, { clock }),
      clock,
      ...(dpop !== undefined && { dpop }),
      ...options,
    }),
    (req, res) => {
      guard.reached += 1;
      res.json({ sub: req.activeToken?.sub });
    },
  );
  return guard;
}

/** The external URI is https://api.example.com, by the headers of a proxy that the app trusts. */
const FORWARDED = ['X-Forwarded-Proto', 'https', 'X-Forwarded-Host', 'api.example.com'];

async function call(
  { app }: Guarded,
  proofs: readonly string[],
  { scheme = 'DPoP', path = '/orders', method = 'GET', headers = [] as readonly string[] } = {},
): Promise<RawAnswer> {
  return serving(app, (origin) =>
    raw(origin, {
      method,
      path,
      headers: [
        ...FORWARDED,
        'Authorization',
        `${scheme} ${TOKEN}`,
        ...proofs.flatMap((line) => ['DPoP', line]),
        ...headers,
      ],
    }),
  );
}

function errorOf({ headers }: RawAnswer): string | undefined {
  return CHALLENGE.exec(headers['www-authenticate'] ?? '')?.[1];
}

describe('DPoP: a bound token', () => {
  it.each(['DPoP', 'dpop', 'DPOP'])('T-06 passes with a proof, by the scheme %s', async (scheme) => {
    const guard = guarded();
    const answer = await call(guard, [await proof()], { scheme });
    expect([answer.status, answer.body]).toStrictEqual([200, '{"sub":"alice"}']);
  });

  it.each(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256'])(
    'T-07 with a key for %s',
    async (alg) => {
      const by = await newKey(alg);
      const guard = guarded({ answer: () => bound({ cnf: { jkt: by.jkt } }) });
      expect((await call(guard, [await proof({ by, header: { alg } })])).status).toBe(200);
    },
  );

  it.each([
    ['an htu with a query and a fragment', { htu: 'https://api.example.com/orders?a=1#b' }],
    ['T-08 an htu in other case', { htu: 'HTTPS://API.example.com/orders' }],
    ['T-08 an htu with the default port', { htu: 'https://api.example.com:443/orders' }],
    ['T-08 an htu with dot segments', { htu: 'https://api.example.com/x/../orders' }],
    ['T-08 an htu with needless escapes', { htu: 'https://api.example.com/%6Frders' }],
    ['an iat at the edge of the past', { iat: SECONDS - 60 }],
    ['an iat at the edge of the future', { iat: SECONDS + 60 }],
    ['a fractional iat', { iat: SECONDS - 0.5 }],
    ['an exp to come', { exp: SECONDS + 1 }],
    ['an exp and an nbf within the tolerance', { exp: SECONDS - 59, nbf: SECONDS + 59 }],
    ['a nonce that nobody asked for', { nonce: 'x' }],
  ])('T-07 passes with %s', async (_what, claims) => {
    expect((await call(guarded(), [await proof({ claims })])).status).toBe(200);
  });

  it('T-07 passes with a query, which htu leaves out, and escapes in another form', async () => {
    const claims = { htu: 'https://api.example.com/orders/a%2Fb~' };
    const answer = await call(guarded(), [await proof({ claims })], { path: '/orders/a%2fb%7E?secret=1' });
    expect(answer.status).toBe(200);
  });

  it.each([
    ['T-07 of another method', { htm: 'POST' }],
    ['T-07 of the method in lower case', { htm: 'get' }],
    ['T-07 without a method', { htm: undefined }],
    ['T-07 of another path', { htu: 'https://api.example.com/orders/1' }],
    ['T-07 of another host', { htu: 'https://other.example.com/orders' }],
    ['T-07 of another port', { htu: 'https://api.example.com:8443/orders' }],
    ['T-07 of another scheme', { htu: 'http://api.example.com/orders' }],
    ['T-07 of a URI with credentials', { htu: 'https://a:b@api.example.com/orders' }],
    ['T-07 of a relative URI', { htu: '/orders' }],
    ['T-07 of a URI that is none', { htu: ['https://api.example.com/orders'] }],
    ['T-07 of a URI of another kind', { htu: 'ftp://api.example.com/orders' }],
    ['T-07 without a URI', { htu: undefined }],
    ['T-07 without a jti', { jti: undefined }],
    ['T-07 with an empty jti', { jti: '' }],
    ['T-07 with a jti that is no string', { jti: 5 }],
    ['T-07 without an iat', { iat: undefined }],
    ['T-07 T-09 that is too old', { iat: SECONDS - 61 }],
    ['T-07 T-09 from the future', { iat: SECONDS + 61 }],
    ['T-07 whose iat is a string', { iat: String(SECONDS) }],
    ['T-07 that has expired', { exp: SECONDS - 61 }],
    ['T-07 that is not yet valid', { nbf: SECONDS + 61 }],
    ['T-07 T-08 whose escapes mean another path', { htu: 'https://api.example.com/orders%2F' }],
    ['T-07 with a name before its host', { htu: 'https://api@api.example.com/orders' }],
    ['T-07 with a password before its host', { htu: 'https://:api@api.example.com/orders' }],
    ['T-07 of another token', { ath: tokenDigest('another') }],
    ['T-07 of no token', { ath: undefined }],
  ])('%s: 401 invalid_dpop_proof', async (_what, claims) => {
    const guard = guarded();
    const answer = await call(guard, [await proof({ claims })]);
    expect([answer.status, errorOf(answer), guard.reached]).toStrictEqual([401, 'invalid_dpop_proof', 0]);
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'invalid_dpop_proof' });
  });

  it('T-07 with a header that is wrong in any way: 401 invalid_dpop_proof', async () => {
    const other = await newKey();
    const whole = await exportJWK(key.privateKey);
    const right = await proof();
    const [head, body, signature] = right.split('.') as [string, string, string];
    const headed = (header: object): string =>
      `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${body}.${signature}`;
    const signed = async (header: object): Promise<string> =>
      proof({ header: header as JWTHeaderParameters });
    const hmac = await new SignJWT({})
      .setProtectedHeader({ typ: 'dpop+jwt', alg: 'HS256' })
      .sign(Buffer.alloc(32));
    const wrong: Record<string, string> = {
      'another typ': await signed({ typ: 'JWT' }),
      'no typ': await signed({ typ: undefined }),
      'no key': await signed({ jwk: undefined }),
      'a private key': await signed({ jwk: whole }),
      'a key that has not signed': await proof({ by: { ...other, jwk: key.jwk } }),
      'a symmetric key': await signed({ jwk: { kty: 'oct', k: 'c2VjcmV0' } }),
      'a key that is no object': await signed({ jwk: 'x' }),
      'a critical extension': headed({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk, crit: ['x'], x: 1 }),
      'no algorithm': headed({ typ: 'dpop+jwt', alg: 'none', jwk: key.jwk }),
      'a symmetric algorithm': hmac,
      'another signature': `${head}.${body}.${signature.slice(0, -4)}AAAA`,
      'no signature': `${head}.${body}.`,
      'no JWT': 'x',
      nothing: '',
    };
    const guard = guarded();
    const seen: Record<string, unknown> = {};
    for (const [what, line] of Object.entries(wrong)) {
      const answer = await call(guard, [line]);
      seen[what] = [answer.status, errorOf(answer)];
    }
    const refused = [401, 'invalid_dpop_proof'];
    expect(seen).toStrictEqual(Object.fromEntries(Object.keys(wrong).map((what) => [what, refused])));
    expect(guard.reached).toBe(0);
  });

  it.each([
    'orders',
    '',
    'https://',
    'https://api.example.com:99999/orders',
    5,
    null,
    ['https://api.example.com/orders'],
  ])(
    'T-07 with an htu that is no URI (%j), also where the app names one that is none either: 401 invalid_dpop_proof',
    async (htu) => {
      for (const dpop of [true, { uri: () => 'orders' }]) {
        const answer = await call(guarded({ dpop }), [await proof({ claims: { htu } })]);
        expect([answer.status, errorOf(answer)]).toStrictEqual([401, 'invalid_dpop_proof']);
      }
    },
  );

  it('T-07 by an algorithm that is not taken: 401 invalid_dpop_proof', async () => {
    const by = await newKey('RS512');
    const answer = await call(guarded({ answer: () => bound({ cnf: { jkt: by.jkt } }) }), [
      await proof({ by, header: { alg: 'RS512' } }),
    ]);
    expect([answer.status, errorOf(answer)]).toStrictEqual([401, 'invalid_dpop_proof']);
  });

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])(
    'T-07 with "%s" in the key that it shows, which is not for others: 401 invalid_dpop_proof',
    async (member) => {
      const by = await newKey('RS256');
      const whole = { ...(await exportJWK(by.privateKey)), oth: [], k: 'x' } as Record<string, unknown>;
      const jwk = { ...by.jwk, [member]: whole[member] } as JWK;
      const guard = guarded({ answer: () => bound({ cnf: { jkt: by.jkt } }) });
      const answer = await call(guard, [await proof({ by: { ...by, jwk }, header: { alg: 'RS256' } })]);
      expect([answer.status, errorOf(answer)]).toStrictEqual([401, 'invalid_dpop_proof']);
    },
  );

  it('T-06 without a proof, or with two: 401 invalid_dpop_proof', async () => {
    const guard = guarded();
    for (const proofs of [[], [await proof(), await proof()]]) {
      const answer = await call(guard, proofs);
      expect([answer.status, errorOf(answer)]).toStrictEqual([401, 'invalid_dpop_proof']);
    }
    expect(guard.reached).toBe(0);
  });

  it('T-12 by another key than its own: 401 invalid_token', async () => {
    const guard = guarded();
    const answer = await call(guard, [await proof({ by: await newKey() })]);
    expect([answer.status, errorOf(answer), guard.reached]).toStrictEqual([401, 'invalid_token', 0]);
  });

  it('T-05 T-13 as Bearer, proof or not: 401 invalid_token, and DPoP is offered without an error', async () => {
    const guard = guarded();
    for (const proofs of [[], [await proof()]]) {
      const answer = await call(guard, proofs, { scheme: 'Bearer' });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(
        /^Bearer realm="api", error="invalid_token", error_description="[^"]+", DPoP realm="api", algs="[^"]+"$/,
      );
    }
    expect(guard.reached).toBe(0);
  });

  it.each([
    ['whose type is DPoP, without saying which key', { cnf: undefined }],
    ['whose key is no string', { cnf: { jkt: 5 } }],
    ['whose key is empty', { cnf: { jkt: '' } }],
    ['whose key was left out by mistake', { cnf: { jkt: undefined } }],
    ['whose certificate was left out by mistake', { cnf: { 'x5t#S256': undefined } }],
    ['whose binding says nothing', { cnf: {} }],
    ['that is bound in an unknown way', { cnf: { kid: 'x' } }],
    ['that is bound in an unknown way as well', { cnf: { jkt: 'x', kid: 'x' } }],
  ])('T-05 %s: 401 invalid_token by either scheme, whatever its type', async (_what, more) => {
    for (const type of ['cnf' in more && more.cnf !== undefined ? 'Bearer' : 'DPoP', 'DPoP']) {
      const guard = guarded({ answer: () => bound({ token_type: type, ...more }) });
      for (const scheme of ['DPoP', 'Bearer']) {
        const answer = await call(guard, [await proof()], { scheme });
        expect([answer.status, JSON.parse(answer.body).error]).toStrictEqual([401, 'invalid_token']);
      }
      expect(guard.reached).toBe(0);
    }
  });

  it('T-05 whose cnf is null is bound to nothing: no DPoP token, and a bearer token if that is its type', async () => {
    for (const [type, bearer] of [
      ['DPoP', 401],
      ['Bearer', 200],
    ] as const) {
      const guard = guarded({ answer: () => bound({ token_type: type, cnf: null }) });
      expect((await call(guard, [await proof()], { scheme: 'DPoP' })).status).toBe(401);
      expect((await call(guard, [], { scheme: 'Bearer' })).status).toBe(bearer);
    }
  });

  it.each([
    ['with both', CERTIFICATE, () => [proof()], 200],
    ['with the proof alone', undefined, () => [proof()], 401],
    [
      'with another certificate',
      readFileSync('__tests__/support/tls/another.crt', 'utf8'),
      () => [proof()],
      401,
    ],
    ['with the certificate alone', CERTIFICATE, () => [], 401],
  ])(
    'T-02 T-05 that is bound to a client certificate as well: %s',
    async (_what, certificate, proofs, status) => {
      const cnf = {
        jkt: key.jkt,
        'x5t#S256': createHash('sha256').update(new X509Certificate(CERTIFICATE).raw).digest('base64url'),
      };
      const guard = guarded({ answer: () => bound({ cnf }), certificate: () => certificate });
      const answer = await call(guard, await Promise.all(proofs()));
      expect([answer.status, guard.reached]).toStrictEqual([status, status === 200 ? 1 : 0]);
    },
  );

  it('T-07 passes by a connection with a client certificate, to which it is not bound', async () => {
    const guard = guarded({ certificate: () => CERTIFICATE });
    expect((await call(guard, [await proof()])).status).toBe(200);
  });

  it('T-06 a token that is bound to no key, under the scheme DPoP: 401 invalid_token', async () => {
    const guard = guarded({ answer: () => ({ active: true, token_type: 'Bearer' }) });
    const answer = await call(guard, [await proof()]);
    expect([answer.status, errorOf(answer), guard.reached]).toStrictEqual([401, 'invalid_token', 0]);
    expect((await call(guard, [], { scheme: 'Bearer' })).status).toBe(200);
  });

  it('a token that is not alive: 401 invalid_token, on the scheme that was used', async () => {
    const answer = await call(guarded({ answer: () => ({ active: false }) }), [await proof()]);
    expect([answer.status, errorOf(answer)]).toStrictEqual([401, 'invalid_token']);
  });

  it('a scope that is missing: 403, on the scheme that was used', async () => {
    const answer = await call(guarded({ scope: 'admin' }), [await proof()]);
    expect(answer.status).toBe(403);
    expect(answer.headers['www-authenticate']).toMatch(
      /^DPoP realm="api", error="insufficient_scope", .*scope="admin", algs="[^"]+", Bearer realm="api"$/,
    );
  });
});

describe('DPoP: a proof is used once', () => {
  it('T-09 and is refused when it comes again, also while the answer about the token is remembered', async () => {
    const guard = guarded();
    const line = await proof();
    expect((await call(guard, [line])).status).toBe(200);
    for (let i = 0; i < 3; i++) {
      const answer = await call(guard, [line]);
      expect([answer.status, errorOf(answer)]).toStrictEqual([401, 'invalid_dpop_proof']);
    }
    expect((await call(guard, [await proof()])).status).toBe(200);
    expect([guard.asked, guard.reached]).toStrictEqual([1, 2]);
  });

  it('T-09 until the very end of the time in which it would be valid', async () => {
    const guard = guarded();
    const line = await proof({ claims: { iat: SECONDS + 60 } });
    expect((await call(guard, [line])).status).toBe(200);
    for (const later of [60_000, 119_999, 120_000]) {
      guard.clock.now = NOW + later;
      expect((await call(guard, [line])).status).toBe(401);
    }
  });

  it('T-09 the same jti of another key, or at another URI, is another proof', async () => {
    const other = await newKey();
    let jkt = key.jkt;
    const guard = guarded({ answer: () => bound({ cnf: { jkt } }), dpop: {} });
    const jti = { jti: 'the same' };
    expect((await call(guard, [await proof({ claims: jti })])).status).toBe(200);
    const elsewhere = await proof({ claims: { ...jti, htu: 'https://api.example.com/orders/2' } });
    expect((await call(guard, [elsewhere], { path: '/orders/2' })).status).toBe(200);
    expect((await call(guard, [await proof({ claims: jti })])).status).toBe(401);
    jkt = other.jkt;
    guard.clock.now += 31_000;
    expect((await call(guard, [await proof({ by: other, claims: jti })])).status).toBe(200);
  });

  it('T-09 of many that come at once, one passes', async () => {
    const guard = guarded();
    const line = await proof();
    await serving(guard.app, async (origin) => {
      const headers = [...FORWARDED, 'Authorization', `DPoP ${TOKEN}`, 'DPoP', line];
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => raw(origin, { method: 'GET', path: '/orders', headers })),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    });
  });

  it('a refused proof is not remembered, so that nobody can use up a right one', async () => {
    const guard = guarded({ scope: 'read', answer: () => bound({ scope: 'read' }) });
    const claims = { jti: 'taken' };
    expect((await call(guard, [await proof({ claims, by: await newKey() })])).status).toBe(401);
    expect((await call(guard, [await proof({ claims: { ...claims, htm: 'POST' } })])).status).toBe(401);
    expect((await call(guard, [await proof({ claims })])).status).toBe(200);
  });

  it.each([
    ['is from the past', -30, 30_001],
    ['is from now', 0, 60_001],
    ['is from the future', 30, 90_001],
  ])(
    'T-09 has a memory remember a proof that %s for as long as it would be valid',
    async (_what, age, ttl) => {
      const asked: number[] = [];
      const remember = (_key: string, milliseconds: number): boolean => asked.push(milliseconds) > 0;
      const guard = guarded({ dpop: { replay: { remember } } });
      expect((await call(guard, [await proof({ claims: { iat: SECONDS + age } })])).status).toBe(200);
      expect(asked).toStrictEqual([ttl]);
    },
  );

  it('T-09 asks a memory that processes share, for digests only, and for whole milliseconds', async () => {
    const seen: [string, number][] = [];
    const keys = new Set<string>();
    const replay: ReplayMemory = {
      async remember(digest, ttl) {
        seen.push([digest, ttl]);
        return keys.size < keys.add(digest).size;
      },
    };
    const [here, there] = [guarded({ dpop: { replay } }), guarded({ dpop: { replay } })];
    const line = await proof();
    expect((await call(here, [line])).status).toBe(200);
    expect((await call(there, [line])).status).toBe(401);
    expect(seen).toHaveLength(2);
    for (const [digest, ttl] of seen) {
      expect(digest).toMatch(/^[\w-]{43}$/);
      expect(ttl).toBe(60_001);
    }
    expect((await call(here, [await proof({ claims: { iat: SECONDS - 0.3 } })])).status).toBe(200);
    expect(Number.isInteger(seen.at(-1)?.[1])).toBe(true);
  });

  it('T-09 a used proof is used up at every guard of this process', async () => {
    const clock = (): number => NOW;
    const options = { introspector: { introspect: async () => bound() }, clock };
    const app = express().set('trust proxy', true);
    const reached: string[] = [];
    app.use('/orders', requireActiveToken(options), (req, res) => void res.end(reached.push(req.path) && ''));
    app.use('/admin', requireActiveToken(options), (_req, res) => void res.end(reached.push('admin') && ''));
    const guard = { app } as Guarded;
    const line = await proof();
    expect((await call(guard, [line])).status).toBe(200);
    for (const path of ['/orders', '/admin/../orders', '/admin/%2e%2e/orders', '/admin/.%2E/orders']) {
      expect((await call(guard, [line], { path })).status).toBe(401);
    }
    expect(reached).toStrictEqual(['/']);
  });

  it('attack/23 T-09 one key cannot fill the memory: over its share it is told to slow down, and others go on', async () => {
    const clock = (): number => NOW;
    const other = await newKey();
    let holder = key;
    const introspector = { introspect: async () => bound({ cnf: { jkt: holder.jkt } }) };
    const app = express().set('trust proxy', true);
    app.use('/orders', requireActiveToken({ introspector, clock }), (_req, res) => void res.end());
    const memory = processReplayMemory(clock);
    for (let i = 0; i < 500_000; i++) memory.remember(`proof-${i}`, 60_001, key.jkt);
    const guard = { app } as Guarded;
    const full = await call(guard, [await proof()]);
    expect([full.status, errorOf(full), full.headers['retry-after']]).toStrictEqual([429, undefined, '61']);
    holder = other;
    expect((await call(guard, [await proof({ by: other })])).status).toBe(200);
  });

  it('T-09 tells a memory that processes share whose proof it is', async () => {
    const owners: unknown[] = [];
    const replay: ReplayMemory = { remember: (_key, _ttl, owner) => owners.push(owner) > 0 };
    expect((await call(guarded({ dpop: { replay } }), [await proof()])).status).toBe(200);
    expect(owners).toStrictEqual([key.jkt]);
  });

  it('T-09 the same jti for another method is the same proof again', async () => {
    const guard = guarded();
    expect((await call(guard, [await proof({ claims: { jti: 'one' } })])).status).toBe(200);
    const claims = { jti: 'one', htm: 'PUT', htu: 'https://API.example.com:443/orders', iat: SECONDS + 1 };
    expect((await call(guard, [await proof({ claims })], { method: 'PUT' })).status).toBe(401);
  });

  it('two guards of one request that share a memory take its proof as one', async () => {
    const keys = new Set<string>();
    const replay = { remember: (digest: string) => keys.size < keys.add(digest).size };
    const options = { introspector: { introspect: async () => bound() }, clock: () => NOW, dpop: { replay } };
    const app = express().set('trust proxy', true);
    app.use(requireActiveToken(options));
    app.get('/orders', requireActiveToken(options), (_req, res) => void res.end());
    const line = await proof();
    const guard = { app } as Guarded;
    expect((await call(guard, [line])).status).toBe(200);
    expect((await call(guard, [line])).status).toBe(401);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['answers no boolean', () => 'OK' as never],
    ['answers nothing', () => undefined as never],
  ] as [string, () => boolean | Promise<boolean>][])(
    'B-12 is 503 when the memory %s',
    async (_what, remember) => {
      const guard = guarded({ dpop: { replay: { remember } } });
      const answer = await call(guard, [await proof()]);
      expect([answer.status, guard.reached]).toStrictEqual([503, 0]);
      expect(answer.headers['retry-after']).toBe('5');
    },
  );
});

describe('DPoP: nonces', () => {
  const nonceOf = ({ headers }: RawAnswer): string => String(headers['dpop-nonce']);

  it('T-10 T-11 asks for one with 401 use_dpop_nonce, and takes no proof without it', async () => {
    const guard = guarded({ dpop: { nonce: true } });
    const first = await call(guard, [await proof()]);
    expect([first.status, errorOf(first), guard.reached]).toStrictEqual([401, 'use_dpop_nonce', 0]);
    expect(first.headers['cache-control']).toBe('no-store');
    const nonce = nonceOf(first);
    expect(nonce).toMatch(/^[\w-]{43}$/);
    const second = await call(guard, [await proof({ claims: { nonce } })]);
    expect(second.status).toBe(200);
    expect(second.headers).not.toHaveProperty('dpop-nonce');
    for (const wrong of [undefined, '', 'x', `${nonce}x`, [nonce]]) {
      const answer = await call(guard, [await proof({ claims: { nonce: wrong } })]);
      expect([answer.status, errorOf(answer), nonceOf(answer)]).toStrictEqual([401, 'use_dpop_nonce', nonce]);
    }
  });

  it('T-10 gives out the next one with an answer that must not be cached, and ends the old one', async () => {
    const guard = guarded({ dpop: { nonce: { lifetime: 10_000 } } });
    const nonce = nonceOf(await call(guard, [await proof()]));
    guard.clock.now += 10_000;
    const answer = await call(guard, [await proof({ claims: { nonce } })], {
      headers: ['Origin', 'https://a.example'],
    });
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['access-control-expose-headers']).toBe('DPoP-Nonce');
    expect(nonceOf(answer)).not.toBe(nonce);
    guard.clock.now += 10_000;
    expect((await call(guard, [await proof({ claims: { nonce } })])).status).toBe(401);
    expect((await call(guard, [await proof({ claims: { nonce: nonceOf(answer) } })])).status).toBe(200);
  });

  it('T-10 is one for all guards of a process, and no two that clients would have to keep apart', async () => {
    const options = {
      introspector: { introspect: async () => bound() },
      clock: () => NOW,
      dpop: { nonce: true },
    };
    const app = express().set('trust proxy', true);
    app.use(
      '/orders',
      requireActiveToken(options),
      requireActiveToken(options),
      (_req, res) => void res.end(),
    );
    const guard = { app } as Guarded;
    const nonce = nonceOf(await call(guard, [await proof()]));
    expect((await call(guard, [await proof({ claims: { nonce } })])).status).toBe(200);
  });

  it('T-10 cannot be guessed, nor told in advance', async () => {
    const guard = guarded({ dpop: { nonce: { lifetime: 10_000 } } });
    const nonce = nonceOf(await call(guard, [await proof()]));
    const span = Math.floor(NOW / 10_000);
    const guess = createHmac('sha256', Buffer.alloc(32))
      .update(`dpop nonce 10000 ${span}`)
      .digest('base64url');
    expect(nonce).not.toBe(guess);
    const secret = Buffer.alloc(32, 1);
    const known = guarded({ dpop: { nonce: { lifetime: 10_000, secret } } });
    secret.fill(0);
    for (const [ahead, status] of [
      [-2, 401],
      [-1, 200],
      [0, 200],
      [1, 200],
      [2, 401],
    ] as const) {
      const key = Buffer.alloc(32, 1);
      const text = `dpop nonce 10000 ${span + ahead}`;
      const claims = { nonce: createHmac('sha256', key).update(text).digest('base64url') };
      expect([ahead, (await call(known, [await proof({ claims })])).status]).toStrictEqual([ahead, status]);
    }
  });

  it('a client that is slow to answer gets no nonce after somebody else has answered', async () => {
    const guard = guarded({
      dpop: {
        nonce: { lifetime: 10_000 },
        replay: { remember: () => new Promise((resolve) => setTimeout(resolve, 40, true)) },
      },
    });
    const nonce = nonceOf(await call(guard, [await proof()]));
    guard.clock.now += 10_000;
    const failures: unknown[] = [];
    const app = express().set('trust proxy', true);
    app.use((_req, res, next) => {
      setTimeout(() => res.status(504).end(), 5);
      next();
    });
    app.use(guard.app);
    app.use((error: Error, _req: express.Request, _res: express.Response, _next: express.NextFunction) => {
      failures.push(error);
    });
    guard.app.use(
      (error: Error, _req: express.Request, _res: express.Response, _next: express.NextFunction) => {
        failures.push(error);
      },
    );
    const answer = await call({ ...guard, app }, [await proof({ claims: { nonce } })]);
    expect(answer.status).toBe(504);
    // On a busy machine the memory is slow as well.
    for (let i = 0; failures.length === 0 && i < 500; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    // It was the handler behind the guard that could not answer any more, and not the guard.
    expect(guard.reached).toBe(1);
    expect(failures).toMatchObject([{ code: 'ERR_HTTP_HEADERS_SENT' }]);
    expect(String((failures[0] as Error).stack)).not.toContain('giveNonce');
  });

  it('T-10 goes on for as long as the guard does', async () => {
    const guard = guarded({ dpop: { nonce: { lifetime: 1000 } } });
    const seen = new Set<string>();
    let nonce = nonceOf(await call(guard, [await proof()]));
    for (let i = 1; i <= 20; i++) {
      guard.clock.now += 1000;
      const answer = await call(guard, [await proof({ claims: { nonce, iat: SECONDS + i } })]);
      expect(answer.status).toBe(200);
      nonce = nonceOf(answer);
      seen.add(nonce);
    }
    expect(seen.size).toBe(20);
  });

  it('is good at every process that has the secret, and at no other', async () => {
    const secret = Buffer.alloc(32, 7);
    const [here, there] = [
      guarded({ dpop: { nonce: { secret } } }),
      guarded({ dpop: { nonce: { secret } } }),
    ];
    const elsewhere = guarded({ dpop: { nonce: true } });
    const nonce = nonceOf(await call(here, [await proof()]));
    // The clock of the other machine is behind.
    there.clock.now -= 300_000;
    expect((await call(there, [await proof({ claims: { nonce, iat: SECONDS - 300 } })])).status).toBe(200);
    expect((await call(elsewhere, [await proof({ claims: { nonce } })])).status).toBe(401);
  });
});

describe('DPoP: the URI of a request', () => {
  it('T-08 is that of the connection where no proxy is trusted', async () => {
    const guard = guarded();
    guard.app.set('trust proxy', false);
    expect((await call(guard, [await proof()])).status).toBe(401);
    await serving(guard.app, async (origin) => {
      const line = await proof({ claims: { htu: `http://127.0.0.1/orders` } });
      const headers = [...FORWARDED, 'Authorization', `DPoP ${TOKEN}`, 'DPoP', line];
      expect((await raw(origin, { method: 'GET', path: '/orders', headers })).status).toBe(200);
    });
  });

  it('T-08 is what the first of several proxies was called by', async () => {
    const guard = guarded();
    const headers = ['X-Forwarded-Host', 'inner.example'];
    const answer = await call(guard, [await proof()], { headers });
    expect(answer.status).toBe(200);
  });

  it('cannot be named where a request has no host', async () => {
    const { app } = guarded();
    await serving(app, async (origin) => {
      const lines = [
        `Authorization: DPoP ${TOKEN}`,
        `DPoP: ${await proof({ claims: { htu: 'http://orders/' } })}`,
      ];
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(new URL(origin).port), '127.0.0.1', () => {
          socket.write(`GET /orders HTTP/1.0\r\n${lines.join('\r\n')}\r\n\r\n`);
        });
        socket.on('data', (data) => resolve(data.toString())).on('error', reject);
      });
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
      expect(answer).toContain('error="invalid_dpop_proof"');
    });
  });

  it.each([
    ['a path', { Host: 'api.example.com/harmless?' }],
    ['a fragment', { Host: 'api.example.com/harmless#' }],
    ['a backslash', { Host: 'api.example.com\\harmless?' }],
    ['a name', { Host: 'a@api.example.com' }],
    ['two hosts', { Host: 'api.example.com,other.example' }],
    ['nothing', { Host: '' }],
    ['a path in the forwarded host', { 'X-Forwarded-Host': 'api.example.com/harmless?' }],
    ['a URI in the forwarded protocol', { 'X-Forwarded-Proto': 'https://api.example.com/harmless?' }],
  ])(
    'T-07 T-08 is none where the host has %s in it, so that a proof opens no other path',
    async (_what, changed) => {
      const headers = { Host: 'api.example.com', 'X-Forwarded-Proto': 'https', ...changed };
      const guard = guarded();
      for (const htu of [
        'https://api.example.com/harmless',
        'https://api.example.com/orders',
        'https://harmless/',
      ]) {
        const status = await serving(guard.app, async (origin) => {
          const lines = {
            ...headers,
            Authorization: `DPoP ${TOKEN}`,
            DPoP: await proof({ claims: { htu } }),
          };
          return rawStatus(origin, '/orders', lines);
        });
        expect([htu, status]).toStrictEqual([htu, 401]);
      }
      expect(guard.reached).toBe(0);
    },
  );

  it.each(['/orders/../orders', '/orders/./', '/orders/%2E', '/orders\\x', '/orders#x', '/orders/..'])(
    'T-07 T-08 is none where the path %s is another one to a URL than to the router',
    async (path) => {
      const guard = guarded();
      const htu = new URL(path, 'https://api.example.com').href;
      const { status } = await call(guard, [await proof({ claims: { htu } })], { path });
      expect([401, 404]).toContain(status);
      expect(guard.reached).toBe(0);
    },
  );

  it.each(['http://api.example.com/orders', 'HTTPS://api.example.com/orders?a=1'])(
    'is the path of a target in absolute form: %s',
    async (path) => {
      expect((await call(guarded(), [await proof()], { path })).status).toBe(200);
      expect(
        (
          await call(guarded(), [await proof({ claims: { htu: path } })], {
            path: path.replace('orders', 'orders/2'),
          })
        ).status,
      ).toBe(401);
    },
  );

  it('an empty forwarded host counts as none', async () => {
    await serving(guarded().app, async (origin) => {
      const claims = { htu: 'https://api.example.com/orders' };
      const headers = { Host: 'api.example.com', 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': '' };
      const lines = { ...headers, Authorization: `DPoP ${TOKEN}`, DPoP: await proof({ claims }) };
      expect(await rawStatus(origin, '/orders', lines)).toBe(200);
    });
  });

  it('is of the origins that the app names, whatever the request says of its host', async () => {
    const guard = guarded({ dpop: { origin: ['https://api.example.com', 'http://v2.example.com'] } });
    const forwarded = ['X-Forwarded-Host', 'evil.example'];
    for (const [called, status] of [
      ['https://api.example.com', 200],
      ['http://v2.example.com', 200],
      ['https://v2.example.com', 401],
      ['https://evil.example', 401],
    ] as const) {
      const line = await proof({ claims: { htu: `${called}/orders` } });
      const seen = await serving(guard.app, (origin) =>
        raw(origin, {
          method: 'GET',
          path: '/orders',
          headers: ['Authorization', `DPoP ${TOKEN}`, 'DPoP', line, ...forwarded],
        }),
      );
      expect([called, seen.status]).toStrictEqual([called, status]);
    }
    expect((await call(guard, [await proof()], { path: '/orders/../orders' })).status).toBe(401);
  });

  it('is asked for with the method that came, where the app has put another in its place', async () => {
    const app = express().set('trust proxy', true);
    app.use((req, _res, next) => {
      Object.assign(req, { originalMethod: req.method, method: 'DELETE' });
      next();
    });
    app.use(
      '/orders',
      requireActiveToken({ introspector: { introspect: async () => bound() }, clock: () => NOW }),
      (_req, res) => void res.end(),
    );
    const guard = { app } as Guarded;
    expect((await call(guard, [await proof({ claims: { htm: 'POST' } })], { method: 'POST' })).status).toBe(
      200,
    );
    expect((await call(guard, [await proof({ claims: { htm: 'DELETE' } })], { method: 'POST' })).status).toBe(
      401,
    );
  });

  it('is found over HTTP/2, which names the host otherwise', async () => {
    const guard = guarded();
    const line = await proof({ claims: { htu: 'https://api.example.com/orders' } });
    guard.app.set('trust proxy', false);
    await serving(
      (req, res) => {
        // As node:http2's compatibility layer has them.
        delete req.headers.host;
        req.headers[':authority'] = 'api.example.com';
        Object.defineProperty(req.socket, 'encrypted', { value: true, configurable: true });
        guard.app(req, res);
      },
      async (origin) => {
        const headers = ['Authorization', `DPoP ${TOKEN}`, 'DPoP', line];
        expect((await raw(origin, { method: 'GET', path: '/orders', headers })).status).toBe(200);
      },
    );
  });

  it('is what the app says, where it does', async () => {
    const uri = (req: express.Request): string => `https://public.example/api${req.originalUrl}`;
    const guard = guarded({ dpop: { uri } });
    const claims = { htu: 'https://public.example/api/orders' };
    expect((await call(guard, [await proof({ claims })])).status).toBe(200);
    expect((await call(guard, [await proof()])).status).toBe(401);
  });

  it('is a fault of the app where it says nothing', async () => {
    const guard = guarded({ dpop: { uri: () => undefined as never } });
    guard.app.use(
      (_error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
        res.status(500).end();
      },
    );
    expect((await call(guard, [await proof()])).status).toBe(500);
    expect(guard.reached).toBe(0);
  });

  it('is a fault of the app where its function is asynchronous, even if that rejects', async () => {
    for (const uri of [
      async () => 'https://api.example.com/orders',
      () => Promise.reject(new Error('late')),
    ]) {
      const guard = guarded({ dpop: { uri: uri as never } });
      guard.app.use(
        (_error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
          res.status(500).end();
        },
      );
      expect((await call(guard, [await proof()])).status).toBe(500);
      expect(guard.reached).toBe(0);
    }
  });

  it('is refused where it is none', async () => {
    const guard = guarded({ dpop: { uri: () => 'not a URI' } });
    expect((await call(guard, [await proof()])).status).toBe(401);
  });
});

describe('DPoP: the options', () => {
  it('T-13 are offered next to Bearer, without an error, where no credentials came', async () => {
    const { app } = guarded();
    await serving(app, async (origin) => {
      const answer = await raw(origin, { method: 'GET', path: '/orders' });
      expect(answer.headers['www-authenticate']).toBe(`Bearer realm="api", DPoP realm="api", algs="${ALGS}"`);
    });
  });

  it('optional lets no token pass that came by a scheme which is not taken', async () => {
    const [required, never] = [
      guarded({ dpop: { required: true }, optional: true }),
      guarded({ dpop: false, optional: true }),
    ];
    expect((await call(required, [], { scheme: 'Bearer' })).status).toBe(401);
    expect((await call(never, [await proof()])).status).toBe(401);
    expect([required.reached, never.reached]).toStrictEqual([0, 0]);
  });

  it('T-13 two Authorization lines are 400 invalid_request on both', async () => {
    const guard = guarded();
    const answer = await call(guard, [await proof()], { headers: ['Authorization', `Bearer ${TOKEN}`] });
    expect(answer.status).toBe(400);
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer realm="api", error="invalid_request", [^,]+, DPoP realm="api", error="invalid_request", [^,]+, algs=/,
    );
    expect(guard.asked).toBe(0);
  });

  it('T-05 required: takes no bearer token that is bound to nothing, and does not ask about it', async () => {
    const guard = guarded({
      dpop: { required: true },
      answer: () => ({ active: true, token_type: 'Bearer', sub: 'alice' }),
    });
    const answer = await call(guard, [], { scheme: 'Bearer' });
    expect([answer.status, guard.asked, guard.reached]).toStrictEqual([401, 0, 0]);
    expect((await call(guard, [await proof()])).status).toBe(401);
    expect(guard.reached).toBe(0);
  });

  it('required: takes bound tokens only, and offers nothing else', async () => {
    const guard = guarded({ dpop: { required: true, algorithms: ['ES256'] } });
    expect((await call(guard, [await proof()])).status).toBe(200);
    const answer = await call(guard, [], { scheme: 'Bearer' });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('DPoP realm="api", algs="ES256"');
  });

  it('false: the scheme is not known, and a bound token is refused', async () => {
    const guard = guarded({ dpop: false });
    const unknown = await call(guard, [await proof()]);
    expect([unknown.status, unknown.headers['www-authenticate']]).toStrictEqual([401, 'Bearer realm="api"']);
    const answer = await call(guard, [await proof()], { scheme: 'Bearer' });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="api", error="invalid_token", [^,]+$/);
  });

  it('iatTolerance widens the window', async () => {
    const guard = guarded({ dpop: { iatTolerance: 300_000 } });
    const answer = await call(guard, [await proof({ claims: { iat: SECONDS - 300 } })]);
    expect(answer.status).toBe(200);
  });

  it.each([
    ['dpop', 'yes'],
    ['dpop', null],
    ['dpop.required', { required: 'yes' }],
    ['dpop.iatTolerance', { iatTolerance: 0 }],
    ['dpop.iatTolerance', { iatTolerance: Number.NaN }],
    ['dpop.replay', { replay: {} }],
    ['dpop.algorithms', { algorithms: [] }],
    ['dpop.algorithms', { algorithms: ['HS256'] }],
    ['dpop.algorithms', { algorithms: ['none'] }],
    ['dpop.algorithms', { algorithms: 'ES256' }],
    ['dpop.uri', { uri: 'https://api.example.com' }],
    ['dpop.origin', { origin: 'https://api.example.com/' }],
    ['dpop.origin', { origin: 'api.example.com' }],
    ['dpop.origin', { origin: 'null' }],
    ['dpop.origin', { origin: 'wss://api.example.com' }],
    ['dpop.origin', { origin: ['https://api.example.com', 'api.example.com'] }],
    ['dpop.origin', { origin: [] }],
    ['dpop.origin', { origin: 'https://api.example.com', uri: () => 'x' }],
    ['dpop.required', { required: undefined }],
    ['dpop.nonce', { nonce: undefined }],
    ['dpop.algorithms', { algorithms: undefined }],
    ['dpop.replay', { replay: undefined }],
    ['dpop.nonce', { nonce: 'yes' }],
    ['dpop.nonce.secret', { nonce: { secret: Buffer.alloc(31) } }],
    ['dpop.nonce.secret', { nonce: { secret: 'x'.repeat(32) } }],
    ['dpop.nonce.lifetime', { nonce: { lifetime: 0 } }],
    ['secrets', { nonce: { secrets: [] } }],
    ['iatTolerence', { iatTolerence: 1 }],
  ])('a TypeError names "%s" when it is %j', (name, dpop) => {
    const options = { introspector: { introspect: async () => bound() }, dpop } as never;
    expect(() => requireActiveToken(options)).toThrow(TypeError);
    expect(() => requireActiveToken(options)).toThrow(`"${name}"`);
  });
});

/** The status of a request with exactly these headers, `Host` included. */
async function rawStatus(origin: string, path: string, headers: Record<string, string>): Promise<number> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nConnection: close\r\n${lines.join('\r\n')}\r\n\r\n`);
    });
    socket.on('data', (data) => resolve(Number(data.toString().slice(9, 12)))).on('error', reject);
  });
}
