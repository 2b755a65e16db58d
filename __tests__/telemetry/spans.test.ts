import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import express, { type Express, type RequestHandler } from 'express';
import { MemoryStore } from 'express-rate-limit';
import { createClient } from 'redis';
import request from 'supertest';
import {
  ConflictError,
  cachingIntrospector,
  jwtIntrospector,
  MemoryTokenStore,
  NotFoundError,
  remoteIntrospector,
  requireActiveToken,
  StoreUnavailableError,
  storeIntrospector,
} from '../../lib/index.js';
import { serverOf } from '../../lib/introspection/remote/watched-transport.js';
import { LmdbTokenStore } from '../../lib/stores/lmdb/index.js';
import { PostgresClientStore, PostgresTokenStore } from '../../lib/stores/postgres/index.js';
import { RedisTokenStore } from '../../lib/stores/redis/index.js';
import { StoreProbe } from '../../lib/telemetry/store-probe.js';
import { systemOf } from '../../lib/telemetry/store-system.js';
import { telemetryOf } from '../../lib/telemetry/telemetry.js';
import { json, optionsFor, SECRET, upstream as server } from '../support/scripted-server.js';
import { temporaryFolder } from '../support/services.js';
import {
  type CollectedSpans,
  collectedMetrics,
  collectedSpans,
  followContext,
  unregisterAll,
} from '../support/telemetry.js';
import { A, B, C, ISSUER, postToken, world } from '../support/world.js';

const TOKEN = 'sekret-token-6f1c';

let collected: CollectedSpans;
beforeEach(() => {
  collected = collectedSpans();
  followContext();
  trace.setGlobalTracerProvider(collected.provider);
});
afterEach(unregisterAll);

/** What an HTTP instrumentation does: a span of the request, which is active for all that comes. */
const traced: RequestHandler = (req, res, next) => {
  const span = trace.getTracer('app').startSpan(`${req.method} request`, { kind: SpanKind.SERVER });
  res.once('finish', () => span.end());
  context.with(trace.setSpan(context.active(), span), next);
};

/** A store whose driver has an instrumentation of its own. */
function withDriver<T>(find: (key: string) => T | Promise<T>): { find(key: string): Promise<T> } {
  return {
    async find(key) {
      await Promise.resolve();
      trace.getTracer('driver').startSpan('driver').end();
      return find(key);
    },
  };
}

function named(name: string): readonly ReadableSpan[] {
  return collected.spans().filter((span) => span.name === name);
}

function isChildOf(span: ReadableSpan | undefined, parent: ReadableSpan | undefined): boolean {
  return (
    span !== undefined &&
    span.parentSpanContext?.spanId === parent?.spanContext().spanId &&
    span.spanContext().traceId === parent?.spanContext().traceId
  );
}

describe('spans of stores', () => {
  it.each([
    [
      'oauth-introspection',
      (app: Express, as: (id: string) => string) => postToken(app, A, as('api'), 'at-live'),
    ],
    [
      'refresh-token-introspection',
      (app: Express, as: (id: string) => string) => postToken(app, B, as('app'), 'rt-live'),
    ],
    [
      'access-token-details',
      (app: Express, as: (id: string) => string) =>
        request(app).get(`${C}/at-live`).set('Authorization', as('admin')),
    ],
  ])('are children of the span of the request, through all of %s', async (_api, ask) => {
    const { tokens } = await world();
    const made = await world({
      before: [traced],
      tokens: withDriver((token) => tokens.find(token)),
      clients: withDriver((id) => made.clients.find(id)),
    });
    for (let times = 0; times < 2; times++) {
      const answer = await ask(made.app, made.as);
      expect(answer.status).toBe(200);
    }
    const requests = collected.spans().filter(({ kind }) => kind === SpanKind.SERVER);
    const [, second] = requests;
    expect(requests).toHaveLength(2);
    const all = collected.spans().filter((span) => isChildOf(span, second));
    expect(all.map(({ name }) => name).toSorted()).toStrictEqual([
      'find clients',
      'find clients',
      'find tokens',
    ]);
    // By now it is known that these stores answer later, so that their driver's spans are within.
    for (const span of all) {
      expect(
        collected
          .spans()
          .filter((one) => isChildOf(one, span))
          .map(({ name }) => name),
      ).toStrictEqual(['driver']);
    }
  });

  it('say what was done, where that is known, and nothing of the request', async () => {
    const { tokens, clients, clock } = await world();
    const later = withDriver((token) => tokens.find(token));
    const app = express().use(traced, requireActiveToken({ tokens: later, clients, clock: () => clock.now }));
    app.get('/', (_req, res) => void res.json(trace.getActiveSpan() !== undefined));
    const answer = await request(app).get('/').set('Authorization', 'Bearer at-live');
    expect(answer.body).toBe(true);
    const [found] = named('find tokens');
    expect(found?.kind).toBe(SpanKind.INTERNAL);
    expect(found?.attributes).toStrictEqual({
      'token_introspection.store': 'tokens',
      'db.operation.name': 'find',
    });
    expect(found?.status).toStrictEqual({ code: SpanStatusCode.UNSET });
    expect(found?.events).toStrictEqual([]);
    expect(found?.instrumentationScope.name).toBe('express-token-introspection');
    expect(isChildOf(found, named('GET request')[0])).toBe(true);
  });

  it('are not made for a store that answers at once, which goes on doing so', async () => {
    const { tokens } = await world();
    const probe = new StoreProbe(telemetryOf('test', undefined), 'tokens', 'find', tokens);
    const record = probe.run(() => tokens.find('at-live'));
    expect(record).toMatchObject({ clientId: 'app' });
    expect(collected.spans()).toStrictEqual([]);
    const failing = new Error('no');
    expect(() =>
      probe.run(() => {
        throw failing;
      }),
    ).toThrow(failing);
    expect(collected.spans()).toStrictEqual([]);
  });

  it('are made from then on for a store that answers later at times', async () => {
    const probe = new StoreProbe(telemetryOf('test', undefined), 'tokens', 'find', {});
    const before = Date.now();
    expect(probe.run(() => 1)).toBe(1);
    expect(await probe.run(async () => 2)).toBe(2);
    expect(probe.run(() => 3)).toBe(3);
    const spans = named('find tokens');
    expect(spans).toHaveLength(2);
    // The first was begun when its answer was awaited, and yet has the time of the call.
    for (const { startTime, duration } of spans) {
      expect(startTime[0] * 1000 + startTime[1] / 1e6).toBeGreaterThan(before - 1000);
      expect(startTime[0] * 1000 + startTime[1] / 1e6).toBeLessThan(Date.now() + 1000);
      expect(duration[0]).toBe(0);
    }
  });

  it('end no earlier than what was done in them', async () => {
    followContext();
    const probe = new StoreProbe(telemetryOf('test', undefined), 'tokens', 'find', {});
    const now = (): number => performance.timeOrigin + performance.now();
    const driver = async (): Promise<number> => {
      const span = trace.getTracer('driver').startSpan('driver', { startTime: now() });
      await new Promise((resolve) => setTimeout(resolve, 2));
      span.end(now());
      return 1;
    };
    const time = ([seconds, nanoseconds]: readonly [number, number]): number => seconds * 1e9 + nanoseconds;
    for (let i = 0; i < 20; i++) await probe.run(driver);
    const finds = named('find tokens');
    const drivers = named('driver');
    expect(drivers).toHaveLength(20);
    for (const [index, { startTime, endTime }] of finds.entries()) {
      expect(time(startTime)).toBeLessThanOrEqual(time(drivers[index]?.startTime as [number, number]));
      expect(time(endTime)).toBeGreaterThanOrEqual(time(drivers[index]?.endTime as [number, number]));
    }
  });

  it('harm no answer where the context manager of the app fails', async () => {
    const probe = new StoreProbe(telemetryOf('test', undefined), 'tokens', 'find', {});
    await probe.run(async () => 0);
    const broken = (): never => {
      throw new Error('broken');
    };
    const manager = new AsyncLocalStorageContextManager();
    context.disable();
    context.setGlobalContextManager(Object.assign(manager, { with: broken }));
    let asked = 0;
    const find = async (): Promise<number> => {
      asked += 1;
      return 1;
    };
    expect([await probe.run(find), asked]).toStrictEqual([1, 1]);
    context.disable();
    const failing = new Error('of the store');
    const runs = (_context: unknown, work: () => unknown) => work();
    context.setGlobalContextManager(Object.assign(new AsyncLocalStorageContextManager(), { with: runs }));
    expect(() =>
      probe.run(() => {
        asked += 1;
        throw failing;
      }),
    ).toThrow(failing);
    expect(asked).toBe(2);
  });

  it('call `then` of an answer once: a query may begin by it', async () => {
    let begun = 0;
    const query = {
      // biome-ignore lint/suspicious/noThenProperty: the subject of the test
      then(resolve: (value: string) => void) {
        begun += 1;
        resolve('row');
      },
    };
    const probe = new StoreProbe(telemetryOf('test', undefined), 'tokens', 'find', {});
    expect(await probe.run(() => query)).toBe('row');
    expect(begun).toBe(1);
    const odd = {
      // biome-ignore lint/suspicious/noThenProperty: the subject of the test
      get then(): never {
        throw new Error('odd');
      },
    };
    expect(() => probe.run(() => odd)).toThrow('odd');
  });

  const failures: readonly [string, unknown][] = [
    ['unavailable', new Error(`no ${TOKEN}`)],
    ['unavailable', new StoreUnavailableError(`no ${TOKEN}`)],
    ['unavailable', undefined],
    ['not_found', new NotFoundError(`no ${TOKEN}`)],
    ['conflict', new ConflictError(`no ${TOKEN}`)],
  ];

  it.each(failures)('tell of a failure as %s, and nothing of what was thrown', async (type, thrown) => {
    const metrics = collectedMetrics();
    const tokens = { find: () => Promise.reject(thrown) };
    const telemetry = { meterProvider: metrics.provider };
    await storeIntrospector(tokens, { telemetry })
      .introspect(TOKEN)
      .catch(() => {});
    const [span] = named('find tokens');
    expect(span?.attributes).toMatchObject({ 'error.type': type });
    expect(span?.status).toStrictEqual({ code: SpanStatusCode.ERROR });
    expect(span?.events).toStrictEqual([]);
    const [point] = await metrics.points('store.duration');
    expect(point).toMatchObject({ value: 1, attributes: { 'error.type': type } });
  });

  it('tell of the store of the limits, where the app has given one', async () => {
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    const store = (): MemoryStore => new MemoryStore();
    const inactive = { windowMs: 60_000, limit: 1000 };
    for (const rateLimit of [{ inactive }, { inactive, store }]) {
      const { app, as } = await world({ rateLimit, telemetry });
      await postToken(app, A, as('api'), 'never-seen');
    }
    const stores = (await metrics.points('store.duration')).map(({ attributes, value }) => [
      attributes['token_introspection.store'],
      attributes['db.operation.name'],
      value,
    ]);
    expect(stores).toStrictEqual([
      ['clients', 'find', 2],
      ['tokens', 'find', 2],
      ['rate_limit', 'increment', 1],
    ]);
    expect(named('increment rate_limit')).toHaveLength(1);
  });

  it('name the database of the stores that are here', async () => {
    const pool = { connect: () => Promise.reject(new Error('no')), on() {}, query() {} } as never;
    const lmdb = new LmdbTokenStore({ path: temporaryFolder('system-') });
    const stores: [object, string | undefined][] = [
      [lmdb, 'lmdb'],
      [new PostgresTokenStore({ pool }), 'postgresql'],
      [new PostgresClientStore({ pool }), 'postgresql'],
      [new RedisTokenStore({ client: createClient() }), 'redis'],
      [new MemoryTokenStore(), undefined],
    ];
    for (const [store, system] of stores) expect(systemOf(store)).toBe(system);
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    await storeIntrospector(lmdb, { telemetry }).introspect(TOKEN);
    expect((await metrics.points('store.duration'))[0]?.attributes).toStrictEqual({
      'token_introspection.store': 'tokens',
      'db.operation.name': 'find',
      'db.system.name': 'lmdb',
    });
    await lmdb.close();
  });
});

describe('spans of requests to an authorization server', () => {
  it('have the names and attributes of HTTP clients, and their parent through a cache', async () => {
    const answers = await server(json({ active: true }));
    const remote = remoteIntrospector({
      ...optionsFor(answers),
      endpoint: `${answers.endpoint}?key=sekret`,
    });
    const app = express().use(traced, requireActiveToken({ introspector: cachingIntrospector(remote) }));
    app.get('/', (_req, res) => void res.json('in'));
    for (let times = 0; times < 2; times++) {
      await request(app).get('/').set('Authorization', `Bearer ${TOKEN}`).expect(200);
    }
    const [asked, ...more] = named('POST');
    expect(more).toStrictEqual([]);
    expect(answers.seen[0]?.path).toBe('/introspect?key=sekret');
    expect(asked?.kind).toBe(SpanKind.CLIENT);
    expect(asked?.attributes).toStrictEqual({
      'http.request.method': 'POST',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(answers.origin).port),
      'url.full': answers.endpoint,
      'http.response.status_code': 200,
    });
    expect(asked?.status).toStrictEqual({ code: SpanStatusCode.UNSET });
    expect(isChildOf(asked, named('GET request')[0])).toBe(true);
  });

  it('are there for metadata and keys as well', async () => {
    const issuer = await server((res, { path }) => {
      const { origin } = issuer;
      const metadata = {
        issuer: origin,
        introspection_endpoint: `${origin}/introspect`,
        jwks_uri: `${origin}/keys`,
      };
      res.setHeader('Content-Type', 'application/json');
      if (path === '/introspect') return res.end('{"active":false}');
      return res.end(JSON.stringify(path === '/keys' ? { keys: [] } : metadata));
    });
    const options = { issuer: issuer.origin, allowInsecureRequests: true };
    await remoteIntrospector({ ...options, clientId: 'api', clientSecret: SECRET }).introspect('t');
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: issuer.origin, exp: 4_000_000_000 };
    const jwt = `${part({ alg: 'ES256', typ: 'at+jwt' })}.${part(claims)}.c2ln`;
    await jwtIntrospector(options).introspect(jwt);
    const well = `${issuer.origin}/.well-known/oauth-authorization-server`;
    expect(collected.spans().map(({ name, attributes }) => [name, attributes['url.full']])).toStrictEqual([
      ['GET', well],
      ['POST', `${issuer.origin}/introspect`],
      ['GET', well],
      ['GET', `${issuer.origin}/keys`],
    ]);
    expect(JSON.stringify(collected.spans().map(({ attributes }) => attributes))).not.toContain(jwt);
  });

  it('have what an own `fetch` reports within them', async () => {
    const remote = remoteIntrospector({
      endpoint: 'https://id.example.com/introspect',
      clientId: 'api',
      clientSecret: SECRET,
      fetch: async () => {
        trace.getTracer('fetch').startSpan('fetch').end();
        return Response.json({ active: true });
      },
    });
    await remote.introspect('t');
    expect(isChildOf(named('fetch')[0], named('POST')[0])).toBe(true);
    expect(named('POST')[0]?.attributes).toMatchObject({
      'server.address': 'id.example.com',
      'server.port': 443,
    });
  });

  it('tell how a request failed, and have one for each attempt', async () => {
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    const hangs = await server(() => {});
    const refuses = await server(json({ error: TOKEN }, 401));
    const resets = await server((_res, _request, socket) => socket.destroy());
    const ask = (to: { endpoint: string }, more: object = {}): Promise<unknown> =>
      remoteIntrospector(optionsFor(to, { telemetry, ...more }))
        .introspect(TOKEN)
        .catch(() => {});
    await ask(refuses);
    await ask(hangs, { timeout: 20 });
    await ask(resets);
    const controller = new AbortController();
    const cancelled = remoteIntrospector(optionsFor(hangs, { telemetry }))
      .introspect(TOKEN, { signal: controller.signal })
      .catch(() => {});
    controller.abort(new Error(TOKEN));
    await cancelled;
    await ask(hangs, { accessToken: () => 'not a token', clientId: undefined, clientSecret: undefined });
    expect(
      collected
        .spans()
        .map(({ attributes, status }) => [
          attributes['error.type'],
          attributes['http.response.status_code'],
          status,
        ]),
    ).toStrictEqual(
      [
        ['401', 401],
        ['timeout', undefined],
        // Reset before an answer, so it was tried once more.
        ['connection', undefined],
        ['connection', undefined],
        ['cancelled', undefined],
      ].map((row) => [...row, { code: SpanStatusCode.ERROR }]),
    );
    for (const { events } of collected.spans()) expect(events).toStrictEqual([]);
    const points = await metrics.points('upstream.duration');
    expect(
      points.map(({ attributes }) => [attributes['token_introspection.outcome'], attributes['error.type']]),
    ).toStrictEqual([
      ['unavailable', 'our_credentials'],
      ['unavailable', 'timeout'],
      ['unavailable', 'connection'],
      ['cancelled', undefined],
      ['unavailable', 'our_credentials'],
    ]);
  });

  it('have no part in a measurement of keys, which names whom the app has named', async () => {
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const jwt = `${part({ alg: 'ES256', typ: 'at+jwt' })}.${part({ iss: ISSUER, exp: 4_000_000_000 })}.c2ln`;
    const introspector = jwtIntrospector({
      issuer: ISSUER,
      telemetry,
      fetch: async () => new Response('no', { status: 500 }),
    });
    await introspector.introspect(jwt).catch(() => {});
    expect(await metrics.points('upstream.duration')).toMatchObject([
      {
        attributes: {
          'token_introspection.operation': 'keys',
          'server.address': 'id.example.com',
          'server.port': 443,
          'token_introspection.outcome': 'unavailable',
          'error.type': 'discovery',
        },
      },
    ]);
  });

  it('are not needed to measure what an authorization server says', async () => {
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    const answers = await server((res, { form }) => {
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify({ active: form.get('token') === 'live' }));
    });
    trace.disable();
    const remote = remoteIntrospector(optionsFor(answers, { telemetry }));
    for (const token of ['live', 'dead', 'live', 'no\ttoken']) await remote.introspect(token);
    const place = { 'server.address': '127.0.0.1', 'server.port': Number(new URL(answers.origin).port) };
    const question = { 'token_introspection.operation': 'introspect', ...place };
    expect(
      (await metrics.points('upstream.duration')).map(({ attributes, value }) => [attributes, value]),
    ).toStrictEqual([
      [{ ...question, 'token_introspection.outcome': 'active' }, 2],
      [{ ...question, 'token_introspection.outcome': 'inactive' }, 1],
    ]);
    expect(collected.spans()).toStrictEqual([]);
  });

  it('know the host and the port of any URL', () => {
    expect(serverOf('https://id.example.com/x')).toStrictEqual({
      'server.address': 'id.example.com',
      'server.port': 443,
    });
    expect(serverOf('http://[::1]/x')).toStrictEqual({ 'server.address': '::1', 'server.port': 80 });
    expect(serverOf('http://10.0.0.1:8080')).toStrictEqual({
      'server.address': '10.0.0.1',
      'server.port': 8080,
    });
  });
});

describe('T-25 no token and no secret', () => {
  it('is in a span or a measurement, whatever fails', async () => {
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    const echo = await server((res, { form, headers }) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.end(`{"active": "${form.get('token')} ${headers.authorization}"}`);
    });
    const fails = Object.assign(new Error(`no ${TOKEN}`), { name: TOKEN, code: TOKEN });
    const failing = { find: () => Promise.reject(fails) };
    const unavailable = Object.assign(new Error(TOKEN), {
      [Symbol.for('express-token-introspection.introspection-unavailable')]: TOKEN,
      reason: TOKEN,
    });
    const introspectors = [
      storeIntrospector(failing, { telemetry }),
      remoteIntrospector(optionsFor(echo, { telemetry })),
      remoteIntrospector(optionsFor(echo, { telemetry, fetch: () => Promise.reject(fails) })),
      remoteIntrospector(optionsFor(echo, { telemetry, fetch: () => Promise.reject(unavailable) })),
      cachingIntrospector({ introspect: () => Promise.reject(unavailable) }, { telemetry }),
    ];
    const claims = (): never => {
      throw fails;
    };
    for (const introspector of introspectors) {
      const app = express().get('/:id', traced, requireActiveToken({ introspector, telemetry, claims }));
      app.use(((_error, _req, res, _next) => void res.status(500).end()) as express.ErrorRequestHandler);
      await request(app).get(`/${TOKEN}`).set('Authorization', `Bearer ${TOKEN}`);
    }
    const made = await world({ telemetry, before: [traced], tokens: failing, clients: failing });
    for (const path of [A, B]) await postToken(made.app, path, made.as('api'), TOKEN);
    await request(made.app).get(`${C}/${TOKEN}`).set('Authorization', made.as('admin'));
    const spans = collected
      .spans()
      .map(({ name, attributes, events, links, status }) => ({ name, attributes, events, links, status }));
    expect(spans.length).toBeGreaterThan(10);
    for (const text of [JSON.stringify(spans), await metrics.text()]) {
      expect(text.length).toBeGreaterThan(1000);
      expect(text).not.toContain('sekret');
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(made.secretOf('api'));
    }
  });
});
