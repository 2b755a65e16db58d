import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { UNAVAILABLE_REASON } from '../../lib/http/audit.js';
import { StoreUnavailableError, tokenDigest } from '../../lib/index.js';
import { A, B, basic, C, failingStore, NOW, postToken, world } from '../support/world.js';

describe('audit', () => {
  it('gets one whole event a call', async () => {
    const { app, as, events } = await world();
    const began = performance.now();
    await postToken(app, A, as('api'), 'at-live');
    const waited = performance.now() - began;
    await postToken(app, B, as('app'), 'at-live');
    await request(app).get(`${C}/at-live`).set('Authorization', as('admin'));
    await request(app).get(A);
    const { durationMs, ...first } = events[0] as (typeof events)[0];
    expect(durationMs).toBeGreaterThan(0);
    expect(durationMs).toBeLessThan(waited);
    expect(first).toStrictEqual({
      api: 'oauth-introspection',
      outcome: 'active',
      status: 200,
      clientId: 'api',
      tokenDigest: tokenDigest('at-live'),
      address: '127.0.0.1',
      time: NOW,
    });
    expect(events.slice(1)).toMatchObject([
      { api: 'refresh-token-introspection', outcome: 'inactive', reason: 'wrong_kind', clientId: 'app' },
      { api: 'access-token-details', outcome: 'active', status: 200, clientId: 'admin' },
      { api: 'oauth-introspection', outcome: 'refused', status: 405, error: 'invalid_request' },
    ]);
    expect(events).toHaveLength(4);
    expect(events[3]).toStrictEqual({
      api: 'oauth-introspection',
      outcome: 'refused',
      error: 'invalid_request',
      status: 405,
      address: '127.0.0.1',
      time: NOW,
      durationMs: expect.any(Number),
    });
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('log is full');
      },
    ],
    ['rejects', () => Promise.reject(new Error('log is full'))],
    ['never ends', () => new Promise(() => {})],
    [
      'answers a thenable that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: the subject of the test
        then() {
          throw new Error('odd');
        },
      }),
    ],
  ])('harms no answer when it %s', async (_what, audit) => {
    const { app, as } = await world({ audit });
    const answer = await postToken(app, A, as('api'), 'at-live');
    expect(answer.body).toMatchObject({ active: true });
  });

  it('is not needed', async () => {
    const { app, as } = await world({ audit: undefined as never });
    const answer = await postToken(app, A, as('api'), 'at-live');
    expect(answer.body).toMatchObject({ active: true });
  });

  it('T-25 names a fault by its name, code and place, and quotes no message', async () => {
    const faults: [unknown, object][] = [
      [
        Object.assign(new Error('no route to sekret\n    at sekret'), { code: 'ECONNREFUSED' }),
        { name: 'Error', code: 'ECONNREFUSED', at: expect.stringMatching(/^\s+at .+audit\.test.+\n\s+at /) },
      ],
      [
        Object.assign(new Error('changed'), { stack: 'Error: no route at sekret\n    at here (file:1:2)' }),
        { name: 'Error', at: '    at here (file:1:2)' },
      ],
      [
        Object.assign(new Error('x'), { code: { of: 'sekret' }, [UNAVAILABLE_REASON]: { of: 'sekret' } }),
        { name: 'Error' },
      ],
      [new StoreUnavailableError('sekret'), { name: 'StoreUnavailableError', code: 'ERR_STORE_UNAVAILABLE' }],
      [new StoreUnavailableError('sekret', { cause: new RangeError('sekret') }), { name: 'RangeError' }],
      ['sekret', { name: 'string' }],
      [null, { name: 'null' }],
      [Object.assign(new Error('sekret'), { stack: undefined }), { name: 'Error' }],
      [Object.assign(new Error(), { message: undefined, stack: null, name: 5 }), { name: '' }],
    ];
    for (const [thrown, fault] of faults) {
      const { app, as, events } = await world({
        tokens: failingStore(() => {
          throw thrown;
        }),
      });
      await postToken(app, A, as('app'), 'sekret');
      expect(events[0]?.fault).toMatchObject(fault);
      expect(JSON.stringify(events[0])).not.toContain('sekret');
    }
    const { app, as, events } = await world({
      policy: () => {
        throw new TypeError('bug');
      },
    });
    await postToken(app, A, as('app'), 'at-live');
    expect(events[0]?.fault).toMatchObject({
      name: 'TypeError',
      at: expect.stringMatching(/^\s+at .+audit\.test/),
    });
  });

  it('names no client for credentials that name none', async () => {
    const { app, events } = await world();
    await postToken(app, B, basic('nobody', 'x'), 'x');
    expect(events[0]).not.toHaveProperty('clientId');
  });

  it('says from where a call came, by what, and what it is called', async () => {
    const { app, as, events } = await world();
    const call = () =>
      request(app)
        .post(A)
        .set({ Authorization: as('api'), 'User-Agent': 'curl/8', 'X-Request-Id': 'id-1' })
        .type('form');
    await call().send({ token: 'at-live' });
    app.set('trust proxy', 1);
    await call().set('X-Forwarded-For', '203.0.113.7:50001').send({ token: 'never-seen' });
    await call().set('X-Forwarded-For', '[2001:db8::7]:50001').send({});
    const facts = { userAgent: 'curl/8', requestId: 'id-1' };
    expect(events).toMatchObject([
      { ...facts, outcome: 'active', address: '127.0.0.1' },
      { ...facts, outcome: 'inactive', address: '203.0.113.7' },
      { ...facts, outcome: 'refused', address: '2001:db8::7' },
    ]);
  });

  it('names a request as the option says, and as the refresh-token API does', async () => {
    const { app, as, events } = await world({ requestId: (req) => req.get('X-Correlation-Id') });
    const call = (body: object, headers: Readonly<Record<string, string>> = {}) =>
      request(app)
        .post(B)
        .set({ Authorization: as('app'), ...headers })
        .type('form')
        .send(body);
    const named = await call({}, { 'X-Correlation-Id': 'mine', 'X-Request-Id': 'theirs' });
    expect([named.body.requestId, named.headers['x-request-id']]).toStrictEqual(['mine', 'mine']);
    const theirs = await call({}, { 'X-Request-Id': 'theirs' });
    expect([theirs.body.requestId, theirs.headers['x-request-id']]).toStrictEqual(['theirs', 'theirs']);
    const made = await call({}, { 'X-Request-Id': 'not sane' });
    expect(made.body.requestId).toBe(made.headers['x-request-id']);
    expect(made.body.requestId).toMatch(/^[\da-f-]{36}$/);
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traced = await call({}, { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    expect([traced.body.requestId, traced.headers['x-request-id']]).toStrictEqual([trace, trace]);
    const fine = await call({ token: 'rt-live' });
    expect([fine.body.active, fine.headers['x-request-id']]).toStrictEqual([true, undefined]);
    const names = events.map(({ requestId }) => requestId);
    expect(names).toStrictEqual(['mine', 'theirs', made.body.requestId, trace, undefined]);
  });

  it('refuses a requestId that is no function', async () => {
    await expect(world({ requestId: 'x' as never })).rejects.toThrow(
      new TypeError('introspectionRouter: "requestId" must be a function'),
    );
  });

  it('gets the request, for what an app wants to add', async () => {
    const seen: unknown[] = [];
    const { app, as } = await world({
      audit: (event, req) => seen.push([event.outcome, req.get('X-Tenant'), req.method]),
      keys: () => 'junk' as never,
    });
    await postToken(app, A, as('app'), 'at-live').set('X-Tenant', 'blue');
    await request(app).get('/v1/oauth/jwks').set('X-Tenant', 'red');
    expect(seen).toStrictEqual([
      ['active', 'blue', 'POST'],
      ['failed', 'red', 'GET'],
    ]);
  });

  it.each([
    ['unavailable', 503, 'temporarily_unavailable', () => Promise.reject(new Error('down'))],
    ['failed', 500, 'server_error', () => 'junk' as never],
  ])(
    'gets one whole event for a document that is %s, and none for a wrong request',
    async (outcome, status, error, keys) => {
      const { app, events } = await world({ keys });
      const began = performance.now();
      const ask = (method: 'get' | 'post') =>
        request(app)[method]('/v1/oauth/jwks').set({ 'User-Agent': 'curl/8', 'X-Request-Id': 'id-1' });
      expect((await ask('get')).status).toBe(status);
      expect((await ask('post')).status).toBe(405);
      expect(events).toStrictEqual([
        {
          api: 'published-keys',
          outcome,
          error,
          status,
          address: '127.0.0.1',
          userAgent: 'curl/8',
          requestId: 'id-1',
          time: NOW,
          durationMs: expect.any(Number),
          fault: expect.anything(),
        },
      ]);
      expect(events[0]?.durationMs).toBeLessThan(performance.now() - began);
    },
  );

  it('T-25 holds nothing of the path, the query, the body or Authorization', async () => {
    const { app, as, events } = await world();
    const authorization = as('admin');
    await request(app).get(`${C}/at-live?sekret=1`).set({ Authorization: authorization, Referer: 'sekret' });
    await request(app).post(A).set('Authorization', 'Bearer sekret').type('form').send({ token: 'sekret' });
    const told = JSON.stringify(events);
    expect(events).toHaveLength(2);
    for (const hidden of ['sekret', 'at-live', authorization, '/v1/']) expect(told).not.toContain(hidden);
  });
});
