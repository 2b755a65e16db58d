import { readFileSync } from 'node:fs';
import { describe, expect, it, jest } from '@jest/globals';
import express, { type ErrorRequestHandler, type Express } from 'express';
import request from 'supertest';
import {
  cachingIntrospector,
  type GuardError,
  type GuardEvent,
  HttpError,
  type IntrospectionResponse,
  IntrospectionUnavailableError,
  type Introspector,
  MemoryTokenStore,
  type RequireActiveTokenOptions,
  requireActiveToken,
  StoreUnavailableError,
  storeIntrospector,
  tokenDigest,
} from '../../lib/index.js';
import { inactive } from '../../lib/introspection/inactivity.js';
import { API, ISSUER, NOW, SECONDS, world } from '../support/world.js';

const saying = (response: unknown): Introspector => ({
  introspect: async () => response as IntrospectionResponse,
});
const failing = (error: unknown): Introspector => ({
  introspect: async () => {
    throw error;
  },
});
const LIVE = { active: true, sub: 'alice', client_id: 'web', aud: API, iss: ISSUER, exp: SECONDS + 60 };
const CERTIFICATE = readFileSync('__tests__/support/tls/self-signed.crt', 'utf8');

interface Audited {
  readonly app: Express;
  readonly events: GuardEvent[];
}

const answerFault: ErrorRequestHandler = (error, _req, res, _next) => void res.status(500).end(String(error));

function audited(options: Partial<RequireActiveTokenOptions>): Audited {
  const events: GuardEvent[] = [];
  const app = express();
  const guard = requireActiveToken({
    clock: () => NOW,
    audit: (event) => events.push(event),
    ...(options.introspector || options.tokens ? {} : { introspector: saying(LIVE) }),
    ...options,
  });
  app.get('/orders/:id', guard, (_req, res) => void res.end('reached'));
  app.use(answerFault);
  return { app, events };
}

const get = (app: Express, authorization: string | undefined = 'Bearer abc'): request.Test => {
  const call = request(app).get('/orders/17?access=no');
  return authorization === '' ? call : call.set('Authorization', authorization);
};

describe("the guard's audit", () => {
  it('tells of a request that was let through: who, with which token, at which route, for how long', async () => {
    const { app, events } = audited({ audience: API });
    const began = performance.now();
    await get(app).set('User-Agent', 'curl/8').set('X-Request-Id', 'req-1').expect(200);
    const took = performance.now() - began;
    expect(events).toStrictEqual([
      {
        outcome: 'accepted',
        clientId: 'web',
        tokenDigest: tokenDigest('abc'),
        method: 'GET',
        route: '/orders/:id',
        address: expect.stringMatching(/127\.0\.0\.1$/),
        userAgent: 'curl/8',
        requestId: 'req-1',
        time: NOW,
        durationMs: expect.any(Number),
      },
    ]);
    const { durationMs } = events[0] as GuardEvent;
    expect(durationMs).toBeGreaterThan(0);
    expect(durationMs).toBeLessThan(took);
  });

  it('names no client where the introspector says of it what is no text', async () => {
    const { app, events } = audited({ introspector: saying({ ...LIVE, client_id: 7 }) });
    await get(app).expect(200);
    expect(events).toMatchObject([{ outcome: 'accepted' }]);
    expect(events[0]).not.toHaveProperty('clientId');
  });

  it('hands its function nothing but the event and the request', async () => {
    const seen: unknown[] = [];
    const { app } = audited({
      audit: function (this: unknown, ...given: unknown[]) {
        seen.push(this, given.length);
      },
    });
    await get(app).expect(200);
    expect(seen).toStrictEqual([undefined, 2]);
  });

  it('tells of one without a token that was optional', async () => {
    const { app, events } = audited({ optional: true });
    await get(app, '').expect(200);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ outcome: 'anonymous', method: 'GET' });
    expect(events[0]).not.toHaveProperty('tokenDigest');
  });

  it.each([
    ['missing_token', 401, {}, ''],
    ['missing_token', 401, {}, 'Basic YTpi'],
    ['malformed_request', 400, {}, 'Bearer a,b'],
    ['wrong_scheme', 401, { dpop: false }, 'DPoP abc'],
    ['unknown', 401, { introspector: saying({ active: false }) }],
    ['expired', 401, { introspector: saying({ ...LIVE, exp: SECONDS }) }],
    ['not_yet_valid', 401, { introspector: saying({ ...LIVE, nbf: SECONDS + 11 }) }],
    ['wrong_type', 401, { introspector: saying({ ...LIVE, token_use: 'refresh_token' }) }],
    ['wrong_issuer', 401, { issuer: 'https://other.example' }],
    ['wrong_audience', 401, { audience: 'https://other.example' }],
    ['signature', 401, { introspector: saying(inactive('signature')) }],
    ['not_bound', 401, { introspector: saying({ ...LIVE, cnf: { jkt: 'x' } }) }],
    [
      'not_bound',
      401,
      { introspector: saying({ ...LIVE, cnf: { 'x5t#S256': 'x' } }), certificate: () => CERTIFICATE },
    ],
    [
      'certificate',
      401,
      { introspector: saying({ ...LIVE, cnf: { 'x5t#S256': 'x' } }), certificate: () => 'no certificate' },
    ],
    [
      'certificate',
      401,
      {
        introspector: saying({ ...LIVE, cnf: { 'x5t#S256': 'x' } }),
        certificate: () => {
          throw new URIError('%E0');
        },
      },
    ],
    [
      'not_bound',
      401,
      { introspector: saying({ ...LIVE, cnf: { 'x5t#S256': 'x' } }), certificate: () => undefined },
    ],
    ['proof', 401, { introspector: saying({ ...LIVE, cnf: { jkt: 'x' } }) }, 'DPoP abc'],
    ['authentication', 401, { maxAge: 5 }],
    ['scope', 403, { scope: 'admin' }],
    ['claims', 401, { claims: () => false }],
  ] as [string, number, Partial<RequireActiveTokenOptions>, string?][])(
    'guard/17 says "%s" of a refusal (%i), to the audit and to onError, and not to the caller',
    async (reason, status, options, authorization = 'Bearer abc') => {
      const { app, events } = audited(options);
      const answer = await get(app, authorization);
      expect(answer.status).toBe(status);
      expect(events).toMatchObject([{ outcome: 'refused', reason, status, method: 'GET' }]);
      // What is not known is left out, and not told as undefined.
      expect(Object.values(events[0] as object)).not.toContain(undefined);
      expect(events[0]).not.toHaveProperty('fault');
      const errors: GuardError[] = [];
      const onError = (error: GuardError, _req: unknown, res: express.Response): void => {
        errors.push(error);
        res.status(error.status).end();
      };
      await get(audited({ ...options, onError }).app, authorization).expect(status);
      expect(errors).toMatchObject([{ reason, status }]);
      expect(errors[0]).not.toHaveProperty('nearMiss');
      expect(errors[0]).toBeInstanceOf(HttpError);
    },
  );

  it('tells the caller the same of every dead token, whatever the reason', async () => {
    const bodies = new Set<string>();
    for (const response of [
      { active: false },
      inactive('revoked'),
      inactive('signature'),
      { ...LIVE, exp: 1 },
    ]) {
      const answer = await get(audited({ introspector: saying(response) }).app);
      bodies.add(JSON.stringify([answer.status, answer.text, answer.headers['www-authenticate']]));
    }
    expect(bodies.size).toBe(1);
  });

  it('tells the states of the local store apart', async () => {
    const { tokens, clients } = await world();
    const { app, events } = audited({ tokens, clients });
    for (const token of ['nobody', 'at-expired', 'at-revoked', 'at-future', 'at-disabled-client', 'rt-live'])
      await get(app, `Bearer ${token}`).expect(401);
    expect(events.map(({ reason }) => reason)).toStrictEqual([
      'unknown',
      'expired',
      'revoked',
      'not_yet_valid',
      'client_disabled',
      'wrong_type',
    ]);
  });

  it.each([
    ['issuer', { issuer: `${ISSUER}/` }, 'wrong_issuer'],
    ['audience', { audience: [`${API}/`, 'https://x.example'] }, 'wrong_audience'],
  ])('names the near miss of an %s that has a slash more at its end', async (_what, options, reason) => {
    const { app, events } = audited(options);
    await get(app).expect(401);
    expect(events).toMatchObject([{ reason, nearMiss: 'trailing_slash' }]);
    const near = audited({ audience: API, introspector: saying({ ...LIVE, aud: [`${API}/`] }) });
    await get(near.app).expect(401);
    expect(near.events).toMatchObject([{ reason: 'wrong_audience', nearMiss: 'trailing_slash' }]);
    const far = audited({ audience: 'https://x.example' });
    await get(far.app).expect(401);
    expect(far.events[0]).not.toHaveProperty('nearMiss');
  });

  it('tells of an outage with its reason, and quotes no message', async () => {
    const secret = 'token-abc-in-a-message';
    for (const [error, fault] of [
      [new IntrospectionUnavailableError('timeout', secret), { reason: 'timeout' }],
      [new StoreUnavailableError(secret), { name: 'StoreUnavailableError' }],
      [Object.assign(new Error(secret), { code: 'ECONNREFUSED' }), { code: 'ECONNREFUSED' }],
    ] as const) {
      const { app, events } = audited({ introspector: failing(error) });
      await get(app).expect(503);
      expect(events).toMatchObject([
        {
          outcome: 'unavailable',
          reason: 'unavailable',
          status: 503,
          error: 'temporarily_unavailable',
          fault,
        },
      ]);
      expect(JSON.stringify(events)).not.toContain(secret);
    }
  });

  it("tells of a fault of the app's own", async () => {
    const { app, events } = audited({
      claims: () => {
        throw new RangeError('claims');
      },
    });
    await get(app).expect(500, /RangeError: claims/);
    expect(events).toMatchObject([
      {
        outcome: 'failed',
        reason: 'failed',
        status: 500,
        error: 'server_error',
        fault: { name: 'RangeError' },
      },
    ]);
  });

  it.each([
    ['an error with a status of another package', Object.assign(new Error('x'), { status: 429 })],
    ['one with the status of an outage', Object.assign(new Error('x'), { status: 503 })],
    ['nothing', undefined],
    ['null', null],
  ])("tells of a fault of the app's own where its claims throw %s", async (_what, thrown) => {
    const { app, events } = audited({
      claims: () => {
        throw thrown;
      },
    });
    await get(app).expect(500);
    expect(events).toMatchObject([{ outcome: 'failed', reason: 'failed', status: 500 }]);
  });

  it("takes an HttpError of the app's own claims for what it says", async () => {
    const thrown =
      (status: number): (() => never) =>
      () => {
        throw new HttpError(status, 'slow_down', 'Later');
      };
    const seen: unknown[] = [];
    for (const status of [429, 500]) {
      const { app, events } = audited({ claims: thrown(status) });
      await get(app).expect(status);
      seen.push(events[0]?.reason);
    }
    expect(seen).toStrictEqual(['rate_limited', 'failed']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('log');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('log');
      },
    ],
  ])('harms no response when it %s', async (_what, audit) => {
    await get(audited({ audit }).app).expect(200);
    await get(audited({ audit }).app, '').expect(401);
  });

  it('hands on the request, and names it as the app does', async () => {
    const seen: unknown[] = [];
    const { app } = audited({
      audit: (event, req) => seen.push([event.requestId, req.get('X-Tenant')]),
      requestId: (req) => req.get('X-Amzn-Trace-Id'),
    });
    await get(app).set('X-Tenant', 'blue').set('X-Amzn-Trace-Id', 'Root=1-2').expect(200);
    expect(seen).toStrictEqual([['Root=1-2', 'blue']]);
  });

  it('names no route where there is none, and never a path', async () => {
    const events: GuardEvent[] = [];
    const guard = requireActiveToken({
      introspector: saying(LIVE),
      clock: () => NOW,
      audit: (event) => events.push(event),
    });
    const app = express().use('/secret-in-path', guard, (_req, res) => void res.end());
    app.get(/^\/by-(?:a|b)$/, guard, (_req, res) => void res.end());
    await request(app).get('/secret-in-path/x').set('Authorization', 'Bearer abc').expect(200);
    await request(app).get('/by-a').set('Authorization', 'Bearer abc').expect(200);
    expect(events[0]).not.toHaveProperty('route');
    expect(events[1]?.route).toBe('/^\\/by-(?:a|b)$/');
    expect(JSON.stringify(events)).not.toContain('secret-in-path');
  });

  it('is told once, also where somebody has answered meanwhile', async () => {
    const { app, events } = audited({
      introspector: {
        introspect: async () => {
          await new Promise((resolve) => setTimeout(resolve, 30));
          return { active: false };
        },
      },
    });
    const outer = express().use((_req, res, next) => {
      setTimeout(() => res.status(504).end('late'), 5);
      next();
    }, app);
    await get(outer).expect(504);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(events).toHaveLength(1);
  });

  it.each(['audit', 'requestId'])('"%s" must be a function', (option) => {
    const options = { introspector: saying(LIVE), [option]: {} };
    expect(() => requireActiveToken(options as never)).toThrow(`"${option}" must be a function`);
  });
});

describe('an error that an app passes on', () => {
  it("makes the response that the guard's own would be, its body aside", async () => {
    for (const [options, authorization] of [
      [{ introspector: saying({ active: false }) }, 'Bearer abc'],
      [{ introspector: failing(new Error()) }, 'Bearer abc'],
      [{ scope: 'admin' }, 'Bearer abc'],
      [{}, ''],
    ] as const) {
      const ask = (app: Express): request.Test =>
        get(app, authorization).set('Origin', 'https://app.example');
      const own = await ask(audited(options).app);
      const app = express();
      const onError: RequireActiveTokenOptions['onError'] = (error, _req, _res, next) => next(error);
      app.get(
        '/orders/:id',
        requireActiveToken({ introspector: saying(LIVE), ...options, clock: () => NOW, onError }),
      );
      app.set('env', 'test');
      const passedOn = await ask(app);
      expect(passedOn.status).toBe(own.status);
      const names = ['www-authenticate', 'cache-control', 'pragma', 'x-content-type-options', 'retry-after'];
      for (const name of [...names, 'access-control-expose-headers'])
        expect([name, passedOn.headers[name]]).toStrictEqual([name, own.headers[name]]);
      expect(own.headers['cache-control']).toBe('no-store');
      expect(own.headers['access-control-expose-headers']).toContain('WWW-Authenticate');
    }
  });

  it('B-10 keeps what the app has exposed already', async () => {
    const app = express().use((_req, res, next) => {
      res.setHeader('Access-Control-Expose-Headers', ['X-Total', 'X-Page']);
      next();
    }, audited({}).app);
    const answer = await get(app, '').set('Origin', 'https://app.example').expect(401);
    expect(answer.headers['access-control-expose-headers']).toBe(
      'X-Total, X-Page, WWW-Authenticate, Retry-After, DPoP-Nonce',
    );
  });

  it("keeps the stack and the cause of what was thrown, and is the request's own", async () => {
    const cause = new Error('down');
    const errors: GuardError[] = [];
    const onError = (error: GuardError, _req: unknown, res: express.Response): void => {
      errors.push(error);
      res.status(error.status).end();
    };
    const { app } = audited({ introspector: failing(cause), onError });
    await get(app).expect(503);
    await get(app).expect(503);
    expect(errors[0]).not.toBe(errors[1]);
    expect(errors[0]?.cause).toBe(cause);
    expect(errors[0]?.stack).toMatch(/at /);
    const claims = function tooMany(): never {
      throw new HttpError(429, 'slow_down', 'Later');
    };
    await get(audited({ claims, onError }).app).expect(429);
    expect(errors[2]?.stack).toContain('tooMany');
  });
});

describe('an outage at a guard that nobody listens to', () => {
  const heard: string[] = [];
  const listen = async (work: () => Promise<void>): Promise<string[]> => {
    heard.length = 0;
    const emitted = jest
      .spyOn(process, 'emitWarning')
      .mockImplementation((message) => void heard.push(String(message)));
    await work();
    emitted.mockRestore();
    return [...heard];
  };

  it('is told once a minute for each source of tokens, with its reason, by process.emitWarning', async () => {
    let now = NOW;
    const clock = (): number => now;
    const introspector = failing(new IntrospectionUnavailableError('timeout', 'secret-message'));
    const [one, two] = [1, 2].map(() =>
      express().get('/orders/:id', requireActiveToken({ introspector, clock })),
    );
    const other = express().get(
      '/orders/:id',
      requireActiveToken({
        tokens: {
          find: () => {
            throw new Error('x');
          },
        },
        clock,
      }),
    );
    const ask = async (app: Express | undefined): Promise<void> =>
      void (await get(app as Express).expect(503));
    expect(
      await listen(async () => {
        await ask(one);
        await ask(one);
        await ask(two);
      }),
    ).toStrictEqual([expect.stringContaining('(timeout)')]);
    expect(await listen(() => ask(other))).toStrictEqual([expect.stringContaining('(Error)')]);
    now += 59_999;
    expect(await listen(() => ask(one))).toHaveLength(0);
    now += 1;
    expect(await listen(() => ask(two))).toHaveLength(1);
    // A clock that was set back.
    now -= 3_600_000;
    expect(await listen(() => ask(two))).toHaveLength(1);
    expect(heard.join()).not.toContain('secret-message');
  });

  it('is not told where an audit or an onError is, nor is a refusal', async () => {
    const introspector = failing(Object.assign(new Error('x'), { code: 'ECONNRESET' }));
    const warned = await listen(async () => {
      await get(audited({ introspector }).app).expect(503);
      const onError: RequireActiveTokenOptions['onError'] = (error, _req, res) =>
        void res.status(error.status).end();
      await get(express().get('/orders/:id', requireActiveToken({ introspector, onError }))).expect(503);
      await get(
        express().get('/orders/:id', requireActiveToken({ introspector: saying({ active: false }) })),
      ).expect(401);
    });
    expect(warned).toStrictEqual([]);
    const told = await listen(async () => {
      await get(express().get('/orders/:id', requireActiveToken({ introspector }))).expect(503);
    });
    expect(told).toStrictEqual([expect.stringContaining('(ECONNRESET)')]);
  });

  it('is told by a code, by which Node and the app can tell it from other warnings', async () => {
    const emitted = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const guard = requireActiveToken({ introspector: failing(new Error('x')) });
    await get(express().get('/orders/:id', guard)).expect(503);
    expect(emitted.mock.calls).toStrictEqual([
      [expect.any(String), { type: 'ExpressTokenIntrospection', code: 'ETI_UNAVAILABLE' }],
    ]);
  });
});

describe('guard/21 clockTolerance of the guard', () => {
  it('is told to the introspector, with the hint that it is an access token, also through a cache', async () => {
    const asked: unknown[] = [];
    const inner: Introspector = {
      introspect: async (_token, options) => {
        asked.push(options);
        return LIVE as IntrospectionResponse;
      },
    };
    for (const introspector of [inner, cachingIntrospector(inner, { clock: () => NOW })]) {
      await get(audited({ introspector, clockTolerance: 5000 }).app).expect(200);
      await get(audited({ introspector }).app, 'Bearer def').expect(200);
    }
    expect(asked).toStrictEqual([
      { hint: 'access_token', clockTolerance: 5000 },
      { hint: 'access_token' },
      { hint: 'access_token', clockTolerance: 5000 },
      { hint: 'access_token' },
    ]);
  });

  it('I-06 is no filter for the local store', async () => {
    const tokens = new MemoryTokenStore({ clock: () => NOW });
    await tokens.save({ token: 'rt', kind: 'refresh_token', clientId: 'web' });
    const introspector = storeIntrospector(tokens, { clock: () => NOW });
    expect(await introspector.introspect('rt', { hint: 'access_token' })).toMatchObject({ active: true });
  });
});
