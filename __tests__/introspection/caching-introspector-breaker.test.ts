import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { cachingIntrospector, IntrospectionUnavailableError, requireActiveToken } from '../../lib/index.js';
import { cached, deferred, LIVE, settled } from '../support/upstream.js';
import { HOUR, SECONDS } from '../support/world.js';

const DOWN = new IntrospectionUnavailableError('connection', 'down');
const OPEN = { code: 'ERR_INTROSPECTION_UNAVAILABLE', reason: 'circuit_open' };

type Made = ReturnType<typeof cached>;

let tokens = 0;
/** Asks about a token that nobody has asked about. */
const ask = ({ cache }: Made, signal?: AbortSignal): Promise<unknown> => {
  tokens += 1;
  return cache.introspect(`t-${tokens}`, signal && { signal });
};

async function failing(made: Made, times: number, error: Error = DOWN): Promise<void> {
  made.inner.says = error;
  for (let i = 0; i < times; i++) await expect(ask(made)).rejects.toBe(error);
}

async function refused(made: Made, retryAfter: number): Promise<void> {
  const asked = made.inner.asked.length;
  await expect(ask(made)).rejects.toMatchObject({ ...OPEN, retryAfter });
  expect(made.inner.asked).toHaveLength(asked);
}

const unavailable = (
  reason: IntrospectionUnavailableError['reason'],
  retryAfter?: number,
  status?: number,
): IntrospectionUnavailableError => new IntrospectionUnavailableError(reason, 'no', { retryAfter, status });

describe('cachingIntrospector stops asking a server that is away: behaviour 19', () => {
  it('after 5 failures in a row, for 10 seconds, and rejects at once meanwhile', async () => {
    const made = cached();
    await failing(made, 4);
    expect(made.cache.stats().breaker).toBe('closed');
    await failing(made, 1);
    expect(made.cache.stats().breaker).toBe('open');
    await refused(made, 10_000);
    made.clock.now += 9999;
    await refused(made, 1);
    made.clock.now += 1;
    expect(made.cache.stats().breaker).toBe('half_open');
    made.inner.says = LIVE;
    expect(await ask(made)).toStrictEqual(LIVE);
    expect(made.cache.stats().breaker).toBe('closed');
    await failing(made, 4);
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('but answers what it remembers, active and inactive', async () => {
    const made = cached(LIVE, { breaker: { failures: 1 } });
    await made.cache.introspect('t');
    made.inner.says = { active: false };
    await made.cache.introspect('dead');
    await failing(made, 1);
    await refused(made, 10_000);
    expect(await made.cache.introspect('t')).toStrictEqual(LIVE);
    expect(await made.cache.introspect('dead')).toStrictEqual({ active: false });
  });

  it('follows failures and resetAfter, and with false never stops', async () => {
    const made = cached(LIVE, { breaker: { failures: 2, resetAfter: 100 } });
    await failing(made, 2);
    await refused(made, 100);
    const never = cached(LIVE, { breaker: false });
    await failing(never, 50);
    expect(never.cache.stats().breaker).toBe('closed');
  });

  it('counts failures in a row: any answer, an inactive one too, begins anew', async () => {
    const made = cached(LIVE, { breaker: { failures: 2 } });
    for (let i = 0; i < 3; i++) {
      await failing(made, 1);
      made.inner.says = { active: false };
      await ask(made);
    }
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('lets three tokens through when it is time, and refuses others until one of them is answered', async () => {
    const made = cached();
    await failing(made, 5);
    made.clock.now += 10_000;
    const answers = [deferred<unknown>(), deferred<unknown>(), deferred<unknown>()];
    const probes = answers.map(({ promise }) => {
      made.inner.says = () => promise;
      return ask(made);
    });
    expect(made.cache.stats().breaker).toBe('half_open');
    await refused(made, 1000);
    made.clock.now += 20_000;
    await refused(made, 1000);
    answers[1]?.resolve(LIVE);
    await probes[1];
    expect(made.cache.stats().breaker).toBe('closed');
    made.inner.says = LIVE;
    expect(await ask(made)).toStrictEqual(LIVE);
    // What the others say is old by now.
    answers[0]?.reject(DOWN);
    answers[2]?.reject(DOWN);
    await Promise.allSettled(probes);
    await failing(made, 4);
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('stops again when those three fail', async () => {
    const made = cached();
    await failing(made, 5);
    made.clock.now += 10_000;
    await failing(made, 2);
    expect(made.cache.stats().breaker).toBe('half_open');
    await failing(made, 1);
    expect(made.cache.stats().breaker).toBe('open');
    await refused(made, 10_000);
  });

  it('with failures of 1 or 2, lets as many through, and stops again when those fail', async () => {
    for (const failures of [1, 2]) {
      const made = cached(LIVE, { breaker: { failures } });
      await failing(made, failures);
      made.clock.now += 10_000;
      await failing(made, failures);
      await refused(made, 10_000);
    }
  });

  it('lets others through when no one waits for those any more, or they have taken a minute', async () => {
    const made = cached();
    await failing(made, 5);
    made.clock.now += 10_000;
    made.inner.says = () => new Promise(() => {});
    const controller = new AbortController();
    const leaving = [1, 2, 3].map(() => ask(made, controller.signal));
    await refused(made, 1000);
    controller.abort();
    await Promise.all(leaving.map((one) => expect(one).rejects.toThrow()));
    for (let i = 0; i < 3; i++) void ask(made);
    made.clock.now += 59_999;
    await refused(made, 1000);
    made.clock.now += 1;
    made.inner.says = LIVE;
    expect(await ask(made)).toStrictEqual(LIVE);
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('hears nothing from a request that counted as gone', async () => {
    const made = cached(LIVE, { breaker: { failures: 1 } });
    await failing(made, 1);
    made.clock.now += 10_000;
    const late = deferred<unknown>();
    made.inner.says = () => late.promise;
    const gone = ask(made);
    made.clock.now += 60_000;
    const answer = deferred<unknown>();
    made.inner.says = () => answer.promise;
    const probe = ask(made);
    late.reject(DOWN);
    await expect(gone).rejects.toBe(DOWN);
    expect(made.cache.stats().breaker).toBe('half_open');
    await refused(made, 1000);
    answer.resolve(LIVE);
    await probe;
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('takes no asker who leaves for a failure', async () => {
    const made = cached(LIVE, { breaker: { failures: 1 } });
    const answer = deferred<unknown>();
    made.inner.says = () => answer.promise;
    const controller = new AbortController();
    const leaving = ask(made, controller.signal);
    controller.abort();
    await expect(leaving).rejects.toThrow();
    answer.reject(DOWN);
    await settled();
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('hears nothing about now from a question asked before', async () => {
    const made = cached();
    const [good, bad, worse] = [deferred<unknown>(), deferred<unknown>(), deferred<unknown>()];
    const old = [good, bad, worse].map(({ promise }) => {
      made.inner.says = () => promise;
      return ask(made);
    });
    const outcomes = Promise.allSettled(old);
    await failing(made, 5);
    good.resolve(LIVE);
    await settled();
    expect(made.cache.stats().breaker).toBe('open');
    made.clock.now += 9000;
    bad.reject(DOWN);
    await settled();
    await refused(made, 1000);
    made.clock.now += 1000;
    made.inner.says = LIVE;
    await ask(made);
    await failing(made, 4);
    worse.reject(DOWN);
    await outcomes;
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('hears nothing from a request that was let through in an outage before this one', async () => {
    const made = cached();
    await failing(made, 5);
    made.clock.now += 10_000;
    const old = deferred<unknown>();
    made.inner.says = () => old.promise;
    const probe = ask(made);
    made.inner.says = LIVE;
    await ask(made);
    await failing(made, 5);
    old.resolve(LIVE);
    expect(await probe).toStrictEqual(LIVE);
    expect(made.cache.stats().breaker).toBe('open');
    await refused(made, 10_000);
  });

  it('is open no longer when the clock is set back', async () => {
    const made = cached();
    await failing(made, 5);
    made.clock.now -= HOUR;
    await refused(made, 10_000);
    made.clock.now += 10_000;
    made.inner.says = LIVE;
    expect(await ask(made)).toStrictEqual(LIVE);
  });
});

describe('cachingIntrospector and a server that asks to be left alone: behaviour 8', () => {
  it.each(['rate_limited', 'status'] as const)(
    'goes by resetAfter, whatever Retry-After comes with %s',
    async (reason) => {
      for (const wait of [undefined, 0, -5, Number.NaN, '5', 1000, 10_000]) {
        const made = cached();
        await failing(made, 4, unavailable(reason, wait as never, 503));
        expect(made.cache.stats().breaker).toBe('closed');
        await failing(made, 1, unavailable(reason, wait as never, 503));
        await refused(made, 10_000);
        made.clock.now += 10_000;
        made.inner.says = LIVE;
        expect(await ask(made)).toStrictEqual(LIVE);
      }
    },
  );

  it('tells callers to wait for resetAfter at most, as it will ask again then', async () => {
    for (const wait of [10_001, HOUR, Number.POSITIVE_INFINITY]) {
      const made = cached();
      const busy = unavailable('rate_limited', wait, 429);
      made.inner.says = busy;
      await expect(ask(made)).rejects.toMatchObject({
        code: 'ERR_INTROSPECTION_UNAVAILABLE',
        reason: 'rate_limited',
        message: 'no',
        status: 429,
        retryAfter: 10_000,
        cause: busy,
      });
    }
    const never = cached(LIVE, { breaker: false });
    await failing(never, 1, unavailable('rate_limited', HOUR, 429));
  });

  it('hands on an error of the app as it is, whatever that has for retryAfter', async () => {
    await failing(cached(), 1, Object.assign(new Error('of the app'), { retryAfter: HOUR }));
  });

  it('guard/35 tells callers of a guard the same in Retry-After', async () => {
    const { cache } = cached(unavailable('rate_limited', HOUR, 429));
    const app = express().use(requireActiveToken({ introspector: cache }), (_req, res) => void res.end());
    const answer = await request(app).get('/').set('Authorization', 'Bearer t');
    expect([answer.status, answer.headers['retry-after']]).toStrictEqual([503, '10']);
  });

  it('guard/35 goes on after a single 429', async () => {
    const made = cached();
    await failing(made, 1, unavailable('rate_limited', 10_000, 429));
    expect(made.cache.stats().breaker).toBe('closed');
    made.inner.says = LIVE;
    expect(await ask(made)).toStrictEqual(LIVE);
  });
});

describe('cachingIntrospector gives the last answer for a while: behaviour 18', () => {
  const STALE = { ...LIVE, stale: true };
  const longer = { ...LIVE, exp: SECONDS + 3600 };

  it('not by default', async () => {
    const { cache, inner, clock } = cached();
    await cache.introspect('t');
    clock.now += 30_000;
    inner.says = DOWN;
    await expect(cache.introspect('t')).rejects.toBe(DOWN);
  });

  it('for staleIfError after maxAge, marked and frozen, and asks each time', async () => {
    const { cache, inner, clock } = cached(LIVE, { staleIfError: 20_000, breaker: false });
    const fresh = await cache.introspect('t');
    expect('stale' in fresh).toBe(false);
    inner.says = DOWN;
    clock.now += 30_000;
    const stale = await cache.introspect('t');
    expect(stale).toStrictEqual(STALE);
    expect(Object.isFrozen(stale)).toBe(true);
    clock.now += 19_999;
    expect(await cache.introspect('t')).toStrictEqual(STALE);
    clock.now += 1;
    await expect(cache.introspect('t')).rejects.toBe(DOWN);
    expect(inner.asked).toHaveLength(4);
    expect(cache.stats().staleServed).toBe(2);
    inner.says = LIVE;
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
  });

  it('while the circuit is open too', async () => {
    const { cache, inner, clock } = cached(LIVE, { staleIfError: 20_000, breaker: { failures: 1 } });
    await cache.introspect('t');
    inner.says = DOWN;
    clock.now += 30_000;
    for (let i = 0; i < 3; i++) expect(await cache.introspect('t')).toStrictEqual(STALE);
    expect(inner.asked).toHaveLength(2);
  });

  it('never past exp', async () => {
    const { cache, inner, clock } = cached({ ...LIVE, exp: SECONDS + 40 }, { staleIfError: 300_000 });
    await cache.introspect('t');
    inner.says = DOWN;
    clock.now += 39_999;
    expect(await cache.introspect('t')).toMatchObject({ stale: true });
    clock.now += 1;
    await expect(cache.introspect('t')).rejects.toBe(DOWN);
  });

  it('never after a revocation, before the failure or during it', async () => {
    const { cache, inner, clock } = cached(longer, { staleIfError: 300_000 });
    await cache.introspect('t');
    await cache.introspect('u');
    clock.now += 30_000;
    await cache.invalidate('t');
    inner.says = DOWN;
    await expect(cache.introspect('t')).rejects.toBe(DOWN);
    inner.says = () => {
      cache.clear();
      throw DOWN;
    };
    await expect(cache.introspect('u')).rejects.toBe(DOWN);
  });

  it('and does not remember what another cache behind it gave so', async () => {
    const inner = cached(longer, { staleIfError: 60_000, breaker: false });
    const outer = cachingIntrospector(inner.cache, { clock: () => inner.clock.now });
    await outer.introspect('t');
    inner.clock.now += 30_000;
    inner.inner.says = DOWN;
    for (let i = 0; i < 2; i++) expect(await outer.introspect('t')).toMatchObject({ stale: true });
    inner.inner.says = { active: false };
    expect(await outer.introspect('t')).toStrictEqual({ active: false });
  });

  it('nothing that was inactive, and nothing to who has left', async () => {
    const { cache, inner, clock } = cached({ active: false }, { staleIfError: 300_000 });
    await cache.introspect('dead');
    inner.says = longer;
    await cache.introspect('t');
    clock.now += 30_000;
    inner.says = DOWN;
    await expect(cache.introspect('dead')).rejects.toBe(DOWN);
    const answer = deferred<unknown>();
    inner.says = () => answer.promise;
    const controller = new AbortController();
    const leaving = cache.introspect('t', { signal: controller.signal });
    controller.abort(new Error('gone'));
    answer.reject(DOWN);
    await expect(leaving).rejects.toThrow('gone');
    await settled();
    expect(cache.stats().staleServed).toBe(0);
  });
});
