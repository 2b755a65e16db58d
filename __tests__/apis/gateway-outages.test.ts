import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  cachingIntrospector,
  IntrospectionUnavailableError,
  type Introspector,
  NotFoundError,
  remoteIntrospector,
  storeIntrospector,
} from '../../lib/index.js';
import { asked, gateway } from '../support/gateway.js';
import { Provider } from '../support/provider.js';
import { json, optionsFor, type Script, upstream as scripted } from '../support/scripted-server.js';
import { LIVE, upstream } from '../support/upstream.js';
import {
  A,
  API,
  FAILURES,
  failingStore,
  INACTIVE,
  NOW,
  postToken,
  SECONDS,
  world,
} from '../support/world.js';

const UNAVAILABLE = {
  error: 'temporarily_unavailable',
  error_description: 'The service cannot answer right now; try again later',
};

describe('a gateway whose server cannot tell', () => {
  const bad: readonly [string, Script, string, number][] = [
    ['hangs', () => {}, 'timeout', 5],
    ['cuts the connection', (_res, _request, socket) => socket.destroy(), 'connection', 5],
    ['refuses our credentials', json({ error: 'invalid_client' }, 401), 'our_credentials', 5],
    ['refuses our right to ask', json({ error: 'unauthorized_client' }, 400), 'our_credentials', 5],
    ['is asked too often', json({}, 429, { 'Retry-After': '7' }), 'rate_limited', 7],
    // The breaker of the cache tries again after 10 seconds, whatever the server says.
    ['is down for a while', json({}, 503, { 'Retry-After': '90' }), 'status', 10],
    ['fails', json({ active: true }, 500), 'status', 5],
    ['redirects', json({}, 302, { Location: '/login' }), 'status', 5],
    ['answers HTML', json('<p>sekret</p>', 200, { 'Content-Type': 'text/html' }), 'malformed_answer', 5],
    ['answers "true"', json('"true"'), 'malformed_answer', 5],
    ['answers active as a string', json({ active: 'true' }), 'malformed_answer', 5],
    ['answers a time as a string', json({ active: true, exp: '2099-01-01' }), 'malformed_answer', 5],
  ];

  it.each(bad)('I-30 B-12 E-03 answers 503 where it %s', async (_what, script, reason, retryAfter) => {
    const made = await world();
    const server = await scripted(script);
    const introspector = cachingIntrospector(
      remoteIntrospector(optionsFor(server, { timeout: reason === 'timeout' ? 100 : 3_000 })),
    );
    const { app, events } = gateway(made, introspector);
    const answer = await postToken(app, A, made.as('api'), 'sekret-token');
    expect([answer.status, answer.body]).toStrictEqual([503, UNAVAILABLE]);
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'retry-after': String(retryAfter),
    });
    expect(events).toMatchObject([
      {
        outcome: 'unavailable',
        status: 503,
        error: 'temporarily_unavailable',
        clientId: 'api',
        fault: { name: 'IntrospectionUnavailableError', code: 'ERR_INTROSPECTION_UNAVAILABLE', reason },
      },
    ]);
    expect(JSON.stringify(events)).not.toContain('sekret');
    expect(events[0]?.fault).not.toHaveProperty('message');
  });

  it('answers 503 where nobody listens, and says when it makes sense to ask again', async () => {
    const made = await world();
    const server = await scripted(json({ active: true }));
    await server.stop();
    const introspector = cachingIntrospector(remoteIntrospector(optionsFor(server)), {
      breaker: { failures: 1, resetAfter: 30_000 },
    });
    const { app, events } = gateway(made, introspector);
    const ask = () => postToken(app, A, made.as('api'), 'a-token');
    expect((await ask()).headers['retry-after']).toBe('5');
    expect((await ask()).headers['retry-after']).toBe('30');
    expect(events.map(({ fault }) => fault?.reason)).toStrictEqual(['connection', 'circuit_open']);
  });

  it('I-14 answers 503 alike for a token that the caller may see and for one that it may not', async () => {
    const { answer } = await asked(new IntrospectionUnavailableError('timeout', 'no answer'), 'own-only');
    expect([answer.status, answer.body]).toStrictEqual([503, UNAVAILABLE]);
  });

  it('still refuses wrong callers, whom it does not ask for', async () => {
    const made = await world();
    const introspector = upstream(new Error('down'));
    const { app } = gateway(made, introspector);
    expect((await postToken(app, A, 'Basic x', 'a-token')).status).toBe(401);
    expect((await postToken(app, A, made.as('disabled'), 'a-token')).status).toBe(401);
    expect(introspector.asked).toStrictEqual([]);
  });
});

describe('a gateway in front of an introspector that fails', () => {
  it.each<[string, Introspector['introspect']]>([
    [
      'throws',
      () => {
        throw new Error('sekret');
      },
    ],
    ['rejects', () => Promise.reject(new Error('sekret'))],
    ['rejects with undefined', () => Promise.reject(undefined)],
    ['rejects with what a store may', () => Promise.reject(new NotFoundError())],
  ])('I-30 answers 503 where it %s', async (_what, introspect) => {
    const made = await world();
    const { app, events } = gateway(made, { introspect });
    const answer = await postToken(app, A, made.as('api'), 'a-token');
    expect([answer.status, answer.body]).toStrictEqual([503, UNAVAILABLE]);
    expect(answer.headers['retry-after']).toBe('5');
    expect(JSON.stringify(events)).not.toContain('sekret');
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'it must hold JSON values only'],
    ['null', null, 'the introspector answered no object'],
    ['true', true, 'the introspector answered no object'],
    ['an array', [{ active: true }], 'the introspector answered no object'],
    ['no active', { sub: 'alice' }, '"active" is not a boolean'],
    ['active as a string', { ...LIVE, active: 'true' }, '"active" is not a boolean'],
    ['active as a number', { ...LIVE, active: 1 }, '"active" is not a boolean'],
    ['exp as a string', { ...LIVE, exp: '1' }, '"exp" is not a number'],
    ['nbf as NaN', { ...LIVE, nbf: Number.NaN }, '"nbf" is not a number'],
    ['exp as NaN', { ...LIVE, exp: Number.NaN }, '"exp" is not a number'],
    ['exp as Infinity', { ...LIVE, exp: Number.POSITIVE_INFINITY }, '"exp" is not a number'],
    ['exp as a Date', { ...LIVE, exp: new Date(NOW) }, '"exp" is not a number'],
    ['exp that is too large', { ...LIVE, exp: 1e308 }, '"expiresAt" must be a time'],
    ['nbf as a string', { ...LIVE, nbf: '1' }, '"nbf" is not a number'],
    ['iat as an object', { ...LIVE, iat: {} }, '"issuedAt" must be a time'],
    ['auth_time as an object', { ...LIVE, auth_time: {} }, '"authTime" must be a time'],
    ['sub as a number', { ...LIVE, sub: 5 }, '"subject" must be a non-empty string'],
    ['client_id as a number', { ...LIVE, client_id: 5 }, '"clientId" must be a non-empty string'],
    ['aud as a number', { ...LIVE, aud: 5 }, '"audience" must be an array'],
    ['aud with an object', { ...LIVE, aud: [API, {}] }, '"audience" must be an array'],
    ['a scope that is none', { ...LIVE, scope: 'a "b"' }, '"scope" must be an array of scope values'],
    ['cnf as a string', { ...LIVE, cnf: 'x' }, '"confirmation" must be an object'],
    ['cnf as a string', { ...LIVE, cnf: 'jkt' }, '"confirmation" must be an object'],
    ['act as a string', { ...LIVE, act: 'bot' }, '"actor" must be an object'],
    ['details as an object', { ...LIVE, authorization_details: {} }, '"authorizationDetails" must be'],
    ['a bigint', { ...LIVE, big: 1n }, 'it must hold JSON values only'],
    [
      'what cannot be read',
      {
        get active() {
          throw new Error('sekret');
        },
      },
      'it must hold JSON values only',
    ],
  ])(
    'I-16 I-30 answers 503 where it says %s, and the audit names the member',
    async (_what, says, problem) => {
      const { answer, events } = await asked(() => says, 'api');
      expect([answer.status, answer.body]).toStrictEqual([503, UNAVAILABLE]);
      expect(answer.headers['retry-after']).toBe('5');
      expect(events).toMatchObject([{ outcome: 'unavailable', fault: { name: 'UnusableAnswerError' } }]);
      expect(events[0]?.fault?.message).toContain(`The introspector gave no usable answer: ${problem}`);
    },
  );

  it('says when to ask again where the introspector does, be it the one of another build of this package', async () => {
    const other = Object.assign(new Error('sekret'), {
      name: 'IntrospectionUnavailableError',
      retryAfter: 41_000,
    });
    Object.defineProperty(other, Symbol.for('express-token-introspection.introspection-unavailable'), {
      value: 'rate_limited',
    });
    const { answer, events } = await asked(other, 'api');
    expect(answer.headers['retry-after']).toBe('41');
    expect(events[0]?.fault).toMatchObject({ reason: 'rate_limited' });
    expect(JSON.stringify(events)).not.toContain('sekret');
  });

  it('reads no reason of an error that is not ours', async () => {
    const { events } = await asked(Object.assign(new Error('x'), { reason: 'sekret' }), 'api');
    expect(events[0]?.fault).not.toHaveProperty('reason');
  });

  it.each(FAILURES)(
    'answers 503 when the client store %s about the client of a token',
    async (_what, fail) => {
      const made = await world();
      const find = (id: string) => (id === 'x' ? (fail() as never) : made.clients.find(id));
      const says = (token: string) => ({
        ...LIVE,
        client_id: 'x',
        ...(token === 'hidden' && { aud: 'other' }),
      });
      const { app } = gateway(made, upstream(says), { clients: { find } });
      expect((await postToken(app, A, made.as('api'), 'a-token')).body).toStrictEqual(UNAVAILABLE);
      // I-14: a hidden one is as unknown as ever.
      expect((await postToken(app, A, made.as('api'), 'hidden')).text).toBe(INACTIVE);
    },
  );

  it('answers 503 when the store behind a store introspector fails', async () => {
    const made = await world();
    const { app } = gateway(made, storeIntrospector(failingStore(() => Promise.reject(new Error('down')))));
    expect((await postToken(app, A, made.as('api'), 'a-token')).body).toStrictEqual(UNAVAILABLE);
  });

  it('goes on with the last answer where the cache may bridge an outage', async () => {
    const made = await world();
    const inner = upstream();
    const introspector = cachingIntrospector(inner, {
      clock: () => made.clock.now,
      maxAge: 1_000,
      staleIfError: 20_000,
    });
    const { app } = gateway(made, introspector);
    const ask = () => postToken(app, A, made.as('api'), 'a-token');
    await ask();
    inner.says = new Error('down');
    made.clock.now = NOW + 2_000;
    expect((await ask()).body).toMatchObject({ active: true, stale: true, exp: SECONDS + 60 });
    made.clock.now = NOW + 30_000;
    expect((await ask()).status).toBe(503);
  });
});

describe('a gateway in front of oidc-provider', () => {
  const server = new Provider();
  beforeAll(() => server.start());
  afterAll(() => server.stop());

  it('answers 503 with credentials that it refuses, about live and unknown tokens', async () => {
    const made = await world();
    const introspector = remoteIntrospector({
      issuer: server.origin,
      clientId: 'api',
      clientSecret: 'wrong',
      allowInsecureRequests: true,
    });
    const { app, events } = gateway(made, introspector);
    for (const token of [await server.token(), 'unknown']) {
      const answer = await postToken(app, A, made.as('api'), token);
      expect([answer.status, answer.body]).toStrictEqual([503, UNAVAILABLE]);
    }
    expect(events.map(({ fault }) => fault?.reason)).toStrictEqual(['our_credentials', 'our_credentials']);
  });
});
