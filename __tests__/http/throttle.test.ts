import { describe, expect, it } from '@jest/globals';
import { MemoryStore, type Store } from 'express-rate-limit';
import request from 'supertest';
import {
  type Client,
  hashClientSecret,
  introspectionRouter,
  type RateLimitOptions,
} from '../../lib/index.js';
import { A, B, basic, C, failingStore, INACTIVE, postToken, type World, world } from '../support/world.js';

const WINDOW = 60_000;
const one = { windowMs: WINDOW, limit: 1 };
type Ask = (caller: string, token: string, from?: string) => request.Test;

async function limited(
  rateLimit: RateLimitOptions | false,
  moreClients: readonly Client[] = [],
): Promise<World & { ask: Ask; refresh: Ask }> {
  const made = await world({ rateLimit, moreClients });
  made.app.set('trust proxy', true);
  const post =
    (path: string): Ask =>
    (caller, token, from = '192.0.2.1') =>
      request(made.app)
        .post(path)
        .set(
          'Authorization',
          caller.startsWith('Basic') || caller.startsWith('Bearer') ? caller : made.as(caller),
        )
        .set('X-Forwarded-For', from)
        .type('form')
        .send({ token });
  return { ...made, ask: post(A), refresh: post(B) };
}

describe('A-09 the limit for failures', () => {
  it('refuses an address after its failures, right or wrong, on every API, and no other address', async () => {
    const { app, as, ask, refresh, events } = await limited({ failures: { windowMs: WINDOW, limit: 2 } });
    expect((await ask(basic('app', 'wrong'), 'x')).status).toBe(401);
    expect((await ask(basic('nobody', 'wrong'), 'x')).status).toBe(401);
    const over = await ask(basic('app', 'wrong'), 'x');
    expect(over.status).toBe(429);
    expect(over.headers['retry-after']).toMatch(/^([1-9]|[1-5]\d|60)$/);
    expect(over.headers['cache-control']).toBe('no-store');
    expect(over.body).toStrictEqual({
      error: 'slow_down',
      error_description: 'Too many requests; slow down',
    });
    expect((await ask('app', 'at-live')).status).toBe(429);
    expect((await refresh('app', 'rt-live')).status).toBe(429);
    expect(
      (
        await request(app)
          .get(`${C}/at-live`)
          .set('Authorization', as('admin'))
          .set('X-Forwarded-For', '192.0.2.1')
      ).status,
    ).toBe(429);
    expect((await ask('app', 'at-live', '192.0.2.2')).status).toBe(200);
    expect(events.at(-2)).toMatchObject({ outcome: 'refused', error: 'slow_down', status: 429 });
  });

  it('opens again when the window is over', async () => {
    const { ask, clock } = await limited({ failures: one });
    await ask(basic('app', 'wrong'), 'x');
    expect((await ask(basic('app', 'wrong'), 'x')).status).toBe(429);
    clock.now += WINDOW + 1000;
    expect((await ask('app', 'at-live')).status).toBe(200);
  });

  it('counts bad Bearer credentials and malformed headers, but not their absence', async () => {
    const bearer = await limited({ failures: one });
    expect((await bearer.ask('Bearer nonsense', 'x')).status).toBe(401);
    expect((await bearer.ask('Basic ???', 'x')).status).toBe(429);
    const none = await limited({ failures: one });
    for (let i = 0; i < 3; i++) expect((await request(none.app).post(A)).status).toBe(401);
    for (let i = 0; i < 3; i++) expect((await request(none.app).post(B)).status).toBe(400);
  });

  it('does not refuse good callers that come all at once', async () => {
    const { ask } = await limited({ failures: one });
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask('app', 'at-live')));
    expect(new Set(answers.map(({ status }) => status))).toStrictEqual(new Set([200]));
  });

  it('does not show the right one that was on its way when the wrong ones became too many', async () => {
    const { ask } = await limited({ failures: one }, [
      { clientId: 'chosen', secret: await hashClientSecret('secret') },
    ]);
    const answers = await Promise.all(
      ['wrong-1', 'wrong-2', 'secret'].map((guess) => ask(basic('chosen', guess), 'x')),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toStrictEqual([401, 429, 429]);
    expect(answers[2]?.status).toBe(429);
  });

  it('does not show the right one among many guesses made at once', async () => {
    const { ask, secretOf } = await limited({ failures: { windowMs: WINDOW, limit: 2 } });
    const guesses = [...Array.from({ length: 20 }, (_, i) => `guess-${i}`), `${secretOf('app')}x`];
    const answers = await Promise.all(guesses.map((guess) => ask(basic('app', guess), 'at-live')));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(2);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(19);
    expect((await ask('app', 'at-live')).status).toBe(429);
  });

  it('hashes for an address no longer once its failures are too many, however many came at once', async () => {
    const { ask } = await limited({ failures: { windowMs: WINDOW, limit: 2 } });
    const began = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => ask(basic(`nobody-${i}`, 'x'), 'x')),
    );
    const limitedTo = performance.now() - began;
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(2);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(28);
    const one = await limited(false);
    const single = performance.now();
    await one.ask(basic('nobody', 'x'), 'x');
    expect(limitedTo).toBeLessThan((performance.now() - single) * 10);
  });

  it('is 30 a minute and address by default', async () => {
    const { ask } = await limited({});
    for (let i = 0; i < 30; i++) expect((await ask('Basic ???', 'x')).status).toBe(401);
    expect((await ask('Basic ???', 'x')).status).toBe(429);
  });

  it('counts together whatever has no address', async () => {
    const { app, as } = await world({
      rateLimit: { failures: one },
      before: [
        (req, _res, next) => {
          Object.defineProperty(req, 'ip', { value: undefined });
          next();
        },
      ],
    });
    const ask = (authorization: string) => postToken(app, A, authorization, 'x');
    expect((await ask('Basic ???')).status).toBe(401);
    expect((await ask('Basic ???')).status).toBe(429);
    expect((await ask(as('app'))).status).toBe(429);
  });

  it('counts the addresses of one IPv6 network together', async () => {
    const { ask } = await limited({ failures: one });
    await ask('Basic ???', 'x', '2001:db8::1');
    expect((await ask('Basic ???', 'x', '2001:db8::2')).status).toBe(429);
    expect((await ask('Basic ???', 'x', '2001:db9::2')).status).toBe(401);
  });
});

describe('E-08 I-28 the limit for inactive answers', () => {
  it('refuses a proven caller that scans, and no other caller', async () => {
    const { ask } = await limited({ inactive: { windowMs: WINDOW, limit: 2 } });
    expect((await ask('app', 'at-live')).status).toBe(200);
    expect((await ask('app', 'guess-1')).text).toBe(INACTIVE);
    expect((await ask('app', 'guess-2', '192.0.2.9')).text).toBe(INACTIVE);
    const over = await ask('app', 'guess-3');
    expect(over.status).toBe(429);
    expect(over.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect((await ask('app', 'at-live')).status).toBe(429);
    expect((await ask('api', 'at-live')).status).toBe(200);
  });

  it('does not show the right one among many guesses made at once', async () => {
    let hits = 0;
    const increment = async (): Promise<{ totalHits: number; resetTime: undefined }> => {
      hits += 1;
      return { totalHits: hits, resetTime: undefined };
    };
    const { ask, tokens } = await limited({
      inactive: { windowMs: WINDOW, limit: 5 },
      failures: false,
      store: () => ({ increment, decrement() {}, resetKey() {} }),
    });
    const find = tokens.find.bind(tokens);
    // A store that takes its time, and most for the token that is there.
    tokens.find = (async (token: string) => {
      await new Promise((resolve) => setTimeout(resolve, token === 'at-live' ? 200 : 20));
      return find(token);
    }) as never;
    const answers = await Promise.all(
      [...Array.from({ length: 20 }, (_, i) => `guess-${i}`), 'at-live'].map((token) => ask('app', token)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
    expect(answers.at(-1)?.status).toBe(429);
  });

  it('counts dead tokens of the details API as well', async () => {
    const { app, as } = await limited({ inactive: { windowMs: WINDOW, limit: 2 } });
    const ask = (token: string) => request(app).get(`${C}/${token}`).set('Authorization', as('admin'));
    expect((await ask('at-live')).status).toBe(200);
    expect((await ask('at-expired')).status).toBe(200);
    expect((await ask('nope')).status).toBe(404);
    expect((await ask('at-revoked')).status).toBe(429);
  });

  it('counts a public client by its address too: anybody can name it', async () => {
    const { refresh } = await limited({ inactive: one });
    const caller = basic('public', '');
    expect((await refresh(caller, 'guess')).text).toBe(INACTIVE);
    expect((await refresh(caller, 'guess')).status).toBe(429);
    expect((await refresh(caller, 'rt-public', '192.0.2.2')).body).toMatchObject({ active: true });
  });
});

describe('the limit for calls', () => {
  it('counts everything a caller asks, before the token is read', async () => {
    const { ask } = await limited({ calls: { windowMs: WINDOW, limit: 2 } });
    expect((await ask('app', '')).status).toBe(400);
    expect((await ask('app', 'at-live')).status).toBe(200);
    expect((await ask('app', 'at-live')).status).toBe(429);
    expect((await ask('api', 'at-live')).status).toBe(200);
  });

  it('is off by default', async () => {
    const { ask } = await limited({ inactive: false });
    for (let i = 0; i < 40; i++) expect((await ask('app', 'at-live')).status).toBe(200);
  });
});

describe('rateLimit', () => {
  it('false throttles nothing', async () => {
    const { ask } = await limited(false);
    for (let i = 0; i < 40; i++) expect((await ask('Basic ???', 'x')).status).toBe(401);
  });

  it('gives each part the store that the app makes for it, so that a fleet can share it', async () => {
    const stores = new Map<string, MemoryStore>();
    const store = (part: string): Store => {
      const made = stores.get(part) ?? new MemoryStore();
      stores.set(part, made);
      return made;
    };
    const first = await limited({
      failures: one,
      inactive: one,
      calls: { windowMs: WINDOW, limit: 3 },
      store,
    });
    const second = await limited({
      failures: one,
      inactive: one,
      calls: { windowMs: WINDOW, limit: 3 },
      store,
    });
    expect([...stores.keys()].toSorted()).toStrictEqual(['calls', 'failures', 'inactive']);
    expect((await first.ask('app', 'guess')).text).toBe(INACTIVE);
    expect((await second.ask('app', 'guess')).status).toBe(429);
    expect((await first.ask('Basic ???', 'x')).status).toBe(401);
    expect((await second.ask('Basic ???', 'x')).status).toBe(429);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('redis is down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('redis is down'))],
  ])('is 503 when its store %s, never open', async (_what, increment) => {
    const { ask } = await limited({
      calls: one,
      store: () => ({ increment, decrement() {}, resetKey() {} }),
    });
    expect((await ask('app', 'at-live')).status).toBe(503);
    expect((await ask('Basic ???', 'x')).status).toBe(503);
  });

  it('survives a store whose init rejects: its counts are the 503', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    const down = (): Promise<never> => Promise.reject(new Error('redis is down'));
    const { ask } = await limited({
      calls: one,
      store: () => ({ init: down, increment: down, decrement() {}, resetKey() {} }),
    });
    expect((await ask('app', 'at-live')).status).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toStrictEqual([]);
  });

  it('works with a store that tells no reset time', async () => {
    let hits = 0;
    const increment = (): { totalHits: number; resetTime: undefined } => {
      hits += 1;
      return { totalHits: hits, resetTime: undefined };
    };
    const { ask } = await limited({
      calls: one,
      inactive: false,
      store: () => ({ increment, decrement() {}, resetKey() {} }),
    });
    expect((await ask('app', 'at-live')).status).toBe(200);
    const over = await ask('app', 'at-live');
    expect([over.status, over.headers['retry-after']]).toStrictEqual([429, '60']);
  });

  it('remembers a bounded number of addresses that are over their limit', async () => {
    const { ask } = await limited({
      failures: one,
      store: () => ({
        increment: () => ({ totalHits: 2, resetTime: undefined }),
        decrement() {},
        resetKey() {},
      }),
    });
    expect((await ask('Basic ???', 'x', '198.51.100.1')).status).toBe(429);
    const { throttles } = await import('../../lib/http/throttle.js');
    const { telemetryOf } = await import('../../lib/telemetry/telemetry.js');
    const { failures } = throttles(
      'test',
      {
        failures: one,
        store: () => ({
          increment: () => ({ totalHits: 2, resetTime: undefined }),
          decrement() {},
          resetKey() {},
        }),
      },
      () => 0,
      telemetryOf('test', false),
    );
    for (let i = 0; i <= 10_000; i++) await failures.count(`address ${i}`).catch(() => {});
    expect(() => failures.check(() => 'address 0')).not.toThrow();
    expect(() => failures.check(() => 'address 1')).toThrow();
    expect(() => failures.check(() => 'address 10000')).toThrow();
  });

  it.each([
    [5, 'rateLimit'],
    [null, 'rateLimit'],
    [{ failure: false }, 'failure'],
    [{ store: {} }, 'rateLimit.store'],
    [{ store: () => ({}) }, 'rateLimit.store'],
    [{ calls: true }, 'rateLimit.calls'],
    [{ calls: { windowMs: 5, max: 1 } }, 'max'],
    [{ calls: { windowMs: 0, limit: 1 } }, 'rateLimit.calls.windowMs'],
    [{ calls: { windowMs: 2 ** 31, limit: 1 } }, 'rateLimit.calls.windowMs'],
    [{ inactive: { windowMs: 5, limit: 0 } }, 'rateLimit.inactive.limit'],
    [{ failures: { windowMs: 5 } }, 'rateLimit.failures.limit'],
  ])('%j is a TypeError', (rateLimit, named) => {
    const store = failingStore(() => undefined);
    const make = () =>
      introspectionRouter({
        tokens: store,
        clients: store,
        issuer: 'https://id.example',
        rateLimit: rateLimit as never,
      });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`"${named}"`);
  });
});
