import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { Meter, MeterProvider } from '@opentelemetry/api';
import { type CollectedMetrics, collectedMetrics, unregisterAll } from '../support/telemetry.js';

afterEach(unregisterAll);

const active = { introspect: async () => ({ active: true, sub: 'alice' }) };

/** A cache of a copy of the package that nobody else has, with so many cached responses. */
async function cacheOfNewCopy(meterProvider: MeterProvider, entries: number): Promise<object> {
  jest.resetModules();
  const { cachingIntrospector } = await import('../../lib/introspection/caching/caching-introspector.js');
  const cache = cachingIntrospector(active, { telemetry: { meterProvider } });
  for (let i = 0; i < entries; i++) await cache.introspect(`token ${i}`);
  return cache;
}

async function gauges(metrics: CollectedMetrics): Promise<object> {
  const [entries, breakers] = [await metrics.points('cache.entries'), await metrics.points('breaker.state')];
  return {
    entries: entries.map(({ value }) => value),
    breakers: breakers.map(({ value }) => value),
  };
}

describe('two copies of the package in one process', () => {
  it('are different copies here', async () => {
    const first = await import('../../lib/introspection/caching/caching-introspector.js');
    jest.resetModules();
    const second = await import('../../lib/introspection/caching/caching-introspector.js');
    expect(second.cachingIntrospector).not.toBe(first.cachingIntrospector);
  });

  it('ecosystem/05 are one sum in the gauges of caches and breakers', async () => {
    const metrics = collectedMetrics();
    const caches = [
      await cacheOfNewCopy(metrics.provider, 3),
      await cacheOfNewCopy(metrics.provider, 1),
      await cacheOfNewCopy(metrics.provider, 2),
    ];
    expect(await gauges(metrics)).toStrictEqual({ entries: [6, 0], breakers: [caches.length, 0, 0] });
    expect((await metrics.points('cache.lookups')).map(({ value }) => value)).toStrictEqual([6]);
  });

  it('ecosystem/05 are a sum for each provider', async () => {
    const [one, other] = [collectedMetrics(), collectedMetrics()];
    const caches = [
      await cacheOfNewCopy(one.provider, 3),
      await cacheOfNewCopy(other.provider, 1),
      await cacheOfNewCopy(other.provider, 4),
    ];
    expect(await gauges(one)).toStrictEqual({ entries: [3, 0], breakers: [1, 0, 0] });
    expect(await gauges(other)).toStrictEqual({ entries: [5, 0], breakers: [2, 0, 0] });
    expect(caches).toHaveLength(3);
  });

  it('ecosystem/05 are one sum where each has its own provider over the same meter', async () => {
    const metrics = collectedMetrics();
    const over = (): MeterProvider => ({ getMeter: (...args) => metrics.provider.getMeter(...args) });
    const caches = [await cacheOfNewCopy(over(), 3), await cacheOfNewCopy(over(), 1)];
    expect(await gauges(metrics)).toStrictEqual({ entries: [4, 0], breakers: [caches.length, 0, 0] });
  });

  it('ecosystem/05 work with a provider that was shut down, and with the one in its place', async () => {
    const old = collectedMetrics();
    await cacheOfNewCopy(old.provider, 1);
    await old.provider.shutdown();
    await cacheOfNewCopy(old.provider, 1);
    const metrics = collectedMetrics();
    const caches = [await cacheOfNewCopy(metrics.provider, 1), await cacheOfNewCopy(metrics.provider, 1)];
    expect(await gauges(metrics)).toStrictEqual({ entries: [2, 0], breakers: [caches.length, 0, 0] });
  });

  it('change nothing that can be seen of the meter, and can do without', async () => {
    const { provider } = collectedMetrics();
    const meter = provider.getMeter('express-token-introspection');
    const before = Reflect.ownKeys({ ...meter });
    await cacheOfNewCopy(provider, 1);
    expect(Reflect.ownKeys({ ...meter })).toStrictEqual(before);
    expect(Reflect.ownKeys(globalThis).map(String).join()).not.toContain('express-token-introspection');
    const metrics = collectedMetrics();
    const frozen = {
      getMeter: (...args: readonly [string]): Meter => Object.freeze(metrics.provider.getMeter(...args)),
    };
    const cache = await cacheOfNewCopy(frozen, 1);
    expect(await gauges(metrics)).toStrictEqual({ entries: [1, 0], breakers: [1, 0, 0] });
    expect(cache).toBeDefined();
  });
});
