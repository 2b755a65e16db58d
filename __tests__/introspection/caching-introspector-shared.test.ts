import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  type CachingIntrospector,
  type CachingIntrospectorOptions,
  cachingIntrospector,
  type IntrospectionResponse,
  requireActiveToken,
  type SharedCache,
  tokenDigest,
} from '../../lib/index.js';
import { AnswerSeal } from '../../lib/introspection/caching/answer-seal.js';
import { seal } from '../../lib/tokens/sealed-value.js';
import { deferred, LIVE, settled, type Upstream, upstream } from '../support/upstream.js';
import { NOW, SECONDS } from '../support/world.js';

const TOKEN = 'sekret-token-6f1c';
const IDENTITY = 'https://id.example.com as orders-api';

/** A cache for processes to share; a method may be put in the place of its own. */
class Redis implements SharedCache {
  readonly values = new Map<string, string>();
  readonly ttls: number[] = [];
  readonly identity: string;
  constructor(identity: string = IDENTITY) {
    this.identity = identity;
  }
  /** The same values, for another identity. */
  as(identity: string): Redis {
    const other = new Redis(identity);
    Object.assign(other, { values: this.values });
    return other;
  }
  async get(key: string): Promise<string | null> {
    return this.values.get(key) ?? null;
  }
  async set(key: string, value: string, ttl: number): Promise<void> {
    this.ttls.push(ttl);
    this.values.set(key, value);
  }
  async delete(key: string): Promise<void> {
    this.values.delete(key);
  }
}

/** A process: its upstream and its cache. */
function processWith(
  shared: SharedCache,
  clock: { now: number },
  options: CachingIntrospectorOptions = {},
): { inner: Upstream; cache: ReturnType<typeof cachingIntrospector> } {
  const inner = upstream();
  return { inner, cache: cachingIntrospector(inner, { shared, clock: () => clock.now, ...options }) };
}

/** Two processes with a shared cache, of which the first has asked. */
async function two(options: CachingIntrospectorOptions = {}, says: unknown = LIVE) {
  const redis = new Redis();
  const clock = { now: NOW };
  const [one, other] = [processWith(redis, clock, options), processWith(redis, clock, options)];
  one.inner.says = says;
  await one.cache.introspect(TOKEN);
  await settled();
  return { redis, clock, one, other };
}

const only = (redis: Redis): [string, string] => [...redis.values][0] as [string, string];

describe('cachingIntrospector shares answers between processes', () => {
  it('so that one asks for all', async () => {
    const { one, other, redis } = await two();
    const answer = await other.cache.introspect(TOKEN);
    expect(answer).toStrictEqual(LIVE);
    expect(await other.cache.introspect(TOKEN)).toBe(answer);
    expect(Object.isFrozen(answer)).toBe(true);
    expect([one.inner.asked.length, other.inner.asked.length]).toStrictEqual([1, 0]);
    expect(other.cache.stats()).toMatchObject({ misses: 1, sharedHits: 1, hits: 1, size: 1 });
    expect(redis.ttls).toStrictEqual([30_000]);
  });

  it('I-25 for maxAge from the first question on, whichever process had it', async () => {
    const { clock, other } = await two();
    clock.now += 20_000;
    await other.cache.introspect(TOKEN);
    clock.now += 9999;
    await other.cache.introspect(TOKEN);
    expect(other.inner.asked).toHaveLength(0);
    clock.now += 1;
    await other.cache.introspect(TOKEN);
    expect(other.inner.asked).toHaveLength(1);
  });

  it('I-25 as long as exp lets them, by the rules of who reads', async () => {
    const { redis, clock, other } = await two({}, { ...LIVE, exp: SECONDS + 2.5005 });
    expect(redis.ttls).toStrictEqual([2500]);
    clock.now += 2501;
    await other.cache.introspect(TOKEN);
    expect(other.inner.asked).toHaveLength(1);
    const strict = processWith(redis, clock, { maxAge: 1000 });
    await strict.cache.introspect(TOKEN);
    expect(strict.inner.asked).toHaveLength(0);
    clock.now += 1000;
    await strict.cache.introspect(TOKEN);
    expect(strict.inner.asked).toHaveLength(1);
  });

  it('I-26 but no inactive ones, with which anybody could fill it, and none that may not last', async () => {
    expect((await two({}, { active: false })).redis.values.size).toBe(0);
    expect((await two({}, { ...LIVE, exp: SECONDS })).redis.values.size).toBe(0);
    expect((await two({}, { ...LIVE, big: 5n })).redis.values.size).toBe(0);
  });

  it('T-25 and nobody who holds it has anything', async () => {
    const { redis } = await two({}, { ...LIVE, username: 'sekret-alice' });
    const [key, value] = only(redis);
    expect(redis.values.size).toBe(1);
    expect(key).toMatch(/^token-introspection:[\w-]{43}:[\w-]{43}$/);
    const held = `${key} ${value} ${Buffer.from(value, 'base64url').toString('latin1')}`;
    for (const secret of [TOKEN, 'sekret', 'alice', IDENTITY, 'active']) expect(held).not.toContain(secret);
  });

  it('I-26 apart for each identity, even where somebody moves a value: behaviour 15', async () => {
    const { redis, clock, one } = await two();
    const elsewhere = redis.as('https://other.example');
    const other = processWith(elsewhere, clock);
    other.inner.says = { ...LIVE, sub: 'mallory' };
    expect(await other.cache.introspect(TOKEN)).toMatchObject({ sub: 'mallory' });
    await settled();
    const [first, second] = [...redis.values.keys()] as [string, string];
    expect(redis.values.size).toBe(2);
    expect(first.split(':')[2]).toBe(second.split(':')[2]);
    redis.values.set(first, redis.values.get(second) as string);
    const reader = processWith(redis, clock);
    expect(await reader.cache.introspect(TOKEN)).toMatchObject({ sub: 'alice' });
    expect(reader.inner.asked).toHaveLength(1);
    expect(one.inner.asked).toHaveLength(1);
  });
});

describe('row 1.7 the responses in a shared cache are authentic with a secret', () => {
  const SECRET = 'a secret that all processes have: 4f2a90';
  const NEXT = new Uint8Array(32).fill(7);
  type Secret = NonNullable<SharedCache['secret']>;
  const planted = { answer: { ...LIVE, sub: 'admin', scope: 'all' }, askedAt: NOW };

  class Sealed extends Redis {
    readonly secret: Secret;
    constructor(secret: Secret, values?: Redis) {
      super();
      this.secret = secret;
      if (values) Object.assign(this, { values: values.values });
    }
  }

  /** Who answers a process with this secret about a token that is in a shared cache. */
  async function reads(redis: Redis, secret: Secret, token = TOKEN): Promise<unknown> {
    const { cache, inner } = processWith(new Sealed(secret, redis), { now: NOW });
    inner.says = { ...LIVE, sub: 'asked' };
    const answer = await cache.introspect(token);
    expect(cache.stats().sharedHits).toBe(1 - inner.asked.length);
    return answer.active && answer.sub;
  }

  async function written(secret: Secret): Promise<Redis> {
    const redis = new Sealed(secret);
    await processWith(redis, { now: NOW }).cache.introspect(TOKEN);
    await settled();
    expect(redis.values.size).toBe(1);
    return redis;
  }

  it('so that what a holder of a token plants without it is ignored', async () => {
    const redis = await written(SECRET);
    const [key] = only(redis);
    const purpose = `express-token-introspection shared answer v1${key}`;
    const plant = (material: string | Uint8Array): void =>
      void redis.values.set(key, seal(JSON.stringify(planted), material, purpose).toString('base64url'));
    const other = createHmac('sha256', 'x'.repeat(40)).update(TOKEN).digest();
    const plain = createHmac('sha256', SECRET).update(TOKEN).digest();
    for (const material of [TOKEN, SECRET, SECRET + TOKEN, TOKEN + SECRET, other, plain]) {
      plant(material);
      expect(await reads(redis, SECRET)).toBe('asked');
      redis.values.delete(key);
    }
    // Without a secret it is taken, which the documentation says.
    plant(TOKEN);
    const open = new Redis();
    Object.assign(open, { values: redis.values });
    expect(await processWith(open, { now: NOW }).cache.introspect(TOKEN)).toMatchObject({ sub: 'admin' });
  });

  it('so that what a process without it has written is ignored, and the other way round', async () => {
    const { redis } = await two();
    expect(await reads(redis, SECRET)).toBe('asked');
    const sealed = await written(SECRET);
    const open = new Redis();
    Object.assign(open, { values: sealed.values });
    const { cache, inner } = processWith(open, { now: NOW });
    await cache.introspect(TOKEN);
    expect(inner.asked).toHaveLength(1);
  });

  it('and secret still: the secret alone opens nothing', async () => {
    const redis = await written(SECRET);
    const [key, value] = only(redis);
    redis.values.set(key.replace(/[^:]+$/, tokenDigest('another')), value);
    expect(await reads(redis, SECRET, 'another')).toBe('asked');
  });

  it('and secret still: the secret opens it together with its token only, and where it was kept', () => {
    const seals = new AnswerSeal(SECRET);
    const sealed = seals.seal('text', TOKEN, 'key');
    expect(seals.open(sealed, TOKEN, 'key')).toBe('text');
    expect(() => seals.open(sealed, 'another', 'key')).toThrow(Error);
    expect(() => seals.open(sealed, TOKEN, 'another')).toThrow(Error);
  });

  it.each<[string, Secret, Secret, string]>([
    ['the same', SECRET, SECRET, 'alice'],
    ['the same, as bytes', SECRET, Buffer.from(SECRET), 'alice'],
    ['another', SECRET, NEXT, 'asked'],
    ['a new one before the old', SECRET, [NEXT, SECRET], 'alice'],
    ['the old one before the new', [NEXT, SECRET], [SECRET, NEXT], 'alice'],
    ['the new one alone', [NEXT, SECRET], NEXT, 'alice'],
    ['the old one alone', [NEXT, SECRET], SECRET, 'asked'],
  ])('with %s', async (_what, writer, reader, expected) => {
    expect(await reads(await written(writer), reader)).toBe(expected);
  });

  it('and a secret that the app overwrites afterwards stays what it was', async () => {
    const secret = new Uint8Array(32).fill(7);
    const redis = new Sealed(secret);
    const { cache } = processWith(redis, { now: NOW });
    secret.fill(0);
    await cache.introspect(TOKEN);
    await settled();
    expect(await reads(redis, NEXT)).toBe('alice');
  });
});

describe('cachingIntrospector and a revocation with a shared cache: behaviour 17', () => {
  it('R-07 invalidate removes it there too', async () => {
    const { redis, one, other } = await two();
    await one.cache.invalidate(TOKEN);
    expect(redis.values.size).toBe(0);
    await other.cache.introspect(TOKEN);
    expect(other.inner.asked).toHaveLength(1);
  });

  it('R-07 so does a revocation that the introspector tells of', async () => {
    const redis = new Redis();
    const inner = upstream();
    let tell: (digest: string) => void = () => {};
    inner.onRevoked = (listener) => {
      tell = listener;
      return () => {};
    };
    const cache = cachingIntrospector(inner, { shared: redis, clock: () => NOW });
    await cache.introspect(TOKEN);
    await settled();
    tell(only(redis)[0].split(':')[2] as string);
    await settled();
    expect(redis.values.size).toBe(0);
    expect(cache.stats().size).toBe(0);
  });

  it('R-07 for maxAge it is not looked for: another process may write what it was told before', async () => {
    const { redis, clock, one } = await two();
    const [key, value] = only(redis);
    await one.cache.invalidate(TOKEN);
    redis.values.set(key, value);
    one.inner.says = { active: false };
    expect(await one.cache.introspect(TOKEN)).toStrictEqual({ active: false });
    clock.now += 29_999;
    expect(await one.cache.introspect(TOKEN)).toStrictEqual({ active: false });
    // Nor is it shared meanwhile, by this process.
    clock.now += 2;
    expect(await one.cache.introspect(TOKEN)).toStrictEqual({ active: false });
    expect(one.inner.asked).toHaveLength(3);
    clock.now += 5000;
    redis.values.delete(key);
    one.inner.says = { ...LIVE, exp: SECONDS + 3600 };
    await one.cache.introspect(TOKEN);
    await settled();
    expect(redis.values.size).toBe(1);
  });

  it('R-07 nor for as long as the clock of who writes it may be ahead', async () => {
    const redis = new Redis();
    const clock = { now: NOW };
    const ahead = processWith(redis, { now: NOW + 900 });
    ahead.inner.says = { ...LIVE, exp: SECONDS + 3600 };
    await ahead.cache.introspect(TOKEN);
    await settled();
    const [key, value] = only(redis);
    const one = processWith(redis, clock, { negativeMaxAge: 0 });
    one.inner.says = { active: false };
    await one.cache.invalidate(TOKEN);
    redis.values.set(key, value);
    for (const passes of [30_000, 1, 899]) {
      clock.now += passes;
      expect(await one.cache.introspect(TOKEN)).toStrictEqual({ active: false });
    }
  });

  it('R-07 after clear nothing is taken from it for maxAge and a second', async () => {
    const { redis, clock, one } = await two({}, { ...LIVE, exp: SECONDS + 3600 });
    one.cache.clear();
    await one.cache.introspect(TOKEN);
    expect(one.inner.asked).toHaveLength(2);
    const [key, value] = only(redis);
    clock.now += 31_001;
    await one.cache.introspect(TOKEN);
    await settled();
    expect(redis.values.get(key)).not.toBe(value);
  });

  it.each([
    ['a token', (cache: CachingIntrospector) => cache.invalidate(TOKEN)],
    ['all', async (cache: CachingIntrospector) => cache.clear()],
  ])(
    'R-07 after forgetting %s it is asked again when more than maxAge and a second have gone by, not before',
    async (_what, forget) => {
      const redis = new Redis();
      const clock = { now: NOW };
      const { cache, inner } = processWith(redis, clock, { negativeMaxAge: 0 });
      inner.says = { active: false };
      let looked = 0;
      redis.get = async () => {
        looked += 1;
        return null;
      };
      await forget(cache);
      for (const passes of [0, 29_999, 1, 1000]) {
        clock.now += passes;
        await cache.introspect(TOKEN);
      }
      expect(looked).toBe(0);
      clock.now += 1;
      await cache.introspect(TOKEN);
      expect(looked).toBe(1);
    },
  );

  it('R-07 a revocation while it is read wins over what is read', async () => {
    const { redis, clock } = await two();
    const [, value] = only(redis);
    const read = deferred<string>();
    redis.get = () => read.promise;
    const other = processWith(redis, clock);
    const waiting = other.cache.introspect(TOKEN);
    await other.cache.invalidate(TOKEN);
    other.inner.says = { active: false };
    read.resolve(value);
    expect(await waiting).toStrictEqual({ active: false });
    expect(other.inner.asked).toHaveLength(1);
  });

  it('R-07 a revocation while it is written wins over what is written', async () => {
    const redis = new Redis();
    const clock = { now: NOW };
    const { cache } = processWith(redis, clock);
    const written = deferred<void>();
    const set = redis.set.bind(redis);
    redis.set = async (key, value, ttl) => {
      await written.promise;
      await set(key, value, ttl);
    };
    await cache.introspect(TOKEN);
    await cache.invalidate(TOKEN);
    written.resolve();
    await settled();
    expect(redis.ttls).toHaveLength(1);
    expect(redis.values.size).toBe(0);
  });

  it('R-07 a question under way that is revoked is not shared', async () => {
    const redis = new Redis();
    const { cache, inner } = processWith(redis, { now: NOW });
    const answer = deferred<unknown>();
    inner.says = () => answer.promise;
    const waiting = cache.introspect(TOKEN);
    while (inner.asked.length === 0) await settled();
    await cache.invalidate(TOKEN);
    inner.says = LIVE;
    answer.resolve(LIVE);
    expect(await waiting).toStrictEqual(LIVE);
    await settled();
    expect(inner.asked).toHaveLength(2);
    expect(redis.ttls).toHaveLength(0);
  });

  it('R-07 invalidate resolves where the shared cache fails, and this process goes by it', async () => {
    const { redis, one } = await two();
    redis.delete = () => Promise.reject(new Error('down'));
    await one.cache.invalidate(TOKEN);
    one.inner.says = { active: false };
    expect(await one.cache.introspect(TOKEN)).toStrictEqual({ active: false });
    redis.delete = () => new Promise(() => {});
    const began = performance.now();
    await one.cache.invalidate(TOKEN);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe('cachingIntrospector asks for itself when the shared cache', () => {
  const reading = (value: unknown) => (redis: Redis) => {
    redis.get = () => Promise.resolve(value as string);
  };
  const failing = (get: () => Promise<string>) => (redis: Redis) => {
    redis.get = get;
  };
  const fail = (): never => {
    throw new Error('down');
  };
  const sealed =
    (content: unknown, token = TOKEN) =>
    (redis: Redis) => {
      redis.get = async (key) =>
        seal(
          typeof content === 'string' ? content : JSON.stringify(content),
          token,
          `express-token-introspection shared answer v1${key}`,
        ).toString('base64url');
    };
  const bytesOf = (content: unknown) => (redis: Redis) => {
    sealed(content)(redis);
    const get = redis.get.bind(redis);
    redis.get = async (key) => Buffer.from((await get(key)) as string, 'base64url') as never;
  };
  const fine = { answer: LIVE, askedAt: NOW };
  it.each([
    ['throws', failing(fail)],
    ['rejects', failing(() => Promise.reject(new Error('down')))],
    ['has nothing', reading(undefined)],
    ['answers 42', reading(42)],
    ['answers an object', reading({ active: true })],
    ['has an empty value', reading('')],
    ['has garbage', reading('garbage!')],
    ['has long garbage', reading('A'.repeat(1000))],
    ['has the bytes of a sealed answer, which are no string', bytesOf(fine)],
    ['has an answer in clear', reading(JSON.stringify(fine))],
    ['has the answer about another token', sealed(fine, 'another')],
    ['has no JSON', sealed('{"answer"')],
    ['has null', sealed(null)],
    ['has no answer', sealed({ askedAt: NOW })],
    ['has an answer that is no object', sealed({ ...fine, answer: 5 })],
    ['has an inactive answer', sealed({ ...fine, answer: { active: false } })],
    ['has an answer that is "true"', sealed({ ...fine, answer: { active: 'true' } })],
    ['has an answer of no time', sealed({ answer: LIVE })],
    ['has an answer of a time in words', sealed({ ...fine, askedAt: 'now' })],
    ['has an answer of a time that is a string', sealed({ ...fine, askedAt: String(NOW) })],
    ['has an answer of the future', sealed({ ...fine, askedAt: NOW + 1001 })],
    ['has an old answer', sealed({ ...fine, askedAt: NOW - 30_000 })],
    ['has an expired answer', sealed({ ...fine, answer: { ...LIVE, exp: SECONDS } })],
  ])('%s', async (_what, spoil) => {
    const redis = new Redis();
    spoil(redis);
    const { cache, inner } = processWith(redis, { now: NOW });
    inner.says = { ...LIVE, sub: 'asked' };
    const app = express().use(
      requireActiveToken({ introspector: cache, clock: () => NOW }),
      (req, res) => void res.json(req.activeToken?.sub),
    );
    const answer = await request(app).get('/').set('Authorization', `Bearer ${TOKEN}`);
    expect([answer.status, answer.body]).toStrictEqual([200, 'asked']);
    expect(inner.asked).toHaveLength(1);
    expect(cache.stats().sharedHits).toBe(0);
  });

  it('and not where another machine has a clock a little ahead, nor longer than maxAge then', async () => {
    const redis = new Redis();
    sealed({ answer: LIVE, askedAt: NOW + 1000 })(redis);
    const clock = { now: NOW };
    const { cache } = processWith(redis, clock);
    expect(await cache.introspect(TOKEN)).toStrictEqual(LIVE);
    clock.now += 29_999;
    await cache.introspect(TOKEN);
    expect(cache.stats()).toMatchObject({ hits: 1, sharedHits: 1 });
    clock.now += 1;
    await cache.introspect(TOKEN);
    expect(cache.stats()).toMatchObject({ hits: 1, sharedHits: 2 });
  });

  it('does not answer within a quarter of a second, and leaves it alone after five times', async () => {
    const redis = new Redis();
    let asked = 0;
    redis.get = () => {
      asked += 1;
      return new Promise(() => {});
    };
    redis.set = () => new Promise(() => {});
    const clock = { now: NOW };
    const { cache } = processWith(redis, clock);
    const began = performance.now();
    expect(await cache.introspect('first')).toStrictEqual(LIVE);
    expect(performance.now() - began).toBeGreaterThan(200);
    expect(performance.now() - began).toBeLessThan(2000);
    await Promise.all(['b', 'c', 'd', 'e', 'f'].map((token) => cache.introspect(token)));
    expect(asked).toBe(6);
    await cache.introspect('g');
    expect(asked).toBe(6);
    clock.now += 10_000;
    await cache.introspect('h');
    expect(asked).toBe(7);
  });

  it('fails five times, but not if it answers in between', async () => {
    const redis = new Redis();
    const { cache, inner } = processWith(redis, { now: NOW });
    inner.says = { active: false };
    let [asked, isDown] = [0, true];
    redis.get = async () => {
      asked += 1;
      if (isDown) fail();
      return null;
    };
    const ask = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) await cache.introspect(`t-${asked}`);
    };
    await ask(4);
    isDown = false;
    await ask(1);
    isDown = true;
    await ask(5);
    expect(asked).toBe(10);
    await ask(1);
    expect(asked).toBe(10);
  });

  it('does not write: nobody waits for that, or hears of it', async () => {
    const redis = new Redis();
    const { cache } = processWith(redis, { now: NOW });
    redis.set = () => Promise.reject(new Error('down'));
    expect(await cache.introspect('a')).toStrictEqual(LIVE);
    redis.set = () => {
      throw new Error('down');
    };
    expect(await cache.introspect('b')).toStrictEqual(LIVE);
    redis.set = () => new Promise(() => {});
    expect(await cache.introspect('c')).toStrictEqual(LIVE);
    await settled();
  });

  it('and asks nobody when all have left meanwhile', async () => {
    const redis = new Redis();
    const read = deferred<string>();
    redis.get = () => read.promise;
    const { cache, inner } = processWith(redis, { now: NOW });
    const controller = new AbortController();
    const leaving: Promise<IntrospectionResponse> = cache.introspect(TOKEN, { signal: controller.signal });
    controller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    read.resolve('');
    await settled();
    expect(inner.asked).toHaveLength(0);
  });
});
