import { describe, expect, it } from '@jest/globals';
import {
  type ActiveResponse,
  ConflictError,
  cachingIntrospector,
  generateToken,
  IntrospectionUnavailableError,
  MemoryTokenStore,
  NotFoundError,
  remoteIntrospector,
  StoreUnavailableError,
  storeIntrospector,
  type UnavailableReason,
} from '../../lib/index.js';
import { inactive } from '../../lib/introspection/inactivity.js';
import { UnusableAnswerError } from '../../lib/tokens/store-errors.js';
import { optionsFor, upstream as scripted } from '../support/scripted-server.js';
import { cached, deferred, LIVE, settled } from '../support/upstream.js';
import { NOW } from '../support/world.js';

type Made = ReturnType<typeof cached>;

const unavailable = (reason: UnavailableReason, status?: number): IntrospectionUnavailableError =>
  new IntrospectionUnavailableError(reason, 'no', { status });
const AWAY = unavailable('connection');
const DEFAULT_RESET = 10_000;

/** An upstream by token: what a token starts with says what it gets, and anything else is active. */
const byToken = (says: Readonly<Record<string, unknown>>) => (token: string) =>
  says[token.split('-')[0] as string] ?? LIVE;

async function outcome(made: Made, token: string): Promise<string> {
  return made.cache.introspect(token).then(
    ({ active }) => (active ? 'active' : 'inactive'),
    (error: unknown) => (error instanceof IntrospectionUnavailableError ? error.reason : 'error'),
  );
}

async function outcomes(made: Made, tokens: readonly string[]): Promise<readonly string[]> {
  const seen: string[] = [];
  for (const token of tokens) seen.push(await outcome(made, token));
  return seen;
}

const many = (kind: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${kind}-${i}`);

/** A circuit that an outage has opened, the time to try again having come. */
async function halfOpen(says: Readonly<Record<string, unknown>> = {}): Promise<Made> {
  const made = cached(AWAY);
  await outcomes(made, many('outage', 5));
  expect(made.cache.stats().breaker).toBe('open');
  made.clock.now += DEFAULT_RESET;
  made.inner.says = byToken(says);
  return made;
}

describe('a failure that is about one token', () => {
  const ABOUT_A_TOKEN: readonly (readonly [string, unknown])[] = [
    ...[200, 302, 400, 401, 403, 404, 405, 409, 413, 414, 422, 431, 451, 500, 501, 505, 507, 520].map(
      (status) => [`status ${status}`, unavailable('status', status)] as const,
    ),
    ['a status that is not told', unavailable('status')],
    ['our_credentials with 400', unavailable('our_credentials', 400)],
    ['our_credentials with 401', unavailable('our_credentials', 401)],
    ['our_credentials with 503', unavailable('our_credentials', 503)],
    ['malformed_answer', unavailable('malformed_answer')],
    ['signature', unavailable('signature')],
    ['revoked_meanwhile', unavailable('revoked_meanwhile')],
    ['an unusable record', new UnusableAnswerError('no record')],
    ['NotFoundError of a store', new NotFoundError()],
    ['ConflictError of a store', new ConflictError()],
  ];
  const UNKNOWN: readonly (readonly [string, unknown])[] = [
    ['an error of the app', new Error('cannot parse that')],
    ['a TypeError of the app', new TypeError('x is not a function')],
    ['circuit_open of a cache behind', unavailable('circuit_open')],
  ];

  it.each([...ABOUT_A_TOKEN, ...UNKNOWN])('guard/07 never opens the circuit: %s', async (_what, error) => {
    const made = cached(byToken({ bad: error }));
    await outcomes(made, many('bad', 20));
    expect(made.cache.stats().breaker).toBe('closed');
    expect(made.inner.asked).toHaveLength(20);
    expect(await outcome(made, 'good-1')).toBe('active');
  });

  it.each(ABOUT_A_TOKEN)('ends a row of failures, as the server answers: %s', async (_what, error) => {
    const made = cached(byToken({ bad: error, away: AWAY }));
    for (let i = 0; i < 3; i++) await outcomes(made, [...many(`away-${i}`, 4), `bad-${i}`]);
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it.each(ABOUT_A_TOKEN)('closes a half-open circuit: %s', async (_what, error) => {
    const made = await halfOpen({ bad: error });
    await outcome(made, 'bad-1');
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it.each(UNKNOWN)('tells nothing if the cause is not known: %s', async (_what, error) => {
    const made = cached(byToken({ bad: error, away: AWAY }));
    await outcomes(made, ['away-1', 'bad-1', 'away-2', 'bad-2', 'away-3', 'away-4', 'bad-3']);
    expect(made.cache.stats().breaker).toBe('closed');
    await outcome(made, 'away-5');
    expect(made.cache.stats().breaker).toBe('open');
    made.clock.now += DEFAULT_RESET;
    await outcomes(made, many('bad', 10));
    expect(made.cache.stats().breaker).toBe('half_open');
    expect(await outcome(made, 'good-1')).toBe('active');
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('attack/03 is told by the answers of a server: every status, too much, no JSON', async () => {
    const bodies: Readonly<Record<string, { status: number; body: string }>> = {
      ...Object.fromEntries(
        [400, 401, 403, 404, 500].map((status) => [`s${status}`, { status, body: '{}' }]),
      ),
      huge: { status: 200, body: JSON.stringify({ active: true, groups: 'x'.repeat(70_000) }) },
      html: { status: 200, body: '<html>' },
    };
    const server = await scripted((res, { form }) => {
      const kind = form.get('token')?.split('-')[0] ?? '';
      const { status, body } = bodies[kind] ?? { status: 200, body: '{"active":true}' };
      res.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    const cache = cachingIntrospector(remoteIntrospector(optionsFor(server)));
    for (const kind of Object.keys(bodies)) {
      for (const token of many(kind, 6)) await expect(cache.introspect(token)).rejects.toThrow();
      expect(cache.stats().breaker).toBe('closed');
      expect(await cache.introspect(`good-${kind}`)).toMatchObject({ active: true });
    }
  });
});

describe('a failure that is the server being away', () => {
  it.each([
    ...(['connection', 'timeout', 'tls', 'discovery'] as const).map(
      (reason) => [reason, unavailable(reason)] as const,
    ),
    ['rate_limited', unavailable('rate_limited', 429)] as const,
    ...[429, 502, 503, 504].map((status) => [`status ${status}`, unavailable('status', status)] as const),
    ['a store that is away', new StoreUnavailableError()] as const,
  ])('opens the circuit after five in a row, of three tokens: %s', async (_what, error) => {
    const made = cached(byToken({ away: error }));
    await outcomes(made, ['away-1', 'away-2', 'away-1', 'away-3']);
    expect(made.cache.stats().breaker).toBe('closed');
    await outcome(made, 'away-3');
    expect(made.cache.stats().breaker).toBe('open');
    expect(await outcome(made, 'good-1')).toBe('circuit_open');
  });

  it('attack/03b is never told by one token alone, or by two', async () => {
    const made = cached(byToken({ away: AWAY }));
    for (let i = 0; i < 50; i++) await outcomes(made, ['away-1', 'away-2']);
    expect(made.cache.stats().breaker).toBe('closed');
    expect(made.inner.asked).toHaveLength(100);
    await outcome(made, 'away-3');
    expect(made.cache.stats().breaker).toBe('open');
  });

  it('is told by each failure of a token, as long as no other token is answered', async () => {
    const made = cached(byToken({ away: AWAY }));
    await outcomes(made, ['good-1', 'away-1', 'away-1', 'away-1', 'away-2']);
    expect(made.cache.stats().breaker).toBe('closed');
    await outcome(made, 'away-3');
    expect(made.cache.stats().breaker).toBe('open');
  });

  it('is told by as many tokens as failures has, if that is less than three', async () => {
    for (const failures of [1, 2]) {
      const made = cached(AWAY, { breaker: { failures } });
      for (let i = 1; i < failures; i++) for (let j = 0; j < 10; j++) await outcome(made, `away-${i}`);
      expect(made.cache.stats().breaker).toBe('closed');
      await outcome(made, `away-${failures}`);
      expect(made.cache.stats().breaker).toBe('open');
    }
  });

  it('is a store that fails behind storeIntrospector, but not one record there', async () => {
    const store = new MemoryTokenStore();
    let isDown = true;
    const tokens = {
      find(token: string): unknown {
        if (isDown) throw new Error('ECONNREFUSED');
        return token.startsWith('bad') ? { kind: 'access_token', expiresAt: 'soon' } : store.find(token);
      },
    };
    const cache = cachingIntrospector(storeIntrospector(tokens as never), { clock: () => NOW });
    for (const token of many('t', 5)) await expect(cache.introspect(token)).rejects.toThrow();
    expect(cache.stats().breaker).toBe('open');
    isDown = false;
    const again = cachingIntrospector(storeIntrospector(tokens as never), { clock: () => NOW });
    for (const token of many('bad', 10)) await expect(again.introspect(token)).rejects.toThrow();
    expect(again.stats().breaker).toBe('closed');
    expect(await again.introspect('t')).toStrictEqual({ active: false });
  });

  it.each([5, 1])(
    'is not told by requests that took long while others were answered, with failures %i',
    async (failures) => {
      const made = cached(LIVE, { breaker: { failures } });
      const slow = Array.from({ length: 10 }, () => deferred<unknown>());
      const waiting = slow.map(({ promise }, i) => {
        made.inner.says = () => promise;
        return outcome(made, `slow-${i}`);
      });
      made.inner.says = LIVE;
      await outcome(made, 'good-1');
      for (const { reject } of slow) reject(unavailable('timeout'));
      await Promise.all(waiting);
      expect(made.cache.stats().breaker).toBe('closed');
    },
  );

  it('is told no more by tokens that fail again and again while others are answered', async () => {
    const made = cached(byToken({ bad: AWAY, away: AWAY }));
    const bad = many('bad', 3);
    for (let i = 0; i < 2; i++) await outcomes(made, [...bad, `good-${i}`]);
    await outcomes(made, [...bad, ...bad, ...bad]);
    expect(made.cache.stats().breaker).toBe('closed');
    // Nor do they hide an outage.
    await outcomes(made, ['away-1', 'bad-1', 'away-2', 'away-3', 'bad-2', 'away-4']);
    expect(made.cache.stats().breaker).toBe('closed');
    await outcome(made, 'away-5');
    expect(made.cache.stats().breaker).toBe('open');
  });

  it('is told again by a token that has been answered', async () => {
    const made = cached(byToken({ bad: AWAY }), { maxAge: 0 });
    const bad = many('bad', 3);
    for (let i = 0; i < 3; i++) await outcomes(made, [...bad, `good-${i}`]);
    made.inner.says = LIVE;
    await outcomes(made, bad);
    made.inner.says = AWAY;
    await outcomes(made, [...bad, ...bad]);
    expect(made.cache.stats().breaker).toBe('open');
  });
});

describe('attack/03d a circuit that is half open', () => {
  it.each([
    ['fails', AWAY],
    ['never settles', () => new Promise(() => {})],
  ])('is not kept so by one token that %s', async (_what, says) => {
    const made = await halfOpen();
    made.inner.says = (token: string) =>
      token === 'mallory' ? (typeof says === 'function' ? says() : says) : LIVE;
    for (let i = 0; i < 20; i++) void outcome(made, 'mallory');
    await settled();
    expect(made.inner.asked.filter((token) => token === 'mallory')).toHaveLength(1);
    expect(await outcome(made, 'good-1')).toBe('active');
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('lets one token through once in resetAfter, tells it when, and closes if it is answered', async () => {
    const made = await halfOpen({ solo: AWAY });
    await expect(made.cache.introspect('solo')).rejects.toBe(AWAY);
    const asked = made.inner.asked.length;
    made.clock.now += 4000;
    await expect(made.cache.introspect('solo')).rejects.toMatchObject({
      reason: 'circuit_open',
      retryAfter: 6000,
    });
    made.clock.now += 5999;
    expect(await outcome(made, 'solo')).toBe('circuit_open');
    expect(made.inner.asked).toHaveLength(asked);
    made.clock.now += 1;
    expect(await outcome(made, 'solo')).toBe('connection');
    made.clock.now += DEFAULT_RESET;
    made.inner.says = LIVE;
    expect(await outcome(made, 'solo')).toBe('active');
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('is not opened again by the tokens that have opened it, but by others', async () => {
    const made = await halfOpen({ outage: AWAY, away: AWAY });
    expect(await outcomes(made, many('outage', 5))).toStrictEqual([
      ...['connection', 'connection', 'connection'],
      ...['circuit_open', 'circuit_open'],
    ]);
    expect(made.cache.stats().breaker).toBe('half_open');
    expect(await outcomes(made, many('away', 4))).toStrictEqual([
      ...['connection', 'connection', 'connection'],
      'circuit_open',
    ]);
    expect(made.cache.stats().breaker).toBe('open');
  });

  it('is opened again by tokens that failed once before others were answered, as by others', async () => {
    const made = cached(byToken({ once: AWAY, outage: AWAY }));
    await outcomes(made, [...many('once', 3), 'good-1', ...many('outage', 5)]);
    expect(made.cache.stats().breaker).toBe('open');
    made.clock.now += DEFAULT_RESET;
    expect(await outcomes(made, many('once', 3))).toStrictEqual(['connection', 'connection', 'connection']);
    expect(made.cache.stats().breaker).toBe('open');
  });

  it('tells those whom it refuses when the first place is free again', async () => {
    const made = await halfOpen({ outage: AWAY });
    await outcome(made, 'outage-0');
    made.clock.now += 4000;
    await outcomes(made, ['outage-1', 'outage-2']);
    await expect(made.cache.introspect('outage-3')).rejects.toMatchObject({
      reason: 'circuit_open',
      retryAfter: 6000,
    });
    made.clock.now += 6000;
    expect(await outcome(made, 'outage-3')).toBe('connection');
  });

  it('closes when one of the tokens that have opened it is answered', async () => {
    const made = await halfOpen();
    expect(await outcome(made, 'outage-1')).toBe('active');
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it('learns nothing from a token whose form alone makes it inactive', async () => {
    const made = await halfOpen({ junk: inactive('malformed'), dead: inactive('unknown') });
    expect(await outcomes(made, many('junk', 10))).toStrictEqual(many('junk', 10).map(() => 'inactive'));
    expect(made.cache.stats().breaker).toBe('half_open');
    await outcome(made, 'dead-1');
    expect(made.cache.stats().breaker).toBe('closed');
  });

  it.each(['wrong_type', 'wrong_issuer', 'wrong_audience', 'algorithm', 'missing_exp'] as const)(
    'learns nothing from a JWT that is refused by what it says of itself: %s',
    async (reason) => {
      const made = await halfOpen({ junk: inactive(reason) });
      expect(await outcome(made, 'junk-1')).toBe('inactive');
      expect(made.cache.stats().breaker).toBe('half_open');
    },
  );

  it('is not closed by tokens about which remoteIntrospector and storeIntrospector ask no one', async () => {
    const server = await scripted((res) => res.writeHead(503).end());
    const signedResponse = `${btoa('{"alg":"RS256","typ":"token-introspection+jwt"}')}.e30.c2ln`;
    const tokens = { find: () => Promise.reject(new Error('ECONNREFUSED')) };
    for (const [inner, junk] of [
      [remoteIntrospector(optionsFor(server)), signedResponse],
      [remoteIntrospector(optionsFor(server)), 'two\nlines'],
      [storeIntrospector(tokens), 'two\nlines'],
      [storeIntrospector(tokens, { tokenFormat: { prefixes: ['at'] } }), 'junk'],
    ] as const) {
      const clock = { now: NOW };
      const cache = cachingIntrospector(inner, { clock: () => clock.now });
      for (let i = 0; i < 5; i++)
        await expect(cache.introspect(generateToken({ prefix: 'at' }))).rejects.toThrow();
      expect(cache.stats().breaker).toBe('open');
      clock.now += DEFAULT_RESET;
      expect(await cache.introspect(junk)).toStrictEqual({ active: false });
      expect(cache.stats().breaker).toBe('half_open');
    }
  });

  it('takes a caller that leaves for no failure', async () => {
    const made = await halfOpen();
    made.inner.says = () => new Promise(() => {});
    for (let i = 0; i < 10; i++) {
      const controller = new AbortController();
      const leaving = made.cache.introspect(`leaving-${i}`, { signal: controller.signal });
      await settled();
      expect(made.inner.asked.at(-1)).toBe(`leaving-${i}`);
      controller.abort();
      await expect(leaving).rejects.toThrow();
    }
    made.inner.says = LIVE satisfies ActiveResponse;
    expect(await outcome(made, 'good-1')).toBe('active');
  });

  it('keeps the place of a token that asks again when its abandoned request ends', async () => {
    const made = cached(AWAY, { breaker: { failures: 1 } });
    await outcome(made, 'away');
    made.clock.now += DEFAULT_RESET;
    const answers = [deferred<unknown>(), deferred<unknown>()];
    const controller = new AbortController();
    made.inner.says = () => answers[0]?.promise;
    const leaving = made.cache.introspect('t', { signal: controller.signal });
    await settled();
    controller.abort(new Error('gone'));
    await expect(leaving).rejects.toThrow('gone');
    made.inner.says = () => answers[1]?.promise;
    const staying = outcome(made, 't');
    await settled();
    answers[0]?.reject(AWAY);
    await settled();
    expect(await outcome(made, 'other')).toBe('circuit_open');
    answers[1]?.resolve(LIVE);
    expect(await staying).toBe('active');
  });

  it('has places of their own for tokens that kept failing while others were answered', async () => {
    const made = cached(byToken({ bad: AWAY, away: AWAY }));
    const bad = many('bad', 4);
    for (let i = 0; i < 3; i++)
      await outcomes(
        made,
        bad.flatMap((token, j) => [token, `good-${i}-${j}`]),
      );
    await outcomes(made, many('away', 5));
    expect(made.cache.stats().breaker).toBe('open');
    made.clock.now += DEFAULT_RESET;
    expect(await outcomes(made, bad)).toStrictEqual([
      ...['connection', 'connection', 'connection'],
      'circuit_open',
    ]);
    expect(made.cache.stats().breaker).toBe('half_open');
    expect(await outcome(made, 'good-new')).toBe('active');
    expect(made.cache.stats().breaker).toBe('closed');
  });
});

describe('a circuit that has opened and closed twice', () => {
  async function twice(failures: number): Promise<Made> {
    const made = cached(LIVE, { maxAge: 0, breaker: { failures } });
    for (let i = 0; i < 2; i++) {
      made.inner.says = AWAY;
      await outcomes(made, many(`away-${i}`, failures));
      expect(made.cache.stats().breaker).toBe('open');
      made.clock.now += DEFAULT_RESET;
      made.inner.says = LIVE;
      expect(await outcome(made, 'good')).toBe('active');
    }
    return made;
  }

  it('opens only if no one has been answered for a second, then two, and so on up to resetAfter', async () => {
    const made = await twice(5);
    for (const silence of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
      made.inner.says = AWAY;
      await outcomes(made, many(`away-${silence}-${made.clock.now}`, 20));
      expect(made.cache.stats().breaker).toBe('closed');
      made.clock.now += silence - 1;
      await outcome(made, `late-${made.clock.now}`);
      expect(made.cache.stats().breaker).toBe('closed');
      made.clock.now += 1;
      await outcome(made, `later-${made.clock.now}`);
      expect(made.cache.stats().breaker).toBe('open');
      made.clock.now += DEFAULT_RESET;
      made.inner.says = LIVE;
      expect(await outcome(made, 'good')).toBe('active');
    }
  });

  it('opens at once if one failure is to open it', async () => {
    const made = await twice(1);
    for (let i = 0; i < 5; i++) {
      made.inner.says = AWAY;
      await outcome(made, 'the-same');
      expect(made.cache.stats().breaker).toBe('open');
      made.clock.now += DEFAULT_RESET;
      made.inner.says = LIVE;
      expect(await outcome(made, 'good')).toBe('active');
    }
  });
});
