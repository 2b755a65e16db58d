import { describe, expect, it } from '@jest/globals';
import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import request from 'supertest';
import {
  activeToken,
  cachingIntrospector,
  type HttpError,
  type IntrospectionResponse,
  IntrospectionUnavailableError,
  type Introspector,
  MemoryTokenStore,
  type RequireActiveTokenOptions,
  requireActiveToken,
  storeIntrospector,
} from '../../lib/index.js';
import { raw, serving } from '../support/http.js';
import { API, FAILURES, failingStore, HOUR, ISSUER, NOW, SECONDS, world } from '../support/world.js';

interface Guarded {
  readonly app: Express;
  /** How often the handler behind the guard was reached. */
  readonly reached: () => number;
}

function guarded(options: RequireActiveTokenOptions, before: readonly RequestHandler[] = []): Guarded {
  let calls = 0;
  const app = express();
  for (const handler of before) app.use(handler);
  app.all('/orders', requireActiveToken({ clock: () => NOW, ...options }), (req, res) => {
    calls += 1;
    res.json(req.activeToken ?? null);
  });
  return { app, reached: () => calls };
}

/** An introspector that always says the same, and counts how often it is asked. */
function saying(response: unknown): { introspect(): Promise<IntrospectionResponse>; asked: number } {
  return {
    asked: 0,
    async introspect() {
      this.asked += 1;
      return response as IntrospectionResponse;
    },
  };
}

const LIVE = { active: true, sub: 'alice', scope: 'read write', aud: API, iss: ISSUER, exp: SECONDS + 60 };
/** The challenge that stands next to that of the scheme that was used. */
const DPOP = 'DPoP realm="api", algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256"';
const get = (app: Express, token = 'abc') =>
  request(app).get('/orders').set('Authorization', `Bearer ${token}`);

describe('requireActiveToken lets through', () => {
  it('a live access token of the local store, and puts it into req.activeToken', async () => {
    const { tokens, clients } = await world();
    const { app } = guarded({ tokens, clients, audience: API, scope: 'read' });
    const answer = await get(app, 'at-live');
    expect(answer.status).toBe(200);
    expect(answer.body).toStrictEqual({
      active: true,
      sub: 'alice',
      client_id: 'app',
      token_type: 'Bearer',
      scope: 'read write',
      scopes: ['read', 'write'],
      exp: SECONDS + 3600,
      iat: SECONDS,
      aud: API,
      token_use: 'access_token',
    });
  });

  it.each(['Bearer', 'bearer', 'BEARER', 'Bearer ', 'bearer   '])(
    'B-01 guard/29 the scheme as "%s"',
    async (scheme) => {
      const { app } = guarded({ introspector: saying(LIVE) });
      expect(
        (await request(app).get('/orders').set('Authorization', `${scheme} a.b-c_d~e+f/g==`)).status,
      ).toBe(200);
    },
  );

  it.each([
    ['an audience out of several', { audience: ['https://x.example', API] }, LIVE],
    ['one of the audiences of the token', { audience: API }, { ...LIVE, aud: ['https://x.example', API] }],
    ['an issuer out of several', { issuer: ['https://x.example', ISSUER] }, LIVE],
    ['T-20 no audience where none is asked for', {}, { active: true }],
    ['B-09 all needed scopes, in any order', { scope: 'write read' }, LIVE],
    ['one of several scopes', { anyScope: ['admin', 'write'] }, LIVE],
    ['a scope with odd spaces in it', { scope: ['read', 'write'] }, { ...LIVE, scope: ' read  write ' }],
    ['a scope that is an array', { scope: ['read', 'write'] }, { ...LIVE, scope: ['read', 'write', 5] }],
    ['claims that pass', { claims: async () => true }, LIVE],
    ['a token_type in any case', {}, { ...LIVE, token_type: 'bearer' }],
    ['a token_use of another server', {}, { ...LIVE, token_use: 'access' }],
    [
      'a time within the tolerance',
      { clockTolerance: 2000 },
      { ...LIVE, exp: SECONDS - 1, nbf: SECONDS + 1 },
    ],
    ['an nbf that comes within 10 seconds, since its server knows', {}, { ...LIVE, nbf: SECONDS + 10 }],
    ['an nbf within the tolerance', { clockTolerance: 12_000 }, { ...LIVE, nbf: SECONDS + 12 }],
    [
      'members that are null, which say nothing',
      { audience: API },
      { ...LIVE, exp: null, nbf: null, cnf: null, token_type: null, token_use: null, username: null },
    ],
    ['a fractional exp', {}, { ...LIVE, exp: SECONDS + 0.5 }],
    ['a far exp', {}, { ...LIVE, exp: 1e15 }],
  ] as [string, RequireActiveTokenOptions, object][])('%s', async (_what, options, response) => {
    const { app } = guarded({ introspector: saying(response), ...options });
    expect((await get(app)).status).toBe(200);
  });

  it('asks claims about the token and the request', async () => {
    const { app } = guarded({
      introspector: saying({ ...LIVE, tenant: 'blue' }),
      claims: (token, req) => token.tenant === req.get('X-Tenant'),
    });
    expect((await get(app).set('X-Tenant', 'blue')).status).toBe(200);
    expect((await get(app).set('X-Tenant', 'red')).status).toBe(401);
  });

  it('a request without credentials where it is optional', async () => {
    const introspector = saying(LIVE);
    const { app } = guarded({ introspector, optional: true });
    for (const authorization of [undefined, 'Basic YTpi']) {
      const call = request(app).get('/orders');
      if (authorization) void call.set('Authorization', authorization);
      const answer = await call;
      expect(answer.status).toBe(200);
      expect(answer.body).toBeNull();
    }
    expect(introspector.asked).toBe(0);
    expect((await get(app)).body).toMatchObject({ sub: 'alice' });
  });

  it('a request without credentials where it is optional, and leaves it the token of another guard', async () => {
    const introspector = saying(LIVE);
    const forms = requireActiveToken({ introspector, clock: () => NOW, tokenFrom: 'body', optional: true });
    const { app } = guarded({ introspector, optional: true }, [express.urlencoded(), forms]);
    const post = (form: object) => request(app).post('/orders').type('form').send(form);
    expect((await post({ access_token: 'abc' })).body).toMatchObject({ sub: 'alice' });
    const bare = express().get('/', forms, (req, res) => void res.json('activeToken' in req));
    expect((await request(bare).get('/')).body).toBe(false);
  });
});

describe('requireActiveToken refuses', () => {
  it.each([
    ['no header', undefined],
    ['B-11 another scheme', 'Basic YTpi'],
    ['B-11 a scheme that begins like it', 'Bearerish abc'],
    ['B-11 another scheme with it inside', 'Basic Bearer abc'],
    ['an empty header', ''],
  ])('B-05 B-06 %s with 401 and no error code', async (_what, authorization) => {
    const introspector = saying(LIVE);
    const { app, reached } = guarded({ introspector });
    await serving(app, async (origin) => {
      const headers = authorization === undefined ? [] : ['Authorization', authorization];
      const answer = await raw(origin, { method: 'GET', path: '/orders', headers });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe(`Bearer realm="api", ${DPOP}`);
      expect(answer.body).toBe('{"error_description":"An access token is required"}');
      expect(answer.headers['cache-control']).toBe('no-store');
    });
    expect([introspector.asked, reached()]).toStrictEqual([0, 0]);
  });

  it.each([
    ['no token', ['Bearer']],
    ['an empty token', ['Bearer ']],
    ['spaces, and no token', ['Bearer   ']],
    ['a tab', ['Bearer \tabc']],
    ['two words', ['Bearer abc def']],
    ['characters that are none of b64token', ['Bearer a,b']],
    ['padding in the middle', ['Bearer a=b']],
    ['B-02 two lines', ['Bearer abc', 'Bearer abc']],
    ['B-02 two lines of two schemes', ['Basic YTpi', 'Bearer abc']],
  ])('B-01 B-07 a malformed header (%s) with 400, without a look-up', async (_what, lines) => {
    for (const optional of [false, true]) {
      const introspector = saying(LIVE);
      const { app, reached } = guarded({ introspector, optional });
      await serving(app, async (origin) => {
        const headers = lines.flatMap((line) => ['Authorization', line]);
        const answer = await raw(origin, { method: 'GET', path: '/orders', headers });
        expect(answer.status).toBe(400);
        const error = 'error="invalid_request", error_description="The Authorization header is malformed"';
        // Where it cannot be told which scheme was meant, both are told (T-13).
        const dpop = lines.length > 1 ? DPOP.replace(', algs', `, ${error}, algs`) : DPOP;
        expect(answer.headers['www-authenticate']).toBe(`Bearer realm="api", ${error}, ${dpop}`);
        expect(JSON.parse(answer.body)).toMatchObject({ error: 'invalid_request' });
      });
      expect([introspector.asked, reached()]).toStrictEqual([0, 0]);
    }
  });

  it('B-02 a token in the query or in a form as well, with 400', async () => {
    const introspector = saying(LIVE);
    const { app } = guarded({ introspector }, [express.urlencoded({ extended: false }), express.json()]);
    const query = await get(app).query({ access_token: 'abc' });
    const form = await request(app)
      .post('/orders')
      .set('Authorization', 'Bearer abc')
      .type('form')
      .send({ access_token: 'abc' });
    for (const answer of [query, form]) {
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ error: 'invalid_request' });
    }
    expect(introspector.asked).toBe(0);
    const json = await request(app)
      .post('/orders')
      .set('Authorization', 'Bearer abc')
      .send({ access_token: 'a member of the app' });
    expect(json.status).toBe(200);
    expect(
      (await request(app).get('/orders?why=access_token').set('Authorization', 'Bearer abc')).status,
    ).toBe(200);
  });

  it('B-03 B-04 a token that comes in the query or in a form only: neither is read', async () => {
    const introspector = saying(LIVE);
    const { app } = guarded({ introspector }, [express.urlencoded({ extended: false })]);
    expect((await request(app).get('/orders?access_token=abc')).status).toBe(401);
    expect((await request(app).post('/orders').type('form').send({ access_token: 'abc' })).status).toBe(401);
    expect(introspector.asked).toBe(0);
  });

  it.each([
    ['an inactive token', {}, { active: false }],
    ['an inactive token, whatever else is said of it', {}, { ...LIVE, active: false }],
    ['a token whose exp is now', {}, { ...LIVE, exp: SECONDS }],
    ['a token whose exp is negative', {}, { ...LIVE, exp: -1 }],
    ['a token whose nbf is more than 10 seconds to come', {}, { ...LIVE, nbf: SECONDS + 10.001 }],
    ['a refresh token by its token_use', {}, { ...LIVE, token_use: 'refresh_token' }],
    ['a refresh token by its token_type', {}, { ...LIVE, token_type: 'refresh_token' }],
    ['a token_type that is no string', {}, { ...LIVE, token_type: ['Bearer'] }],
    ['T-19 a token for another audience', { audience: API }, { ...LIVE, aud: 'https://other.example' }],
    ['T-19 a token whose audience only begins alike', { audience: API }, { ...LIVE, aud: `${API}/` }],
    ['T-19 a token without an audience', { audience: API }, { active: true }],
    ['a token of another issuer', { issuer: ISSUER }, { ...LIVE, iss: 'https://other.example' }],
    ['a token without an issuer', { issuer: ISSUER }, { active: true }],
    ['T-05 a token that is bound to a DPoP key', {}, { ...LIVE, cnf: { jkt: 'x' } }],
    ['T-05 a token of the type DPoP', {}, { ...LIVE, token_type: 'DPoP' }],
    ['T-02 a token that is bound to a certificate', {}, { ...LIVE, cnf: { 'x5t#S256': 'x' } }],
    ['claims that do not pass', { claims: () => false }, LIVE],
    ['claims that answer no boolean', { claims: () => 'yes' as never }, LIVE],
    ['a dead token that lacks the scope as well', { scope: 'admin' }, { ...LIVE, exp: SECONDS }],
  ] as [string, RequireActiveTokenOptions, object][])(
    'B-07 %s with 401 invalid_token',
    async (_what, options, response) => {
      for (const optional of [false, true]) {
        const { app, reached } = guarded({ introspector: saying(response), optional, ...options });
        const answer = await get(app);
        expect(answer.status).toBe(401);
        expect(answer.headers['www-authenticate']).toMatch(
          /^Bearer realm="api", error="invalid_token", error_description="[^"\\]+", DPoP realm="api", algs="[^"]+"$/,
        );
        expect(answer.body).toStrictEqual({ error: 'invalid_token', error_description: expect.any(String) });
        expect(reached()).toBe(0);
      }
    },
  );

  it.each([
    'no-such-token',
    'at-expired',
    'at-revoked',
    'at-future',
    'at-disabled-client',
    'at-removed-client',
    'at-other-api',
    'at-bound',
    'rt-live',
    'rt-audience',
  ])('%s of the local store with 401', async (token) => {
    const { tokens, clients } = await world();
    const { app } = guarded({ tokens, clients, audience: API });
    const answer = await get(app, token);
    expect(answer.status).toBe(401);
    expect(answer.body).toMatchObject({ error: 'invalid_token' });
  });

  it.each([
    ['none of the needed scopes', { scope: 'admin' }, LIVE, 'admin'],
    ['only some of them', { scope: ['read', 'admin'] }, LIVE, 'read admin'],
    ['none of several', { anyScope: 'admin root' }, LIVE, 'admin root'],
    ['B-09 a scope that only begins alike', { scope: 'read' }, { ...LIVE, scope: 'read:all' }, 'read'],
    ['B-09 a scope in other case', { scope: 'Read' }, LIVE, 'Read'],
    ['no scope at all', { scope: 'read', anyScope: ['read', 'write'] }, { active: true }, 'read write'],
  ] as [string, RequireActiveTokenOptions, object, string][])(
    'B-07 a live token with %s with 403, and says what is needed',
    async (_what, options, response, needed) => {
      const { app, reached } = guarded({ introspector: saying(response), ...options });
      const answer = await get(app);
      expect(answer.status).toBe(403);
      expect(answer.headers['www-authenticate']).toBe(
        `Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="${needed}", ${DPOP}`,
      );
      expect(answer.body).toMatchObject({ error: 'insufficient_scope' });
      expect(reached()).toBe(0);
    },
  );
});

describe('requireActiveToken when nobody can tell', () => {
  it.each(FAILURES)(
    'B-12 I-30 is 503 when the store %s, optional or not, and never calls next()',
    async (_what, fail) => {
      for (const optional of [false, true]) {
        const { app, reached } = guarded({ tokens: failingStore(fail), optional });
        const answer = await get(app);
        expect(answer.status).toBe(503);
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
        expect(answer.headers).not.toHaveProperty('www-authenticate');
        expect(answer.body).toMatchObject({ error: 'temporarily_unavailable' });
        expect(reached()).toBe(0);
      }
    },
  );

  it.each([
    [new IntrospectionUnavailableError('rate_limited', 'slow', { retryAfter: 30_000 }), '30'],
    [new IntrospectionUnavailableError('timeout', 'late', { cause: new Error('why') }), '5'],
    [Object.assign(new Error('of somebody else'), { retryAfter: 30_000 }), '5'],
  ])('tells how long to wait where the introspector knows: %s', async (error, seconds) => {
    const { app } = guarded({ introspector: { introspect: () => Promise.reject(error) } });
    const answer = await get(app);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe(seconds);
  });

  it.each(FAILURES)('is 503 when the client store %s', async (_what, fail) => {
    const { tokens } = await world();
    const { app, reached } = guarded({ tokens, clients: failingStore(fail) });
    expect((await get(app, 'at-live')).status).toBe(503);
    expect(reached()).toBe(0);
  });

  it.each([
    ['a string', 'active'],
    ['nothing', undefined],
    ['null', null],
    ['an array', [true]],
    ['an array that says that it is active', Object.assign([], { active: true })],
    ['a function that says that it is active', Object.assign(() => {}, { active: true })],
    ['no active', { sub: 'alice' }],
    ['"true"', { active: 'true' }],
    ['1', { active: 1 }],
    ['an exp that is a string', { active: true, exp: '2030' }],
    ['an nbf that is NaN', { active: true, nbf: Number.NaN }],
    [
      'an object of a class, whose members would be lost on the way',
      new (class {
        get active() {
          return true;
        }
        get cnf() {
          return { jkt: 'x' };
        }
      })(),
    ],
    ['an object with a bound prototype', Object.create({ active: true, cnf: { jkt: 'x' } })],
    [
      'an object that cannot be read',
      {
        active: true,
        get sub() {
          throw new Error('gone');
        },
      },
    ],
  ])('I-10 I-30 is 503 for an answer that is %s', async (_what, response) => {
    const { app, reached } = guarded({ introspector: saying(response) });
    expect((await get(app)).status).toBe(503);
    expect(reached()).toBe(0);
  });

  it('is 503 when the introspector throws instead of rejecting', async () => {
    const { app } = guarded({
      introspector: {
        introspect() {
          throw new Error('bug');
        },
      },
    });
    expect((await get(app)).status).toBe(503);
  });
});

describe('req.activeToken', () => {
  it('is frozen all the way down, and a copy', async () => {
    const kept = { ...LIVE, nested: { list: [{ a: 1 }] } };
    const app = express();
    app.get('/orders', requireActiveToken({ introspector: saying(kept), clock: () => NOW }), (req, res) => {
      const token = activeToken(req);
      const { nested } = token as unknown as typeof kept;
      res.json(
        [token, token.scopes, nested, nested.list, nested.list[0]].map((value) => Object.isFrozen(value)),
      );
    });
    expect((await get(app)).body).toStrictEqual([true, true, true, true, true]);
    expect(Object.isFrozen(kept.nested)).toBe(false);
  });

  it('is unharmed by the names of Object.prototype', async () => {
    const response = JSON.parse('{"active":true,"__proto__":{"scopes":["admin"]},"constructor":1}') as object;
    const { app } = guarded({ introspector: saying(response) });
    const answer = await get(app);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ scopes: [] });
    expect(({} as { scopes?: unknown }).scopes).toBeUndefined();
  });

  it('is asked for in vain where there is none', () => {
    expect(() => activeToken({} as express.Request)).toThrow(/requireActiveToken/);
  });
});

describe('requireActiveToken with onError', () => {
  it('hands over the error with status, code and headers, and answers nothing itself', async () => {
    const app = express();
    const errors: HttpError[] = [];
    app.get(
      '/orders',
      requireActiveToken({
        introspector: saying({ active: false }),
        onError: (error, _req, _res, next) => next(error),
      }),
    );
    app.use((error: HttpError, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
      errors.push(error);
      res.status(error.status).set(error.headers).json({ mine: error.code });
    });
    const answer = await get(app);
    expect(answer.status).toBe(401);
    expect(answer.body).toStrictEqual({ mine: 'invalid_token' });
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
    expect(errors[0]).toMatchObject({ name: 'GuardError', status: 401, code: 'invalid_token', expose: true });
  });

  it.each([
    ['one challenge as text', false, 'Bearer realm="api"'],
    ['several as a list', true, ['Bearer realm="api"', DPOP]],
  ])('B-06 hands over %s', async (_what, dpop, expected) => {
    const challenges: unknown[] = [];
    const { app } = guarded({
      introspector: saying(LIVE),
      dpop,
      onError: (error, _req, res) => {
        challenges.push(error.headers['WWW-Authenticate']);
        res.status(error.status).end();
      },
    });
    await request(app).get('/orders').expect(401);
    expect(challenges).toStrictEqual([expected]);
  });

  it('lets pages of other origins read the challenge there too', async () => {
    const { app } = guarded({
      introspector: saying({ active: false }),
      onError: (error, _req, res) => void res.status(error.status).set(error.headers).end(),
    });
    const answer = await get(app).set('Origin', 'https://page.example');
    expect(answer.headers['access-control-expose-headers']).toContain('WWW-Authenticate');
  });

  it('is not told what nobody waits for, since somebody has answered', async () => {
    const app = express();
    const told: unknown[] = [];
    app.use((_req, res, next) => {
      res.status(504).end();
      next();
    });
    app.get(
      '/orders',
      requireActiveToken({ introspector: saying({ active: false }), onError: (error) => told.push(error) }),
    );
    app.get('/answering', requireActiveToken({ introspector: saying({ active: false }) }));
    expect((await get(app)).status).toBe(504);
    expect((await request(app).get('/answering').set('Authorization', 'Bearer abc')).status).toBe(504);
    expect(told).toStrictEqual([]);
  });

  it('keeps the cause of an outage on the error', async () => {
    const cause = new Error('connection refused');
    let seen: unknown;
    const { app } = guarded({
      introspector: { introspect: () => Promise.reject(cause) },
      onError: (error, _req, res) => {
        seen = error.cause;
        res.status(error.status).end();
      },
    });
    expect((await get(app)).status).toBe(503);
    expect(seen).toBe(cause);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('handler bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('handler bug'))],
  ])("gives the app's error handler what onError %s", async (_what, onError) => {
    const { app } = guarded({ introspector: saying(LIVE), onError });
    app.use((error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
      res.status(500).json(error.message);
    });
    const answer = await request(app).get('/orders');
    expect(answer.status).toBe(500);
    expect(answer.body).toBe('handler bug');
  });

  it.each([[undefined], [null], ['route'], ['router'], [0]])(
    'never reaches the handler when a hook rejects with %p, which means "go on" to Express',
    async (thrown) => {
      const reject = (): Promise<never> => Promise.reject(thrown);
      for (const { token, options } of [
        { token: 'abc', options: { introspector: saying(LIVE), claims: reject } },
        { token: 'abc', options: { introspector: saying({ active: false }), onError: reject } },
      ]) {
        const { app, reached } = guarded(options);
        app.all('/orders', (_req, res) => void res.send('the next route'));
        app.use(
          (error: HttpError, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
            res.status(500).json(error.status);
          },
        );
        const answer = await get(app, token);
        expect([answer.status, answer.body, reached()]).toStrictEqual([500, 500, 0]);
      }
    },
  );

  it("gives the app's error handler what claims throws, with onError or without", async () => {
    const claims = (): boolean => {
      throw new Error('claims bug');
    };
    const { app, reached } = guarded({ introspector: saying(LIVE), claims });
    app.use((error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
      res.status(500).json(error.message);
    });
    expect((await get(app)).body).toBe('claims bug');
    expect(reached()).toBe(0);
  });
});

describe('requireActiveToken and other origins', () => {
  it('B-10 exposes the challenge to a page of another origin', async () => {
    const { app } = guarded({ introspector: saying(LIVE), realm: 'orders' });
    const answer = await request(app).get('/orders').set('Origin', 'https://page.example');
    expect(answer.headers['access-control-expose-headers']).toBe('WWW-Authenticate, Retry-After, DPoP-Nonce');
    expect(answer.headers['www-authenticate']).toBe(
      `Bearer realm="orders", ${DPOP.replace('api', 'orders')}`,
    );
    expect((await request(app).get('/orders')).headers).not.toHaveProperty('access-control-expose-headers');
  });
});

describe('requireActiveToken refuses at construction', () => {
  const tokens = new MemoryTokenStore();
  it.each([
    ['no options', undefined, 'options'],
    ['neither introspector nor tokens', {}, '"introspector" or "tokens"'],
    ['both', { tokens, introspector: saying(LIVE) }, '"introspector" or "tokens"'],
    ['an introspector that is none', { introspector: {} }, '"introspector"'],
    ['tokens that are no store', { tokens: {} }, '"tokens"'],
    ['clients that are no store', { tokens, clients: [] }, '"clients"'],
    ['clients without tokens', { introspector: saying(LIVE), clients: tokens }, '"clients"'],
    ['a misspelt option', { tokens, audiance: API }, 'unknown option "audiance"'],
    ['an empty audience', { tokens, audience: '' }, '"audience"'],
    ['an empty list of audiences', { tokens, audience: [] }, '"audience"'],
    ['a list with an empty audience in it', { tokens, audience: [API, ''] }, '"audience"'],
    ['a null audience', { tokens, audience: null }, '"audience"'],
    ['an undefined audience', { tokens, audience: undefined }, '"audience"'],
    ['an empty issuer', { tokens, issuer: '' }, '"issuer"'],
    ['an undefined issuer', { tokens, issuer: undefined }, '"issuer"'],
    ['an empty scope', { tokens, scope: '' }, '"scope"'],
    ['an empty list of scopes', { tokens, scope: [] }, '"scope"'],
    ['a scope with two spaces', { tokens, scope: 'a  b' }, '"scope"'],
    ['a scope value with a space', { tokens, scope: ['a b'] }, '"scope"'],
    ['a scope that is a number', { tokens, scope: 5 }, '"scope"'],
    ['an empty anyScope', { tokens, anyScope: [] }, '"anyScope"'],
    ['claims that are no function', { tokens, claims: {} }, '"claims"'],
    ['an onError that is no function', { tokens, onError: 'next' }, '"onError"'],
    ['an optional that is no boolean', { tokens, optional: 'yes' }, '"optional"'],
    ['a negative clockTolerance', { tokens, clockTolerance: -1 }, '"clockTolerance"'],
    ['a clock that is a number', { tokens, clock: 5 }, '"clock"'],
    ['B-08 a realm that would break the header', { tokens, realm: 'a\r\nb' }, '"realm"'],
  ])('%s', (_what, options, named) => {
    expect(() => requireActiveToken(options as never)).toThrow(TypeError);
    expect(() => requireActiveToken(options as never)).toThrow(named);
    expect(() => requireActiveToken(options as never)).toThrow(/^requireActiveToken: /);
  });
});

describe('requireActiveToken and time', () => {
  it('ends a token of the local store with its second', async () => {
    const { tokens, clock } = await world();
    const { app } = guarded({ tokens, clock: () => clock.now });
    clock.now = NOW + HOUR - 1;
    expect((await get(app, 'at-live')).status).toBe(200);
    clock.now = NOW + HOUR;
    expect((await get(app, 'at-live')).status).toBe(401);
  });
});

describe('requireActiveToken and who stands before an introspector of ours', () => {
  const dead = async (): Promise<IntrospectionResponse> => ({ active: false });

  it.each([
    [
      'a copy with another introspect',
      (inner: Introspector): Introspector => ({ ...inner, introspect: dead }),
    ],
    ['a patched one', (inner: Introspector): Introspector => Object.assign(inner, { introspect: dead })],
    [
      'a proxy',
      (inner: Introspector): Introspector =>
        new Proxy(inner, { get: (of, name) => (name === 'introspect' ? dead : Reflect.get(of, name)) }),
    ],
    [
      'a descendant',
      (inner: Introspector): Introspector => Object.assign(Object.create(inner), { introspect: dead }),
    ],
  ])('asks %s, and not the one behind it', async (_what, wrap) => {
    const { tokens } = await world();
    for (const inner of [
      storeIntrospector(tokens, { clock: () => NOW }),
      cachingIntrospector(storeIntrospector(tokens, { clock: () => NOW }), { clock: () => NOW }),
    ]) {
      const { app, reached } = guarded({ introspector: wrap(inner) });
      expect((await get(app, 'at-live')).status).toBe(401);
      expect(reached()).toBe(0);
    }
  });

  it('waits for promises of whatever class, where an app has put another in the place of the global one', async () => {
    const { tokens } = await world();
    const Native = globalThis.Promise;
    class Replaced<T> extends Native<T> {}
    for (const claims of [async () => false, () => false]) {
      const passed: unknown[] = [];
      const refused = new Native<HttpError>((resolve) => {
        const refusing = requireActiveToken({
          tokens,
          clock: () => NOW,
          claims,
          onError: (error) => resolve(error),
        });
        globalThis.Promise = Replaced as never;
        try {
          const req = {
            url: '/',
            query: {},
            headers: { authorization: 'Bearer at-live' },
            rawHeaders: [],
          } as unknown as Request;
          refusing(req, {} as Response, (error) => passed.push(error));
        } finally {
          globalThis.Promise = Native;
        }
      });
      expect(await refused).toMatchObject({ status: 401, code: 'invalid_token' });
      expect(passed).toStrictEqual([]);
    }
  });

  it('waits for a store that answers something callable with a then', async () => {
    const { tokens } = await world();
    const callable = (token: string): never =>
      Object.assign(() => {}, {
        // biome-ignore lint/suspicious/noThenProperty: that is what this test is about
        then: (resolve: (record: unknown) => void) => resolve(tokens.find(token)),
      }) as never;
    const { app } = guarded({ tokens: { find: callable } });
    expect((await get(app, 'at-live')).status).toBe(200);
  });
});
