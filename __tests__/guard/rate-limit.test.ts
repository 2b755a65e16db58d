import { createServer, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import { MemoryStore, type Store } from 'express-rate-limit';
import request from 'supertest';
import {
  cachingIntrospector,
  type GuardEvent,
  type IntrospectionResponse,
  type Introspector,
  type RequireActiveTokenOptions,
  requireActiveToken,
  routingIntrospector,
} from '../../lib/index.js';
import { NOW } from '../support/world.js';

const LIMIT = { windowMs: 60_000, limit: 3 };

interface Limited {
  readonly app: Express;
  readonly asked: string[];
  readonly events: GuardEvent[];
  readonly clock: { now: number };
}

/** An API behind a proxy that it trusts; tokens that begin with `good` are active. */
function limited(
  options: Partial<RequireActiveTokenOptions> = {},
  wrap: (inner: Introspector, clock: () => number) => Introspector = (inner, clock) =>
    cachingIntrospector(inner, { clock, negativeMaxAge: 1000 }),
): Limited {
  const asked: string[] = [];
  const events: GuardEvent[] = [];
  const time = { now: NOW };
  const clock = (): number => time.now;
  const inner: Introspector = {
    introspect: async (token) => {
      asked.push(token);
      return { active: token.startsWith('good'), sub: token } as IntrospectionResponse;
    },
  };
  const introspector = wrap(inner, clock);
  const guard = requireActiveToken({
    introspector,
    clock,
    rateLimit: { inactive: LIMIT },
    audit: (event) => events.push(event),
    ...options,
  });
  const app = express().set('trust proxy', true);
  app.get(['/', '/other'], guard, (_req, res) => void res.end());
  return { app, asked, events, clock: time };
}

const get = ({ app }: Pick<Limited, 'app'>, token: string, address = '192.0.2.1', path = '/') =>
  request(app).get(path).set('Authorization', `Bearer ${token}`).set('X-Forwarded-For', address);

const statusesOf = async (api: Limited, tokens: readonly string[], address?: string): Promise<number[]> => {
  const statuses: number[] = [];
  for (const token of tokens) statuses.push((await get(api, token, address)).status);
  return statuses;
};

describe('guard/35 rateLimit of the guard', () => {
  it('E-08 holds back an address that has sent too many inactive tokens, with 429 and Retry-After, and asks nobody', async () => {
    const api = limited();
    expect(await statusesOf(api, ['good-0', 'j1', 'j2', 'j3', 'j4'])).toStrictEqual([
      200, 401, 401, 401, 429,
    ]);
    const { length } = api.asked;
    const answer = await get(api, 'good-1');
    expect([answer.status, answer.headers['retry-after'], answer.body]).toStrictEqual([
      429,
      '60',
      { error: 'slow_down', error_description: expect.any(String) },
    ]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers).not.toHaveProperty('www-authenticate');
    expect(api.asked).toHaveLength(length);
    expect(api.events.at(-1)).toMatchObject({ outcome: 'refused', reason: 'rate_limited', status: 429 });
  });

  it('lets pass what is in the cache, and whoever comes from another address', async () => {
    const api = limited();
    await statusesOf(api, ['good-0', 'j1', 'j2', 'j3', 'j4']);
    expect(await statusesOf(api, ['good-0', 'j4'])).toStrictEqual([200, 401]);
    expect(await statusesOf(api, ['good-1', 'j9'], '192.0.2.2')).toStrictEqual([200, 401]);
  });

  it('counts no token about which nobody had to be asked, and no active one, of whatever audience', async () => {
    const api = limited();
    expect(
      await statusesOf(
        api,
        Array.from({ length: 10 }, () => 'same'),
      ),
    ).toStrictEqual(new Array(10).fill(401));
    const strict = limited({ audience: 'https://api.example' });
    expect(await statusesOf(strict, ['good-1', 'good-2', 'good-3', 'good-4', 'good-5'])).toStrictEqual(
      new Array(5).fill(401),
    );
  });

  it('counts requests without credentials, or with what is no token, as none', async () => {
    const api = limited();
    for (let i = 0; i < 6; i++) {
      await request(api.app).get('/').set('X-Forwarded-For', '192.0.2.1').expect(401);
      await get(api, 'a,b').expect(400);
    }
    expect(await statusesOf(api, ['good-1'])).toStrictEqual([200]);
  });

  it('ends with its window, by time that goes by and not by the clock', async () => {
    const api = limited();
    await statusesOf(api, ['j1', 'j2', 'j3', 'j4']);
    api.clock.now -= 3_600_000;
    expect(await statusesOf(api, ['good-1'])).toStrictEqual([429]);
    api.clock.now += 59_999;
    expect(await statusesOf(api, ['good-1'])).toStrictEqual([429]);
    api.clock.now += 1;
    expect(await statusesOf(api, ['good-1'])).toStrictEqual([200]);
  });

  it.each([
    [
      'one IPv6 network',
      ['2001:db8:1:2::1', '2001:db8:1:2:3::', '[2001:db8:1:2::9]:443', '2001:db8:1:2:ffff::1'],
      429,
    ],
    [
      'several IPv6 networks',
      ['2001:db8:1:2::1', '2001:db8:1:3::1', '2001:db8:1:4::1', '2001:db8:1:5::1'],
      401,
    ],
    [
      'one address, its port another each time',
      ['192.0.2.1:1', '192.0.2.1:2', '::ffff:192.0.2.1', '192.0.2.1'],
      429,
    ],
  ])('issuer/03 counts by address: %s', async (_what, addresses, last) => {
    const api = limited();
    const statuses: number[] = [];
    for (const [i, address] of addresses.entries()) statuses.push((await get(api, `j${i}`, address)).status);
    expect(statuses).toStrictEqual([401, 401, 401, last]);
  });

  it('counts for all guards that ask the same introspector by the same limit together', async () => {
    const asked: string[] = [];
    const introspector: Introspector = {
      introspect: async (token) => {
        asked.push(token);
        return { active: false };
      },
    };
    const app = express().set('trust proxy', true);
    const guard = (windowMs = 60_000) =>
      requireActiveToken({ introspector, rateLimit: { inactive: { windowMs, limit: 3 } }, audit: () => {} });
    app.get('/a', guard(), (_req, res) => void res.end());
    app.get('/b', guard(), (_req, res) => void res.end());
    app.get('/c', guard(1000), (_req, res) => void res.end());
    const statuses: number[] = [];
    for (const [i, path] of ['/a', '/b', '/a', '/b', '/a', '/c'].entries())
      statuses.push((await get({ app }, `j${i}`, '192.0.2.1', path)).status);
    expect(statuses).toStrictEqual([401, 401, 401, 429, 429, 401]);
  });

  it('knows what is remembered behind a routing introspector and a tokenFormat, and nothing of what an app has wrapped', async () => {
    for (const [wrap, status] of [
      [(cache: Introspector): Introspector => routingIntrospector({ jwt: cache, opaque: cache }), 200],
      [(cache: Introspector): Introspector => ({ introspect: (...of) => cache.introspect(...of) }), 429],
    ] as const) {
      const api = limited({ tokenFormat: { prefixes: ['myapp_at'], acceptOthers: true } }, (inner, clock) =>
        wrap(cachingIntrospector(inner, { clock })),
      );
      await statusesOf(api, ['good-0', 'j1', 'j2', 'j3', 'j4']);
      expect(await statusesOf(api, ['good-0'])).toStrictEqual([status]);
    }
  });

  it('is off by default, and with false', async () => {
    for (const rateLimit of [undefined, false] as const) {
      const asked: string[] = [];
      const introspector: Introspector = {
        introspect: async (token) => {
          asked.push(token);
          return { active: false };
        },
      };
      const app = express().get(
        '/',
        requireActiveToken({ introspector, ...(rateLimit === false && { rateLimit }) }),
      );
      for (let i = 0; i < 6; i++) await get({ app }, `j${i}`).expect(401);
      expect(asked).toHaveLength(6);
    }
  });

  it('counts in the store that the app gives, and still refuses an inactive token with 401 if that fails', async () => {
    const stores: string[] = [];
    const store = (part: string): Store => {
      stores.push(part);
      return new MemoryStore();
    };
    const api = limited({ rateLimit: { inactive: LIMIT, store } });
    expect(await statusesOf(api, ['j1', 'j2', 'j3', 'j4'])).toStrictEqual([401, 401, 401, 429]);
    expect(stores).toStrictEqual(['inactive']);
    const failing = { increment: () => Promise.reject(new Error('down')) } as unknown as Store;
    const other = limited({ rateLimit: { inactive: LIMIT, store: () => failing } });
    expect(await statusesOf(other, ['j1', 'j2', 'j3', 'j4', 'j5'])).toStrictEqual(new Array(5).fill(401));
  });

  it('does not count a request without an address, since it would be counted with all others', async () => {
    const { app } = limited();
    const path = join(tmpdir(), `guard-rate-limit-${process.pid}.sock`);
    const server = createServer(app);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const statuses: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      statuses.push(
        await new Promise((resolve, reject) => {
          httpRequest(
            { socketPath: path, headers: { authorization: `Bearer j${i}` }, agent: false },
            (answer) => {
              answer.resume();
              resolve(answer.statusCode);
            },
          )
            .on('error', reject)
            .end();
        }),
      );
    }
    server.close();
    expect(statuses).toStrictEqual(new Array(6).fill(401));
  });

  it.each([
    [5, '"rateLimit"'],
    [true, '"rateLimit"'],
    [{}, '"rateLimit.inactive"'],
    [{ inactive: false }, '"rateLimit.inactive"'],
    [{ inactive: { windowMs: 0, limit: 3 } }, '"rateLimit.inactive.windowMs"'],
    [{ inactive: LIMIT, failures: LIMIT }, '"failures"'],
    [{ inactive: LIMIT, store: {} }, '"rateLimit.store"'],
    [{ inactive: LIMIT, store: () => ({}) }, '"rateLimit.store"'],
  ])('refuses %j', (rateLimit, named) => {
    const options = { introspector: { introspect: async () => ({ active: false }) }, rateLimit };
    expect(() => requireActiveToken(options as never)).toThrow(TypeError);
    expect(() => requireActiveToken(options as never)).toThrow(named);
    expect(() => requireActiveToken(options as never)).toThrow(/^requireActiveToken: /);
  });
});
