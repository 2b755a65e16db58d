import { inspect } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import express, { type Express } from 'express';
import request, { type Response } from 'supertest';
import {
  type CachingIntrospector,
  cachingIntrospector,
  type HttpError,
  type RequireActiveTokenOptions,
  remoteIntrospector,
  requireActiveToken,
} from '../../lib/index.js';
import { raw, serving } from '../support/http.js';
import {
  json,
  optionsFor,
  type Script,
  SECRET,
  type Upstream,
  upstream,
} from '../support/scripted-server.js';
import { API, ISSUER } from '../support/world.js';

/** The twenty-five behaviours of a serious guard, whole: guard, cache, remote introspector, and a server on a port. Those of the cache alone (8, 10 to 19) and of an outage (7, 9) have suites of their own. */

interface Guarded {
  readonly app: Express;
  readonly server: Upstream;
  readonly introspector: CachingIntrospector;
  readonly reached: () => number;
}

const EXP = Math.floor(Date.now() / 1000) + 3600;
const LIVE = { active: true, sub: 'alice', scope: 'read write', aud: API, iss: ISSUER, exp: EXP };

async function guarded(
  script: Script = json(LIVE),
  options: Partial<RequireActiveTokenOptions> = {},
): Promise<Guarded> {
  const server = await upstream(script);
  const introspector = cachingIntrospector(remoteIntrospector(optionsFor(server)), { breaker: false });
  let reached = 0;
  const app = express();
  app.use(express.urlencoded({ extended: true }));
  app.all('/orders', requireActiveToken({ introspector, dpop: false, ...options }), (req, res) => {
    reached += 1;
    res.json(req.activeToken ?? null);
  });
  return { app, server, introspector, reached: () => reached };
}

const get = ({ app }: Pick<Guarded, 'app'>, token = 'abc') =>
  request(app).get('/orders').set('Authorization', `Bearer ${token}`);
const challengeOf = ({ headers }: Response): string => String(headers['www-authenticate']);

describe('behaviours of a serious guard', () => {
  it('B-05 B-06 behaviour 1: no credentials are 401, with a realm and where to look, and without an error', async () => {
    const resourceMetadata = 'https://api.example.com/.well-known/oauth-protected-resource';
    const guard = await guarded(undefined, { realm: 'orders', resourceMetadata });
    const answer = await request(guard.app).get('/orders');
    expect([answer.status, challengeOf(answer)]).toStrictEqual([
      401,
      `Bearer realm="orders", resource_metadata="${resourceMetadata}"`,
    ]);
    expect(answer.body).not.toHaveProperty('error');
  });

  it('B-01 behaviour 2: a header by the letter only, and the server is asked about nothing else', async () => {
    const guard = await guarded();
    for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
      expect((await request(guard.app).get('/orders').set('Authorization', `${scheme} abc`)).status).toBe(
        200,
      );
    }
    for (const line of ['Bearer ', 'Bearer   ', 'Bearer abc def', 'Bearer a"c', 'Bearer é']) {
      await serving(guard.app, async (origin) => {
        const headers = ['Authorization', Buffer.from(line).toString('latin1')];
        expect([line, (await raw(origin, { method: 'GET', path: '/orders', headers })).status]).toStrictEqual(
          [line, 400],
        );
      });
    }
    const other = await request(guard.app).get('/orders').set('Authorization', 'Basic Bearer abc');
    expect([other.status, challengeOf(other)]).toStrictEqual([401, 'Bearer realm="api"']);
    expect(guard.server.seen).toHaveLength(1);
  });

  it('B-02 B-03 behaviour 3: two places are 400, and other places than the header are not read', async () => {
    const guard = await guarded();
    const post = () => request(guard.app).post('/orders').type('form');
    const twice = [
      await get(guard).query({ access_token: 'abc' }),
      await get(guard).query('access_token=a&access_token=b'),
      await post().set('Authorization', 'Bearer abc').send('access_token=abc'),
      await post().set('Authorization', 'Bearer abc').send('access_token[a]=abc'),
    ];
    for (const answer of twice)
      expect([answer.status, answer.body.error]).toStrictEqual([400, 'invalid_request']);
    expect((await post().send('access_token=abc')).status).toBe(401);
    expect((await request(guard.app).get('/orders?access_token=abc')).status).toBe(401);
    expect(guard.server.seen).toHaveLength(0);
  });

  it.each([['"true"'], ['"false"'], ['1'], ['null'], ['[]'], ['{}']])(
    'I-10 I-30 behaviour 4: active %s never passes, and is 503',
    async (active) => {
      const guard = await guarded(json(`{"active":${active},"sub":"alice"}`));
      expect([(await get(guard)).status, guard.reached()]).toStrictEqual([503, 0]);
    },
  );

  it('behaviour 4: so it is with an answer that has no active, or is no object', async () => {
    for (const body of ['{"sub":"alice"}', '[]', 'true', 'null', '"active"', '']) {
      const guard = await guarded(json(body));
      expect([(await get(guard)).status, guard.reached()]).toStrictEqual([503, 0]);
    }
  });

  it('behaviour 5: an inactive token is 401 invalid_token, in our words', async () => {
    const guard = await guarded(
      json({ active: false, error_description: 'SERVER-TEXT', reason: 'SERVER-TEXT' }),
    );
    const answer = await get(guard);
    expect([answer.status, answer.body.error]).toStrictEqual([401, 'invalid_token']);
    expect(challengeOf(answer)).toContain('error="invalid_token"');
    expect(JSON.stringify([answer.headers, answer.body])).not.toContain('SERVER-TEXT');
  });

  it.each([401, 403])(
    'B-12 behaviour 6: a %i about our own credentials is 503, and its reason on the error',
    async (status) => {
      const errors: HttpError[] = [];
      const guard = await guarded(json({ error: 'invalid_client' }, status), {
        onError: (error, _req, res) => {
          errors.push(error);
          res.status(error.status).set(error.headers).end();
        },
      });
      const answer = await get(guard);
      expect([answer.status, answer.headers['retry-after']]).toStrictEqual([503, '5']);
      expect(answer.headers).not.toHaveProperty('www-authenticate');
      expect(errors[0]?.cause).toMatchObject({
        name: 'IntrospectionUnavailableError',
        reason: 'our_credentials',
      });
    },
  );

  it.each([
    ['a 500', json({}, 500)],
    ['HTML', ((res) => res.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>active</p>')) as Script],
    ['a redirect', ((res) => res.writeHead(302, { Location: '/elsewhere' }).end()) as Script],
    ['too much', json({ active: true, pad: 'x'.repeat(70_000) })],
    ['a cut connection', ((_res, _request, socket) => socket.destroy()) as Script],
  ])('behaviour 7: %s is 503 with Retry-After, and asked again the next time', async (_what, script) => {
    let isBroken = true;
    const right = json(LIVE);
    const guard = await guarded((...about) => (isBroken ? script(...about) : right(...about)));
    const answer = await get(guard);
    expect([answer.status, answer.headers['retry-after']]).toStrictEqual([503, '5']);
    isBroken = false;
    expect((await get(guard)).status).toBe(200);
  });

  it('I-26 behaviour 10: 100 requests at once about one token are one question', async () => {
    const guard = await guarded((res, ...more) => setTimeout(() => json(LIVE)(res, ...more), 50));
    await serving(guard.app, async (origin) => {
      const headers = { authorization: 'Bearer abc' };
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => fetch(`${origin}/orders`, { headers })),
      );
      expect(answers.map(({ status }) => status)).toStrictEqual(Array(100).fill(200));
    });
    expect(guard.server.seen).toHaveLength(1);
  });

  it('T-19 behaviours 11, 14 and 15: routes that share a cache decide for themselves, and servers share no answer', async () => {
    const { server, introspector } = await guarded();
    const other = await guarded(json({ ...LIVE, sub: 'bob', aud: 'https://other.example.com' }));
    const app = express();
    const route = (path: string, options: RequireActiveTokenOptions): void => {
      app.get(path, requireActiveToken(options), (req, res) => void res.json(req.activeToken?.sub));
    };
    route('/lax', { introspector });
    route('/audience', { introspector, audience: 'https://other.example.com' });
    route('/issuer', { introspector, issuer: 'https://other.example.com' });
    route('/scope', { introspector, scope: 'admin' });
    route('/claims', { introspector, claims: ({ sub }) => sub === 'bob' });
    route('/step-up', { introspector, acrValues: 'strong' });
    route('/other', { introspector: other.introspector, audience: 'https://other.example.com' });
    const ask = async (path: string): Promise<unknown[]> => {
      const answer = await request(app).get(path).set('Authorization', 'Bearer abc');
      return [path, answer.status, answer.status === 200 ? answer.body : answer.body.error];
    };
    for (let i = 0; i < 3; i++) {
      expect(await ask('/lax')).toStrictEqual(['/lax', 200, 'alice']);
      for (const path of ['/audience', '/issuer', '/claims']) {
        expect(await ask(path)).toStrictEqual([path, 401, 'invalid_token']);
      }
      expect(await ask('/scope')).toStrictEqual(['/scope', 403, 'insufficient_scope']);
      expect(await ask('/step-up')).toStrictEqual(['/step-up', 401, 'insufficient_user_authentication']);
      expect(await ask('/other')).toStrictEqual(['/other', 200, 'bob']);
    }
    expect([server.seen.length, other.server.seen.length]).toStrictEqual([1, 1]);
  });

  it.each([
    ['a string', { scope: 'read admin' }],
    ['a string with more spaces', { scope: ' read  admin ' }],
    ['an array', { scope: ['read', 'admin'] }],
    ['scp', { scp: ['admin'] }],
    ['scp as a string', { scp: 'admin' }],
  ])('B-09 behaviour 20: the scope as %s', async (_what, more) => {
    const guard = await guarded(json({ active: true, ...more }), { scope: 'admin' });
    expect((await get(guard)).status).toBe(200);
  });

  it.each([
    ['missing', {}],
    ['alike at its beginning', { scope: 'administrator admin:read' }],
    ['of other case', { scope: 'Admin' }],
  ])('B-07 B-09 behaviour 20: a scope that is %s is 403, with what is needed', async (_what, more) => {
    const guard = await guarded(json({ active: true, ...more }), { anyScope: 'admin root' });
    const answer = await get(guard);
    expect([answer.status, challengeOf(answer)]).toStrictEqual([
      403,
      'Bearer realm="api", error="insufficient_scope", error_description="The access token lacks a required scope", scope="admin root"',
    ]);
    const dead = await guarded(json({ active: true, exp: 1, ...more }), { scope: 'admin' });
    expect((await get(dead)).status).toBe(401);
  });

  it.each([
    ['no aud', { aud: undefined }],
    ['another aud', { aud: ['https://other.example.com'] }],
    ['an aud that begins alike', { aud: `${API}/v2` }],
    ['no iss', { iss: undefined }],
    ['another iss', { iss: `${ISSUER}/` }],
    ['the type of a refresh token', { token_type: 'refresh_token' }],
    ['the use of a refresh token', { token_use: 'refresh_token' }],
    ['the use of an ID token', { token_use: 'id' }],
  ])('T-19 behaviour 21: %s is 401', async (_what, more) => {
    const guard = await guarded(json({ ...LIVE, ...more }), { audience: API, issuer: ISSUER });
    expect([(await get(guard)).status, guard.reached()]).toStrictEqual([401, 0]);
    const right = await guarded(json({ ...LIVE, aud: ['https://x.example', API] }), {
      audience: API,
      issuer: ISSUER,
    });
    expect((await get(right)).status).toBe(200);
  });

  it.each([
    ['a DPoP key', { jkt: 'x'.repeat(43) }],
    ['a certificate', { 'x5t#S256': 'x'.repeat(43) }],
    ['something unknown', { kid: 'x' }],
  ])(
    'T-02 T-05 behaviour 22: a token bound to %s is 401 without its proof, remembered or not',
    async (_what, cnf) => {
      const guard = await guarded(json({ ...LIVE, cnf }), { dpop: true });
      for (let i = 0; i < 3; i++) {
        expect((await get(guard).set('X-Forwarded-Client-Cert', 'x'.repeat(43))).status).toBe(401);
      }
      expect([guard.server.seen.length, guard.reached()]).toStrictEqual([1, 0]);
    },
  );

  it('B-08 A-02 behaviour 23: what is odd stays one value, in headers, in the form and in credentials', async () => {
    const guard = await guarded(json({ active: false }), { realm: 'a "b" \\ c', scope: 'read' });
    const answer = await get(guard, 'a+b/c==');
    expect(challengeOf(answer)).toContain('Bearer realm="a \\"b\\" \\\\ c", error=');
    const [asked] = guard.server.seen;
    expect([...(asked?.form ?? [])]).toStrictEqual([
      ['token', 'a+b/c=='],
      ['token_type_hint', 'access_token'],
    ]);
    const basic = Buffer.from(String(asked?.headers.authorization).slice(6), 'base64').toString();
    expect(new URLSearchParams(`s=${basic.split(':')[1]}`).get('s')).toBe(SECRET);
    const forms = await guarded(json({ active: false }), { tokenFrom: 'body' });
    await request(forms.app).post('/orders').type('form').send('access_token=a%26client_id%3Db').expect(400);
    expect(() =>
      requireActiveToken({ introspector: guard.introspector, realm: 'a\r\nSet-Cookie: b' }),
    ).toThrow(/"realm"/);
  });

  it('T-25 behaviour 24: neither token nor secret is in answers, errors, counts or what is printed', async () => {
    const printed: unknown[] = [];
    const spies = (['log', 'error', 'warn', 'info', 'debug'] as const).map((method) =>
      jest.spyOn(console, method).mockImplementation((...words) => void printed.push(words)),
    );
    const errors: unknown[] = [];
    const answers: unknown[] = [];
    try {
      for (const script of [
        json({ active: false }),
        json({}, 500),
        json('TOKEN-abc'),
        json({ ...LIVE, exp: 'TOKEN-abc' }),
      ]) {
        const guard = await guarded(script, {
          onError: (error, _req, res) => {
            errors.push(error, error.cause);
            res.status(error.status).set(error.headers).json({ message: error.message });
          },
        });
        const { headers, body } = await get(guard, 'TOKEN-abc');
        answers.push(headers, body, guard.introspector.stats());
      }
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    const all = inspect([printed, errors, answers], { depth: 10, showHidden: true });
    expect(errors).toHaveLength(8);
    expect(all).not.toContain('TOKEN-abc');
    expect(all).not.toContain(SECRET);
  });

  it('behaviour 24: no request can change what the next one gets', async () => {
    const guard = await guarded(json({ ...LIVE, tenant: { roles: ['reader'] } }));
    const tampering = express();
    tampering.get('/', requireActiveToken({ introspector: guard.introspector }), (req, res) => {
      const { tenant } = req.activeToken as unknown as { tenant: { roles: string[] } };
      try {
        tenant.roles.push('admin');
      } catch {
        // Frozen.
      }
      res.json(tenant);
    });
    for (let i = 0; i < 2; i++) {
      const answer = await request(tampering).get('/').set('Authorization', 'Bearer abc');
      expect(answer.body).toStrictEqual({ roles: ['reader'] });
    }
  });

  it('behaviour 25: optional lets no credentials pass, but neither wrong ones nor an outage', async () => {
    const guard = await guarded(json({ active: false }), { optional: true });
    expect((await request(guard.app).get('/orders')).body).toBeNull();
    expect((await get(guard)).status).toBe(401);
    const down = await guarded(json({}, 500), { optional: true });
    expect((await get(down)).status).toBe(503);
    expect([guard.reached(), down.reached()]).toStrictEqual([1, 0]);
  });

  it('behaviour 25: a guard that cannot work is never made', () => {
    for (const options of [{}, { introspector: {} }, { introspector: undefined }, { tokens: {} }]) {
      expect(() => requireActiveToken(options as never)).toThrow(TypeError);
    }
  });
});
