import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  type CachingIntrospector,
  cachingIntrospector,
  IntrospectionUnavailableError,
  requireActiveToken,
  storeIntrospector,
} from '../../lib/index.js';
import { cachingSettings } from '../../lib/introspection/caching/caching-options.js';
import { cached, LIVE, upstream } from '../support/upstream.js';
import { API, HOUR, NOW, SECONDS, world } from '../support/world.js';

const DEFAULT_MAX_AGE = 30_000;
const DEFAULT_NEGATIVE_MAX_AGE = 5000;

describe('cachingIntrospector remembers', () => {
  it('I-24 an active answer for 30 seconds by default', async () => {
    const { cache, inner, clock } = cached();
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    clock.now += DEFAULT_MAX_AGE - 1;
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    expect(inner.asked).toHaveLength(1);
    clock.now += 1;
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(2);
  });

  it('I-24 for maxAge, and with maxAge 0 not at all', async () => {
    const brief = cached(LIVE, { maxAge: 1000 });
    await brief.cache.introspect('t');
    brief.clock.now += 999;
    await brief.cache.introspect('t');
    expect(brief.inner.asked).toHaveLength(1);
    brief.clock.now += 1;
    await brief.cache.introspect('t');
    expect(brief.inner.asked).toHaveLength(2);

    const off = cached(LIVE, { maxAge: 0 });
    for (let i = 0; i < 3; i++) expect(await off.cache.introspect('t')).toStrictEqual(LIVE);
    expect(off.inner.asked).toHaveLength(3);
    expect(off.cache.stats().size).toBe(0);

    const briefest = cached(LIVE, { maxAge: 1 });
    for (let i = 0; i < 3; i++) await briefest.cache.introspect('t');
    expect(briefest.inner.asked).toHaveLength(1);
  });

  it('one frozen object, the same each time, and not the one that the introspector has', async () => {
    const said = { ...LIVE, nested: { list: [{ a: 1 }] } };
    const { cache } = cached(said);
    const first = await cache.introspect('t');
    const again = await cache.introspect('t');
    expect(again).toBe(first);
    expect(first).toStrictEqual(said);
    const { list } = first.active ? (first.nested as typeof said.nested) : { list: [] };
    expect([first, list, list[0]].every(Object.isFrozen)).toBe(true);
    said.nested.list.push({ a: 2 });
    expect(Object.isFrozen(said)).toBe(false);
    expect(list).toHaveLength(1);
  });

  it('the age of an answer from its question on, however long that took', async () => {
    const { cache, inner, clock } = cached(() => {
      clock.now += 10_000;
      return LIVE;
    });
    await cache.introspect('t');
    clock.now += 19_999;
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(1);
    clock.now += 1;
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(2);
  });

  it('hands the hint of the first to ask on, and gives the answer to whoever has another', async () => {
    const { cache, inner } = cached();
    await cache.introspect('t', { hint: 'access_token' });
    await cache.introspect('t', { hint: 'refresh_token' });
    await cache.introspect('u');
    expect(inner.hints).toStrictEqual(['access_token', undefined]);
  });

  it('answers of different introspectors apart: behaviour 15', async () => {
    const one = cached({ ...LIVE, sub: 'alice' });
    const other = cached({ active: false });
    expect(await one.cache.introspect('t')).toMatchObject({ sub: 'alice' });
    expect(await other.cache.introspect('t')).toStrictEqual({ active: false });
  });

  it('rejects for what is no token at all, and remembers nothing of it', async () => {
    const { cache } = cached();
    await expect(cache.introspect(5 as never)).rejects.toThrow(TypeError);
    await expect(cache.invalidate(undefined as never)).rejects.toThrow(TypeError);
    expect(cache.stats()).toMatchObject({ size: 0, misses: 0 });
  });
});

describe('cachingIntrospector never goes past the time that an answer gives: behaviours 12 and 13', () => {
  /** For how long the answer is given without another question; at most `limit`. */
  async function lasts(says: object, options = {}, limit = 2 * DEFAULT_MAX_AGE): Promise<number> {
    const { cache, inner, clock } = cached(says, options);
    await cache.introspect('t');
    for (let passed = 0; passed < limit; passed += 500) {
      clock.now = NOW + passed;
      await cache.introspect('t');
      if (inner.asked.length > 1) return passed;
    }
    return limit;
  }

  it.each([
    ['I-25 an exp in 2 seconds', { exp: SECONDS + 2 }, 2000],
    ['a fractional exp', { exp: SECONDS + 2.5 }, 2500],
    ['an exp that is a string', { exp: String(SECONDS + 2) }, 2000],
    ['no exp', { exp: undefined }, DEFAULT_MAX_AGE],
    ['an exp of null', { exp: null }, DEFAULT_MAX_AGE],
    ['an exp in the year 33658', { exp: 1e12 }, DEFAULT_MAX_AGE],
    ['an exp beyond all numbers', { exp: Number.MAX_VALUE }, DEFAULT_MAX_AGE],
    ['an exp that is no number', { exp: Number.NaN }, DEFAULT_MAX_AGE],
    ['an exp in words', { exp: 'soon' }, DEFAULT_MAX_AGE],
    ['an empty exp', { exp: ' ' }, DEFAULT_MAX_AGE],
    ['an exp that is an object', { exp: {} }, DEFAULT_MAX_AGE],
    ['an exp less than a millisecond away', { exp: SECONDS + 0.0005 }, 0],
    ['an exp of now', { exp: SECONDS }, 0],
    ['an nbf to come', { nbf: SECONDS + 3 }, 3000],
    ['an nbf of now', { nbf: SECONDS }, DEFAULT_MAX_AGE],
    ['an nbf to come after exp', { nbf: SECONDS + 9, exp: SECONDS + 2 }, 2000],
  ])('%s', async (_what, times, expected) => {
    expect(await lasts({ ...LIVE, ...times })).toBe(expected);
  });

  it('an inactive answer with an nbf to come', async () => {
    expect(await lasts({ active: false, nbf: SECONDS + 3 })).toBe(3000);
    expect(await lasts({ active: false, exp: SECONDS - 3 })).toBe(DEFAULT_NEGATIVE_MAX_AGE);
  });

  it('a token that lives for ever, no longer than maxAge', async () => {
    expect(await lasts({ active: true }, { maxAge: 3000 })).toBe(3000);
  });

  it.each([-1, 0, SECONDS - 300])('an exp of %p is asked about once in negativeMaxAge', async (exp) => {
    expect(await lasts({ ...LIVE, exp })).toBe(DEFAULT_NEGATIVE_MAX_AGE);
  });

  it('an exp just past is handed through as it is, for a guard with a tolerance, and not remembered', async () => {
    const { cache, inner } = cached({ ...LIVE, exp: SECONDS - 299 });
    for (let i = 0; i < 2; i++)
      expect(await cache.introspect('t')).toStrictEqual({ ...LIVE, exp: SECONDS - 299 });
    expect(inner.asked).toHaveLength(2);
  });

  it('I-25 when the clock jumps: exp is judged again on every hit', async () => {
    const { cache, inner, clock } = cached({ ...LIVE, exp: SECONDS + 10 }, { maxAge: HOUR });
    await cache.introspect('t');
    clock.now = NOW + 10_000;
    inner.says = { active: false };
    expect(await cache.introspect('t')).toStrictEqual({ active: false });
  });

  it('when the clock is set back: what was remembered grows no younger', async () => {
    const { cache, inner, clock } = cached({ active: true });
    clock.now += HOUR;
    await cache.introspect('t');
    clock.now -= HOUR;
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(1);
    clock.now += DEFAULT_MAX_AGE;
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(2);
  });

  it('when the clock jumps by less than the ages show: exp alone ends it', async () => {
    const { cache, inner, clock } = cached({ ...LIVE, exp: SECONDS + 20 });
    clock.now += 19_000;
    await cache.introspect('a');
    clock.now -= 19_000;
    await cache.introspect('t');
    clock.now += 20_000;
    await cache.introspect('t');
    expect(inner.asked).toStrictEqual(['a', 't', 't']);
  });

  it('when the clock answers no number: everybody asks, until it does again', async () => {
    const { cache, inner, clock } = cached({ active: true });
    await cache.introspect('t');
    clock.now = Number.NaN;
    await cache.introspect('t');
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(3);
    clock.now = NOW + 1;
    await cache.introspect('t');
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(4);
    clock.now += DEFAULT_MAX_AGE;
    await cache.introspect('t');
    expect(inner.asked).toHaveLength(5);
  });

  it('when the clock answered no number in between: what was remembered before grows old all the same', async () => {
    const { cache, inner, clock } = cached({ active: true });
    await cache.introspect('t');
    clock.now = Number.NaN;
    await cache.introspect('another');
    clock.now = NOW + DEFAULT_MAX_AGE;
    inner.says = { active: false };
    expect(await cache.introspect('t')).toStrictEqual({ active: false });
  });
});

describe('cachingIntrospector and dead tokens: behaviour 16', () => {
  it('I-26 asks once in 5 seconds about a token that stays dead', async () => {
    const { cache, inner, clock } = cached({ active: false, error: 'not for anybody' });
    expect(await cache.introspect('t')).toStrictEqual({ active: false });
    clock.now += DEFAULT_NEGATIVE_MAX_AGE - 1;
    expect(await cache.introspect('t')).toStrictEqual({ active: false });
    expect(inner.asked).toHaveLength(1);
    clock.now += 1;
    inner.says = LIVE;
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    expect(inner.asked).toHaveLength(2);
  });

  it('I-26 follows negativeMaxAge, and with 0 remembers none', async () => {
    const { cache, inner } = cached({ active: false }, { negativeMaxAge: 0 });
    for (let i = 0; i < 3; i++) await cache.introspect('t');
    expect(inner.asked).toHaveLength(3);
    const brief = cached({ active: false }, { negativeMaxAge: 100 });
    await brief.cache.introspect('t');
    brief.clock.now += 100;
    await brief.cache.introspect('t');
    expect(brief.inner.asked).toHaveLength(2);
  });

  it('I-26 takes an active answer back when the next is inactive', async () => {
    const { cache, inner, clock } = cached(LIVE, { staleIfError: 60_000 });
    await cache.introspect('t');
    clock.now += DEFAULT_MAX_AGE;
    inner.says = { active: false };
    expect(await cache.introspect('t')).toStrictEqual({ active: false });
    expect(cache.stats()).toMatchObject({ size: 0, negativeSize: 1 });
    clock.now += DEFAULT_NEGATIVE_MAX_AGE;
    inner.says = new Error('down');
    await expect(cache.introspect('t')).rejects.toThrow('down');
  });

  it('I-26 keeps them in a space of their own: a million junk tokens leave the memory flat and the good answers there', async () => {
    // In a process of its own, since the test runner's own memory would be measured too.
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      '__tests__/support/a-million-junk-tokens.mjs',
    ]);
    const { grown, asked, stats } = JSON.parse(stdout) as Record<string, never>;
    expect(asked).toBe(1_001_000);
    expect(stats).toMatchObject({ size: 1000, negativeSize: 10_000, hits: 1000, evictions: 0 });
    expect(grown).toBeLessThan(64 * 1024 * 1024);
  }, 120_000);

  it.each([
    ['a string', 'active'],
    ['null', null],
    ['an array', [{ active: true }]],
    ['no active', { sub: 'alice' }],
    ['an active of 1', { active: 1 }],
    ['an active of "true"', { active: 'true' }],
  ])('I-30 hands %s through and does not remember it', async (_what, says) => {
    const { cache, inner } = cached(says);
    for (let i = 0; i < 2; i++) expect(await cache.introspect('t')).toBe(says);
    expect(inner.asked).toHaveLength(2);
    expect(cache.stats()).toMatchObject({ size: 0, negativeSize: 0 });
  });

  it('I-30 never takes a failure for an answer: the next asks again', async () => {
    const { cache, inner } = cached(new Error('down'));
    await expect(cache.introspect('t')).rejects.toThrow('down');
    inner.says = LIVE;
    expect(await cache.introspect('t')).toStrictEqual(LIVE);
    expect(inner.asked).toHaveLength(2);
  });
});

describe('cachingIntrospector has bounds', () => {
  it('drops the answer least recently used, and counts it', async () => {
    const { cache, inner } = cached(LIVE, { maxEntries: 2 });
    for (const token of ['a', 'b', 'a', 'c', 'a', 'b']) await cache.introspect(token);
    expect(inner.asked).toStrictEqual(['a', 'b', 'c', 'b']);
    expect(cache.stats()).toMatchObject({ size: 2, evictions: 2 });
  });

  it('holds no more inactive answers than maxEntries either', async () => {
    const { cache } = cached({ active: false }, { maxEntries: 2 });
    for (const token of ['a', 'b', 'c', 'd']) await cache.introspect(token);
    expect(cache.stats()).toMatchObject({ size: 0, negativeSize: 2 });
  });

  it('counts what it did', async () => {
    const { cache, inner, clock } = cached();
    await Promise.all(['a', 'a', 'a'].map((token) => cache.introspect(token)));
    await cache.introspect('a');
    inner.says = { active: false };
    await cache.introspect('b');
    await cache.introspect('b');
    await cache.introspect('b');
    expect(cache.stats()).toStrictEqual({
      hits: 1,
      negativeHits: 2,
      misses: 2,
      sharedFlights: 2,
      sharedHits: 0,
      staleServed: 0,
      evictions: 0,
      size: 1,
      negativeSize: 1,
      breaker: 'closed',
    });
    clock.now += DEFAULT_MAX_AGE;
    await cache.introspect('a');
    expect(cache.stats()).toMatchObject({ misses: 3, size: 0, negativeSize: 2, evictions: 0 });
  });

  it('asks the clock once for a hit', async () => {
    let asked = 0;
    const cache = cachingIntrospector(upstream(), {
      clock: () => {
        asked += 1;
        return NOW;
      },
    });
    await cache.introspect('t');
    asked = 0;
    await cache.introspect('t');
    expect(asked).toBe(1);
  });
});

describe('cachingIntrospector behind guards', () => {
  const guard = (introspector: CachingIntrospector, options: object) =>
    requireActiveToken({ introspector, clock: () => NOW, ...options });

  it('holds no decisions: each route judges a shared answer by its own rules (behaviour 14)', async () => {
    const { cache, inner } = cached();
    const app = express();
    app.get('/lax', guard(cache, {}), (req, res) => void res.json(req.activeToken?.sub));
    app.get('/scope', guard(cache, { scope: 'admin' }), (_req, res) => void res.json('in'));
    app.get(
      '/audience',
      guard(cache, { audience: 'https://other.example' }),
      (_req, res) => void res.json('in'),
    );
    app.get('/claims', guard(cache, { claims: () => false }), (_req, res) => void res.json('in'));
    const get = (path: string) => request(app).get(path).set('Authorization', 'Bearer t');
    for (let round = 0; round < 2; round++) {
      expect((await get('/lax')).body).toBe('alice');
      expect((await get('/scope')).status).toBe(403);
      expect((await get('/audience')).status).toBe(401);
      expect((await get('/claims')).status).toBe(401);
    }
    expect(inner.asked).toHaveLength(1);
  });

  it('lets in what a store knows, and no refresh token, on every hit', async () => {
    const { tokens, clients } = await world();
    const cache = cachingIntrospector(storeIntrospector(tokens, { clients, clock: () => NOW }), {
      clock: () => NOW,
    });
    const app = express().use(
      guard(cache, { audience: API }),
      (req, res) => void res.json(req.activeToken?.sub),
    );
    const get = (token: string) => request(app).get('/').set('Authorization', `Bearer ${token}`);
    for (let round = 0; round < 2; round++) {
      expect((await get('at-live')).body).toBe('alice');
      expect((await get('rt-audience')).status).toBe(401);
      expect((await get('at-bound')).status).toBe(401);
      expect((await get('no-such-token')).status).toBe(401);
    }
    expect(cache.stats()).toMatchObject({ misses: 4, hits: 3, negativeHits: 1 });
  });

  it('answers 503 while nobody knows, with the wait that the open circuit asks for', async () => {
    const down = new IntrospectionUnavailableError('connection', 'down');
    const { cache, inner } = cached(down, { breaker: { failures: 1, resetAfter: 42_000 } });
    const app = express().use(guard(cache, {}), (_req, res) => void res.json('in'));
    const get = () => request(app).get('/').set('Authorization', 'Bearer t');
    expect([(await get()).status, (await get()).get('Retry-After')]).toStrictEqual([503, '42']);
    expect(inner.asked).toHaveLength(1);
  });
});

describe('cachingIntrospector refuses at construction', () => {
  const shared = { identity: 'x', get: () => undefined, set: () => undefined, delete: () => undefined };
  it.each([
    ['an inner that cannot be asked', 'inner', [{}]],
    ['options that are none', 'options', [upstream(), 5]],
    ['an unknown option', 'unknown option "ttl"', [upstream(), { ttl: 5 }]],
    ...['maxAge', 'negativeMaxAge', 'staleIfError'].flatMap((option) =>
      [-1, Number.NaN, Number.POSITIVE_INFINITY, '5', null].map((value) => [
        `${option}: ${String(value)}`,
        `"${option}"`,
        [upstream(), { [option]: value }],
      ]),
    ),
    ...[0, -1, 1.5, '5', 10_000_001].map((value) => [
      `maxEntries: ${value}`,
      '"maxEntries"',
      [upstream(), { maxEntries: value }],
    ]),
    ['staleIfError beyond 5 minutes', '"staleIfError"', [upstream(), { staleIfError: 300_001 }]],
    ['staleIfError with nothing to give', '"staleIfError"', [upstream(), { staleIfError: 1, maxAge: 0 }]],
    ['shared with nothing to share', '"shared"', [upstream(), { shared, maxAge: 0 }]],
    ['shared that is none', '"shared"', [upstream(), { shared: { ...shared, delete: undefined } }]],
    ['shared: null', '"shared"', [upstream(), { shared: null }]],
    [
      'shared without an identity',
      '"shared.identity"',
      [upstream(), { shared: { ...shared, identity: '' } }],
    ],
    ...[
      undefined,
      null,
      '',
      'x'.repeat(31),
      'é'.repeat(15),
      new Uint8Array(31),
      32,
      {},
      [],
      [new Uint8Array(32), 'short'],
      [[new Uint8Array(32)]],
    ].map((secret, i) => [
      `shared.secret, wrong in way ${i}`,
      '"shared.secret"',
      [upstream(), { shared: { ...shared, secret } }],
    ]),
    ['breaker: true', '"breaker"', [upstream(), { breaker: true }]],
    ['an unknown part of breaker', 'unknown option "reset"', [upstream(), { breaker: { reset: 5 } }]],
    ['breaker.failures: 0', '"breaker.failures"', [upstream(), { breaker: { failures: 0 } }]],
    ['breaker.failures: 1.5', '"breaker.failures"', [upstream(), { breaker: { failures: 1.5 } }]],
    ['breaker.resetAfter: 0', '"breaker.resetAfter"', [upstream(), { breaker: { resetAfter: 0 } }]],
    ['breaker.resetAfter: "1"', '"breaker.resetAfter"', [upstream(), { breaker: { resetAfter: '1' } }]],
    ['a clock in seconds', '"clock"', [upstream(), { clock: () => Date.now() / 1000 }]],
  ] as [string, string, Parameters<typeof cachingIntrospector>][])('%s', (_what, named, parameters) => {
    expect(() => cachingIntrospector(...parameters)).toThrow(TypeError);
    expect(() => cachingIntrospector(...parameters)).toThrow(named);
    expect(() => cachingIntrospector(...parameters)).toThrow(/^cachingIntrospector: /);
  });

  it('and takes the limits', async () => {
    const cache = cachingIntrospector(upstream({ active: true }), { staleIfError: 300_000, maxEntries: 1 });
    expect(await cache.introspect('t')).toStrictEqual({ active: true });
    expect(await cache.introspect('t')).toStrictEqual({ active: true });
    expect(cache.stats().hits).toBe(1);
    // The settings alone: nobody wants the memory for ten million in a test.
    const { maxEntries } = cachingSettings(upstream(), { maxEntries: 10_000_000 });
    expect(maxEntries).toBe(10_000_000);
  });
});
