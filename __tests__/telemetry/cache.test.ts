import { afterEach, describe, expect, it } from '@jest/globals';
import { cachingIntrospector, IntrospectionUnavailableError, type SharedCache } from '../../lib/index.js';
import { type CollectedMetrics, collectedMetrics, unregisterAll } from '../support/telemetry.js';
import { cached, LIVE, settled, upstream } from '../support/upstream.js';
import { NOW } from '../support/world.js';

afterEach(unregisterAll);

const REASON = 'token_introspection.result';
const STATE = 'token_introspection.state';
const OUTCOME = 'token_introspection.outcome';

/** How often each result was counted. */
async function lookups(metrics: CollectedMetrics): Promise<Record<string, number>> {
  const points = await metrics.points('cache.lookups');
  return Object.fromEntries(points.map(({ attributes, value }) => [String(attributes[REASON]), value]));
}

async function byAttribute(metrics: CollectedMetrics, name: string, attribute: string): Promise<object> {
  const points = await metrics.points(name);
  return Object.fromEntries(points.map(({ attributes, value }) => [String(attributes[attribute]), value]));
}

function sharedMap(): SharedCache & { readonly values: Map<string, string> } {
  const values = new Map<string, string>();
  return {
    values,
    identity: 'server as api',
    get: async (key) => values.get(key),
    set: async (key, value) => values.set(key, value),
    delete: async (key) => values.delete(key),
  };
}

const fails = new IntrospectionUnavailableError('timeout', 'no answer');

describe('the measurements of a cache', () => {
  it('tell where each answer came from, once each, and sum up to all questions', async () => {
    const metrics = collectedMetrics();
    const { cache, inner, clock } = cached(undefined, {
      telemetry: { meterProvider: metrics.provider },
      staleIfError: 60_000,
    });
    await Promise.all([cache.introspect('a'), cache.introspect('a'), cache.introspect('a')]);
    await cache.introspect('a');
    inner.says = { active: false };
    await cache.introspect('b');
    await cache.introspect('b');
    clock.now += 31_000;
    inner.says = fails;
    expect(await cache.introspect('a')).toMatchObject({ stale: true });
    await cache.introspect('c').catch(() => {});
    const counted = await lookups(metrics);
    expect(counted).toStrictEqual({ miss: 3, shared_flight: 2, hit: 1, negative_hit: 1, stale: 1 });
    const { hits, negativeHits, misses, sharedFlights } = cache.stats();
    expect(Object.values(counted).reduce((sum, value) => sum + value)).toBe(
      hits + negativeHits + misses + sharedFlights,
    );
  });

  it('tell of answers of the shared cache, and how it does', async () => {
    const metrics = collectedMetrics();
    const shared = sharedMap();
    const options = { shared, telemetry: { meterProvider: metrics.provider }, clock: () => NOW };
    await cachingIntrospector(upstream(), options).introspect('t');
    await settled();
    const other = cachingIntrospector(upstream(), options);
    await other.introspect('t');
    await other.invalidate('t');
    expect(await lookups(metrics)).toStrictEqual({ miss: 1, shared_hit: 1 });
    const stores = await metrics.points('store.duration');
    expect(stores.map(({ attributes, value }) => [attributes, value])).toStrictEqual(
      [
        ['get', 2],
        ['set', 1],
        ['delete', 1],
      ].map(([operation, times]) => [
        { 'token_introspection.store': 'shared_cache', 'db.operation.name': operation },
        times,
      ]),
    );
  });

  it('tell when the shared cache fails, which nobody else notices', async () => {
    const metrics = collectedMetrics();
    const shared = { ...sharedMap(), get: () => Promise.reject(new Error('sekret')) };
    const cache = cachingIntrospector(upstream(), {
      shared,
      telemetry: { meterProvider: metrics.provider },
      clock: () => NOW,
    });
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    const [get] = await metrics.points('store.duration');
    expect(get?.attributes).toStrictEqual({
      'token_introspection.store': 'shared_cache',
      'db.operation.name': 'get',
      'error.type': 'unavailable',
    });
    expect(await lookups(metrics)).toStrictEqual({ miss: 1 });
  });

  it('tell the state of the breaker, and of questions that it has kept back', async () => {
    const metrics = collectedMetrics();
    const { cache, inner, clock } = cached(fails, {
      telemetry: { meterProvider: metrics.provider },
      breaker: { failures: 2, resetAfter: 1000 },
    });
    const state = (): Promise<object> => byAttribute(metrics, 'breaker.state', STATE);
    expect(await state()).toStrictEqual({ closed: 1, open: 0, half_open: 0 });
    await cache.introspect('a').catch(() => {});
    expect(await state()).toStrictEqual({ closed: 1, open: 0, half_open: 0 });
    await cache.introspect('b').catch(() => {});
    expect(await state()).toStrictEqual({ closed: 0, open: 1, half_open: 0 });
    await cache.introspect('c').catch(() => {});
    expect(await lookups(metrics)).toStrictEqual({ miss: 2, circuit_open: 1 });
    clock.now += 1001;
    expect(await state()).toStrictEqual({ closed: 0, open: 0, half_open: 1 });
    inner.says = LIVE;
    await cache.introspect('d');
    expect(await state()).toStrictEqual({ closed: 1, open: 0, half_open: 0 });
  });

  it('tell how much is remembered, and what was dropped for want of room', async () => {
    const metrics = collectedMetrics();
    const { cache, inner } = cached(undefined, {
      telemetry: { meterProvider: metrics.provider },
      maxEntries: 2,
      breaker: false,
    });
    const entries = (): Promise<object> => byAttribute(metrics, 'cache.entries', OUTCOME);
    expect(await entries()).toStrictEqual({ active: 0, inactive: 0 });
    for (const token of ['a', 'b', 'c', 'd', 'e']) await cache.introspect(token);
    inner.says = { active: false };
    await cache.introspect('f');
    expect(await entries()).toStrictEqual({ active: 2, inactive: 1 });
    expect(await metrics.points('cache.evictions')).toMatchObject([{ value: 3, attributes: {} }]);
    cache.clear();
    expect(await entries()).toStrictEqual({ active: 0, inactive: 0 });
    // There is no breaker that could be in a state.
    expect(await metrics.points('breaker.state')).toStrictEqual([]);
  });

  it('are sums of all caches of a process', async () => {
    const metrics = collectedMetrics();
    const telemetry = { meterProvider: metrics.provider };
    const one = cached(undefined, { telemetry });
    const two = cached(fails, { telemetry, breaker: { failures: 1 } });
    const three = cached(undefined, { telemetry, breaker: false });
    await one.cache.introspect('a');
    await two.cache.introspect('a').catch(() => {});
    await three.cache.introspect('a');
    expect(await byAttribute(metrics, 'cache.entries', OUTCOME)).toStrictEqual({ active: 2, inactive: 0 });
    expect(await byAttribute(metrics, 'breaker.state', STATE)).toStrictEqual({
      closed: 1,
      open: 1,
      half_open: 0,
    });
    expect(await lookups(metrics)).toStrictEqual({ miss: 3 });
  });
});
