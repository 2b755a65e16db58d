import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  cachingIntrospector,
  MemoryTokenStore,
  requireActiveToken,
  storeIntrospector,
  tokenRevocation,
} from '../../lib/index.js';
import { raw, serving } from '../support/http.js';
import {
  A,
  answeredAsUnknown,
  basic,
  FAILURES,
  ISSUER,
  postToken,
  type World,
  world,
} from '../support/world.js';

const R = '/v1/oauth/revoke';

const revoke = (w: Pick<World, 'app' | 'as'>, token: string, clientId = 'app', more: object = {}) =>
  request(w.app)
    .post(R)
    .set('Authorization', w.as(clientId))
    .type('form')
    .send({ token, ...more });

const isActive = async (w: World, token: string, clientId = 'app'): Promise<boolean> =>
  ((await postToken(w.app, A, w.as(clientId), token)).body as { active: boolean }).active;

describe('POST /v1/oauth/revoke', () => {
  it('R-01 R-03 ends a token of the caller, for all APIs, at once', async () => {
    const w = await world();
    expect(await isActive(w, 'at-live')).toBe(true);
    const answer = await revoke(w, 'at-live');
    expect(answer).toMatchObject({ status: 200, text: '{}' });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
    expect(await isActive(w, 'at-live')).toBe(false);
    expect(w.tokens.find('at-live')).toMatchObject({ status: 'revoked' });
    expect(w.events.find(({ api }) => api === 'token-revocation')).toMatchObject({
      outcome: 'done',
      action: 'revoke',
      status: 200,
      clientId: 'app',
    });
  });

  it('R-03 answers a token that is not there as one that it has ended', async () => {
    const w = await world();
    const ended = await revoke(w, 'at-live').set('Connection', 'close');
    for (const token of [
      'never-seen',
      'at-live',
      'at-expired',
      'at-revoked',
      'rt-expired',
      'no token \u00e9',
    ]) {
      const answer = await revoke(w, token).set('Connection', 'close');
      const { date: _date, ...headers } = answer.headers;
      const { date: _other, ...expected } = ended.headers;
      expect([answer.status, answer.text, headers]).toStrictEqual([200, ended.text, expected]);
    }
    const reasons = w.events.slice(1).map(({ outcome, reason }) => [outcome, reason]);
    const [unknown, revoked, expired] = ['unknown', 'revoked', 'expired'].map((reason) => [
      'inactive',
      reason,
    ]);
    expect(reasons).toStrictEqual([unknown, revoked, expired, revoked, expired, unknown]);
  });

  it.each([
    ['at-live', 'other-app'],
    ['at-live', 'own-only'],
    ['at-live', 'admin'],
    ['rt-other-app', 'app'],
    ['rt-public', 'app'],
    ['rt-audience', 'api'],
    ['at-disabled-client', 'app'],
    ['at-future', 'other-app'],
  ])('R-02 R-03 I-14 does not end %s for %s, who may not know of it', async (token, clientId) => {
    const w = await world();
    await answeredAsUnknown((one) => revoke(w, one, clientId), token);
    expect(w.tokens.find(token)).toMatchObject({ status: 'approved' });
    expect(w.events[0]).toMatchObject({ outcome: 'inactive', reason: 'not_yours', status: 200 });
  });

  it.each([
    ['at-live', 'api'],
    ['at-live', 'opted-out'],
    ['rt-live', 'opted-out'],
    ['at-future', 'api'],
  ])('R-02 refuses to end %s for %s, who may ask about it', async (token, clientId) => {
    const w = await world();
    const answer = await revoke(w, token, clientId);
    expect(answer).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } });
    expect(w.tokens.find(token)).toMatchObject({ status: 'approved' });
    expect(w.events.at(-1)).toMatchObject({ outcome: 'refused', error: 'unauthorized_client' });
  });

  it.each([
    [undefined, 401],
    ['Basic !', 401],
    [basic('app', 'wrong'), 401],
    [basic('nobody', 'wrong'), 401],
    ['Bearer at-live', 401],
  ])('R-02 demands the credentials of a client (%s)', async (header, status) => {
    const w = await world();
    const call = request(w.app).post(R).type('form').send({ token: 'at-live' });
    const answer = await (header === undefined ? call : call.set('Authorization', header));
    expect(answer).toMatchObject({ status, body: { error: 'invalid_client' } });
    expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
    expect(w.tokens.find('at-live')).toMatchObject({ status: 'approved' });
  });

  it('R-02 a public client ends its own tokens, by its id alone or as Basic', async () => {
    const w = await world({ moreClients: [{ clientId: 'public-off', disabled: true }] });
    const byId = (client_id: string, token: string) =>
      request(w.app).post(R).type('form').send({ client_id, token });
    expect((await byId('public-2', 'rt-public')).text).toBe('{}');
    expect((await byId('public', 'at-live')).text).toBe('{}');
    expect((await byId('app', 'at-live')).status).toBe(401);
    expect((await byId('disabled', 'at-disabled-client')).status).toBe(401);
    expect((await byId('public-off', 'rt-public')).status).toBe(401);
    expect((await byId('nobody', 'rt-public')).status).toBe(401);
    expect(w.tokens.find('rt-public')).toMatchObject({ status: 'approved' });
    expect((await byId('public', 'rt-public')).status).toBe(200);
    expect(w.events.at(-1)).toMatchObject({ clientId: 'public', outcome: 'done', action: 'revoke' });
    expect(w.tokens.find('rt-public')).toMatchObject({ status: 'revoked' });
    await w.tokens.save({ token: 'rt-2', kind: 'refresh_token', clientId: 'public' });
    expect((await revoke({ ...w, as: () => basic('public', '') }, 'rt-2')).status).toBe(200);
    expect(w.tokens.find('rt-2')).toMatchObject({ status: 'revoked' });
  });

  it.each([
    ['at-live', 'refresh_token'],
    ['at-live', 'access_token'],
    ['at-live', 'unheard_of'],
    ['rt-live', 'access_token'],
    ['rt-live', undefined],
  ])('R-04 the hint is no filter (%s, %s)', async (token, hint) => {
    const w = await world();
    const answer = await revoke(w, token, 'app', hint === undefined ? {} : { token_type_hint: hint });
    expect(answer.status).toBe(200);
    expect(w.tokens.find(token)).toMatchObject({ status: 'revoked' });
  });

  it('R-05 a refresh token takes the tokens of its grant along, and an access token goes alone', async () => {
    const w = await world();
    await w.tokens.save({ token: 'at-2', kind: 'access_token', clientId: 'app', grantId: 'grant-1' });
    await w.tokens.save({ token: 'at-3', kind: 'access_token', clientId: 'app', grantId: 'grant-2' });
    await revoke(w, 'at-2');
    expect(w.tokens.find('rt-live')).toMatchObject({ status: 'approved' });
    expect(w.tokens.find('at-live')).toMatchObject({ status: 'approved' });
    await revoke(w, 'rt-live');
    for (const token of ['rt-live', 'at-live', 'at-2'])
      expect(w.tokens.find(token)).toMatchObject({ status: 'revoked' });
    expect(w.tokens.find('at-3')).toMatchObject({ status: 'approved' });
    await w.tokens.save({ token: 'rt-alone', kind: 'refresh_token', clientId: 'app' });
    await revoke(w, 'rt-alone');
    expect(w.tokens.find('rt-alone')).toMatchObject({ status: 'revoked' });
  });

  it('ends a token that is not valid yet', async () => {
    const w = await world();
    expect((await revoke(w, 'at-future')).status).toBe(200);
    expect(w.tokens.find('at-future')).toMatchObject({ status: 'revoked' });
  });

  it('R-07 is felt at once by a guard that has remembered the token', async () => {
    const w = await world();
    const introspector = cachingIntrospector(storeIntrospector(w.tokens, { clock: () => w.clock.now }), {
      clock: () => w.clock.now,
    });
    const guarded = express().get(
      '/',
      requireActiveToken({ introspector, clock: () => w.clock.now }),
      (_req, res) => {
        res.end();
      },
    );
    const call = async () => (await request(guarded).get('/').set('Authorization', 'Bearer at-live')).status;
    expect(await call()).toBe(200);
    await revoke(w, 'at-live');
    expect(await call()).toBe(401);
  });

  it.each(FAILURES.slice(0, 4))('R-06 a store that %s has not ended it: 503', async (_how, fail) => {
    for (const method of ['find', 'revoke', 'revokeGrant'] as const) {
      const w = await world();
      const tokens = Object.assign(Object.create(w.tokens) as MemoryTokenStore, {
        find: (token: string) => w.tokens.find(token),
        [method]: fail,
      });
      const app = express().use(tokenRevocation({ tokens, clients: w.clients, clock: () => w.clock.now }));
      const answer = await revoke({ app, as: w.as }, method === 'revoke' ? 'at-live' : 'rt-live');
      expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
      expect(answer.headers['retry-after']).toBeDefined();
    }
  });

  it('says that it was dead where another has ended it meanwhile', async () => {
    const w = await world();
    const tokens = Object.assign(Object.create(w.tokens) as MemoryTokenStore, {
      find: (token: string) => w.tokens.find(token),
      revoke: async () => 0,
    });
    const events: unknown[] = [];
    const app = express().use(
      tokenRevocation({
        tokens,
        clients: w.clients,
        clock: () => w.clock.now,
        audit: (event) => events.push(event),
      }),
    );
    expect((await revoke({ app, as: w.as }, 'at-live')).status).toBe(200);
    expect(events).toMatchObject([{ outcome: 'inactive', reason: 'revoked' }]);
  });

  it('R-08 knows no JSONP, and nothing in the query', async () => {
    const w = await world();
    const answer = await request(w.app)
      .post(`${R}?callback=run&token=at-live`)
      .set('Authorization', w.as('app'))
      .type('form')
      .send({});
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect(answer.headers['content-type']).toBe('application/json');
    const ended = await request(w.app)
      .post(`${R}?callback=run`)
      .set('Authorization', w.as('app'))
      .type('form')
      .send({ token: 'at-live' });
    expect([ended.status, ended.text, ended.headers['content-type']]).toStrictEqual([
      200,
      '{}',
      'application/json',
    ]);
  });

  it.each([
    ['a token that came twice', 'token=at-live&token=at-live', 400],
    ['no token', 'x=1', 400],
    ['another client', 'token=at-live&client_id=other-app', 400],
    ['a second way', 'token=at-live&client_secret=x', 400],
  ])('refuses %s', async (_what, body, status) => {
    const w = await world();
    const answer = await request(w.app).post(R).set('Authorization', w.as('app')).type('form').send(body);
    expect(answer).toMatchObject({ status, body: { error: 'invalid_request' } });
    expect(w.tokens.find('at-live')).toMatchObject({ status: 'approved' });
  });

  it('E-05 is posted to', async () => {
    const w = await world();
    const answer = await request(w.app).get(R);
    expect(answer).toMatchObject({ status: 405, body: { error: 'invalid_request' } });
    expect(answer.headers.allow).toBe('POST');
  });

  it('R-01 demands TLS where the app says so', async () => {
    const w = await world({ requireTls: true });
    expect((await revoke(w, 'at-live')).status).toBe(400);
    expect(w.tokens.find('at-live')).toMatchObject({ status: 'approved' });
  });

  it('A-09 limits guesses of ids', async () => {
    const w = await world({ rateLimit: { failures: { limit: 2, windowMs: 60_000 } } });
    const byId = (i: number) =>
      request(w.app)
        .post(R)
        .type('form')
        .send({ client_id: `guess-${i}`, token: 'x' });
    for (const [i, status] of [401, 401, 429, 429].entries()) expect((await byId(i)).status).toBe(status);
  });

  it('limits guesses', async () => {
    const w = await world({ rateLimit: { inactive: { limit: 2, windowMs: 60_000 } } });
    for (const status of [200, 200, 429, 429]) expect((await revoke(w, 'never-seen')).status).toBe(status);
  });

  it('is not there where the store cannot revoke', async () => {
    const { tokens, ...w } = await world();
    const { app } = await world({ tokens: { find: (token) => tokens.find(token) } });
    await serving(app, async (origin) => {
      const answer = await raw(origin, {
        path: R,
        headers: ['Authorization', w.as('app')],
        body: 'token=at-live',
      });
      expect(answer.status).toBe(404);
    });
  });

  it.each([
    ['tokens', { tokens: { find() {} } }],
    ['tokens', {}],
    ['issuer', { tokens: new MemoryTokenStore(), issuer: '' }],
    ['introspectionScope', { tokens: new MemoryTokenStore(), issuer: ISSUER, introspectionScope: 'x' }],
  ])('a TypeError names %s', async (name, options) => {
    const { clients } = await world();
    expect(() => tokenRevocation({ clients, ...options } as never)).toThrow(TypeError);
    expect(() => tokenRevocation({ clients, ...options } as never)).toThrow(`"${name}"`);
  });
});
