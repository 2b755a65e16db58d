import { execFile } from 'node:child_process';
import { createServer as createNetServer, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
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

/** Runs a program with the built package, which finds it by its name. */
function inAnotherProcess(program: string, env: Record<string, string> = {}): Promise<{ stdout: string }> {
  return promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    timeout: 20_000,
    env: { ...process.env, ...env },
  });
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
    const { stdout } = await inAnotherProcess(program);
    expect(stdout).toBe('{"active":true} true');
  });

  it('ecosystem/03 changes nothing global when it is imported and used', async () => {
    const server = await upstream(json({ active: true }));
    const program = `
      import * as http from 'node:http';
      import * as https from 'node:https';
      import * as tls from 'node:tls';
      await fetch('data:,x');
      const state = () => [
        ...Reflect.ownKeys(globalThis).map((name) => globalThis[name]),
        ...[http, https, tls].flatMap((module) => Object.values(module)),
        http.globalAgent.options.keepAlive,
        Object.keys(http.globalAgent.sockets).length,
        ...process.eventNames().map((name) => process.listenerCount(name)),
      ];
      const before = state();
      const { remoteIntrospector } = await import('express-token-introspection');
      await remoteIntrospector(${JSON.stringify(optionsFor(server))}).introspect('t');
      const after = state();
      process.stdout.write(String(after.length === before.length && after.every((value, i) => Object.is(value, before[i]))));
    `;
    const { stdout } = await inAnotherProcess(program);
    expect(stdout).toBe('true');
  });

  it('I-27 checks certificates whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    const server = await upstream(json({ active: true }), { tls: true });
    const program = `
      import { remoteIntrospector } from 'express-token-introspection';
      const introspector = remoteIntrospector(${JSON.stringify(optionsFor(server))});
      const reason = await introspector.introspect('t').catch(({ reason }) => reason);
      process.stdout.write(JSON.stringify(reason));
    `;
    const { stdout } = await inAnotherProcess(program, { NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(stdout).toBe('"tls"');
    expect(server.seen).toHaveLength(0);
  });

  it('over TLS, with the certificate checked, on one connection', async () => {
    const server = await upstream(json({ active: true }), { tls: true });
    const program = `
      import { remoteIntrospector } from 'express-token-introspection';
      const introspector = remoteIntrospector(${JSON.stringify(optionsFor(server))});
      await introspector.introspect('t');
      process.stdout.write(JSON.stringify(await introspector.introspect('t')));
    `;
    const { stdout } = await inAnotherProcess(program, {
      NODE_EXTRA_CA_CERTS: '__tests__/support/tls/self-signed.crt',
    });
    expect(stdout).toBe('{"active":true}');
    expect(server.connections.opened).toBe(1);
    expect(server.seen).toHaveLength(2);
  });

  it('never takes for an answer what a server sends while nothing is asked', async () => {
    const server = await upstream((res, asked, socket) => {
      json({ active: true, sub: `of ${asked.form.get('token')}` })(res, asked, socket);
      const body = '{"active":true,"sub":"mallory"}';
      const unasked = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      setTimeout(() => socket.write(unasked), 20);
    });
    const introspector = remoteIntrospector(optionsFor(server));
    expect(await introspector.introspect('first')).toMatchObject({ sub: 'of first' });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(server.connections.open).toBe(0);
    expect(await introspector.introspect('second')).toMatchObject({ sub: 'of second' });
    expect(server.connections.opened).toBe(2);
  });

  it('never takes the second of two answers for that to the next question', async () => {
    const one = (sub: string): string => {
      const body = JSON.stringify({ active: true, sub });
      return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    };
    let asked = 0;
    const server = await net((socket) =>
      socket.on('data', () => socket.write(one(`${++asked}`) + one('mallory'))),
    );
    const introspector = remoteIntrospector(optionsFor(server));
    for (let i = 0; i < 3; i++) {
      const answer = await introspector.introspect(TOKEN).catch(({ reason }: { reason: string }) => reason);
      expect(answer).not.toMatchObject({ sub: 'mallory' });
    }
  });

  it('rejects a head that is too long', async () => {
    const server = await upstream(json({ active: true }, 200, { 'X-Long': 'x'.repeat(17 * 1024) }));
    const error = await rejection(remoteIntrospector(optionsFor(server)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'malformed_answer' });
    expect(server.seen).toHaveLength(1);
  });

  it('rejects what is HTTP to a lenient parser only, whatever the process allows', async () => {
    const server = await net((socket) =>
      socket.once('data', () =>
        socket.end(
          'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX: a\u0001b\r\nContent-Length: 15\r\n\r\n{"active":true}',
        ),
      ),
    );
    const program = `
      import { remoteIntrospector } from 'express-token-introspection';
      const introspector = remoteIntrospector(${JSON.stringify(optionsFor(server))});
      process.stdout.write(JSON.stringify(await introspector.introspect('t').catch(({ reason }) => reason)));
    `;
    const { stdout } = await inAnotherProcess(program, { NODE_OPTIONS: '--insecure-http-parser' });
    expect(stdout).toBe('"malformed_answer"');
  });

  it.each([
    ['Content-Type', 200, { reason: 'malformed_answer' }],
    ['Retry-After', 503, { reason: 'status', retryAfter: undefined }],
  ])('takes no %s that comes twice', async (name, status, expected) => {
    const values = name === 'Content-Type' ? ['application/json', 'text/html'] : ['7', '8'];
    const server = await upstream((res) =>
      res
        .writeHead(
          status,
          values.flatMap((value) => [name, value]),
        )
        .end('{"active":true}'),
    );
    expect(await rejection(remoteIntrospector(optionsFor(server)).introspect(TOKEN))).toMatchObject(expected);
  });

  it('rejects another protocol that nobody has asked for, at once', async () => {
    const server = await net((socket) =>
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
      ),
    );
    const error = await rejection(remoteIntrospector(optionsFor(server)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'connection' });
    expect(server.connections.opened).toBe(1);
  });

  it('asks a server that has an IPv6 address', async () => {
    const server = await upstream(json({ active: true }), { host: '::1' });
    expect(server.endpoint).toContain('[::1]');
    expect(await remoteIntrospector(optionsFor(server)).introspect(TOKEN)).toStrictEqual({ active: true });
    expect(server.seen[0]?.headers.host).toBe(new URL(server.endpoint).host);
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

const ACTIVE = Buffer.from('{"active":true}');
const bytes = (body: Buffer, coding: string | string[], status = 200, type = 'application/json'): Script => {
  return (res) => res.writeHead(status, { 'Content-Type': type, 'Content-Encoding': coding }).end(body);
};
const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '), { level: 9 });

describe('guard/05 remoteIntrospector over its own connections', () => {
  it('asks for no compression', async () => {
    const server = await upstream(json({ active: true }));
    await remoteIntrospector(optionsFor(server)).introspect(TOKEN);
    expect(server.seen[0]?.headers['accept-encoding']).toBe('identity');
  });

  it.each<[string, Buffer, string | string[]]>([
    ['gzip', gzipSync(ACTIVE), 'gzip'],
    ['x-gzip', gzipSync(ACTIVE), 'X-GZIP'],
    ['deflate', deflateSync(ACTIVE), 'deflate'],
    ['deflate without its header', deflateRawSync(ACTIVE), 'Deflate'],
    ['br', brotliCompressSync(ACTIVE), 'br'],
    ['identity', ACTIVE, 'identity'],
    ['nothing', ACTIVE, ''],
    ['two codings', gzipSync(brotliCompressSync(ACTIVE)), 'br, gzip'],
    ['two codings, one a line', gzipSync(deflateSync(ACTIVE)), ['deflate', 'gzip']],
    ['gzip and identity', gzipSync(ACTIVE), 'identity,gzip,'],
    [
      'as much as may be',
      gzipSync(Buffer.concat([ACTIVE, Buffer.alloc(64 * 1024 - ACTIVE.length, ' ')])),
      'gzip',
    ],
  ])('reads what is compressed by %s', async (_what, body, coding) => {
    const server = await upstream(bytes(body, coding));
    expect(await remoteIntrospector(optionsFor(server)).introspect(TOKEN)).toStrictEqual({ active: true });
  });

  it.each<[string, Buffer, string]>([
    ['a coding that it does not know', ACTIVE, 'zstd'],
    ['gzip that is none', ACTIVE, 'gzip'],
    ['br that is none', ACTIVE, 'br'],
    ['half of it', gzipSync(ACTIVE).subarray(0, 20), 'gzip'],
    ['nothing compressed', Buffer.alloc(0), 'gzip'],
    ['three codings', gzipSync(gzipSync(gzipSync(ACTIVE))), 'gzip, gzip, gzip'],
    [
      'a byte too many',
      gzipSync(Buffer.concat([ACTIVE, Buffer.alloc(64 * 1024 - ACTIVE.length + 1, ' ')])),
      'gzip',
    ],
    ['a bomb', BOMB, 'gzip'],
    ['a bomb in a bomb', gzipSync(BOMB), 'gzip, gzip'],
    ['a bomb of br', brotliCompressSync(Buffer.alloc(64 * 1024 * 1024, ' ')), 'br'],
  ])('rejects %s', async (_what, body, coding) => {
    const server = await upstream(bytes(body, coding));
    const began = process.memoryUsage().arrayBuffers;
    const error = await rejection(remoteIntrospector(optionsFor(server)).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'malformed_answer' });
    expect(process.memoryUsage().arrayBuffers - began).toBeLessThan(8 * 1024 * 1024);
    expect(server.seen).toHaveLength(1);
  });

  it('takes another status for what it is, whatever its coding', async () => {
    const asked = async (body: Buffer, coding: string, status: number): Promise<unknown> => {
      const server = await upstream(bytes(body, coding, status));
      return rejection(remoteIntrospector(optionsFor(server)).introspect(TOKEN));
    };
    expect(await asked(BOMB, 'gzip', 502)).toMatchObject({ reason: 'status' });
    expect(await asked(ACTIVE, 'zstd', 503)).toMatchObject({ reason: 'status' });
    const aboutUs = gzipSync('{"error":"invalid_client"}');
    expect(await asked(aboutUs, 'gzip', 400)).toMatchObject({ reason: 'our_credentials' });
  });
});

it('guard/05 unpacks nothing that the fetch of the app has unpacked', async () => {
  const server = await upstream(bytes(gzipSync(ACTIVE), 'gzip'));
  const introspector = remoteIntrospector(optionsFor(server, viaFetch));
  expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true });
});
