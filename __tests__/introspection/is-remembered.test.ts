import { describe, expect, it } from '@jest/globals';
import { type Introspector, routingIntrospector, storeIntrospector } from '../../lib/index.js';
import { isRemembered } from '../../lib/introspection/ask.js';
import { inactive } from '../../lib/introspection/inactivity.js';
import { onlyAbout } from '../../lib/introspection/only-about.js';
import { cached, deferred, LIVE, settled, upstream } from '../support/upstream.js';
import { SECONDS, world } from '../support/world.js';

const JWT = `${btoa('{"alg":"RS256"}').replaceAll('=', '')}.e30.c2ln`;

describe('whether a response is remembered', () => {
  it('is told of active and of inactive ones, as long as they are fresh', async () => {
    const { cache, inner, clock } = cached();
    expect(isRemembered(cache, 't')).toBe(false);
    await cache.introspect('t');
    inner.says = { active: false };
    await cache.introspect('dead');
    expect([isRemembered(cache, 't'), isRemembered(cache, 'dead')]).toStrictEqual([true, true]);
    clock.now += 5000;
    expect([isRemembered(cache, 't'), isRemembered(cache, 'dead')]).toStrictEqual([true, false]);
    clock.now += 24_999;
    expect(isRemembered(cache, 't')).toBe(true);
    clock.now += 1;
    expect(isRemembered(cache, 't')).toBe(false);
    expect(inner.asked).toStrictEqual(['t', 'dead']);
  });

  it('I-25 is not told past exp, nor of what is stale or was forgotten', async () => {
    const { cache, inner, clock } = cached({ ...LIVE, exp: SECONDS + 10 }, { staleIfError: 60_000 });
    await cache.introspect('t');
    clock.now += 9999;
    expect(isRemembered(cache, 't')).toBe(true);
    clock.now += 1;
    expect(isRemembered(cache, 't')).toBe(false);
    inner.says = { ...LIVE, exp: SECONDS + 3600 };
    await cache.introspect('u');
    expect(isRemembered(cache, 'u')).toBe(true);
    await cache.invalidate('u');
    expect(isRemembered(cache, 'u')).toBe(false);
  });

  it('is not told of a question that is under way', async () => {
    const answer = deferred<unknown>();
    const { cache } = cached(() => answer.promise);
    const waiting = cache.introspect('t');
    expect(isRemembered(cache, 't')).toBe(false);
    answer.resolve(LIVE);
    await waiting;
    expect(isRemembered(cache, 't')).toBe(true);
  });

  it('is told by the tolerance of who asks', async () => {
    const { cache } = cached(inactive('expired'));
    await cache.introspect('t', { clockTolerance: 5000 });
    expect(isRemembered(cache, 't')).toBe(false);
    expect(isRemembered(cache, 't', { clockTolerance: 5000 })).toBe(true);
  });

  it('counts as no look-up, and keeps nothing longer', async () => {
    const { cache } = cached(LIVE, { maxEntries: 2 });
    await cache.introspect('a');
    await cache.introspect('b');
    const before = cache.stats();
    for (let i = 0; i < 10; i++) isRemembered(cache, 'a');
    expect(cache.stats()).toStrictEqual(before);
    // The least recently used one goes.
    await cache.introspect('c');
    expect([isRemembered(cache, 'a'), isRemembered(cache, 'b')]).toStrictEqual([false, true]);
  });

  it('is not told of introspectors that have no memory', async () => {
    const { tokens, clock } = await world();
    const stored = storeIntrospector(tokens, { clock: () => clock.now });
    await stored.introspect('at-live');
    expect(isRemembered(stored, 'at-live')).toBe(false);
    expect(isRemembered(upstream(), 't')).toBe(false);
  });

  it('is told through a router, of the one that would be asked, and through a check of the format', async () => {
    const jwt = cached();
    const opaque = cached();
    const router = routingIntrospector({ jwt: jwt.cache, opaque: opaque.cache });
    await router.introspect(JWT);
    expect([isRemembered(router, JWT), isRemembered(router, 't')]).toStrictEqual([true, false]);
    await router.introspect('t');
    expect(isRemembered(router, 't')).toBe(true);
    expect([jwt.inner.asked, opaque.inner.asked]).toStrictEqual([[JWT], ['t']]);
    expect(isRemembered(routingIntrospector({ jwt: upstream(), opaque: opaque.cache }), JWT)).toBe(false);

    const some = onlyAbout((token) => token !== 'x', opaque.cache);
    await opaque.cache.introspect('x');
    expect([isRemembered(some, 't'), isRemembered(some, 'u'), isRemembered(some, 'x')]).toStrictEqual([
      true,
      false,
      false,
    ]);
    await settled();
  });

  it('is not told past what an app has put around a cache', async () => {
    const { cache } = cached();
    await cache.introspect('t');
    const wrapper: Introspector = { ...cache, introspect: async () => ({ active: false }) };
    expect(isRemembered(wrapper, 't')).toBe(false);
    const replaced = cached().cache;
    await replaced.introspect('t');
    Object.defineProperty(replaced, 'introspect', { value: async () => ({ active: false }) });
    expect(isRemembered(replaced, 't')).toBe(false);
  });
});
