import { createRequire } from 'node:module';
import { describe, expect, it, jest } from '@jest/globals';
import express, { type Express, type RequestHandler } from 'express';
import passport from 'passport';
import request from 'supertest';
import { activeToken, type RequireActiveTokenOptions, requireActiveToken } from '../../lib/index.js';
import { FORM as FORM_HEADERS, raw, serving } from '../support/http.js';

interface Guarded {
  readonly app: Express;
  readonly asked: string[];
}

const FORM: RequestHandler = express.urlencoded({ extended: true });

function guarded(options: Partial<RequireActiveTokenOptions> = {}, ...before: RequestHandler[]): Guarded {
  const asked: string[] = [];
  const introspector = {
    async introspect(token: string) {
      asked.push(token);
      return { active: true as const, sub: 'alice' };
    },
  };
  const app = express();
  for (const handler of before) app.use(handler);
  const guard = requireActiveToken({ introspector, tokenFrom: 'body', dpop: false, ...options });
  app.all('/orders', guard, (req, res) => void res.json(req.activeToken ?? null));
  app.use((error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
    res.status(500).end(error.message);
  });
  return { app, asked };
}

const post = ({ app }: Guarded, body: string) => request(app).post('/orders').type('form').send(body);

describe('tokenFrom: body', () => {
  it('B-03 reads a token out of a form, and still out of the header', async () => {
    const guard = guarded({}, FORM);
    const answer = await post(guard, 'a=1&access_token=abc');
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ sub: 'alice' });
    expect((await request(guard.app).get('/orders').set('Authorization', 'Bearer def')).status).toBe(200);
    expect(guard.asked).toStrictEqual(['abc', 'def']);
  });

  it.each(['header', undefined] as const)('B-03 tokenFrom %s does not', async (tokenFrom) => {
    const guard = guarded({ tokenFrom: tokenFrom ?? 'header' }, FORM);
    expect((await post(guard, 'access_token=abc')).status).toBe(401);
    expect(guard.asked).toStrictEqual([]);
  });

  it.each([
    ['twice', 'access_token=abc&access_token=abc'],
    ['as an object', 'access_token[a]=abc'],
    ['empty', 'access_token='],
    ['with characters that no token has', 'access_token=a%20b'],
    ['with characters beyond ASCII', 'access_token=%C3%A9'],
  ])('B-03 a form with the token %s is 400 invalid_request, without a question', async (_what, body) => {
    const guard = guarded({}, FORM);
    const answer = await post(guard, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: 'invalid_request' });
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="api", error="invalid_request", /);
    expect(guard.asked).toStrictEqual([]);
  });

  it('B-02 a token that comes in two ways is 400 invalid_request', async () => {
    const guard = guarded({}, FORM);
    const answers = [
      await post(guard, 'access_token=abc').set('Authorization', 'Bearer abc'),
      await post(guard, 'access_token=abc').query({ access_token: 'abc' }),
      await post(guard, 'a=1').set('Authorization', 'Bearer abc').query({ access_token: 'abc' }),
      await post(guard, 'access_token=abc').query('access%5Ftoken=abc'),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(400);
      expect(answer.body.error_description).toBe('The access token must be sent in one way only');
    }
    expect(guard.asked).toStrictEqual([]);
  });

  it('B-03 B-04 reads no token of a GET, of JSON, of a multipart form or of the query', async () => {
    const guard = guarded({}, FORM, express.json());
    const { app } = guard;
    const answers = [
      await request(app).get('/orders').type('form').send('access_token=abc'),
      await request(app).head('/orders').type('form').send('access_token=abc'),
      await request(app).post('/orders').send({ access_token: 'abc' }),
      await request(app).post('/orders').field('access_token', 'abc'),
      await request(app).post('/orders?access_token=abc').type('form').send('a=1'),
      await request(app).post('/orders'),
    ];
    for (const answer of answers) expect(answer.status).toBe(401);
    expect(guard.asked).toStrictEqual([]);
  });

  it.each(['GET', 'HEAD'])('B-03 reads no token of the body of a %s', async (method) => {
    // Some clients send one, and some proxies let it pass.
    const guard = guarded({}, (req, _res, next) => {
      req.body = { access_token: 'abc' };
      next();
    });
    await serving(guard.app, async (origin) => {
      const headers = [...FORM_HEADERS, ...(method === 'GET' ? ['Content-Length', '16'] : [])];
      const answer = await raw(origin, { method, path: '/orders', headers, body: 'access_token=abc' });
      expect(answer.status).toBe(401);
    });
    expect(guard.asked).toStrictEqual([]);
  });

  it('B-02 B-03 reads a form that comes in chunks as any other', async () => {
    const guard = guarded({}, FORM);
    await serving(guard.app, async (origin) => {
      const post = async (more: Record<string, string> = {}): Promise<number> => {
        const headers = { 'Content-Type': 'application/x-www-form-urlencoded', ...more };
        const body = new Blob(['access_token=abc']).stream();
        return (await fetch(`${origin}/orders`, { method: 'POST', headers, body, duplex: 'half' })).status;
      };
      expect(await post()).toBe(200);
      expect(await post({ Authorization: 'Bearer abc' })).toBe(400);
    });
    expect(guard.asked).toStrictEqual(['abc']);
  });

  it('B-05 takes a request that calls itself a form and has no body for one without a token', async () => {
    expect((await request(guarded({}, FORM).app).delete('/orders').type('form')).status).toBe(401);
  });

  it('reads the header where a parser has left null for the body', async () => {
    const guard = guarded({}, express.json({ strict: false }));
    const call = request(guard.app).post('/orders').type('json').set('Authorization', 'Bearer abc');
    expect((await call.send('null')).status).toBe(200);
  });

  it('says so where nobody has read the form before', async () => {
    const answer = await post(guarded(), 'access_token=abc');
    expect(answer.status).toBe(500);
    expect(answer.text).toContain('express.urlencoded()');
  });

  it('T-05 a form cannot carry a token that is bound to a key', async () => {
    const introspector = { introspect: async () => ({ active: true as const, cnf: { jkt: 'x' } }) };
    const bound = guarded({ introspector, dpop: true }, FORM);
    expect((await post(bound, 'access_token=abc')).status).toBe(401);
    const required = guarded({ dpop: { required: true } }, FORM);
    expect((await post(required, 'access_token=abc')).status).toBe(401);
    const optional = guarded({ dpop: { required: true }, optional: true }, FORM);
    expect((await post(optional, 'access_token=abc')).status).toBe(401);
    expect([...required.asked, ...optional.asked]).toStrictEqual([]);
    const reasons: unknown[] = [];
    const told = guarded({ dpop: { required: true }, audit: ({ reason }) => reasons.push(reason) }, FORM);
    expect((await post(told, 'access_token=abc')).status).toBe(401);
    expect(reasons).toStrictEqual(['wrong_scheme']);
  });
});

describe('the Authorization header', () => {
  it('is what the app has put there, where it has', async () => {
    const guard = guarded({}, (req, _res, next) => {
      if (req.headers['x-swap']) req.headers.authorization = 'Bearer swapped';
      next();
    });
    await request(guard.app).get('/orders').set('Authorization', 'Bearer own').expect(200);
    await request(guard.app).get('/orders').set({ Authorization: 'Bearer own', 'X-Swap': '1' }).expect(200);
    expect(guard.asked).toStrictEqual(['own', 'swapped']);
  });

  it('is read of requests that adapters make: without raw headers, or with lists', async () => {
    const { app, asked } = guarded({}, (req, _res, next) => {
      Object.defineProperty(req, 'rawHeaders', { value: req.headers['x-list'] ? [] : undefined });
      if (req.headers['x-list']) Object.assign(req.headers, { authorization: ['Bearer a', 'Bearer b'] });
      next();
    });
    await request(app).get('/orders').set('Authorization', 'Bearer own').expect(200);
    await request(app).get('/orders').set({ Authorization: 'Bearer own', 'X-List': '1' }).expect(400);
    expect(asked).toStrictEqual(['own']);
  });
});

/** Of an object and of what it inherits. */
function namesIn(object: object): readonly string[] {
  const names: string[] = [];
  for (let at: object | null = object; at; at = Object.getPrototypeOf(at))
    names.push(...Object.getOwnPropertyNames(at));
  return names;
}

describe('property', () => {
  it('is where the token is put, and nowhere else', async () => {
    const introspector = { introspect: async () => ({ active: true as const, sub: 'alice' }) };
    const app = express();
    app.get('/orders', requireActiveToken({ introspector, property: 'caller' }), (req, res) => {
      res.json({ sub: activeToken(req, 'caller').sub, other: req.activeToken ?? null });
    });
    const answer = await request(app).get('/orders').set('Authorization', 'Bearer abc');
    expect(answer.body).toStrictEqual({ sub: 'alice', other: null });
  });

  it.each([
    ...['user', 'account', 'authInfo', 'logIn', 'login', 'logOut', 'logout'],
    ...['isAuthenticated', 'isUnauthenticated', '_passport', '_userProperty', '_sessionManager'],
    ...['session', 'sessionID', 'sessionStore', 'cookies', 'signedCookies', 'secret', 'csrfToken', 'flash'],
    ...[
      'body',
      '_body',
      'rawBody',
      'file',
      'files',
      'rateLimit',
      'id',
      'log',
      '_parsedUrl',
      'params',
      'route',
    ],
  ])('is not %s, which others own', (property) => {
    expect(() => guarded({ property })).toThrow(TypeError);
    expect(() => guarded({ property })).toThrow('"property"');
  });

  it('is none that a request has once Express and Passport have seen it', async () => {
    let names: readonly string[] = [];
    const app = express();
    app.use(express.json(), new passport.Passport().initialize());
    app.use((req, res) => {
      Object.assign(req, { user: {}, authInfo: {} });
      names = namesIn(req);
      res.end();
    });
    await request(app).post('/x').send({}).expect(200);
    expect(names).toEqual(expect.arrayContaining(['body', 'isAuthenticated', '_parsedUrl', 'socket', 'on']));
    const free = names.filter((property) => {
      try {
        guarded({ property });
        return true;
      } catch {
        return false;
      }
    });
    expect(free).toStrictEqual([]);
  });

  it('is none that a request of Express 4 has from its router', async () => {
    const express4 = createRequire(import.meta.url)('express4') as typeof express;
    let names: readonly string[] = [];
    const app = express4().get('/x', (req, res) => {
      names = namesIn(req);
      res.end();
    });
    await request(app).get('/x').expect(200);
    await jest.isolateModulesAsync(async () => {
      jest.unstable_mockModule('express', () => ({ default: express4, request: express4.request }));
      const { requireActiveToken: guard } = await import('../../lib/index.js');
      const introspector = { introspect: async () => ({ active: false as const }) };
      expect(names).toContain('query');
      for (const property of names) expect(() => guard({ introspector, property })).toThrow('"property"');
    });
  });

  it.each(['auth', 'token', 'caller', 'users', 'Session'])('may be %s', (property) => {
    expect(() => guarded({ property })).not.toThrow();
  });

  it.each([
    ['property', ''],
    ['property', 5],
    ['property', 'headers'],
    ['property', 'url'],
    ['property', 'query'],
    ['property', 'originalUrl'],
    ['property', 'statusCode'],
    ['property', '_readableState'],
    ['property', 'body'],
    ['property', 'get'],
    ['property', 'hasOwnProperty'],
    ['property', '__proto__'],
    ['tokenFrom', 'query'],
    ['tokenFrom', null],
    ['certificate', 'PEM'],
    ['resourceMetadata', '/relative'],
    ['resourceMetadata', 'javascript:x'],
    ['resourceMetadata', 'https://a.example/"'],
    ['resourceMetadata', 'https://a.example/ '],
    ['resourceMetadata', ' https://a.example/'],
    ['resourceMetadata', 'x:https://a.example/'],
    ['resourceMetadata', 'https://a.example:99999/'],
    ['resourceMetadata', new URL('https://a.example/')],
    ['resourceMetadata', ['https://a.example/']],
  ])('a TypeError names "%s" when it is %j', (name, value) => {
    expect(() => guarded({ [name]: value })).toThrow(TypeError);
    expect(() => guarded({ [name]: value })).toThrow(`"${name}"`);
  });

  it("may be without TLS, the URL of the metadata of an app on the developer's own machine", async () => {
    const resourceMetadata = 'http://localhost:3000/.well-known/oauth-protected-resource';
    const answer = await request(guarded({ resourceMetadata }).app).get('/orders').expect(401);
    expect(answer.headers['www-authenticate']).toContain(`resource_metadata="${resourceMetadata}"`);
  });
});
