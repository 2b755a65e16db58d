import { describe, expect, it } from '@jest/globals';
import { cachingIntrospector, IntrospectionUnavailableError } from '../../lib/index.js';
import { cached, deferred, LIVE, settled } from '../support/upstream.js';
import { HOUR, SECONDS } from '../support/world.js';

const DOWN = new Error('down');
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
): IntrospectionUnavailableError => new IntrospectionUnavailableError(reason, 'no', { retryAfter });

describe('cachingIntrospector stops asking who fails: behaviour 19', () => {
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

  it('lets one question through when it is time, and refuses the others until that settles', async () => {
    const made = cached();
    await failing(made, 5);
    made.clock.now += 10_000;
    const answer = deferred<unknown>();
    made.inner.says = () => answer.promise;
    const probe = ask(made);
    expect(made.cache.stats().breaker).toBe('half_open');
    await refused(made, 1000);
    made.clock.now += 20_000;
    await refused(made, 1000);
    answer.resolve(LIVE);
    await probe;
    made.inner.says = LIVE;
    expect(await ask(made)).toStrictEqual(LIVE);
  });

  it('stops again when that one fails', async () => {
    const made = cached();
    await failing(made, 5);
    made.clock.now += 10_000;
    await failing(made, 1);
    await refused(made, 10_000);
  });

  it('lets another through when nobody waits for that one any more, or it has taken a minute', async () => {
    const made = cached();
    await failing(made, 5);
    made.clock.now += 10_000;
    made.inner.says = () => new Promise(() => {});
    const controller = new AbortController();
    const leaving = ask(made, controller.signal);
    await refused(made, 1000);
    controller.abort();
    await expect(leaving).rejects.toThrow();
    void ask(made);
    made.clock.now += 59_999;
    await refused(made, 1000);
    made.clock.now += 1;
    made.inner.says = LIVE;
    expect(await ask(made)).toStrictEqual(LIVE);
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

describe('cachingIntrospector does not hammer who asks to be left alone: behaviour 8', () => {
  it('stops at once for as long as a 429 says', async () => {
    const made = cached();
    await failing(made, 1, unavailable('rate_limited', 3000));
    await refused(made, 3000);
    made.clock.now += 2999;
    await refused(made, 1);
    made.clock.now += 1;
    made.inner.says = LIVE;
    expect(await ask(made)).toStrictEqual(LIVE);
    await failing(made, 1, unavailable('rate_limited', 60_000));
    await refused(made, 60_000);
  });

  it('hears a 429 to a question asked before, and goes by the longest', async () => {
    const made = cached(LIVE, { breaker: { failures: 1 } });
    const answers = [deferred<unknown>(), deferred<unknown>()];
    const old = answers.map(({ promise }) => {
      made.inner.says = () => promise;
      return ask(made);
    });
    const outcomes = Promise.allSettled(old);
    await failing(made, 1);
    answers[0]?.reject(unavailable('rate_limited', 30_000));
    await settled();
    await refused(made, 30_000);
    answers[1]?.reject(unavailable('rate_limited', 1));
    await outcomes;
    await refused(made, 30_000);
  });

  it.each([undefined, 0, -5, Number.NaN, '5'])(
    'takes a 429 with a wait of %p for a failure as others',
    async (wait) => {
      const made = cached();
      await failing(made, 4, unavailable('rate_limited', wait as never));
      expect(made.cache.stats().breaker).toBe('closed');
      await failing(made, 1, unavailable('rate_limited', wait as never));
      await refused(made, 10_000);
    },
  );

  it('waits longer where a 503 says so, and never less', async () => {
    const made = cached();
    await failing(made, 4, unavailable('status', 60_000));
    expect(made.cache.stats().breaker).toBe('closed');
    await failing(made, 1, unavailable('status', 60_000));
    await refused(made, 60_000);
    made.clock.now += 60_000;
    await failing(made, 1, unavailable('status', 1000));
    await refused(made, 10_000);
  });

  it('waits no longer than an hour', async () => {
    const made = cached();
    await failing(made, 1, unavailable('rate_limited', Number.POSITIVE_INFINITY));
    await refused(made, HOUR);
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
