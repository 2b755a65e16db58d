import { describe, expect, it } from '@jest/globals';
import express, { type NextFunction, type Request, type Response } from 'express';
import { createRemoteJWKSet, SignJWT } from 'jose';
import request from 'supertest';
import { JWKS_PATH, jwksIn } from '../../lib/apis/jwks.js';
import { oauthIntrospection, type PrivateJwk } from '../../lib/index.js';
import { SigningKeys } from '../../lib/signing/signing-keys.js';
import { raw, serving } from '../support/http.js';
import { EC, ED, RSA, secretsOf } from '../support/signing.js';
import { A, INACTIVE, ISSUER, postToken, world } from '../support/world.js';

const get = async (options: Parameters<typeof world>[0], path = JWKS_PATH) =>
  request((await world(options)).app).get(path);

const PUBLISHED = {
  keys: [
    { kty: 'RSA', n: RSA.n, e: RSA.e, kid: 'rsa', alg: 'RS256', use: 'sig' },
    { kty: 'EC', crv: 'P-256', x: EC.x, y: EC.y, kid: 'ec', alg: 'ES256', use: 'sig' },
    { kty: 'OKP', crv: 'Ed25519', x: ED.x, kid: 'ed', alg: 'EdDSA', use: 'sig' },
  ],
};

describe(`GET ${JWKS_PATH}`, () => {
  it('publishes the public half of every key, and nothing that is private', async () => {
    const answer = await get({ keys: [RSA, EC, ED] });
    expect([answer.status, JSON.parse(answer.text)]).toStrictEqual([200, PUBLISHED]);
    const secrets = secretsOf(RSA, EC, ED);
    expect(secrets).toHaveLength(8);
    for (const secret of secrets) expect(answer.text).not.toContain(secret);
  });

  it('issuer/24 publishes public keys of other signers beside its own, as they write them', async () => {
    const { d: _d, alg: _alg, ...theirs } = ED;
    const x5c = ['MIIB'];
    const given = { ...theirs, kid: 'tokens', use: 'sig', x5c, key_ops: ['verify'], note: 'x' };
    const answer = await get({
      keys: [{ ...given, alg: 'EdDSA' }, EC, { ...given, kid: 'more', use: 'enc' }],
    });
    const [, ours] = PUBLISHED.keys;
    const published = { kty: 'OKP', crv: 'Ed25519', x: ED.x, x5c };
    expect(JSON.parse(answer.text)).toStrictEqual({
      keys: [
        { ...published, kid: 'tokens', alg: 'EdDSA', use: 'sig' },
        ours,
        { ...published, kid: 'more', use: 'enc' },
      ],
    });
  });

  it('may be kept for five minutes, unlike answers about tokens', async () => {
    const { headers } = await get({ keys: [EC] });
    expect(headers).toMatchObject({
      'content-type': 'application/jwk-set+json',
      'cache-control': 'public, max-age=300',
      'x-content-type-options': 'nosniff',
    });
    for (const name of ['pragma', 'etag', 'vary']) expect(headers).not.toHaveProperty(name);
  });

  it('asks for no credentials', async () => {
    const { app, events } = await world({ keys: [EC] });
    expect((await request(app).get(JWKS_PATH).set('Authorization', 'Basic !')).status).toBe(200);
    expect(events).toStrictEqual([]);
  });

  it('answers HEAD as GET, without a body', async () => {
    const { app } = await world({ keys: [EC] });
    await serving(app, async (origin) => {
      const [got, head] = await Promise.all(
        ['GET', 'HEAD'].map((method) => raw(origin, { method, path: JWKS_PATH })),
      );
      const { date: _date, ...headers } = head?.headers ?? {};
      expect(got?.headers).toMatchObject(headers);
      expect([head?.status, head?.body]).toStrictEqual([200, '']);
    });
  });

  it.each(['post', 'put', 'delete', 'options', 'patch'] as const)('E-05 refuses %s', async (method) => {
    const { app } = await world({ keys: [EC] });
    const answer = await request(app)[method](JWKS_PATH);
    expect([answer.status, answer.headers.allow, answer.body]).toStrictEqual([
      405,
      'GET, HEAD',
      { error: 'invalid_request', error_description: 'The keys can only be read' },
    ]);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
  });

  it('is not there without keys', async () => {
    expect((await get({})).status).toBe(404);
  });

  it('is served by oauthIntrospection alone as well, wherever that is mounted', async () => {
    const { tokens, clients, as } = await world();
    const router = oauthIntrospection({ tokens, clients, issuer: ISSUER, keys: [EC] });
    const app = express().use('/auth', router);
    expect((await request(app).get(`/auth${JWKS_PATH}`)).status).toBe(200);
    expect((await postToken(app, `/auth${A}`, as('api'), 'x')).text).toBe(INACTIVE);
  });

  it('I-01 refuses what did not come by TLS, where that is required', async () => {
    const { app } = await world({ keys: [EC], requireTls: true });
    const answer = await request(app).get(JWKS_PATH);
    expect([answer.status, answer.body]).toStrictEqual([
      400,
      { error: 'invalid_request', error_description: 'TLS is required' },
    ]);
    app.set('trust proxy', true);
    expect((await request(app).get(JWKS_PATH).set('X-Forwarded-Proto', 'https')).status).toBe(200);
  });

  it('publishes what the function answers by now', async () => {
    let keys: readonly PrivateJwk[] = [EC];
    const { app } = await world({ keys: async () => keys });
    const kids = async (): Promise<unknown> =>
      ((await request(app).get(JWKS_PATH)).body as typeof PUBLISHED).keys.map(({ kid }) => kid);
    expect(await kids()).toStrictEqual(['ec']);
    keys = [EC, ED];
    expect(await kids()).toStrictEqual(['ec', 'ed']);
  });

  it.each<[string, () => never, number, string, string | undefined]>([
    [
      'fails',
      () => {
        throw new Error(`no ${String(EC.d)}`);
      },
      503,
      'temporarily_unavailable',
      '5',
    ],
    ['answers no keys', () => [{ ...EC, kid: 7 }] as never, 500, 'server_error', undefined],
    ['answers nothing', () => undefined as never, 500, 'server_error', undefined],
  ])(
    'E-03 says so, not to be kept, where the function %s',
    async (_what, keys, status, error, retryAfter) => {
      const answer = await get({ keys });
      expect([answer.status, answer.body, answer.headers['retry-after']]).toStrictEqual([
        status,
        { error, error_description: expect.any(String) },
        retryAfter,
      ]);
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        'content-type': 'application/json',
      });
      expect(answer.text).not.toContain(String(EC.d));
    },
  );

  it('leaves an answer alone that somebody else has begun', async () => {
    const errors: unknown[] = [];
    const app = express().use((_req, res, next) => {
      res.end('mine');
      next();
    });
    jwksIn(app as never, new SigningKeys('factory', [EC]), {
      requireTls: false,
      audit: undefined,
      clock: Date.now,
    });
    app.use((error: unknown, _req: Request, _res: Response, _next: NextFunction) => void errors.push(error));
    expect((await request(app).get(JWKS_PATH)).text).toBe('mine');
    expect((await request(app).post(JWKS_PATH)).text).toBe('mine');
    expect(errors).toStrictEqual([]);
  });

  it('attack/02 says nothing more once the app has answered by itself, and calls nothing a fault', async () => {
    let go = (): void => {};
    const { app, events } = await world({
      keys: () =>
        new Promise((resolve) => {
          go = () => resolve([EC]);
        }),
      before: [
        (_req, res, next) => {
          setTimeout(() => {
            res.status(503).end('timeout');
            go();
          }, 20);
          next();
        },
      ],
    });
    expect((await request(app).get(JWKS_PATH)).text).toBe('timeout');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(events).toStrictEqual([]);
  });

  it('can be used by jose as it stands', async () => {
    const { app } = await world({ keys: [EC] });
    await serving(app, async (origin) => {
      const { jwtVerify } = await import('jose');
      const jwt = await new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'ec' }).sign(EC as never);
      const found = createRemoteJWKSet(new URL(JWKS_PATH, origin));
      expect((await jwtVerify(jwt, found)).protectedHeader.kid).toBe('ec');
    });
  });
});
