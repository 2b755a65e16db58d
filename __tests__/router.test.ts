import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import * as lib from '../lib/index.js';
import { A, B, C, ISSUER, NOW, postToken, world } from './support/world.js';

const store = { find: () => undefined };

describe('introspectionRouter', () => {
  it('serves all three APIs wherever it is mounted, and leaves every other path to the app', async () => {
    const { app, as } = await world();
    const outer = express()
      .use('/prefix', app)
      .get('/other', (_req, res) => void res.send('mine'));
    const ask = (path: string, caller: string, token: string) =>
      request(outer).post(`/prefix${path}`).set('Authorization', as(caller)).type('form').send({ token });
    expect((await ask(A, 'api', 'at-live')).body).toMatchObject({ active: true });
    expect((await ask(B, 'app', 'rt-live')).body).toMatchObject({ active: true });
    const details = await request(outer).get(`/prefix${C}/at-live`).set('Authorization', as('admin'));
    expect(details.body).toMatchObject({ token: 'at-live' });
    expect((await request(outer).get('/other')).text).toBe('mine');
    expect((await request(outer).get(`/prefix${C}`)).status).toBe(404);
  });

  it("leaves the app's own Passport alone", async () => {
    const { app, as } = await world({
      before: [
        (req, _res, next) => {
          (req as { user?: unknown }).user = 'of the app';
          next();
        },
      ],
    });
    let user: unknown;
    app.use((req, _res, next) => {
      user = (req as { user?: unknown }).user;
      next();
    });
    await postToken(app, A, as('api'), 'at-live');
    await request(app).get('/elsewhere');
    expect(user).toBe('of the app');
    const require = createRequire(import.meta.url);
    const global = require('passport') as { _strategies: object };
    expect(Object.keys(global._strategies)).toStrictEqual(['session']);
  });

  it.each([
    ['no options', undefined, 'options'],
    ['no tokens', { clients: store, issuer: ISSUER }, '"tokens"'],
    ['no clients', { tokens: store, issuer: ISSUER }, '"clients"'],
    ['clients that are an array', { tokens: store, clients: [], issuer: ISSUER }, '"clients"'],
    ['no issuer', { tokens: store, clients: store }, '"issuer"'],
    ['an empty issuer', { tokens: store, clients: store, issuer: '' }, '"issuer"'],
    ['a misspelt option', { tokens: store, clients: store, issuer: ISSUER, ratelimit: false }, '"ratelimit"'],
    [
      'a policy that is no function',
      { tokens: store, clients: store, issuer: ISSUER, policy: 'any' },
      '"policy"',
    ],
    [
      'an audit that is no function',
      { tokens: store, clients: store, issuer: ISSUER, audit: console },
      '"audit"',
    ],
    ['a clock that is no function', { tokens: store, clients: store, issuer: ISSUER, clock: NOW }, '"clock"'],
    ['an empty realm', { tokens: store, clients: store, issuer: ISSUER, realm: '' }, '"realm"'],
    [
      'an acceptRawBasic that is no boolean',
      { tokens: store, clients: store, issuer: ISSUER, acceptRawBasic: 1 },
      '"acceptRawBasic"',
    ],
    [
      'a requireTls that is no boolean',
      { tokens: store, clients: store, issuer: ISSUER, requireTls: 'yes' },
      '"requireTls"',
    ],
    [
      'an introspectionScope with a space',
      { tokens: store, clients: store, issuer: ISSUER, introspectionScope: 'a b' },
      '"introspectionScope"',
    ],
    [
      'an empty scopeSeparator',
      { tokens: store, clients: store, issuer: ISSUER, scopeSeparator: '' },
      '"scopeSeparator"',
    ],
    [
      'an empty notFoundCode',
      { tokens: store, clients: store, issuer: ISSUER, notFoundCode: '' },
      '"notFoundCode"',
    ],
  ])('refuses %s with a TypeError that names it', (_what, options, named) => {
    expect(() => lib.introspectionRouter(options as never)).toThrow(TypeError);
    expect(() => lib.introspectionRouter(options as never)).toThrow(named);
  });

  it('keeps the realm of the app in every challenge', async () => {
    const { app } = await world({ realm: 'my "realm"' });
    const answer = await request(app).post(A);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="my \\"realm\\"", charset="UTF-8"');
  });
});

describe('the single factories', () => {
  it.each(['oauthIntrospection', 'refreshTokenIntrospection', 'accessTokenDetails'] as const)(
    '%s needs tokens and clients, and knows its own options only',
    (factory) => {
      // biome-ignore lint/performance/noDynamicNamespaceImportAccess: a test is not bundled
      const make = lib[factory] as (options: unknown) => unknown;
      const needed = factory === 'oauthIntrospection' ? '"introspector" or "tokens"' : '"tokens"';
      expect(() => make({ clients: store })).toThrow(`${factory}: ${needed}`);
      expect(() => make({ tokens: store })).toThrow(`${factory}: "clients"`);
      expect(() => make({ tokens: store, clients: store, foo: 1 })).toThrow(
        `${factory}: unknown option "foo"`,
      );
      expect(make({ tokens: store, clients: store })).toBeInstanceOf(Function);
    },
  );
});

describe('the public face', () => {
  it('has these names', () => {
    expect(Object.keys(lib).toSorted()).toStrictEqual([
      'ConflictError',
      'GuardError',
      'HttpError',
      'IntrospectionUnavailableError',
      'MemoryClientStore',
      'MemoryTokenStore',
      'NotFoundError',
      'StoreUnavailableError',
      'accessTokenDetails',
      'activeToken',
      'authorizationServerMetadata',
      'cachingIntrospector',
      'certificateFromHeader',
      'defaultPolicy',
      'generateClientSecret',
      'generateToken',
      'hashClientSecret',
      'introspectionRouter',
      'jwtIntrospector',
      'oauthIntrospection',
      'pairwiseSubject',
      'protectedResourceMetadata',
      'refreshTokenIntrospection',
      'remoteIntrospector',
      'requireActiveToken',
      'resourceMetadataUrl',
      'routingIntrospector',
      'storeIntrospector',
      'tokenDigest',
      'tokenRevocation',
    ]);
  });

  it('works with stores and errors that were made through require()', async () => {
    const required = createRequire(import.meta.url)('../dist/cjs/index.js') as typeof lib;
    const { clients, as } = await world();
    const tokens = new required.MemoryTokenStore();
    await tokens.save({ token: 'at', kind: 'access_token', clientId: 'app', refreshToken: 'rt' });
    const app = express().use(lib.introspectionRouter({ tokens, clients, issuer: ISSUER }));
    const live = await postToken(app, A, as('app'), 'at');
    expect(live.body).toMatchObject({ active: true });
    for (const [error, status] of [
      [new required.NotFoundError(), 404],
      [new required.ConflictError(), 409],
      [new required.StoreUnavailableError(), 503],
    ] as const) {
      const failing = { find: () => Promise.reject(error) };
      const broken = express().use(lib.introspectionRouter({ tokens: failing, clients, issuer: ISSUER }));
      const answer = await postToken(broken, B, as('app'), 'x');
      expect(answer.status).toBe(status);
    }
  });
});
