import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  cachingIntrospector,
  type Introspector,
  introspectionRouter,
  MemoryClientStore,
  oauthIntrospection,
  storeIntrospector,
} from '../../lib/index.js';
import { gateway } from '../support/gateway.js';
import { LIVE, type Upstream, upstream } from '../support/upstream.js';
import { A, API, B, C, INACTIVE, ISSUER, NOW, postToken, SECONDS, world } from '../support/world.js';

describe('Bearer callers of a gateway', () => {
  const CALLER = { active: true, client_id: 'api', aud: ISSUER, scope: 'introspection', exp: SECONDS + 60 };

  /** Knows the caller's token and `live`. */
  function knowing(caller: unknown): Upstream {
    return upstream((token: string) =>
      token === 'caller' ? caller : token === 'live' ? LIVE : { active: false },
    );
  }

  it('act as the client that the introspector names', async () => {
    const made = await world();
    const introspector = knowing(CALLER);
    const { app, events } = gateway(made, introspector);
    expect((await postToken(app, A, 'Bearer caller', 'live')).body).toStrictEqual({
      ...LIVE,
      token_type: 'Bearer',
    });
    expect((await postToken(app, A, 'Bearer caller', 'dead')).text).toBe(INACTIVE);
    expect(introspector.asked).toStrictEqual(['caller', 'live', 'caller', 'dead']);
    expect(events).toMatchObject([{ clientId: 'api', outcome: 'active' }, { reason: 'unknown' }]);
  });

  it('are asked about through the same cache', async () => {
    const made = await world();
    const inner = knowing(CALLER);
    const { app } = gateway(made, cachingIntrospector(inner, { clock: () => made.clock.now }));
    for (let time = 0; time < 3; time++) await postToken(app, A, 'Bearer caller', 'live');
    expect(inner.asked).toStrictEqual(['caller', 'live']);
  });

  it.each([
    ['inactive', { active: false }],
    ['expired by our clock', { ...CALLER, exp: SECONDS }],
    ['for another audience', { ...CALLER, aud: API }],
    ['without an audience', { ...CALLER, aud: undefined }],
    ['a refresh token', { ...CALLER, token_use: 'refresh_token' }],
    ['bound to a key', { ...CALLER, cnf: { jkt: 'x' } }],
    ['of a disabled client', { ...CALLER, client_id: 'disabled' }],
    ['of a client that is not known here', { ...CALLER, client_id: 'stranger' }],
    ['of a client that is not told', { ...CALLER, client_id: undefined }],
    ['of a client whose id is no string', { ...CALLER, client_id: 5 }],
  ])('I-23 are refused with a Bearer challenge when their token is %s', async (_what, caller) => {
    const made = await world();
    // A client may be called anything, what a missing id turns into as well.
    const find = (id: string) => made.clients.find(['undefined', '5'].includes(id) ? 'opted-out' : id);
    const clients = {
      find: async (id: string) => {
        const found = await find(id);
        return found?.clientId === 'opted-out' ? { ...found, clientId: id } : found;
      },
    };
    const { app, events } = gateway(made, knowing(caller), { clients });
    const answer = await postToken(app, A, 'Bearer caller', 'live');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer realm="token introspection", error="invalid_token"/,
    );
    expect(answer.body).toMatchObject({ error: 'invalid_token', error_description: expect.any(String) });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(events).toMatchObject([{ outcome: 'refused', error: 'invalid_token' }]);
    expect(events[0]).not.toHaveProperty('clientId');
  });

  it('I-23 are refused with 403 without the scope', async () => {
    const made = await world();
    const { app } = gateway(made, knowing({ ...CALLER, scope: 'read' }));
    const answer = await postToken(app, A, 'Bearer caller', 'live');
    expect([answer.status, answer.body.error]).toStrictEqual([403, 'insufficient_scope']);
  });

  it.each([
    ['cannot tell', () => Promise.reject(new Error('down'))],
    ['makes no sense', () => ({ active: 'true' })],
  ])('B-12 are told 503 where the introspector %s', async (_what, fail) => {
    const made = await world();
    const { app } = gateway(made, upstream(fail));
    const answer = await postToken(app, A, 'Bearer caller', 'live');
    expect([answer.status, answer.body.error]).toStrictEqual([503, 'temporarily_unavailable']);
    expect(answer.headers['retry-after']).toBe('5');
  });
});

describe('the hint of a caller', () => {
  it.each([
    ['access_token', 'access_token'],
    ['refresh_token', 'refresh_token'],
    ['urn:unheard-of', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('I-06 I-07 "%s" is passed on as "%s"', async (hint, passed) => {
    const made = await world();
    const introspector = upstream();
    const { app } = gateway(made, introspector);
    const { app: cached } = gateway(made, cachingIntrospector(introspector, { clock: () => NOW }));
    for (const asked of [app, cached]) {
      const answer = await request(asked)
        .post(A)
        .set('Authorization', made.as('api'))
        .type('form')
        .send({ token: 'a-token', ...(hint !== undefined && { token_type_hint: hint }) });
      expect(answer.body).toMatchObject({ active: true });
    }
    expect(introspector.hints).toStrictEqual([passed, passed]);
  });

  it('is no filter over a store introspector', async () => {
    const made = await world();
    const { app } = gateway(made, storeIntrospector(made.tokens, { clock: () => NOW }));
    const answer = await request(app)
      .post(A)
      .set('Authorization', made.as('app'))
      .type('form')
      .send({ token: 'rt-live', token_type_hint: 'access_token' });
    expect(answer.body).toMatchObject({ active: true });
  });
});

describe('the options of a gateway', () => {
  const introspector: Introspector = upstream();
  const clients = { find: () => undefined };
  const tokens = { find: () => undefined };
  const issuer = ISSUER;

  it.each([
    [
      'both sources',
      { introspector, tokens, clients, issuer },
      '"introspector" or "tokens" must be given, one',
    ],
    ['neither', { clients, issuer }, '"introspector" or "tokens" must be given, one'],
    ['an introspector without its method', { introspector: {}, clients, issuer }, '"introspector"'],
    ['an introspector that is null', { introspector: null, clients, issuer }, '"introspector"'],
    ['a function for an introspector', { introspector: () => {}, clients, issuer }, '"introspector"'],
    ['no clients', { introspector, issuer }, '"clients"'],
  ])('are refused with a TypeError by both factories: %s', (_what, options, named) => {
    for (const factory of [introspectionRouter, oauthIntrospection]) {
      expect(() => factory(options as never)).toThrow(TypeError);
      expect(() => factory(options as never)).toThrow(`${factory.name}: ${named}`);
    }
  });

  it.each([
    ['no issuer', { introspector, clients }, '"issuer"'],
    ['a scopeSeparator', { introspector, clients, issuer, scopeSeparator: ' ' }, '"scopeSeparator"'],
    ['a notFoundCode', { introspector, clients, issuer, notFoundCode: 'x' }, '"notFoundCode"'],
    ['a misspelt option', { introspector, clients, issuer, introspctor: 1 }, '"introspctor"'],
  ])('are refused with a TypeError by the router: %s', (_what, options, named) => {
    expect(() => introspectionRouter(options as never)).toThrow(TypeError);
    expect(() => introspectionRouter(options as never)).toThrow(named);
  });

  it('are one source and no more for TypeScript, too', () => {
    const wrong = [
      // @ts-expect-error -- one of them
      () => introspectionRouter({ introspector, tokens, clients, issuer }),
      // @ts-expect-error -- neither of them
      () => introspectionRouter({ clients, issuer }),
      // @ts-expect-error -- of an API that a gateway has not
      () => introspectionRouter({ introspector, clients, issuer, scopeSeparator: ' ' }),
      // @ts-expect-error -- one of them
      () => oauthIntrospection({ introspector, tokens, clients }),
    ];
    for (const make of wrong) expect(make).toThrow(TypeError);
  });

  it('leave the paths of the other two APIs to the app', async () => {
    const made = await world();
    const { app } = gateway(made, introspector);
    app.use((_req, res) => void res.status(418).send("the app's"));
    for (const path of [B, `${B}/app`]) {
      expect((await postToken(app, path, made.as('app'), 'a-token')).status).toBe(418);
    }
    for (const path of [`${C}/a-token`, '/v1/organizations/acme/oauth2/accesstokens/a-token']) {
      expect((await request(app).get(path).set('Authorization', made.as('admin'))).status).toBe(418);
    }
    expect((await request(app).get(A)).status).toBe(405);
  });

  it('make a single API, without Bearer callers where no issuer is given', async () => {
    const made = await world();
    const app = express().use(
      oauthIntrospection({ introspector, clients: made.clients, clock: () => NOW, realm: 'gateway' }),
    );
    expect((await postToken(app, A, made.as('api'), 'a-token')).body).toStrictEqual({
      ...LIVE,
      token_type: 'Bearer',
    });
    const bearer = await postToken(app, A, 'Bearer a-token', 'other');
    expect(bearer.headers['www-authenticate']).toBe('Basic realm="gateway", charset="UTF-8"');
  });

  it('know no client that is called as nobody is', () => {
    const make = () => new MemoryClientStore([{ clientId: '\0' }]);
    expect(make).toThrow('"clientId" must not be a NUL character');
  });
});
