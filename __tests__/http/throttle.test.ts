import { describe, expect, it, jest } from '@jest/globals';
import { MemoryStore, type Store } from 'express-rate-limit';
import request from 'supertest';
import {
  type Client,
  generateClientSecret,
  hashClientSecret,
  introspectionRouter,
  type RateLimitOptions,
} from '../../lib/index.js';
import {
  A,
  B,
  basic,
  C,
  failingStore,
  INACTIVE,
  ISSUER,
  postToken,
  type World,
  world,
} from '../support/world.js';

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

  it('issuer/17 lets credentials pass that were right before, whatever others at the address did', async () => {
    const { app, as, ask, refresh, secretOf } = await limited({ failures: one });
    expect((await ask('app', 'at-live')).status).toBe(200);
    for (let i = 0; i < 3; i++) await ask('Basic ???', 'x');
    expect((await ask('Basic ???', 'x')).status).toBe(429);
    expect((await ask('app', 'at-live')).status).toBe(200);
    expect((await refresh('app', 'rt-live')).status).toBe(200);
    expect((await ask(basic('app', encodeURIComponent(secretOf('app'))), 'at-live')).status).toBe(200);
    // None of these has proved anything yet, right or not.
    expect((await ask('api', 'at-live')).status).toBe(429);
    expect((await ask(basic('app', 'wrong'), 'at-live')).status).toBe(429);
    expect((await refresh(basic('public', ''), 'rt-public')).status).toBe(429);
    const details = request(app).get(`${C}/at-live`).set('X-Forwarded-For', '192.0.2.1');
    expect((await details.set('Authorization', as('admin'))).status).toBe(429);
  });

  it('issuer/17 takes secrets by client_secret_post for right that came by Basic, and the other way round', async () => {
    const { secret, hash } = generateClientSecret();
    const both = ['client_secret_basic', 'client_secret_post'] as const;
    const { app, ask } = await limited({ failures: one }, [
      { clientId: 'both', secret: hash, authMethods: both },
      { clientId: 'posts', secret: hash, authMethods: ['client_secret_post'] },
    ]);
    const post = (clientId: string, clientSecret: string) =>
      request(app)
        .post(A)
        .set('X-Forwarded-For', '192.0.2.1')
        .type('form')
        .send({ token: 'x', client_id: clientId, client_secret: clientSecret });
    expect((await post('posts', secret)).status).toBe(200);
    expect((await ask(basic('both', secret), 'x')).status).toBe(200);
    for (let i = 0; i < 2; i++) await ask('Basic ???', 'x');
    expect((await post('both', secret)).status).toBe(200);
    expect((await post('posts', secret)).status).toBe(200);
    expect((await post('posts', 'wrong')).status).toBe(429);
    expect((await ask(basic('posts', secret), 'x')).status).toBe(429);
  });

  it('issuer/17 lets a public client pass that was answered before', async () => {
    const { app, ask, refresh } = await limited({ failures: one });
    const revoke = (clientId: string) =>
      request(app)
        .post('/v1/oauth/revoke')
        .set('X-Forwarded-For', '192.0.2.1')
        .type('form')
        .send({ token: 'x', client_id: clientId });
    expect((await refresh(basic('public', ''), 'rt-public')).status).toBe(200);
    expect((await revoke('public-2')).status).toBe(200);
    for (let i = 0; i < 2; i++) await ask('Basic ???', 'x');
    expect((await refresh(basic('public', ''), 'rt-public')).status).toBe(200);
    expect((await revoke('public')).status).toBe(200);
    expect((await revoke('public-2')).status).toBe(200);
    expect((await revoke('app')).status).toBe(429);
  });

  it('issuer/17 lets a Bearer caller pass whose token was right before, and no other token', async () => {
    const { ask, tokens } = await limited({ failures: one });
    const caller = {
      kind: 'access_token',
      clientId: 'app',
      audience: [ISSUER],
      scope: ['introspection'],
    } as const;
    await tokens.save({ ...caller, token: 'caller-1' });
    await tokens.save({ ...caller, token: 'caller-2' });
    expect((await ask('Bearer caller-1', 'at-live')).status).toBe(200);
    for (let i = 0; i < 2; i++) await ask('Bearer nothing', 'x');
    expect((await ask('Bearer caller-1', 'at-live')).status).toBe(200);
    expect((await ask('Bearer caller-2', 'at-live')).status).toBe(429);
    expect((await ask('Bearer !', 'at-live')).status).toBe(429);
    await tokens.revoke('caller-1');
    expect((await ask('Bearer caller-1', 'at-live')).status).toBe(429);
    expect((await ask('Bearer caller-2', 'at-live', '192.0.2.2')).status).toBe(200);
  });

  it('issuer/17 asks nobody about an unknown Bearer token at a blocked address', async () => {
    const { ask, tokens } = await limited({ failures: one });
    for (let i = 0; i < 2; i++) await ask('Bearer nothing', 'x');
    tokens.find = (() => {
      throw new Error('asked');
    }) as never;
    expect((await ask('Bearer another', 'x')).status).toBe(429);
  });

  it('issuer/17 forgets what has not been used for five minutes, and not what has', async () => {
    const { ask, clock } = await limited({ failures: { windowMs: 3_600_000, limit: 1 } });
    for (const caller of ['app', 'api']) expect((await ask(caller, 'x')).status).toBe(200);
    for (let i = 0; i < 2; i++) await ask('Basic ???', 'x');
    for (let i = 0; i < 10; i++) {
      clock.now += 59_000;
      expect((await ask('app', 'x')).status).toBe(200);
    }
    expect((await ask('api', 'x')).status).toBe(429);
    clock.now += 5 * 60_000;
    expect((await ask('app', 'x')).status).toBe(429);
  });

  it('does not remember the right one among many guesses made at once', async () => {
    const { ask } = await limited({ failures: one }, [
      { clientId: 'chosen', secret: await hashClientSecret('secret') },
    ]);
    const guesses = ['wrong-1', 'wrong-2', 'secret'].map((guess) => basic('chosen', guess));
    const answers = await Promise.all(guesses.map((guess) => ask(guess, 'x')));
    expect(answers.map(({ status }) => status)).not.toContain(200);
    for (const guess of guesses) expect((await ask(guess, 'x')).status).toBe(429);
  });

  it('is 30 a minute and address by default', async () => {
    const { ask } = await limited({});
    for (let i = 0; i < 30; i++) expect((await ask('Basic ???', 'x')).status).toBe(401);
    expect((await ask('Basic ???', 'x')).status).toBe(429);
  });

  it.each([
    ['with the port of the connection', '203.0.113.7:50001', '203.0.113.7:50002'],
    ['in brackets with a port', '[2001:db8::7]:50001', '[2001:db8::7]:50002'],
    ['mapped into IPv6', '203.0.113.7', '::ffff:203.0.113.7'],
    ['with a zone', 'fe80::1%eth0', 'fe80::1%eth1'],
  ])('issuer/03 counts an address as one that a proxy writes %s', async (_what, first, second) => {
    const { ask } = await limited({ failures: one });
    expect((await ask('Basic ???', 'x', first)).status).toBe(401);
    expect((await ask('Basic ???', 'x', second)).status).toBe(429);
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
    const { ask, events } = await limited({ inactive: { windowMs: WINDOW, limit: 2 } });
    expect((await ask('app', 'at-live')).status).toBe(200);
    expect((await ask('app', 'guess-1')).text).toBe(INACTIVE);
    expect((await ask('app', 'guess-2', '192.0.2.9')).text).toBe(INACTIVE);
    const over = await ask('app', 'guess-3');
    expect(over.status).toBe(429);
    expect(events.map(({ outcome, reason }) => [outcome, reason])).toStrictEqual([
      ['active', undefined],
      ['inactive', 'unknown'],
      ['inactive', 'unknown'],
      ['refused', undefined],
    ]);
    expect(over.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect((await ask('app', 'at-revoked')).status).toBe(429);
    expect((await ask('api', 'guess')).text).toBe(INACTIVE);
  });

  it('issuer/20 is off by default', async () => {
    const { ask } = await limited({ calls: { windowMs: WINDOW, limit: 5000 } });
    for (let i = 0; i < 1010; i++) expect((await ask('app', `guess-${i}`)).text).toBe(INACTIVE);
  });

  it('issuer/20 guard/35 answers an active token whatever strangers have sent, on every API, and asks the store no more', async () => {
    let asked = 0;
    const increment = async (): Promise<{ totalHits: number; resetTime: undefined }> => {
      asked += 1;
      return { totalHits: asked, resetTime: undefined };
    };
    const { app, as, ask, refresh } = await limited({
      inactive: one,
      store: () => ({ increment, decrement() {}, resetKey() {} }),
    });
    for (const token of ['guess-1', 'guess-2', 'guess-3', 'guess-4']) await ask('app', token);
    expect(asked).toBe(2);
    expect((await ask('app', 'at-live')).body).toMatchObject({ active: true });
    expect((await refresh('app', 'rt-live')).body).toMatchObject({ active: true });
    expect((await ask('app', 'guess-5')).status).toBe(429);
    for (const token of ['nope-1', 'nope-2'])
      await request(app).get(`${C}/${token}`).set('Authorization', as('admin'));
    const details = request(app).get(`${C}/at-live`).set('Authorization', as('admin'));
    expect((await details).status).toBe(200);
  });

  it('answers the active token among many guesses made at once, and no more guesses than the limit', async () => {
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
    expect(answers.slice(0, -1).filter(({ status }) => status === 200)).toHaveLength(5);
    expect(answers.at(-1)?.body).toMatchObject({ active: true });
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

describe('attack/16 the limit for inactive responses at revocation', () => {
  async function revoking(rateLimit: RateLimitOptions) {
    const made = await limited(rateLimit);
    const revoke = (caller: string, token: string) =>
      postToken(made.app, '/v1/oauth/revoke', made.as(caller), token).set('X-Forwarded-For', '192.0.2.1');
    return { ...made, revoke };
  }

  it('does not count tokens of the caller that have ended already', async () => {
    const { revoke, ask, events } = await revoking({ inactive: one });
    for (const token of ['at-expired', 'at-revoked', 'rt-expired', 'rt-revoked']) {
      expect((await revoke('app', token)).status).toBe(200);
    }
    expect(events.map(({ reason }) => reason)).toStrictEqual(['expired', 'revoked', 'expired', 'revoked']);
    expect((await ask('app', 'guess')).text).toBe(INACTIVE);
  });

  it('counts unknown tokens, and those of others whether they are active or not', async () => {
    for (const token of ['nope', 'rt-other-app']) {
      const { revoke } = await revoking({ inactive: one });
      expect((await revoke('app', token)).status).toBe(200);
      expect((await revoke('app', 'another')).status).toBe(429);
    }
    const { revoke } = await revoking({ inactive: one });
    expect((await revoke('other-app', 'at-expired')).status).toBe(200);
    expect((await revoke('other-app', 'at-revoked')).status).toBe(429);
  });

  it('never keeps a caller from ending an active token of its own', async () => {
    const { revoke, ask, tokens } = await revoking({ inactive: one });
    for (const token of ['nope-1', 'nope-2', 'nope-3']) await ask('app', token);
    expect((await revoke('app', 'nope-4')).status).toBe(429);
    expect((await revoke('app', 'rt-live')).status).toBe(200);
    expect(tokens.find('rt-live')?.status).toBe('revoked');
    expect((await revoke('app', 'rt-live')).status).toBe(200);
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
    const { ask } = await limited({});
    for (let i = 0; i < 40; i++) expect((await ask('app', 'at-live')).status).toBe(200);
  });
});

describe('issuer/17 callers without an address', () => {
  async function unix(rateLimit: RateLimitOptions) {
    const made = await world({
      rateLimit,
      before: [
        (req, _res, next) => {
          Object.defineProperty(req.socket, 'remoteAddress', { value: undefined });
          next();
        },
      ],
    });
    return {
      ...made,
      ask: (authorization: string, token = 'x') => postToken(made.app, A, authorization, token),
    };
  }

  it('are told apart by the client that they claim to be', async () => {
    const { as, ask } = await unix({ failures: one });
    for (const clientId of ['app', 'nobody']) {
      expect((await ask(basic(clientId, 'wrong'))).status).toBe(401);
      expect((await ask(basic(clientId, 'wrong'))).status).toBe(429);
    }
    expect((await ask(as('app'))).status).toBe(429);
    expect((await ask(as('api'))).status).toBe(200);
  });

  it('do not lock out a client whose secret is remembered', async () => {
    const { as, ask } = await unix({ failures: one });
    expect((await ask(as('app'))).status).toBe(200);
    for (let i = 0; i < 3; i++) await ask(basic('app', `wrong-${i}`));
    expect((await ask(basic('app', 'wrong'))).status).toBe(429);
    expect((await ask(as('app'))).status).toBe(200);
  });

  it('are counted together where they claim nothing, as Bearer callers do, and shut out nobody else', async () => {
    const { as, ask, tokens } = await unix({ failures: one });
    expect((await ask('Basic ???')).status).toBe(401);
    expect((await ask('Bearer nothing')).status).toBe(429);
    await tokens.save({
      token: 'fresh',
      kind: 'access_token',
      clientId: 'app',
      audience: [ISSUER],
      scope: ['introspection'],
    });
    expect((await ask('Bearer fresh')).status).toBe(429);
    expect((await ask(as('app'))).status).toBe(200);
  });

  it('give no store of the app an id that could be a mistyped secret', async () => {
    const keys: string[] = [];
    const increment = (key: string): { totalHits: number; resetTime: undefined } => {
      keys.push(key);
      return { totalHits: 1, resetTime: undefined };
    };
    const { ask } = await unix({
      failures: one,
      store: () => ({ increment, decrement() {}, resetKey() {} }),
    });
    await ask(basic('my-secret-in-the-wrong-field', 'x'));
    expect(keys).toStrictEqual([expect.stringMatching(/^client [\w-]{43}$/)]);
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

  it.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('counts elapsed time where the wall clock is set %s', async (_what, step) => {
    const start = Date.now();
    const { telemetryOf } = await import('../../lib/telemetry/telemetry.js');
    const { rateLimits, throttles } = await import('../../lib/http/throttle.js');
    const now = jest.spyOn(Date, 'now').mockReturnValue(start);
    try {
      const { failures } = throttles(
        'test',
        rateLimits('test', { failures: { windowMs: 300, limit: 1 } }),
        Date.now,
        telemetryOf('test', false),
      );
      await failures.count('a');
      await expect(failures.count('a')).rejects.toMatchObject({ status: 429 });
      now.mockReturnValue(start + step);
      expect(() => failures.check(() => 'a')).toThrow();
      await new Promise((resolve) => setTimeout(resolve, 350));
      expect(() => failures.check(() => 'a')).not.toThrow();
      await failures.count('a');
    } finally {
      now.mockRestore();
    }
  });

  it.each([
    ['until the reset time of the store, not for a whole window', 10_000, 10_000],
    ['for a window at most, though a clock that was set back says more', 3_600_000, WINDOW],
  ])('blocks %s', async (_what, resetsIn, blocksFor) => {
    const { ask, clock } = await limited({
      failures: one,
      store: () => ({
        increment: () => ({ totalHits: 2, resetTime: new Date(Date.now() + resetsIn) }),
        decrement() {},
        resetKey() {},
      }),
    });
    const over = await ask('Basic ???', 'x');
    expect([over.status, over.headers['retry-after']]).toStrictEqual([429, String(blocksFor / 1000)]);
    clock.now += blocksFor;
    expect((await ask('app', 'x')).status).toBe(200);
  });

  it('blocks by an injected clock that is set back, and for the time that has gone by', async () => {
    const { ask, clock } = await limited({ failures: one });
    for (let i = 0; i < 2; i++) await ask('Basic ???', 'x');
    clock.now += 30_000;
    expect((await ask('app', 'x')).status).toBe(429);
    clock.now -= 3_600_000;
    expect((await ask('app', 'x')).status).toBe(429);
    clock.now += 29_000;
    expect((await ask('app', 'x')).status).toBe(429);
    clock.now += 2000;
    expect((await ask('app', 'x')).status).toBe(200);
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
    const { rateLimits, throttles } = await import('../../lib/http/throttle.js');
    const { telemetryOf } = await import('../../lib/telemetry/telemetry.js');
    const { failures } = throttles(
      'test',
      rateLimits('test', {
        failures: one,
        store: () => ({
          increment: () => ({ totalHits: 2, resetTime: undefined }),
          decrement() {},
          resetKey() {},
        }),
      }),
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
