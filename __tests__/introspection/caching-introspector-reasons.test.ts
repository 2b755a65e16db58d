import { describe, expect, it } from '@jest/globals';
import {
  type CachingIntrospectorOptions,
  cachingIntrospector,
  type IntrospectionResponse,
  type IntrospectOptions,
} from '../../lib/index.js';
import { inactive, inactivityOf } from '../../lib/introspection/inactivity.js';
import { cached, deferred, LIVE, settled } from '../support/upstream.js';
import { HOUR, NOW, SECONDS } from '../support/world.js';

/** A cache before an introspector that judges by the asker's tolerance. */
function tolerant(
  says: (tolerance: number, token: string) => unknown,
  options: CachingIntrospectorOptions = {},
): {
  asked: (IntrospectOptions | undefined)[];
  cache: ReturnType<typeof cachingIntrospector>;
  clock: { now: number };
} {
  const asked: (IntrospectOptions | undefined)[] = [];
  const clock = { now: NOW };
  const cache = cachingIntrospector(
    {
      async introspect(token, given): Promise<IntrospectionResponse> {
        asked.push(given);
        return (await says(given?.clockTolerance ?? 0, token)) as IntrospectionResponse;
      },
    },
    { clock: () => clock.now, ...options },
  );
  return { asked, cache, clock };
}

describe('cachingIntrospector keeps why a token is inactive', () => {
  it('guard/17 for a miss, for those who wait, and for a hit', async () => {
    const answer = deferred<unknown>();
    const { cache, inner } = cached(() => answer.promise);
    const waiting = ['t', 't'].map((token) => cache.introspect(token));
    answer.resolve(inactive('wrong_audience', 'trailing_slash'));
    const responses = [...(await Promise.all(waiting)), await cache.introspect('t')];
    expect(inner.asked).toHaveLength(1);
    for (const response of responses) {
      expect(response).toStrictEqual({ active: false });
      expect(Object.isFrozen(response)).toBe(true);
      expect(inactivityOf(response)).toStrictEqual({ reason: 'wrong_audience', nearMiss: 'trailing_slash' });
    }
  });

  it('each token its own', async () => {
    const { cache } = cached((token: string) => inactive(token === 'a' ? 'unknown_key' : 'wrong_issuer'));
    for (let i = 0; i < 2; i++) {
      expect(inactivityOf(await cache.introspect('a'))?.reason).toBe('unknown_key');
      expect(inactivityOf(await cache.introspect('b'))?.reason).toBe('wrong_issuer');
    }
  });

  it('after a revocation meanwhile', async () => {
    const { cache, inner } = cached();
    inner.says = async () => {
      await cache.invalidate('t');
      return inactive('revoked');
    };
    expect(inactivityOf(await cache.introspect('t'))?.reason).toBe('revoked');
  });

  it('but nothing else of what an introspector says of it', async () => {
    const talkative = Object.defineProperty({ active: false, sub: 'alice', exp: 5 }, 'hidden', {
      value: 'x',
    });
    const { cache } = cached(talkative);
    for (let i = 0; i < 2; i++) {
      const response = await cache.introspect('t');
      expect(Object.getOwnPropertyNames(response)).toStrictEqual(['active']);
      expect(inactivityOf(response)).toBeUndefined();
      expect(Object.isFrozen(response)).toBe(true);
    }
    const { cache: other } = cached({ ...inactive('expired') });
    expect(inactivityOf(await other.introspect('t'))).toBeUndefined();
  });

  it('I-25 expired of an active response whose exp is long past, once it is known', async () => {
    const { cache, inner } = cached({ ...LIVE, exp: SECONDS - 3600 });
    expect(await cache.introspect('t')).toMatchObject({ active: true });
    const again = await cache.introspect('t');
    expect(again).toStrictEqual({ active: false });
    expect(inactivityOf(again)?.reason).toBe('expired');
    expect(inner.asked).toHaveLength(1);
  });
});

describe('guard/21 cachingIntrospector and the clockTolerance of who asks', () => {
  it('passes it on, and adds none', async () => {
    const { cache, asked } = tolerant(() => LIVE);
    await cache.introspect('a', { clockTolerance: 5000, hint: 'access_token' });
    await cache.introspect('b', { clockTolerance: 0 });
    await cache.introspect('c');
    expect(asked).toStrictEqual([{ clockTolerance: 5000, hint: 'access_token' }, {}, {}]);
  });

  it.each(['expired', 'not_yet_valid'] as const)(
    'gives %s from memory to the same tolerance only',
    async (reason) => {
      const { cache, asked } = tolerant((tolerance) => (tolerance >= 5000 ? LIVE : inactive(reason)));
      const ask = (clockTolerance?: number): Promise<IntrospectionResponse> =>
        cache.introspect('t', clockTolerance === undefined ? {} : { clockTolerance });
      for (const tolerance of [undefined, 0, undefined]) expect((await ask(tolerance)).active).toBe(false);
      expect(asked).toHaveLength(1);
      expect((await ask(1000)).active).toBe(false);
      expect((await ask(0)).active).toBe(false);
      expect(asked).toHaveLength(3);
      expect((await ask(5000)).active).toBe(true);
      expect(asked).toHaveLength(4);
    },
  );

  it('gives any other response from memory to all', async () => {
    for (const said of [
      LIVE,
      { active: false },
      ...(['unknown', 'revoked', 'signature'] as const).map((one) => inactive(one)),
    ]) {
      const { cache, asked } = tolerant(() => said);
      for (const clockTolerance of [0, 5000, 60_000]) await cache.introspect('t', { clockTolerance });
      expect(asked).toHaveLength(1);
    }
  });

  it('gives an active response whose nbf is to come to the same tolerance only, and shares it with no process', async () => {
    const values = new Map<string, string>();
    const shared = {
      identity: 'x',
      get: async (key: string) => values.get(key),
      set: async (key: string, value: string) => values.set(key, value),
      delete: async (key: string) => values.delete(key),
    };
    const early = { ...LIVE, nbf: SECONDS + 4 };
    const { cache, asked, clock } = tolerant(
      (tolerance) => (tolerance >= 5000 || clock.now >= NOW + 4000 ? early : inactive('not_yet_valid')),
      { shared },
    );
    const ask = async (clockTolerance: number): Promise<boolean> =>
      (await cache.introspect('t', { clockTolerance })).active;
    expect(await ask(5000)).toBe(true);
    expect(await ask(5000)).toBe(true);
    expect(asked).toHaveLength(1);
    expect(await ask(0)).toBe(false);
    expect(asked).toHaveLength(2);
    await settled();
    expect(values.size).toBe(0);
    clock.now += 5000;
    expect(await ask(0)).toBe(true);
    expect(await ask(5000)).toBe(true);
    expect(asked).toHaveLength(3);
    await settled();
    expect(values.size).toBe(1);
  });

  it('gives no stale response to another tolerance than it was for', async () => {
    let isDown = false;
    const early = { ...LIVE, nbf: SECONDS + 50 };
    const { cache, clock } = tolerant(
      () => {
        if (isDown) throw new Error('down');
        return early;
      },
      { staleIfError: 60_000, breaker: false },
    );
    await cache.introspect('t', { clockTolerance: 60_000 });
    isDown = true;
    clock.now += 40_000;
    await expect(cache.introspect('t')).rejects.toThrow('down');
    expect(await cache.introspect('t', { clockTolerance: 60_000 })).toMatchObject({ stale: true });
  });

  it('shares no question with an asker of another tolerance, but with all of the same', async () => {
    const { cache, asked } = tolerant(async (tolerance) => {
      await settled();
      return tolerance >= 5000 ? LIVE : inactive('expired');
    });
    const tolerances = [0, 5000, 0, 5000, 5000, undefined];
    const responses = await Promise.all(
      tolerances.map((clockTolerance) =>
        cache.introspect('t', clockTolerance === undefined ? {} : { clockTolerance }),
      ),
    );
    expect(responses.map(({ active }) => active)).toStrictEqual([false, true, false, true, true, false]);
    expect(asked).toHaveLength(2);
    expect(cache.stats()).toMatchObject({ misses: 2, sharedFlights: 4 });
  });

  it('R-07 voids the questions of all tolerances at a revocation', async () => {
    for (const forget of ['invalidate', 'clear'] as const) {
      let isRevoked = false;
      const { cache, asked } = tolerant(async () => {
        const said = isRevoked ? inactive('revoked') : LIVE;
        await settled();
        await settled();
        return said;
      });
      const waiting = [0, 5000].map((clockTolerance) => cache.introspect('t', { clockTolerance }));
      await settled();
      isRevoked = true;
      await cache[forget]('t');
      expect((await Promise.all(waiting)).map(({ active }) => active)).toStrictEqual([false, false]);
      expect(asked).toHaveLength(4);
    }
  });

  it('ends the question of one tolerance without the other', async () => {
    const { cache } = tolerant(() => new Promise((resolve) => void setTimeout(() => resolve(LIVE), 20)));
    const controller = new AbortController();
    const leaving = cache.introspect('t', { clockTolerance: 5000, signal: controller.signal });
    const staying = cache.introspect('t');
    controller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    const joining = cache.introspect('t');
    expect((await Promise.all([staying, joining])).map(({ active }) => active)).toStrictEqual([true, true]);
    expect(cache.stats()).toMatchObject({ misses: 2, sharedFlights: 1 });
  });

  it('I-25 does not take a token for expired that another asker grants more', async () => {
    const { cache, asked } = tolerant(() => ({ ...LIVE, exp: SECONDS - 3600 }));
    await cache.introspect('t');
    expect((await cache.introspect('t')).active).toBe(false);
    expect(asked).toHaveLength(1);
    expect((await cache.introspect('t', { clockTolerance: 2 * HOUR })).active).toBe(true);
    expect(asked).toHaveLength(2);
  });
});
