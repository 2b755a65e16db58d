import { EventEmitter } from 'node:events';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import express, { type RequestHandler } from 'express';
import mocks from 'node-mocks-http';
import serverless from 'serverless-http';
import { type MemoryTokenStore, tokenRevocation } from '../../lib/index.js';
import { raw, serving } from '../support/http.js';
import { type Managed, managed } from '../support/managers.js';
import { A, B, C, ISSUER, NOW, world } from '../support/world.js';

const FORM = 'application/x-www-form-urlencoded';
const REVOKE = '/v1/oauth/revoke';
/** Paths with a form, and who asks there about which live token. */
const FORMS = [
  [A, 'app', 'at-live'],
  [B, 'app', 'rt-live'],
  [REVOKE, 'app', 'at-live'],
] as const;

describe('the charset of a form', () => {
  it.each([
    'utf8',
    'UTF8',
    'us-ascii',
    'US-ASCII',
    'ascii',
    'windows-1252',
    'Windows-1252',
    'iso-8859-1',
    'ISO-8859-1',
    'iso-8859-15',
    'koi8-r',
    'x-unknown',
    '"utf-8"',
    '"us-ascii"',
    "'utf-8'",
    '',
    '""',
  ])('is taken where the body is ASCII: %s', async (charset) => {
    for (const [path, caller, token] of FORMS) {
      const { app, as, events } = await world();
      const answer = await serving(app, (origin) =>
        raw(origin, {
          path,
          headers: ['Authorization', as(caller), 'Content-Type', `${FORM}; charset=${charset}`],
          body: `token=${token}&x=%C3%A4`,
        }),
      );
      expect([path, answer.status, events[0]?.outcome]).toStrictEqual([
        path,
        200,
        path === REVOKE ? 'done' : 'active',
      ]);
    }
  });

  it.each([
    `${FORM};`,
    `${FORM}; charset`,
    `${FORM} ;charset=utf8`,
    `${FORM.toUpperCase()}; Charset=UTF8`,
    `${FORM}; charsets=utf-7`,
  ])('or what is said in place of one is taken: %s', async (type) => {
    const { app, as } = await world();
    const headers = ['Authorization', as('app'), 'Content-Type', type];
    const answer = await serving(app, (origin) => raw(origin, { path: A, headers, body: 'token=at-live' }));
    expect(JSON.parse(answer.body)).toMatchObject({ active: true });
  });

  it.each([
    ['us-ascii', 'token=at-live&x=\u00e4'],
    ['windows-1252', 'token=at-live&x=\u00e4'],
    ['x-unknown', 'token=at-live&x=\u00e4'],
    ['windows-1252', 'token=at-live&x=%E4'],
    ['utf-16', 't\0o\0k\0e\0n\0=\0a\0'],
    ['iso-2022-jp', 'token=\u001b$B'],
    ['utf-7', 'token=at-live'],
    ['UTF7', 'token=at-live'],
    ['hz-gb-2312', 'token=at-live'],
    ['" hz-gb-2312"', 'token=at-live'],
  ])('is 415 where it cannot be read: %s, %j', async (charset, body) => {
    const { app, as } = await world();
    const headers = ['Authorization', as('app'), 'Content-Type', `${FORM}; charset=${charset}`];
    const answer = await serving(app, (origin) => raw(origin, { path: A, headers, body }));
    expect([answer.status, JSON.parse(answer.body)]).toStrictEqual([
      415,
      {
        error: 'invalid_request',
        error_description: 'The charset or encoding of the body is not supported',
      },
    ]);
  });

  it('may be ASCII with a percent sign that escapes nothing', async () => {
    const { app, as } = await world();
    const headers = ['Authorization', as('app'), 'Content-Type', `${FORM}; charset=us-ascii`];
    const answer = await serving(app, (origin) =>
      raw(origin, { path: A, headers, body: 'token=at-live&x=%4&y=%zz%' }),
    );
    expect(JSON.parse(answer.body)).toMatchObject({ active: true });
  });

  it('is UTF-8 by its other name, too', async () => {
    const { app, as, events } = await world({
      policy: (_caller, { subject }) => {
        expect(subject).toBe('alice');
        return true;
      },
    });
    const headers = ['Authorization', as('app'), 'Content-Type', `${FORM}; charset=utf8`];
    const answer = await serving(app, (origin) =>
      raw(origin, { path: A, headers, body: 'x=\u00e4%C3%A4%&token=at-live' }),
    );
    expect([answer.status, events[0]?.outcome]).toStrictEqual([200, 'active']);
  });

  it.each([
    ['a repeated parameter', 'token=a&token=b', 400],
    ['too many parameters', `token=a${'&a=1'.repeat(200)}`, 413],
    ['too large', `token=${'a'.repeat(70_000)}`, 413],
  ])('changes nothing of the other checks: %s', async (_what, body, status) => {
    const { app, as } = await world();
    const headers = ['Authorization', as('app'), 'Content-Type', `${FORM}; charset=us-ascii`];
    expect((await serving(app, (origin) => raw(origin, { path: A, headers, body }))).status).toBe(status);
  });
});

describe('the encoding of a form', () => {
  it.each(['', '; charset=us-ascii'])('is 415 where it is unknown%s', async (charset) => {
    const { app, as } = await world();
    const headers = ['Authorization', as('app'), 'Content-Type', FORM + charset, 'Content-Encoding', 'x'];
    const answer = await serving(app, (origin) => raw(origin, { path: A, headers, body: 'token=at-live' }));
    expect(answer.status).toBe(415);
  });

  it('is gzip in whatever charset', async () => {
    const { app, as } = await world();
    await serving(app, async (origin) => {
      for (const charset of ['', '; charset=us-ascii']) {
        const answer = await fetch(origin + A, {
          method: 'POST',
          headers: {
            Authorization: as('app'),
            'Content-Type': FORM + charset,
            'Content-Encoding': 'gzip',
          },
          body: gzipSync('token=at-live'),
        });
        expect(await answer.json()).toMatchObject({ active: true });
      }
    });
  });
});

describe('the charset of JSON', () => {
  const update = async (charset: string, body: string) => {
    const made = await managed();
    const type = `application/json; charset=${charset}`;
    return made.call('post', `${C}/at-grant`).set('Content-Type', type).send(body);
  };

  it.each(['utf8', 'us-ascii', 'iso-8859-1', 'windows-1252', '"UTF-8"', 'UTF-8'])(
    'is taken where the body is ASCII: %s',
    async (charset) => {
      const answer = await update(charset, '{"scope":"read"}');
      expect([answer.status, answer.body.scope]).toStrictEqual([200, 'read']);
    },
  );

  it.each(['us-ascii', 'windows-1252'])('is 415 where it is not: %s', async (charset) => {
    expect((await update(charset, '{"attributes":[{"name":"a","value":"\u00e4"}]}')).status).toBe(415);
  });
});

describe('a body of nothing', () => {
  const send = (made: Managed, path: string, headers: readonly string[], ...chunks: readonly string[]) =>
    serving(made.app, async (origin) => {
      const { hostname, port } = new URL(origin);
      const { request } = await import('node:http');
      return new Promise<number>((resolve, reject) => {
        const all = ['Host', hostname, 'Authorization', made.header('manager'), ...headers];
        const sent = request({ hostname, port, method: 'POST', path, headers: all as never }, (answer) =>
          answer.resume().on('end', () => resolve(answer.statusCode ?? 0)),
        );
        sent.on('error', reject);
        for (const chunk of chunks) sent.write(chunk);
        sent.end();
      });
    });
  const CHUNKED = ['Transfer-Encoding', 'chunked'];
  const JSON_TYPE = ['Content-Type', 'application/json'];
  const action = `${C}/at-grant?action=revoke`;

  it.each<[string, readonly string[], readonly string[]]>([
    ['chunked, with nothing in it', CHUNKED, []],
    ['chunked JSON, with nothing in it', [...CHUNKED, ...JSON_TYPE], []],
    ['a chunked form, with nothing in it', [...CHUNKED, 'Content-Type', FORM], []],
    ['{}', ['Content-Length', '2', ...JSON_TYPE], ['{}']],
    ['{} with blanks', ['Content-Length', '7', ...JSON_TYPE], [' { \r\n} ']],
    ['{} without a type', ['Content-Length', '2'], ['{}']],
    ['{} in chunks', [...CHUNKED, ...JSON_TYPE], ['{', '}']],
    ['{} as curl sends it', ['Content-Length', '2', 'Content-Type', FORM], ['{}']],
    ['an empty form', ['Content-Length', '0', 'Content-Type', FORM], []],
  ])('is no body beside an action: %s', async (_what, headers, chunks) => {
    for (const before of [[], [express.json(), express.urlencoded()], [express.text({ type: () => true })]]) {
      const made = await managed({ before });
      expect(await send(made, action, headers, ...chunks)).toBe(200);
      expect(made.statusOf('at-grant')).toBe('revoked');
    }
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ['[]', ['Content-Length', '2'], ['[]']],
    ['a member', ['Content-Length', '7', ...JSON_TYPE], ['{"a":1}']],
    ['a parameter', ['Content-Length', '3', 'Content-Type', FORM], ['a=1']],
    ['a member in chunks', [...CHUNKED, ...JSON_TYPE], ['{"a"', ':1}']],
    ['too much', ['Content-Length', '70007', ...JSON_TYPE], [' '.repeat(70_000), '{"a":1}']],
    ['too much in chunks', [...CHUNKED, ...JSON_TYPE], [' '.repeat(70_000), '{"a":1}']],
  ])('is not what says something: %s', async (_what, headers, chunks) => {
    for (const before of [[], [express.json(), express.urlencoded()]]) {
      const made = await managed({ before });
      expect(await send(made, action, headers, ...chunks)).toBeGreaterThanOrEqual(400);
      expect(made.statusOf('at-grant')).toBe('approved');
    }
  });

  it.each([
    ['no type', CHUNKED],
    ['another type', [...CHUNKED, ...JSON_TYPE]],
  ])('is a form without parameters, chunked and with %s', async (_what, headers) => {
    const made = await managed();
    expect(await send(made, A, ['Authorization', made.as('app'), ...headers].slice(2))).toBe(400);
  });

  it('is not looked for in a body of another type', async () => {
    const made = await managed();
    expect(await send(made, A, [...CHUNKED, ...JSON_TYPE], '{', '}')).toBe(415);
    expect(await send(made, A, [...CHUNKED, ...JSON_TYPE], 'x'.repeat(70_000))).toBe(415);
    expect(await send(made, `${C}/at-grant`, CHUNKED)).toBe(400);
  });
});

/** What became of a request that no server has received. */
interface Outcome {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

const HANGS = 2000;

/** Runs an app on a request of a mock's, and fails where it hangs. */
function handled(app: RequestHandler, req: object): Promise<Outcome> {
  const res = mocks.createResponse({ eventEmitter: EventEmitter });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('it hangs')), HANGS);
    res.on('end', () => {
      clearTimeout(timer);
      resolve({ status: res.statusCode, body: JSON.parse(res._getData() as string) as never });
    });
    void app(req as never, res as never, reject);
  });
}

const ended = (): Readable => {
  const stream = Readable.from([]);
  stream.resume();
  return stream;
};
const destroyed = (): Readable => new Readable({ read() {} }).destroy();

describe('a body that somebody has read before', () => {
  const headers = { 'content-type': FORM, 'content-length': '13' };
  /** A mock, or a stream with what an adapter adds to it. */
  const request = (
    authorization: string,
    more: { readonly url: string; readonly body?: unknown },
    stream?: Readable,
  ): object => {
    const given = { method: 'POST', headers: { ...headers, authorization } };
    if (!stream) return Object.assign(mocks.createRequest({ ...given, url: more.url } as never), more);
    return Object.assign(stream, { ...given, ...more, socket: { remoteAddress: '203.0.113.9' } });
  };

  it.each([
    ['no stream', () => undefined],
    ['a stream that has ended', ended],
    ['a stream that was destroyed', destroyed],
  ])('is used where it is in req.body, and is 400 where it is not: %s', async (_what, stream) => {
    for (const [url, caller, token] of FORMS) {
      const { app, as } = await world();
      const ask = async (body: unknown): Promise<Outcome> => {
        const made = stream();
        await new Promise((resolve) => setImmediate(resolve));
        return handled(app, request(as(caller), { url, body }, made));
      };
      for (const body of [{ token }, `token=${token}`, Buffer.from(`token=${token}`)]) {
        const answer = await ask(body);
        expect([url, answer.status, answer.body.active]).toStrictEqual([
          url,
          200,
          url === REVOKE ? undefined : true,
        ]);
      }
      for (const body of [undefined, null, {}, '', Buffer.alloc(0)]) {
        const answer = await ask(body);
        expect([url, body, answer.status]).toStrictEqual([url, body, 400]);
      }
    }
  });

  it('is used by token management', async () => {
    const made = await managed();
    const json = { 'content-type': 'application/json', 'content-length': '16' };
    const send = (more: object): Promise<Outcome> =>
      handled(
        made.app,
        Object.assign(
          mocks.createRequest({
            method: 'POST',
            url: `${C}/at-grant`,
            headers: { ...json, authorization: made.header('manager') },
          }),
          more,
        ),
      );
    expect(await send({ body: { scope: 'read' } })).toMatchObject({ status: 200, body: { scope: 'read' } });
    for (const body of [undefined, null, '', {}, [], 5]) {
      expect((await send({ body })).status).toBe(400);
    }
    const action = { url: `${C}/at-grant?action=revoke` };
    for (const body of [undefined, null, { scope: 'read' }, 'x'])
      expect([body, (await send({ ...action, body })).status]).toStrictEqual([body, 400]);
    for (const body of [{}, '{}', Buffer.from('{}')]) {
      await made.tokens.approve('at-grant');
      expect([body, (await send({ ...action, body })).status]).toStrictEqual([body, 200]);
    }
  });

  it('needs no headers, if it is a mock', async () => {
    const { app, as } = await world();
    const ask = (more: object) =>
      handled(
        app,
        mocks.createRequest({ method: 'POST', url: A, body: { token: 'at-live' }, ...more } as never),
      );
    const headers = { authorization: as('app') };
    for (const body of [{ token: 'at-live' }, 'token=at-live', Buffer.from('token=at-live')])
      expect((await ask({ headers, body })).body).toMatchObject({ active: true });
    const json = { authorization: as('app'), 'content-type': 'application/json' };
    expect((await ask({ headers: json })).status).toBe(415);
    const made = await managed();
    const revoke = (body: unknown) => {
      const headers = { authorization: made.header('manager') };
      const req = mocks.createRequest({ method: 'POST', url: `${C}/at-grant?action=revoke`, headers });
      return handled(made.app, Object.assign(req, { body }));
    };
    for (const body of [{ scope: 'read' }, 'x', Buffer.from('x'), [1]])
      expect([body, (await revoke(body)).status]).toStrictEqual([body, 400]);
    expect(made.statusOf('at-grant')).toBe('approved');
    for (const body of [undefined, null, {}, '', Buffer.alloc(0)]) {
      await made.tokens.approve('at-grant');
      expect([body, (await revoke(body)).status]).toStrictEqual([body, 200]);
    }
  });

  it('is 400 where req.body is null, whatever the charset', async () => {
    const { app, as } = await world();
    const given = { ...headers, 'content-type': `${FORM}; charset=us-ascii`, authorization: as('app') };
    const req = mocks.createRequest({ method: 'POST', url: A, headers: given });
    expect((await handled(app, Object.assign(req, { body: null }))).status).toBe(400);
  });

  it.each([[{}], [''], [Buffer.alloc(0)]])(
    'is read where the app has put %j in req.body and left the body alone',
    async (body) => {
      const leave: RequestHandler = (req, _res, next) => {
        req.body = body;
        next();
      };
      const { app, as } = await world({ before: [leave] });
      const headers = ['Authorization', as('app'), 'Content-Type', FORM];
      const answer = await serving(app, (origin) => raw(origin, { path: A, headers, body: 'token=at-live' }));
      expect(JSON.parse(answer.body)).toMatchObject({ active: true });
    },
  );

  it('needs no connection, if it is a mock', async () => {
    const { app, as } = await world();
    for (const [url, caller, token] of FORMS) {
      const req = mocks.createRequest({
        method: 'POST',
        url,
        body: { token },
        headers: { authorization: as(caller) },
      } as never);
      Object.assign(req, { socket: undefined, connection: undefined });
      expect([url, (await handled(app, req)).status]).toStrictEqual([url, 200]);
    }
  });

  it('does not hang on a stream that is destroyed while it is read, or fails', async () => {
    const { tokens, clients, as } = await world();
    // Without an app, which would make a request of Node's of the stream.
    const app = tokenRevocation({ tokens: tokens as MemoryTokenStore, clients, clock: () => NOW });
    for (const end of [
      (stream: Readable) => stream.destroy(),
      (stream: Readable) => stream.destroy(new Error('gone')),
    ]) {
      const stream = new Readable({ read() {} });
      stream.on('error', () => {});
      stream.push('token=');
      setTimeout(() => end(stream), 50);
      const answer = await handled(app, request(as('app'), { url: REVOKE }, stream));
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    }
  });

  it('is that of a real request whose stream an app has used up', async () => {
    for (const useUp of [
      (async (req, _res, next) => {
        for await (const _chunk of req);
        next();
      }) satisfies RequestHandler,
      ((req, _res, next) => {
        req.resume().on('close', () => next());
      }) satisfies RequestHandler,
    ]) {
      const { app, as } = await world({ before: [useUp] });
      const authorized = ['Authorization', as('app'), 'Content-Type', FORM];
      const answer = await serving(app, (origin) =>
        raw(origin, { path: A, headers: authorized, body: 'token=at-live' }),
      );
      expect([answer.status, JSON.parse(answer.body)]).toStrictEqual([
        400,
        { error: 'invalid_request', error_description: 'The body could not be read' },
      ]);
    }
  });

  it('leaves nothing of its own in req.body', async () => {
    const bodies: unknown[] = [];
    const { app, as } = await world({ audit: (_event, req) => bodies.push(req.body) });
    for (const [type, body] of [
      [FORM, 'token=at%2Dlive'],
      [`${FORM}; charset=us-ascii`, 'token=at-live'],
    ] as const) {
      const headers = ['Authorization', as('app'), 'Content-Type', type];
      await serving(app, (origin) => raw(origin, { path: A, headers, body }));
    }
    expect(bodies).toStrictEqual([undefined, undefined]);
  });
});

describe('the limits of a body that the app has read as text', () => {
  const before = [express.text({ type: () => true, limit: '1mb' })];
  const KIB_64 = 64 * 1024;

  it.each([
    ['a repeated parameter that is none of ours', 'token=at-live&x=1&x=2', 400],
    ['64 KiB', `token=at-live&x=${'a'.repeat(KIB_64 - 16)}`, 200],
    ['a byte more', `token=at-live&x=${'a'.repeat(KIB_64 - 15)}`, 413],
    ['100 parameters', `token=at-live${Array.from({ length: 99 }, (_, i) => `&x${i}=1`).join('')}`, 200],
    ['101 parameters', `token=at-live${Array.from({ length: 100 }, (_, i) => `&x${i}=1`).join('')}`, 413],
  ])('are ours, for a form of %s', async (_what, body, status) => {
    const { app, as } = await world({ before });
    const headers = ['Authorization', as('app'), 'Content-Type', FORM];
    expect((await serving(app, (origin) => raw(origin, { path: A, headers, body }))).status).toBe(status);
  });

  it.each([
    ['64 KiB', KIB_64, 200],
    ['a byte more', KIB_64 + 1, 413],
  ])('are ours, for JSON of %s', async (_what, bytes, status) => {
    const made = await managed({ before });
    const body = '{"scope":"read"}'.padEnd(bytes);
    expect((await made.call('post', `${C}/at-grant`).type('json').send(body)).status).toBe(status);
  });
});

describe('a request that an adapter has made from an event', () => {
  const event = (authorization: string, path: string, body: string | null, more: object = {}): object => ({
    httpMethod: 'POST',
    path,
    headers: { authorization, 'content-type': FORM },
    multiValueHeaders: {},
    queryStringParameters: {},
    body,
    isBase64Encoded: false,
    requestContext: { identity: { sourceIp: '203.0.113.9' } },
    ...more,
  });
  const call = async (app: express.Express, given: object): Promise<Outcome> => {
    const answered = (await Promise.race([
      serverless(app as never)(given, {}),
      new Promise((_, reject) => setTimeout(() => reject(new Error('it hangs')), HANGS).unref()),
    ])) as { statusCode: number; body: string };
    return { status: answered.statusCode, body: JSON.parse(answered.body) as never };
  };

  it.each([
    ['with no parser', []],
    ['with a parser of the app', [express.urlencoded({ extended: true })]],
  ])('serverless-http, %s', async (_what, before) => {
    for (const [path, caller, token] of FORMS) {
      const { app, as, events } = await world({ before });
      const answer = await call(app, event(as(caller), path, `token=${token}`));
      expect([path, answer.status]).toStrictEqual([path, 200]);
      expect(events[0]).toMatchObject({ address: '203.0.113.9' });
      const coded = Buffer.from(`token=${token}`).toString('base64');
      expect((await call(app, event(as(caller), path, coded, { isBase64Encoded: true }))).status).toBe(200);
      for (const body of [null, '', 'x=1']) {
        const without = await call(app, event(as(caller), path, body));
        expect([path, body, without.status]).toStrictEqual([path, body, 400]);
      }
    }
    const made = await managed({ before });
    const action = { queryStringParameters: { action: 'revoke' } };
    for (const body of [null, '{}'])
      expect(
        (await call(made.app, event(made.header('manager'), `${C}/at-grant`, body, action))).status,
      ).toBe(200);
  });
});

describe('revocation mounted alone', () => {
  it('reads what a mock gives', async () => {
    const { tokens, clients, as } = await world();
    const app = express().use(
      tokenRevocation({ tokens: tokens as MemoryTokenStore, clients, issuer: ISSUER, clock: () => NOW }),
    );
    const answer = await handled(
      app,
      mocks.createRequest({
        method: 'POST',
        url: REVOKE,
        headers: { authorization: as('app') },
        body: { token: 'at-live' },
      }),
    );
    expect(answer.status).toBe(200);
    expect(tokens.find('at-live')).toMatchObject({ status: 'revoked' });
  });
});
