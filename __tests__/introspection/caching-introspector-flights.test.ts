import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  type CachingIntrospector,
  cachingIntrospector,
  type IntrospectionResponse,
  MemoryTokenStore,
  requireActiveToken,
  storeIntrospector,
  tokenDigest,
} from '../../lib/index.js';
import { cached, deferred, LIVE, settled, upstream } from '../support/upstream.js';
import { NOW, SECONDS, world } from '../support/world.js';

describe('cachingIntrospector asks once: behaviour 10', () => {
  it('for 100 requests at once about a token that nobody has asked about', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise);
    const app = express().get(
      '/',
      requireActiveToken({ introspector: cache, clock: () => NOW }),
      (req, res) => void res.json(req.activeToken?.sub),
    );
    const server = app.listen(0);
    const asked = Array.from({ length: 100 }, () =>
      request(server)
        .get('/')
        .set('Authorization', 'Bearer t')
        .then(({ body }: { body: unknown }) => body),
    );
    while (cache.stats().sharedFlights < 99) await settled();
    answer.resolve(LIVE);
    expect(await Promise.all(asked)).toStrictEqual(Array.from({ length: 100 }, () => 'alice'));
    expect(inner.asked).toHaveLength(1);
    server.close();
  });

  it('and gives everybody the same object; other tokens have questions of their own', async () => {
    const { cache, inner } = cached();
    const [one, two, other] = await Promise.all(['a', 'a', 'b'].map((token) => cache.introspect(token)));
    expect(two).toBe(one);
    expect(other).not.toBe(one);
    expect(inner.asked).toStrictEqual(['a', 'b']);
  });

  it('with maxAge 0 too', async () => {
    const { cache, inner } = cached(LIVE, { maxAge: 0 });
    await Promise.all(['a', 'a', 'a'].map((token) => cache.introspect(token)));
    expect(inner.asked).toHaveLength(1);
  });

  it('and shares a failure with those who wait, and with nobody else (behaviour 11)', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise);
    const waiting = ['t', 't'].map((token) => cache.introspect(token));
    const down = new Error('down');
    answer.reject(down);
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason)).toStrictEqual([down, down]);
    inner.says = LIVE;
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
  });

  it('and fails in the same way when the introspector throws rather than rejects', async () => {
    const cache = cachingIntrospector({
      introspect() {
        throw new Error('down');
      },
    });
    await expect(cache.introspect('t')).rejects.toThrow('down');
    await expect(cache.introspect('t')).rejects.toThrow('down');
  });
});

describe('cachingIntrospector and those who leave: behaviour 11', () => {
  it('one who leaves ends only its own wait', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise);
    const [first, second] = [new AbortController(), new AbortController()];
    const leaving = cache.introspect('t', { signal: first.signal });
    const staying = cache.introspect('t', { signal: second.signal });
    first.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    expect(inner.signals[0]?.aborted).toBe(false);
    answer.resolve(LIVE);
    expect(await staying).toStrictEqual(LIVE);
    second.abort();
    expect(inner.signals[0]?.aborted).toBe(false);
    expect(inner.asked).toHaveLength(1);
  });

  it('one who cannot leave keeps the question going', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise);
    const staying = cache.introspect('t');
    const controller = new AbortController();
    const leaving = cache.introspect('t', { signal: controller.signal });
    controller.abort();
    await expect(leaving).rejects.toThrow();
    expect(inner.signals.some((signal) => signal?.aborted)).toBe(false);
    answer.resolve(LIVE);
    expect(await staying).toStrictEqual(LIVE);
  });

  it('when all have left, the question is ended, nothing of it is remembered, and the next begins anew', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise, { staleIfError: 60_000 });
    const controllers = [new AbortController(), new AbortController()];
    const leaving = controllers.map(({ signal }) => cache.introspect('t', { signal }));
    const outcomes = Promise.allSettled(leaving);
    for (const controller of controllers) controller.abort('gone');
    expect((await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason)).toStrictEqual([
      'gone',
      'gone',
    ]);
    expect(inner.signals[0]?.reason).toBe('gone');
    const next = cache.introspect('t');
    expect(inner.asked).toHaveLength(2);
    answer.resolve(LIVE);
    await next;
    expect(cache.stats().size).toBe(1);
  });

  it('R-07 a revocation is not undone by the answer to a question that all have left', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise);
    const controller = new AbortController();
    const leaving = cache.introspect('t', { signal: controller.signal });
    controller.abort();
    await expect(leaving).rejects.toThrow();
    await cache.invalidate('t');
    answer.resolve(LIVE);
    await settled();
    expect(cache.stats().size).toBe(0);
    inner.says = { active: false };
    expect(await cache.introspect('t')).toStrictEqual({ active: false });
  });

  it('a question that all have left does not end the next one when it settles', async () => {
    const [old, young] = [deferred<unknown>(), deferred<unknown>()];
    const { cache, inner } = cached(() => old.promise);
    const controller = new AbortController();
    const leaving = cache.introspect('t', { signal: controller.signal });
    controller.abort();
    await expect(leaving).rejects.toThrow();
    inner.says = () => young.promise;
    const next = cache.introspect('t');
    old.resolve(LIVE);
    await settled();
    const joining = cache.introspect('t');
    young.resolve({ ...LIVE, sub: 'bob' });
    expect(await Promise.all([next, joining])).toMatchObject([{ sub: 'bob' }, { sub: 'bob' }]);
    expect(inner.asked).toHaveLength(2);
  });

  it('one who has left before asks nothing, unless the answer is there', async () => {
    const { cache, inner } = cached();
    const signal = AbortSignal.abort(new Error('gone'));
    await expect(cache.introspect('t', { signal })).rejects.toThrow('gone');
    expect(inner.asked).toHaveLength(0);
    await cache.introspect('t');
    expect(await cache.introspect('t', { signal })).toStrictEqual(LIVE);
  });

  it('leaves no listener on the signals of those who got their answer', async () => {
    const { cache } = cached();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal) as (...parameters: never[]) => void;
    const remove = signal.removeEventListener.bind(signal) as (...parameters: never[]) => void;
    signal.addEventListener = ((...parameters: never[]) => {
      listeners += 1;
      add(...parameters);
    }) as never;
    signal.removeEventListener = ((...parameters: never[]) => {
      listeners -= 1;
      remove(...parameters);
    }) as never;
    const waiting = cache.introspect('t', { signal });
    expect(listeners).toBe(1);
    await waiting;
    await settled();
    expect(listeners).toBe(0);
  });
});

/** What an introspector calls when tokens are revoked. */
interface Telling {
  readonly tell: (digest: string) => void;
  readonly missed: () => void;
}

describe('cachingIntrospector and revocation: behaviour 17', () => {
  it('R-07 invalidate forgets an answer at once, active or not', async () => {
    const { cache, inner } = cached();
    await cache.introspect('t');
    const forgotten = cache.invalidate('t');
    inner.says = { active: false };
    expect(await cache.introspect('t')).toStrictEqual({ active: false });
    await forgotten;
    await cache.invalidate('t');
    inner.says = LIVE;
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    await cache.invalidate('of which nobody has heard');
  });

  it('R-07 clear forgets everything', async () => {
    const { cache, inner } = cached((token: string) => ({ active: token !== 'dead' }));
    for (const token of ['a', 'b', 'dead']) await cache.introspect(token);
    cache.clear();
    expect(cache.stats()).toMatchObject({ size: 0, negativeSize: 0, evictions: 0 });
    for (const token of ['a', 'b', 'dead']) await cache.introspect(token);
    expect(inner.asked).toHaveLength(6);
  });

  it('R-07 follows a store that tells of revocations, and passes on what it tells', async () => {
    const { tokens, clients } = await world();
    const cache = cachingIntrospector(storeIntrospector(tokens, { clients, clock: () => NOW }), {
      clock: () => NOW,
    });
    const told: string[] = [];
    const stop = cache.onRevoked?.((digest) => told.push(digest));
    expect(await cache.introspect('at-live')).toMatchObject({ active: true });
    expect(await cache.introspect('rt-live')).toMatchObject({ active: true });
    await tokens.revokeGrant('grant-1');
    expect(cache.stats().size).toBe(0);
    expect(await cache.introspect('at-live')).toStrictEqual({ active: false });
    expect(await cache.introspect('rt-live')).toStrictEqual({ active: false });
    expect(told.toSorted()).toStrictEqual([tokenDigest('at-live'), tokenDigest('rt-live')].toSorted());
    stop?.();
    await tokens.revoke('rt-public');
    expect(told).toHaveLength(2);
  });

  it('R-07 forgets everything when its introspector may have missed revocations', async () => {
    const { cache, inner, missed } = (() => {
      let onMissed: (() => void) | undefined;
      const asked = upstream((token: string) => ({ active: token !== 'dead' }));
      asked.onRevoked = (_listener, listenerOfMissed) => {
        onMissed = listenerOfMissed;
        return () => {};
      };
      const made = cachingIntrospector(asked, { clock: () => NOW });
      return { cache: made, inner: asked, missed: () => onMissed?.() };
    })();
    for (const token of ['a', 'dead']) await cache.introspect(token);
    missed();
    expect(cache.stats()).toMatchObject({ size: 0, negativeSize: 0 });
    for (const token of ['a', 'dead']) await cache.introspect(token);
    expect(inner.asked).toHaveLength(4);
  });

  it('has no onRevoked where its introspector has none', () => {
    expect('onRevoked' in cached().cache).toBe(false);
  });

  it.each([
    ['invalidate', (cache: CachingIntrospector) => void cache.invalidate('t')],
    ['clear', (cache: CachingIntrospector) => cache.clear()],
    ['onRevoked', (_cache: CachingIntrospector, { tell }: Telling) => tell(tokenDigest('t'))],
    ['onMissed', (_cache: CachingIntrospector, { missed }: Telling) => missed()],
  ])('R-07 %s wins over the answer of a question under way: it is asked again', async (_how, revoke) => {
    const answers = [deferred<unknown>(), deferred<unknown>()];
    let telling: Telling | undefined;
    const inner = upstream(() => answers[inner.asked.length - 1]?.promise);
    inner.onRevoked = (tell, missed = () => {}) => {
      telling = { tell, missed };
      return () => {};
    };
    const cache = cachingIntrospector(inner, { clock: () => NOW });
    const waiting = [cache.introspect('t'), cache.introspect('t')];
    revoke(cache, telling as Telling);
    const late = cache.introspect('t');
    answers[0]?.resolve(LIVE);
    await settled();
    expect(inner.asked).toHaveLength(2);
    expect(cache.stats().size).toBe(0);
    answers[1]?.resolve({ active: false });
    expect(await Promise.all([...waiting, late])).toStrictEqual([
      { active: false },
      { active: false },
      { active: false },
    ]);
    expect(inner.asked).toHaveLength(2);
  });

  it('R-07 what was dead before a revocation needs no second question, and is not remembered', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise);
    const waiting = cache.introspect('t');
    void cache.invalidate('t');
    answer.resolve({ active: false });
    expect(await waiting).toStrictEqual({ active: false });
    expect(cache.stats().negativeSize).toBe(0);
    expect(inner.asked).toHaveLength(1);
  });

  it('R-07 an answer that was asked for after the revocation counts, and is remembered', async () => {
    const { cache, inner } = cached(() => {
      if (inner.asked.length === 1) void cache.invalidate('t');
      return LIVE;
    });
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    expect(inner.asked).toHaveLength(2);
  });

  it('R-07 asks three times at most, and then does not know', async () => {
    const { cache, inner } = cached((): IntrospectionResponse => {
      void cache.invalidate('t');
      return LIVE;
    });
    await expect(cache.introspect('t')).rejects.toMatchObject({
      code: 'ERR_INTROSPECTION_UNAVAILABLE',
      reason: 'revoked_meanwhile',
    });
    expect(inner.asked).toHaveLength(3);
    inner.says = LIVE;
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
  });

  it('R-07 no revocation of another token disturbs a question', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise);
    const waiting = cache.introspect('t');
    void cache.invalidate('u');
    answer.resolve(LIVE);
    await waiting;
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(1);
  });

  it('R-07 ends access at a guarded route at once', async () => {
    const tokens = new MemoryTokenStore({ clock: () => NOW });
    await tokens.save({
      token: 'at',
      kind: 'access_token',
      clientId: 'app',
      expiresAt: (SECONDS + 60) * 1000,
    });
    const introspector = cachingIntrospector(storeIntrospector(tokens, { clock: () => NOW }), {
      clock: () => NOW,
    });
    const app = express().use(
      requireActiveToken({ introspector, clock: () => NOW }),
      (_req, res) => void res.json('in'),
    );
    const get = () => request(app).get('/').set('Authorization', 'Bearer at');
    expect((await get()).status).toBe(200);
    await tokens.revoke('at');
    expect((await get()).status).toBe(401);
  });
});

it('cachingIntrospector is not kept alive by the one that tells it of revocations', async () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const listeners = new Set<(digest: string) => void>();
  const inner = upstream();
  inner.onRevoked = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const weak = await (async (): Promise<WeakRef<CachingIntrospector>> => {
    const cache = cachingIntrospector(inner);
    await cache.introspect('t');
    return new WeakRef(cache);
  })();
  expect(listeners.size).toBe(1);
  for (let i = 0; i < 100 && weak.deref(); i++) {
    await settled();
    gc();
  }
  expect(weak.deref()).toBeUndefined();
  for (const listener of listeners) listener('digest');
  expect(listeners.size).toBe(0);
});
