import { describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import request from 'supertest';
import {
  accessTokenDetails,
  generateToken,
  introspectionRouter,
  MemoryTokenStore,
  oauthIntrospection,
  refreshTokenIntrospection,
  requireActiveToken,
  storeIntrospector,
  type TokenFormatOptions,
  type TokenStore,
  tokenDigest,
} from '../../lib/index.js';
import { onlyAbout } from '../../lib/introspection/only-about.js';
import { gateway } from '../support/gateway.js';
import { LIVE, upstream } from '../support/upstream.js';
import {
  A,
  API,
  B,
  C,
  failingStore,
  HOUR,
  INACTIVE,
  ISSUER,
  NOW,
  ORG,
  postToken,
  type World,
  type WorldOptions,
  world,
} from '../support/world.js';

const STRICT: TokenFormatOptions = { prefixes: ['myapp_at', 'myapp_rt'] };
const MIXED: TokenFormatOptions = { ...STRICT, acceptOthers: true };

const access = generateToken({ prefix: 'myapp_at' });
const refresh = generateToken({ prefix: 'myapp_rt' });
/** Of the format, and in no store. */
const unknown = generateToken({ prefix: 'myapp_at' });
/** In the store, and none of `generateToken`: one of before. */
const old = 'old-access-token';
const damaged = access.slice(0, -1) + (access.endsWith('x') ? 'y' : 'x');

/** What is refused under a strict format; none of it may reach the store. */
const JUNK: readonly [string, string][] = [
  ['with a wrong checksum', damaged],
  ['cut off', access.slice(0, -1)],
  ['too long', `${access}0`],
  ['of another prefix', generateToken({ prefix: 'other_at' })],
  ['that is random', 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'],
  ['of before', old],
  ['beyond ASCII', 'tökén'],
];

/** A store with tokens of both formats, that tells what it was asked. */
async function askedStore(): Promise<{ store: TokenStore; asked: string[] }> {
  const tokens = new MemoryTokenStore({ clock: () => NOW });
  const common = { clientId: 'app', subject: 'alice', organization: ORG, expiresAt: NOW + HOUR };
  for (const token of [access, old]) {
    await tokens.save({ ...common, token, kind: 'access_token', audience: [API] });
  }
  await tokens.save({ ...common, token: refresh, kind: 'refresh_token' });
  const asked: string[] = [];
  const store: TokenStore = {
    find(token) {
      asked.push(token);
      return tokens.find(token);
    },
  };
  return { store, asked };
}

async function apis(
  tokenFormat: TokenFormatOptions | undefined,
  more: WorldOptions = {},
): Promise<World & { asked: string[] }> {
  const { store, asked } = await askedStore();
  const made = await world({ tokens: store, ...(tokenFormat && { tokenFormat }), ...more });
  return { ...made, asked };
}

type Ask = (made: Pick<World, 'app' | 'as'>, token: string) => request.Test;

const APIS: readonly [string, Ask][] = [
  ['OAuth introspection', ({ app, as }, token) => postToken(app, A, as('api'), token)],
  ['refresh-token introspection', ({ app, as }, token) => postToken(app, B, as('app'), token)],
  [
    'access-token details',
    ({ app, as }, token) =>
      request(app)
        .get(`${C}/${encodeURIComponent(token)}`)
        .set('Authorization', as('admin')),
  ],
];

/** All that a caller gets to see of an answer, the date aside. */
async function seen(test: request.Test): Promise<unknown> {
  const { status, headers, text } = await test.set('Connection', 'close');
  const { date: _date, ...others } = headers as Record<string, string>;
  return [status, others, text];
}

describe.each(APIS)('tokenFormat of %s', (_api, ask) => {
  it.each(JUNK)(
    'I-12 I-14 answers a token %s exactly as an unknown one, without a look-up',
    async (_what, token) => {
      const made = await apis(STRICT);
      const answer = await seen(ask(made, token));
      expect(made.asked).toStrictEqual([]);
      expect(answer).toStrictEqual(await seen(ask(made, unknown)));
      expect(made.asked).toStrictEqual([unknown]);
      const [ofJunk, ofUnknown] = made.events;
      const { tokenDigest: digest, durationMs: _took, ...event } = ofJunk ?? {};
      const { tokenDigest: _digest, durationMs: _tookToo, ...unknownEvent } = ofUnknown ?? {};
      expect(digest).toBe(tokenDigest(token));
      expect(event).toStrictEqual(unknownEvent);
      expect(event).toMatchObject({ outcome: 'inactive', reason: 'unknown' });
    },
  );

  it('I-28 counts such answers against the limit', async () => {
    const made = await apis(STRICT, { rateLimit: { inactive: { windowMs: 60_000, limit: 2 } } });
    const statuses: number[] = [];
    for (const token of [damaged, 'x', damaged, 'y']) statuses.push((await ask(made, token)).status);
    expect(statuses.slice(2)).toStrictEqual([429, 429]);
    expect(statuses[0]).not.toBe(429);
    expect(statuses[1]).not.toBe(429);
    expect(made.asked).toStrictEqual([]);
  });

  it('needs no store for that', async () => {
    const store = failingStore(() => Promise.reject(new Error('down')));
    const made = await world({ tokens: store, tokenFormat: STRICT });
    expect(await seen(ask(made, damaged))).toStrictEqual(await seen(ask(await apis(STRICT), unknown)));
    expect((await ask(made, unknown)).status).toBe(503);
  });

  it('looks up every token where it is off, and any that begins with no prefix with acceptOthers', async () => {
    const off = await apis(undefined);
    for (const token of [damaged, old]) await ask(off, token);
    expect(off.asked).toStrictEqual([damaged, old]);
    const mixed = await apis(MIXED);
    for (const token of [damaged, old, 'junk', 'tökén']) await ask(mixed, token);
    expect(mixed.asked).toStrictEqual([old, 'junk']);
  });
});

describe('tokenFormat of the router', () => {
  it.each([
    ['strict', STRICT, INACTIVE],
    ['mixed', MIXED, '"active":true'],
    ['off', undefined, '"active":true'],
  ])(
    'shows live tokens of the format, and others where they are taken: %s',
    async (_what, tokenFormat, other) => {
      const made = await apis(tokenFormat);
      expect((await postToken(made.app, A, made.as('api'), access)).body).toMatchObject({ active: true });
      expect((await postToken(made.app, B, made.as('app'), refresh)).body).toMatchObject({ active: true });
      const details = await request(made.app).get(`${C}/${access}`).set('Authorization', made.as('admin'));
      expect(details.body).toMatchObject({ token: access, status: 'approved' });
      expect((await postToken(made.app, A, made.as('api'), old)).text).toContain(other);
    },
  );

  it('holds for the token of a Bearer caller too', async () => {
    const { store, asked } = await askedStore();
    const { clients, as } = await world();
    const app = express().use(
      introspectionRouter({ tokens: store, clients, issuer: ISSUER, clock: () => NOW, tokenFormat: STRICT }),
    );
    const answer = await seen(postToken(app, A, `Bearer ${damaged}`, access));
    expect(asked).toStrictEqual([]);
    expect(answer).toStrictEqual(await seen(postToken(app, A, `Bearer ${unknown}`, access)));
    expect(asked).toStrictEqual([unknown]);
    expect((await postToken(app, A, as('api'), access)).body).toMatchObject({ active: true });
  });

  it('holds for a gateway, which does not ask its introspector, and for its Bearer callers', async () => {
    const made = await world();
    const inner = upstream((token: string) => (token === unknown ? { active: false } : LIVE));
    const { app, events } = gateway(made, inner, { tokenFormat: STRICT });
    const ask = (token: string) => postToken(app, A, made.as('api'), token);
    for (const [, token] of JUNK) expect((await ask(token)).text).toBe(INACTIVE);
    expect(inner.asked).toStrictEqual([]);
    expect(events.map(({ outcome, reason }) => [outcome, reason])).toStrictEqual(
      JUNK.map(() => ['inactive', 'unknown']),
    );
    expect(await seen(ask(damaged))).toStrictEqual(await seen(ask(unknown)));
    expect((await ask(access)).body).toMatchObject({ active: true, sub: 'alice' });
    expect(inner.asked).toStrictEqual([unknown, access]);
    const refused = await seen(postToken(app, A, `Bearer ${damaged}`, access));
    expect(inner.asked).toStrictEqual([unknown, access]);
    expect(refused).toStrictEqual(await seen(postToken(app, A, `Bearer ${unknown}`, access)));
  });
});

describe('tokenFormat of requireActiveToken', () => {
  function guarded(options: Parameters<typeof requireActiveToken>[0]): Express {
    const app = express().use(express.urlencoded());
    app.all('/', requireActiveToken({ clock: () => NOW, ...options }), (req, res) => {
      res.json(req.activeToken ?? null);
    });
    return app;
  }
  const get = (app: Express, token: string, scheme = 'Bearer') =>
    request(app).get('/').set('Authorization', `${scheme} ${token}`);
  const sent = JUNK.filter(([, token]) => token !== 'tökén');

  it.each(sent)(
    'B-07 refuses a token %s exactly as an unknown one, without a look-up',
    async (_what, token) => {
      const { store, asked } = await askedStore();
      const app = guarded({ tokens: store, tokenFormat: STRICT, optional: true });
      const answers = [await seen(get(app, token)), await seen(get(app, token, 'DPoP'))];
      expect(asked).toStrictEqual([]);
      expect(answers).toStrictEqual([await seen(get(app, unknown)), await seen(get(app, unknown, 'DPoP'))]);
      expect(answers[0]).toMatchObject([401, {}, expect.stringContaining('invalid_token')]);
      expect((await get(app, access)).body).toMatchObject({ active: true, sub: 'alice' });
      expect(asked).toStrictEqual([unknown, unknown, access]);
    },
  );

  it('does the same in front of an introspector, and for a token in a form', async () => {
    const inner = upstream((token: string) => (token === unknown ? { active: false } : LIVE));
    const app = guarded({ introspector: inner, tokenFormat: STRICT, tokenFrom: 'body' });
    const inForm = (token: string) => request(app).post('/').type('form').send({ access_token: token });
    const answers = [await seen(get(app, damaged)), await seen(inForm(damaged))];
    expect(inner.asked).toStrictEqual([]);
    expect(answers).toStrictEqual([await seen(get(app, unknown)), await seen(inForm(unknown))]);
    expect((await inForm(access)).body).toMatchObject({ active: true });
  });

  it('takes other tokens with acceptOthers, and asks about all where it is off', async () => {
    const { store, asked } = await askedStore();
    const mixed = guarded({ tokens: store, tokenFormat: MIXED });
    expect((await get(mixed, old)).status).toBe(200);
    expect((await get(mixed, damaged)).status).toBe(401);
    const off = guarded({ tokens: store });
    expect((await get(off, damaged)).status).toBe(401);
    expect(asked).toStrictEqual([old, damaged]);
  });
});

describe('tokenFormat of storeIntrospector', () => {
  it('calls inactive what is none of the format, without a look-up, and tells revocations as before', async () => {
    const { store, asked } = await askedStore();
    const introspector = storeIntrospector(store, { tokenFormat: STRICT, clock: () => NOW });
    for (const [, token] of JUNK)
      expect(await introspector.introspect(token)).toStrictEqual({ active: false });
    expect(asked).toStrictEqual([]);
    expect(await introspector.introspect(access)).toMatchObject({ active: true });
    const telling = storeIntrospector(new MemoryTokenStore(), { tokenFormat: STRICT });
    expect(telling).toHaveProperty('onRevoked');
  });
});

describe('onlyAbout', () => {
  it('hands the question on as it was asked', async () => {
    const inner = upstream();
    const introspector = onlyAbout((token) => token === 'good', inner);
    const { signal } = new AbortController();
    expect(await introspector.introspect('good', { hint: 'refresh_token', signal })).toStrictEqual(LIVE);
    expect(await introspector.introspect('bad', { hint: 'refresh_token', signal })).toStrictEqual({
      active: false,
    });
    expect([inner.asked, inner.hints, inner.signals]).toStrictEqual([['good'], ['refresh_token'], [signal]]);
  });
});

describe('a tokenFormat that is none', () => {
  const tokens = { find: () => undefined };
  const factories: readonly [string, (tokenFormat: never) => unknown][] = [
    [
      'introspectionRouter',
      (tokenFormat) => introspectionRouter({ tokens, clients: tokens, issuer: ISSUER, tokenFormat }),
    ],
    ['oauthIntrospection', (tokenFormat) => oauthIntrospection({ tokens, clients: tokens, tokenFormat })],
    [
      'refreshTokenIntrospection',
      (tokenFormat) => refreshTokenIntrospection({ tokens, clients: tokens, tokenFormat }),
    ],
    ['accessTokenDetails', (tokenFormat) => accessTokenDetails({ tokens, clients: tokens, tokenFormat })],
    ['requireActiveToken', (tokenFormat) => requireActiveToken({ tokens, tokenFormat })],
    ['storeIntrospector', (tokenFormat) => storeIntrospector(tokens, { tokenFormat })],
  ];
  it.each(factories)('is refused by %s with a TypeError that names it', (factory, make) => {
    for (const [tokenFormat, problem] of [
      [null, '"tokenFormat" must be an object'],
      [true, '"tokenFormat" must be an object'],
      [['myapp'], '"tokenFormat" must be an object'],
      [{}, '"tokenFormat.prefixes" must be'],
      [{ prefixes: 'myapp' }, '"tokenFormat.prefixes" must be'],
      [{ prefixes: [] }, '"tokenFormat.prefixes" must be'],
      [{ prefixes: ['myapp', 'myapp_'] }, '"tokenFormat.prefixes" must be'],
      [{ prefixes: [5] }, '"tokenFormat.prefixes" must be'],
      [{ ...STRICT, acceptOthers: 'no' }, '"tokenFormat.acceptOthers" must be a boolean'],
    ]) {
      expect(() => make(tokenFormat as never)).toThrow(TypeError);
      expect(() => make(tokenFormat as never)).toThrow(`${factory}: ${problem as string}`);
    }
    expect(() => make({ ...STRICT, prefix: 'a' } as never)).toThrow(
      `${factory}: "tokenFormat": unknown option "prefix"`,
    );
    expect(make(STRICT as never)).toBeDefined();
  });
});
