import { afterEach, describe, expect, it } from '@jest/globals';
import { createNoopMeter, metrics, ProxyTracerProvider, trace } from '@opentelemetry/api';
import express from 'express';
import request from 'supertest';
import {
  accessTokenDetails,
  cachingIntrospector,
  introspectionRouter,
  jwtIntrospector,
  oauthIntrospection,
  refreshTokenIntrospection,
  remoteIntrospector,
  requireActiveToken,
  storeIntrospector,
  type TelemetryOptions,
  tokenRevocation,
} from '../../lib/index.js';
import { json, optionsFor, upstream as server } from '../support/scripted-server.js';
import { collectedMetrics, collectedSpans, followContext, unregisterAll } from '../support/telemetry.js';
import { upstream } from '../support/upstream.js';
import { A, B, C, ISSUER, postToken, type World, world } from '../support/world.js';

afterEach(unregisterAll);

type Option = TelemetryOptions | false | undefined;

interface Everything {
  readonly made: World;
  /** Drives all that is measured. */
  readonly drive: () => Promise<void>;
}

/** An app with everything in it that measures, all of it with the same option. */
async function everything(option: Option): Promise<Everything> {
  const telemetry = option === undefined ? {} : { telemetry: option };
  const made = await world(telemetry);
  const { app, tokens, clients, as } = made;
  const later = { find: async (token: string) => tokens.find(token) };
  const answers = await server(json({ active: true }));
  const keys = await server(json({ keys: [] }));
  const clock = (): number => made.clock.now;
  const cached = cachingIntrospector(remoteIntrospector({ ...optionsFor(answers), ...telemetry }), {
    clock,
    ...telemetry,
  });
  const stored = storeIntrospector(later, { clients, clock, ...telemetry });
  const signed = jwtIntrospector({
    issuer: ISSUER,
    jwksUri: `${keys.origin}/keys`,
    allowInsecureRequests: true,
    ...telemetry,
  });
  app.get('/local', requireActiveToken({ tokens: later, clock, ...telemetry }), (_req, res) => {
    res.json('in');
  });
  app.get('/remote', requireActiveToken({ introspector: cached, clock, ...telemetry }), (_req, res) => {
    res.json('in');
  });
  const claims = { iss: ISSUER, exp: 4_000_000_000 };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = `${part({ alg: 'ES256', typ: 'at+jwt' })}.${part(claims)}.c2ln`;
  return {
    made,
    async drive() {
      for (const [path, client] of [
        [A, 'api'],
        [B, 'app'],
      ] as const) {
        expect((await postToken(app, path, as(client), 'at-live')).status).toBe(200);
      }
      expect((await request(app).get(`${C}/at-live`).set('Authorization', as('admin'))).status).toBe(200);
      expect((await postToken(app, '/v1/oauth/revoke', as('app'), 'never-seen')).status).toBe(200);
      for (const path of ['/local', '/remote']) {
        expect((await request(app).get(path).set('Authorization', 'Bearer at-live')).status).toBe(200);
      }
      expect(await stored.introspect('at-live')).toMatchObject({ active: true });
      expect(await signed.introspect(jwt)).toStrictEqual({ active: false });
    },
  };
}

const ALL = [
  'token_introspection.breaker.state',
  'token_introspection.cache.entries',
  'token_introspection.cache.lookups',
  'token_introspection.guard.duration',
  'token_introspection.guard.requests',
  'token_introspection.server.request.duration',
  'token_introspection.server.requests',
  'token_introspection.store.duration',
  'token_introspection.upstream.duration',
];

describe('the option telemetry', () => {
  it.each(['before', 'after'])('left out uses the global SDK that is registered %s', async (when) => {
    const collected = collectedMetrics();
    const spans = collectedSpans();
    const register = (): void => {
      followContext();
      metrics.setGlobalMeterProvider(collected.provider);
      trace.setGlobalTracerProvider(spans.provider);
    };
    if (when === 'before') register();
    const { drive } = await everything(undefined);
    if (when === 'after') {
      await drive();
      expect(spans.spans()).toStrictEqual([]);
      register();
    }
    await drive();
    const names = await collected.names();
    // After the first drive, the answers and the keys are remembered.
    expect(names.toSorted()).toStrictEqual(
      when === 'before' ? ALL : ALL.filter((name) => !name.includes('upstream')),
    );
    expect(spans.spans().map(({ name }) => name)).toEqual(expect.arrayContaining(['find tokens']));
    expect((await collected.points('guard.requests'))[0]?.value).toBe(2);
  });

  it('follows the global SDK when it goes and when another one comes', async () => {
    const [first, second] = [collectedMetrics(), collectedMetrics()];
    const [spans, later] = [collectedSpans(), collectedSpans()];
    const { drive } = await everything(undefined);
    metrics.setGlobalMeterProvider(first.provider);
    trace.setGlobalTracerProvider(spans.provider);
    await drive();
    unregisterAll();
    await drive();
    metrics.setGlobalMeterProvider(second.provider);
    trace.setGlobalTracerProvider(later.provider);
    await drive();
    for (const collected of [first, second]) {
      expect(await collected.points('server.requests')).toHaveLength(4);
      for (const { value } of await collected.points('server.requests')) expect(value).toBe(1);
      // A cache that was made long before is known to whoever collects now.
      expect(await collected.points('breaker.state')).toHaveLength(3);
    }
    expect(later.spans().length).toBeGreaterThan(0);
    const found = spans.spans().filter(({ name }) => name === 'find tokens');
    expect(found.length).toBe(later.spans().filter(({ name }) => name === 'find tokens').length);
  });

  it('false measures nothing, whatever is registered', async () => {
    const collected = collectedMetrics();
    const spans = collectedSpans();
    metrics.setGlobalMeterProvider(collected.provider);
    trace.setGlobalTracerProvider(spans.provider);
    const { drive } = await everything(false);
    await drive();
    expect(await collected.names()).toStrictEqual([]);
    expect(spans.spans()).toStrictEqual([]);
  });

  it('takes providers in place of the global ones', async () => {
    const [given, global] = [collectedMetrics(), collectedMetrics()];
    const [spans, globalSpans] = [collectedSpans(), collectedSpans()];
    metrics.setGlobalMeterProvider(global.provider);
    trace.setGlobalTracerProvider(globalSpans.provider);
    const { drive } = await everything({ meterProvider: given.provider, tracerProvider: spans.provider });
    await drive();
    expect((await given.names()).toSorted()).toStrictEqual(ALL);
    expect(await global.names()).toStrictEqual([]);
    expect(spans.spans().length).toBeGreaterThan(0);
    expect(globalSpans.spans()).toStrictEqual([]);
  });

  it('takes one provider, and leaves the other to the global one', async () => {
    const [given, spans] = [collectedMetrics(), collectedSpans()];
    trace.setGlobalTracerProvider(spans.provider);
    const { drive } = await everything({ meterProvider: given.provider });
    await drive();
    expect((await given.names()).toSorted()).toStrictEqual(ALL);
    expect(spans.spans().length).toBeGreaterThan(0);
  });

  it('takes a proxy that gets its provider later', async () => {
    const [proxy, spans] = [new ProxyTracerProvider(), collectedSpans()];
    const { drive } = await everything({ tracerProvider: proxy });
    await drive();
    proxy.setDelegate(spans.provider);
    await drive();
    expect(spans.spans().length).toBeGreaterThan(0);
  });

  it('counts each call once, however many routers and guards there are', async () => {
    const collected = collectedMetrics();
    metrics.setGlobalMeterProvider(collected.provider);
    const all = await Promise.all([everything(undefined), everything(undefined)]);
    for (const { drive } of all) await drive();
    for (const { value } of await collected.points('server.requests')) expect(value).toBe(2);
  });

  it('harms no answer where the SDK throws', async () => {
    const bad = (): never => {
      throw new Error('a broken SDK');
    };
    const meter = createNoopMeter();
    const instrument = { add: bad, record: bad };
    const brokenMeter = {
      createCounter: () => instrument,
      createHistogram: () => instrument,
      createObservableUpDownCounter: () => ({}),
      addBatchObservableCallback: () => {},
    };
    const span = { setAttribute: bad, setAttributes: bad, setStatus: bad, end: bad };
    const options: unknown[] = [
      { meterProvider: { getMeter: bad }, tracerProvider: { getTracer: bad } },
      { meterProvider: { getMeter: () => ({}) }, tracerProvider: { getTracer: () => ({ startSpan: bad }) } },
      {
        meterProvider: { getMeter: () => brokenMeter },
        tracerProvider: { getTracer: () => ({ startSpan: () => span }) },
      },
      { meterProvider: { getMeter: () => meter } },
    ];
    for (const option of options) {
      const { drive } = await everything(option as TelemetryOptions);
      await drive();
    }
  });

  const wrong: readonly [unknown, string][] = [
    [true, 'telemetry'],
    [null, 'telemetry'],
    ['on', 'telemetry'],
    [[], 'telemetry'],
    [{ meters: {} }, 'meters'],
    [{ meterProvider: {} }, 'telemetry.meterProvider'],
    [{ meterProvider: null }, 'telemetry.meterProvider'],
    [{ tracerProvider: { getTracer: true } }, 'telemetry.tracerProvider'],
  ];

  it.each(wrong)('%j is a TypeError everywhere', async (option, named) => {
    const { tokens, clients } = await world();
    const telemetry = option as false;
    const introspector = upstream();
    const base = { tokens, clients, telemetry };
    const factories: (() => unknown)[] = [
      () => introspectionRouter({ ...base, issuer: ISSUER }),
      () => oauthIntrospection(base),
      () => refreshTokenIntrospection(base),
      () => accessTokenDetails(base),
      () => tokenRevocation(base),
      () => requireActiveToken({ introspector, telemetry }),
      () => requireActiveToken({ tokens, telemetry }),
      () => storeIntrospector(tokens, { telemetry }),
      () => cachingIntrospector(introspector, { telemetry }),
      () =>
        remoteIntrospector({ endpoint: 'https://a.example', clientId: 'a', clientSecret: 's', telemetry }),
      () => jwtIntrospector({ issuer: ISSUER, telemetry }),
    ];
    for (const make of factories) {
      expect(make).toThrow(TypeError);
      expect(make).toThrow(`"${named}"`);
    }
  });

  it.each([
    [200, { active: true }],
    [401, { active: false }],
  ])('measures nothing of a request during which the SDK has come or gone (%i)', async (status, response) => {
    const collected = collectedMetrics();
    const introspector = upstream(() => {
      metrics.setGlobalMeterProvider(collected.provider);
      return response;
    });
    const app = express().use(requireActiveToken({ introspector }));
    app.get('/', (_req, res) => void res.json('in'));
    const get = (): request.Test => request(app).get('/').set('Authorization', 'Bearer x');
    await get().expect(status);
    expect(await collected.points('guard.requests')).toStrictEqual([]);
    introspector.says = () => {
      metrics.disable();
      return response;
    };
    await get().expect(status);
    expect(await collected.points('guard.requests')).toStrictEqual([]);
  });

  it('is not read again when somebody changes it', async () => {
    const [given, other] = [collectedMetrics(), collectedMetrics()];
    const option = { meterProvider: given.provider };
    const introspector = upstream();
    const app = express().use(requireActiveToken({ introspector, telemetry: option }));
    option.meterProvider = other.provider;
    await request(app).get('/').set('Authorization', 'Bearer x');
    expect(await given.points('guard.requests')).toHaveLength(1);
    expect(await other.names()).toStrictEqual([]);
  });
});
