import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import express, { type Express, type Router } from 'express';
import request from 'supertest';
import {
  type ApiOptions,
  accessTokenDetails,
  hashClientSecret,
  MemoryClientStore,
  MemoryTokenStore,
  oauthIntrospection,
  type RateLimitOptions,
  refreshTokenIntrospection,
  type TokenRevocationOptions,
  tokenRevocation,
} from '../../lib/index.js';
import { timeOf } from '../support/verifying.js';
import { A, B, basic, C } from '../support/world.js';

const FAILURES = { failures: { windowMs: 60_000, limit: 1 } };
const hash = await hashClientSecret('chosen');

function store(): MemoryClientStore {
  return new MemoryClientStore([{ clientId: 'app', secret: hash, organizations: ['acme'] }]);
}

/** An app with all APIs, each mounted alone. */
function alone(options: Partial<ApiOptions> = {}): Express {
  const all = { tokens: new MemoryTokenStore(), clients: store(), rateLimit: FAILURES, ...options };
  const apis: ((options: TokenRevocationOptions) => Router)[] = [
    oauthIntrospection,
    refreshTokenIntrospection,
    accessTokenDetails,
    tokenRevocation,
  ];
  const app = express();
  for (const api of apis) app.use(api(all as TokenRevocationOptions));
  return app;
}

const calls = (app: Express): readonly request.Test[] => [
  request(app).post(A).type('form').send({ token: 'x' }),
  request(app).post(B).type('form').send({ token: 'x' }),
  request(app).get(`${C}/x`),
  request(app).post('/v1/oauth/revoke').type('form').send({ token: 'x' }),
];

/** The statuses of one call of each API. */
async function statuses(app: Express, authorization: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const call of calls(app)) found.push((await call.set('Authorization', authorization)).status);
  return found;
}

describe('APIs that are mounted alone', () => {
  it('share the limits', async () => {
    expect(await statuses(alone(), basic('app', 'wrong'))).toStrictEqual([401, 429, 429, 429]);
  });

  it('share what is remembered of secrets', async () => {
    const app = alone();
    const times: number[] = [];
    for (const call of calls(app)) {
      times.push(
        await timeOf(async () =>
          expect((await call.set('Authorization', basic('app', 'chosen'))).status).not.toBe(401),
        ),
      );
    }
    expect(Math.max(...times.slice(1))).toBeLessThan((times[0] as number) / 2);
  });

  it('share the queue of slow hashes', async () => {
    const clients = store();
    const [first, second] = [alone({ clients, rateLimit: false }), alone({ clients, rateLimit: false })];
    const ask = (app: Express, i: number) =>
      request(app)
        .post(A)
        .set('Authorization', basic(`nobody-${i}`, 'x'))
        .type('form')
        .send({ token: 'x' });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(i % 2 ? first : second, i)));
    expect(answers.filter(({ status }) => status === 503)).not.toHaveLength(0);
  }, 120_000);

  it.each<[string, () => readonly [Partial<ApiOptions>, Partial<ApiOptions>]]>([
    ['limits', () => [{}, { rateLimit: { failures: { windowMs: 60_000, limit: 2 } } }]],
    ['windows', () => [{}, { rateLimit: { failures: { windowMs: 60_001, limit: 1 } } }]],
    ['limits of another kind', () => [{}, { rateLimit: { ...FAILURES, calls: { windowMs: 1, limit: 1 } } }]],
    ['client stores', () => [{}, { clients: store() }]],
    ['clocks', () => [{}, { clock: () => Date.now() }]],
    ['stores of limits', () => [{}, { rateLimit: { ...FAILURES, store: memory() } }]],
  ])('stay apart with other %s', async (_what, both) => {
    const clients = store();
    const [one, other] = both().map((options) => alone({ clients, ...options })) as [Express, Express];
    const wrong = basic('app', 'wrong');
    expect((await statuses(one, wrong)).slice(0, 2)).toStrictEqual([401, 429]);
    expect((await statuses(other, wrong))[0]).toBe(401);
  });

  it('ask for a store of limits once, and share it', async () => {
    const parts: string[] = [];
    const rateLimit: RateLimitOptions = { ...FAILURES, store: memory(parts) };
    expect(await statuses(alone({ rateLimit }), basic('app', 'wrong'))).toStrictEqual([401, 429, 429, 429]);
    expect(parts).toStrictEqual(['failures']);
  });

  it('refuse bad limits each, whatever others have been given', () => {
    const clients = store();
    alone({ clients });
    expect(() => alone({ clients, rateLimit: { failures: { windowMs: 0, limit: 1 } } })).toThrow('windowMs');
  });

  it('are not kept by what they share, nor are clients and clocks', async () => {
    const clients = store();
    const gone: WeakRef<object>[] = [];
    (() => {
      for (let i = 0; i < 5; i++) {
        const [other, clock, storeOf] = [store(), (): number => Date.now(), memory()];
        alone({ clients: other });
        alone({ clients, clock });
        alone({ clients, rateLimit: { ...FAILURES, store: storeOf } });
        for (const one of [other, clock]) gone.push(new WeakRef(one));
      }
    })();
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const left = (): object[] => gone.filter((one) => one.deref() !== undefined);
    for (let i = 0; i < 100 && left().length > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      gc();
    }
    expect(left()).toHaveLength(0);
    alone({ clients });
  });
});

/** Makes stores that count a key. */
function memory(parts: string[] = []): NonNullable<RateLimitOptions['store']> {
  return (part) => {
    parts.push(part);
    let totalHits = 0;
    return {
      increment() {
        totalHits += 1;
        return { totalHits, resetTime: undefined };
      },
      decrement() {},
      resetKey() {},
    };
  };
}
