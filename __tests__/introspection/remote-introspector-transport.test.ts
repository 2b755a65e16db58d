import { execFile } from 'node:child_process';
import { createServer as createNetServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { remoteIntrospector, requireActiveToken } from '../../lib/index.js';
import {
  json,
  optionsFor,
  rejectedAfter,
  rejection,
  type Script,
  TOKEN,
  upstream,
  watch,
} from '../support/scripted-server.js';

/** A server below HTTP. */
async function net(onConnection: (socket: Socket) => unknown, scheme?: string) {
  const server = createNetServer(onConnection);
  const watched = await watch(server, scheme);
  return { ...watched, endpoint: `${watched.origin}/introspect` };
}

const hang: Script = () => {};
const reset: Script = (_res, _request, socket) => socket.resetAndDestroy();
const viaFetch = { fetch: (url: string, init: object) => fetch(url, init) };
/** Both ways to the network, which keep the same promises. */
const WAYS = [
  ['its own connections', {}],
  ['fetch', viaFetch],
] as const;

describe.each(WAYS)('remoteIntrospector over %s', (_way, way) => {
  it('answers', async () => {
    const server = await upstream(json({ active: true, sub: 'alice' }));
    const introspector = remoteIntrospector(optionsFor(server, way));
    expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true, sub: 'alice' });
    expect(server.seen[0]?.form.get('token')).toBe(TOKEN);
  });

  it.each<[string, Script]>([
    ['sends nothing', hang],
    [
      'sends the head only',
      (res) => res.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders(),
    ],
    [
      'sends byte after byte',
      (res) => {
        res.writeHead(200, { 'Content-Type': 'application/json' });
        const drip = setInterval(() => res.write(' '), 10);
        res.on('close', () => clearInterval(drip));
      },
    ],
  ])('I-30 gives up at its deadline on a server that %s, and closes the socket', async (_what, script) => {
    const server = await upstream(script);
    const introspector = remoteIntrospector(optionsFor(server, { ...way, timeout: 200 }));
    const closed = server.closed();
    const { error, took, late } = await rejectedAfter(200, () => introspector.introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'timeout', code: 'ERR_INTROSPECTION_UNAVAILABLE' });
    expect(took).toBeGreaterThan(190);
    expect(late).toBeLessThan(50);
    await closed;
    expect(server.connections).toStrictEqual({ opened: 1, open: 0 });
    expect(server.seen).toHaveLength(1);
  });

  it('asks once more where the connection was reset before an answer', async () => {
    const server = await upstream((res, asked, socket) => {
      const script = server.seen.length === 1 ? reset : json({ active: true });
      script(res, asked, socket);
    });
    const introspector = remoteIntrospector(optionsFor(server, way));
    expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true });
    expect(server.seen).toHaveLength(2);
  });

  it('asks once more, and only once', async () => {
    const server = await upstream(reset);
    const introspector = remoteIntrospector(optionsFor(server, way));
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'connection' });
    expect(server.seen).toHaveLength(2);
  });

  it('does not ask again where the answer had begun', async () => {
    const server = await upstream((res, _asked, socket) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.write('{"active":', () => setImmediate(() => socket.resetAndDestroy()));
    });
    const introspector = remoteIntrospector(optionsFor(server, way));
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'connection' });
    expect(server.seen).toHaveLength(1);
  });

  it('rejects when the connection is refused', async () => {
    const server = await upstream(hang);
    await server.stop();
    const error = await rejection(remoteIntrospector(optionsFor(server, way)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'connection', cause: { code: 'ECONNREFUSED' } });
  });

  it('rejects when the name is not known', async () => {
    const endpoint = 'https://no-such-host.invalid/introspect';
    const error = await rejection(remoteIntrospector(optionsFor({ endpoint }, way)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'connection' });
  });

  it('I-27 rejects a certificate that nobody vouches for', async () => {
    const server = await upstream(json({ active: true }), { tls: true });
    const error = await rejection(remoteIntrospector(optionsFor(server, way)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'tls' });
    expect(server.seen).toHaveLength(0);
  });

  it('rejects what is not HTTP', async () => {
    const server = await net((socket) => {
      socket.once('data', () => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    });
    const error = await rejection(remoteIntrospector(optionsFor(server, way)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'malformed_answer' });
  });

  it('knows what is not HTTP by the name of an error that has no code', async () => {
    const fetch = async (): Promise<never> => {
      const cause = Object.assign(new Error('no HTTP'), { name: 'HTTPParserError' });
      throw new TypeError('fetch failed', { cause });
    };
    const server = await upstream(json({ active: true }));
    const introspector = remoteIntrospector({ ...optionsFor(server), fetch });
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'malformed_answer' });
  });

  it('rejects who speaks before being asked', async () => {
    const server = await net((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    const error = await rejection(remoteIntrospector(optionsFor(server, way)).introspect(TOKEN));
    // It depends on the moment whether that counts as an answer, or as a connection that was cut before one.
    expect(error).toMatchObject({ reason: expect.stringMatching(/^(?:malformed_answer|connection)$/) });
  });

  it('stops reading a large answer', async () => {
    const server = await upstream((res) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      const pour = () => {
        while (!res.destroyed && res.write('x'.repeat(16 * 1024)));
      };
      res.on('drain', pour);
      pour();
    });
    const closed = server.closed();
    const error = await rejection(remoteIntrospector(optionsFor(server, way)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'malformed_answer' });
    await closed;
    expect(server.seen).toHaveLength(1);
  });

  it('takes a large answer with another status for its status', async () => {
    const server = await upstream(json('x'.repeat(200_000), 503, { 'Retry-After': '7' }));
    const error = await rejection(remoteIntrospector(optionsFor(server, way)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'status', retryAfter: 7000 });
  });

  it('follows no redirect', async () => {
    const server = await upstream((res, { path }) =>
      path === '/introspect'
        ? res.writeHead(307, { Location: '/other' }).end()
        : res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"active":true}'),
    );
    const error = await rejection(remoteIntrospector(optionsFor(server, way)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'status' });
    expect(server.seen).toHaveLength(1);
  });

  it('ends with the signal of the asker, for its reason, and closes the socket', async () => {
    const server = await upstream(hang);
    const introspector = remoteIntrospector(optionsFor(server, way));
    const asker = new AbortController();
    const closed = server.closed();
    const asked = rejection(introspector.introspect(TOKEN, { signal: asker.signal }));
    while (server.seen.length === 0) await new Promise(setImmediate);
    const gone = new Error('the asker has gone');
    asker.abort(gone);
    expect(await asked).toBe(gone);
    await closed;
    expect(await rejection(introspector.introspect(TOKEN, { signal: asker.signal }))).toBe(gone);
    expect(server.seen).toHaveLength(1);
  });

  it('lets go of the signal after the answer', async () => {
    const server = await upstream(json({ active: false }));
    const { signal } = new AbortController();
    const add = jest.spyOn(signal, 'addEventListener');
    const remove = jest.spyOn(signal, 'removeEventListener');
    await remoteIntrospector(optionsFor(server, way)).introspect(TOKEN, { signal });
    expect(add).toHaveBeenCalledTimes(1);
    expect(remove.mock.calls[0]?.[1]).toBe(add.mock.calls[0]?.[1]);
  });
});

describe('remoteIntrospector over its own connections', () => {
  it('gives up at its deadline on a handshake that does not end', async () => {
    const server = await net((socket) => socket.resume(), 'https');
    const introspector = remoteIntrospector(optionsFor(server, { timeout: 200 }));
    const closed = server.closed();
    const { error, late } = await rejectedAfter(200, () => introspector.introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'timeout' });
    expect(late).toBeLessThan(50);
    await closed;
    expect(server.connections).toStrictEqual({ opened: 1, open: 0 });
  });

  it('sends nothing any more when the connection comes about too late', async () => {
    const asker = new AbortController();
    const server = await upstream(json({ active: true }));
    const introspector = remoteIntrospector(optionsFor(server));
    const asked = rejection(introspector.introspect(TOKEN, { signal: asker.signal }));
    asker.abort(new Error('gone'));
    await asked;
    expect(await introspector.introspect('next')).toStrictEqual({ active: true });
    expect(server.seen.map(({ form }) => form.get('token'))).toStrictEqual(['next']);
  });

  it('keeps no more than some idle connections', async () => {
    const server = await upstream(json({ active: false }));
    const introspector = remoteIntrospector(optionsFor(server));
    await Promise.all(Array.from({ length: 140 }, () => introspector.introspect(TOKEN)));
    while (server.connections.open > 128) await server.closed();
    expect(server.connections).toStrictEqual({ opened: 140, open: 128 });
  });

  it('passes over informational answers', async () => {
    const server = await upstream((res) => {
      res.writeProcessing();
      res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"active":true}');
    });
    expect(await remoteIntrospector(optionsFor(server)).introspect(TOKEN)).toStrictEqual({ active: true });
  });

  it('does not keep the process alive', async () => {
    const server = await upstream(json({ active: true }));
    const program = `
      import { remoteIntrospector } from 'express-token-introspection';
      const introspector = remoteIntrospector(${JSON.stringify(optionsFor(server))});
      const answer = await introspector.introspect('t');
      process.stdout.write(JSON.stringify(answer));
      const began = performance.now();
      process.on('exit', () => process.stdout.write(' ' + (performance.now() - began < 500)));
    `;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { timeout: 20_000 },
    );
    expect(stdout).toBe('{"active":true} true');
  });

  it('B-12 is 503 at the guard, with how long to wait', async () => {
    const server = await upstream(json({}, 429, { 'Retry-After': '17' }));
    const app = express().use(requireActiveToken({ introspector: remoteIntrospector(optionsFor(server)) }));
    const answer = await request(app).get('/').set('Authorization', `Bearer ${TOKEN}`);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('17');
  });
});

describe('remoteIntrospector over fetch', () => {
  const endpoint = 'https://id.example/introspect';

  it('hands it all that the request is', async () => {
    const calls: [string, object][] = [];
    const introspector = remoteIntrospector({
      endpoint,
      clientId: 'api',
      clientSecret: 's',
      async fetch(url, init) {
        calls.push([url, init]);
        return new Response('{"active":true}', { headers: { 'Content-Type': 'application/json' } });
      },
    });
    expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true });
    expect(calls).toStrictEqual([
      [
        endpoint,
        {
          method: 'POST',
          headers: {
            accept: 'application/json',
            authorization: `Basic ${btoa('api:s')}`,
            'content-type': 'application/x-www-form-urlencoded',
            'user-agent': 'express-token-introspection',
          },
          body: `token=${TOKEN}`,
          redirect: 'manual',
          signal: expect.any(AbortSignal),
        },
      ],
    ]);
  });

  it('holds its deadline where fetch does not listen', async () => {
    const introspector = remoteIntrospector(
      optionsFor({ endpoint }, { timeout: 50, fetch: () => new Promise(() => {}) }),
    );
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'timeout' });
  });

  it.each([
    [
      'no body',
      async () => new Response(null, { headers: { 'Content-Type': 'application/json' } }),
      'malformed_answer',
    ],
    ['what is no response', async () => undefined as never, 'connection'],
    ['an error without a code', () => Promise.reject(new Error('token=secret')), 'connection'],
    [
      'an error with an odd name',
      () => Promise.reject(Object.assign(new Error(), { name: 'a b' })),
      'connection',
    ],
    ['no error at all', () => Promise.reject('token=secret'), 'connection'],
    ['an object with a code', () => Promise.reject({ code: 'ETIMEDOUT' }), 'timeout'],
    [
      'a connection that timed out',
      () =>
        Promise.reject(
          new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ETIMEDOUT' }) }),
        ),
      'timeout',
    ],
  ] as [string, () => Promise<Response>, string][])('rejects %s', async (_what, answer, reason) => {
    const error = await rejection(
      remoteIntrospector(optionsFor({ endpoint }, { fetch: answer })).introspect(TOKEN),
    );
    expect(error).toMatchObject({ reason });
    expect(String((error as Error).cause)).not.toContain('secret');
  });
});
