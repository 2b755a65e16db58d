import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it, jest } from '@jest/globals';
import { createNoopMeter, metrics as globalMetrics } from '@opentelemetry/api';
import { Agent, request } from 'undici';
import {
  cachingIntrospector,
  remoteIntrospector,
  requireActiveToken,
  storeIntrospector,
} from '../../lib/index.js';
import { CacheGauges } from '../../lib/telemetry/cache-gauges.js';
import { serving } from '../support/http.js';
import { managed } from '../support/managers.js';
import { optionsFor, upstream as server } from '../support/scripted-server.js';
import { collectedMetrics } from '../support/telemetry.js';
import { cached, upstream } from '../support/upstream.js';
import { A, B, basic, ISSUER, postToken, world } from '../support/world.js';

/** 10,000 random tokens in all: those of requests, those that another server is asked about, and those of a store. */
const [REQUESTS, QUESTIONS, LOOK_UPS] = [2000, 1000, 7000];
const CONCURRENT = 32;

const random = (): string => randomBytes(12).toString('base64url');

describe('the series', () => {
  it('are as many after 10,000 random tokens, paths and client ids as after the first of each', async () => {
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    const { app, as, tokens, header } = await managed({ telemetry, rateLimit: false });
    const echo = await server((res, { form }) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      const token = String(form.get('token'));
      res.end(JSON.stringify({ active: true, sub: token, client_id: token, iss: token }));
    });
    const introspector = cachingIntrospector(remoteIntrospector(optionsFor(echo, { telemetry })), {
      telemetry,
      maxEntries: 10,
    });
    const local = cachingIntrospector(storeIntrospector(tokens, { telemetry }), {
      telemetry,
      maxEntries: 10,
    });
    app.get('/local/:id', requireActiveToken({ tokens, telemetry }));
    app.get('/remote/:id', requireActiveToken({ introspector, telemetry }), (_req, res) => void res.end());
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const [api, admin, owner, manager] = [as('api'), as('admin'), as('app'), header('manager')];
    let [sent, first] = [0, 0];
    const requests: readonly (() => { path: string; method?: 'POST'; headers: object; body?: string })[] = [
      () => ({
        path: A,
        method: 'POST',
        headers: { ...form, authorization: api },
        body: `token=${random()}`,
      }),
      // An unknown client costs a slow hash, so that not all of them can be one.
      () => ({
        path: `${B}/${random()}`,
        method: 'POST',
        headers: { ...form, authorization: sent % 500 < 7 ? basic(random(), random()) : owner },
        body: `token=${random()}&${random()}=${random()}`,
      }),
      () => ({ path: `/v1/o/acme/oauth2/accesstokens/${random()}`, headers: { authorization: admin } }),
      () => ({
        path: `/v1/o/${random()}/oauth2/accesstokens/${random()}`,
        headers: { authorization: admin },
      }),
      () => ({
        path: '/v1/oauth/revoke',
        method: 'POST',
        headers: { ...form, authorization: owner },
        body: `token=${random()}&token_type_hint=${random()}`,
      }),
      () => ({
        path: '/v1/oauth/revoke',
        method: 'POST',
        headers: form,
        body: `token=${random()}&client_id=${random()}&client_assertion=${random()}&client_assertion_type=${random()}`,
      }),
      () => ({
        path: `/v1/o/acme/oauth2/accesstokens/${random()}?action=${sent % 2 === 0 ? 'revoke' : random()}`,
        method: 'POST',
        headers: { authorization: manager },
      }),
      () => ({ path: `/v1/o/acme/oauth2/refreshtokens/${random()}`, headers: { authorization: manager } }),
      () => ({ path: `/local/${random()}`, headers: { authorization: `Bearer ${random()}` } }),
      () => ({ path: `/remote/${random()}`, headers: { authorization: `Bearer ${random()}` } }),
      () => ({
        path: `/remote/${random()}`,
        headers: { authorization: `${random()} ${random()}`, dpop: random(), 'x-request-id': random() },
      }),
    ];
    const series = async (): Promise<number> => {
      const names = await metrics.names();
      const counts = await Promise.all(
        names.map(async (name) => (await metrics.points(name.replace('token_introspection.', ''))).length),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    };
    await serving(app, async (origin) => {
      const dispatcher = new Agent({ connections: CONCURRENT });
      const sendUpTo = async (total: number): Promise<void> => {
        const send = async (): Promise<void> => {
          while (sent < total) {
            const make = requests[sent++ % requests.length] as (typeof requests)[0];
            const { path, ...options } = make();
            const { body } = await request(origin + path, { dispatcher, ...(options as object) });
            await body.dump();
          }
        };
        await Promise.all(Array.from({ length: CONCURRENT }, send));
      };
      await sendUpTo(220);
      first = await series();
      await sendUpTo(REQUESTS);
      for (let asked = 0; asked < QUESTIONS; asked++) await introspector.introspect(random());
      for (let asked = 0; asked < LOOK_UPS; asked++) await local.introspect(random());
      await dispatcher.close();
    });
    expect(first).toBeGreaterThan(25);
    expect(await series()).toBe(first);
    const counted = (await metrics.points('server.requests')).concat(await metrics.points('guard.requests'));
    expect(counted.reduce((sum, { value }) => sum + value, 0)).toBe(REQUESTS);
    expect(echo.seen.length).toBeGreaterThan(QUESTIONS);
  });

  it('do not keep a cache alive that nobody uses any more', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    const kept = cached(undefined, { telemetry });
    await kept.cache.introspect('a');
    let weak: WeakRef<object> | undefined;
    await (async () => {
      const { cache } = cached(undefined, { telemetry });
      await cache.introspect('b');
      weak = new WeakRef(cache);
    })();
    const entries = async (): Promise<number> => (await metrics.points('cache.entries'))[0]?.value ?? 0;
    expect(await entries()).toBe(2);
    for (let i = 0; i < 50 && weak?.deref(); i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      gc();
    }
    expect(weak?.deref()).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve, 5));
    gc();
    expect(await entries()).toBe(1);
    const looked = jest.spyOn(WeakRef.prototype, 'deref');
    await entries();
    expect(looked).toHaveBeenCalledTimes(1);
    expect(kept.cache.stats().size).toBe(1);
    // What is gone is forgotten when the next one comes, too, where nobody collects.
    new CacheGauges(createNoopMeter()).add({ read: () => ({ active: 0, inactive: 0, breaker: undefined }) });
  });

  it('of a cache are counted once, though the provider has gone and come again', async () => {
    const metrics = collectedMetrics();
    const cache = cachingIntrospector(upstream(), { clock: () => 0 });
    for (let i = 0; i < 3; i++) {
      globalMetrics.setGlobalMeterProvider(metrics.provider);
      await cache.introspect(`token-${i}`);
      globalMetrics.disable();
      await cache.introspect('any');
    }
    expect((await metrics.points('cache.entries'))[0]).toMatchObject({ value: 4 });
    expect((await metrics.points('breaker.state')).map(({ value }) => value)).toStrictEqual([1, 0, 0]);
  });

  it('of stores have the names of the stores, whoever has made the introspector', async () => {
    const metrics = collectedMetrics();
    const { tokens, clients, clock } = await world();
    const telemetry = { meterProvider: metrics.provider };
    const stored = storeIntrospector(tokens, { clients, clock: () => clock.now, telemetry });
    await stored.introspect('at-live');
    expect((await metrics.points('store.duration')).map(({ attributes }) => attributes)).toStrictEqual([
      { 'token_introspection.store': 'tokens', 'db.operation.name': 'find' },
      { 'token_introspection.store': 'clients', 'db.operation.name': 'find' },
    ]);
  });

  it.each([true, false])(
    'of stores count each look-up for a Bearer caller once; telemetry: %s',
    async (on) => {
      const metrics = collectedMetrics();
      const given = { meterProvider: metrics.provider };
      globalMetrics.setGlobalMeterProvider(metrics.provider);
      const { app, tokens } = await world({ telemetry: on ? given : false });
      const caller = { kind: 'access_token', clientId: 'api', audience: [ISSUER] } as const;
      await tokens.save({ ...caller, token: 'caller', scope: ['introspection'] });
      const answer = await postToken(app, A, 'Bearer caller', 'at-live');
      globalMetrics.disable();
      expect(answer.body).toMatchObject({ active: true });
      const counted = (await metrics.points('store.duration')).map(({ attributes, value }) => [
        attributes['token_introspection.store'],
        value,
      ]);
      const expected = [
        ['tokens', 2],
        // That of the caller's token, the caller, and that of the token asked about.
        ['clients', 3],
      ];
      expect(counted).toStrictEqual(on ? expected : []);
    },
  );
});
