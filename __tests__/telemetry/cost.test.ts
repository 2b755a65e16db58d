import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import { metrics, trace } from '@opentelemetry/api';
import type { Request, Response } from 'express';
import { cachingIntrospector, requireActiveToken, storeIntrospector } from '../../lib/index.js';
import { collectedMetrics, collectedSpans, followContext, unregisterAll } from '../support/telemetry.js';
import { world } from '../support/world.js';

afterEach(unregisterAll);

describe('what telemetry costs', () => {
  it('is nothing that is allocated for a request where no SDK is registered', async () => {
    // In a process of its own, since the test runner's own memory would be measured too.
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      '--max-semi-space-size=128',
      '__tests__/support/telemetry-cost.mjs',
    ]);
    const { more, accepted, calls } = JSON.parse(stdout) as {
      readonly more: Record<'store' | 'cache' | 'lookUp', number>;
      readonly accepted: number;
      readonly calls: number;
    };
    expect(accepted).toBe(calls);
    // Of 1,400 to 2,600. A closure, or an object with two attributes, has more; what is less is the engine's
    // own doing, which on Node 24 does without some temporary objects in one of the two and not in the other.
    for (const bytes of [more.store, more.cache]) expect(bytes).toBeLessThan(64);
    // By itself it has none, and so no closure can hide in it.
    expect(more.lookUp).toBeLessThan(8);
  }, 120_000);

  it.each([
    ['is registered', true],
    ['is not', false],
  ])('is no turn of the event loop for what is known at once, when an SDK %s', async (_when, registered) => {
    if (registered) {
      followContext();
      metrics.setGlobalMeterProvider(collectedMetrics().provider);
      trace.setGlobalTracerProvider(collectedSpans().provider);
    }
    const { tokens, clients, clock } = await world();
    const now = (): number => clock.now;
    const introspector = cachingIntrospector(storeIntrospector(tokens, { clients, clock: now }), {
      clock: now,
    });
    await introspector.introspect('at-live');
    for (const options of [{ tokens, clients }, { introspector }]) {
      const guard = requireActiveToken({ ...options, clock: now });
      const req = {
        headers: { authorization: 'Bearer at-live' },
        rawHeaders: ['Authorization', 'Bearer at-live'],
        url: '/',
      } as unknown as Request;
      let accepted = false;
      const answered = guard(req, {} as Response, () => {
        accepted = true;
      });
      expect([accepted, answered]).toStrictEqual([true, undefined]);
    }
  });
});
