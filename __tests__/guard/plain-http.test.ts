import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, request as tlsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import {
  type GuardError,
  type GuardEvent,
  type IntrospectionResponse,
  type RequireActiveTokenOptions,
  requireActiveToken,
  tokenDigest,
} from '../../lib/index.js';
import { raw, serving } from '../support/http.js';

type Guard = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => unknown;

/** The guard with nothing of Express around it: on a server of `node:http`, as Connect, Fastify's middie and Socket.IO run it. */
function plain(options: Partial<RequireActiveTokenOptions> = {}): {
  listener: RequestListener;
  passed: unknown[];
} {
  const passed: unknown[] = [];
  const guard = requireActiveToken({
    introspector: {
      introspect: async (token) => ({ active: token === 'good', sub: 'alice' }) as IntrospectionResponse,
    },
    ...options,
  } as RequireActiveTokenOptions) as unknown as Guard;
  const listener: RequestListener = (req, res) => {
    void guard(req, res, (error) => {
      passed.push(error);
      if (error) res.writeHead(500).end((error as Error).message);
      else res.end(JSON.stringify((req as { activeToken?: { sub?: string } }).activeToken?.sub ?? null));
    });
  };
  return { listener, passed };
}

const get = (listener: RequestListener, headers: readonly string[], path = '/') =>
  serving(listener, (origin) => raw(origin, { method: 'GET', path, headers }));

describe('guard/08 the guard on a request that no Express has seen', () => {
  it.each(['/', '/?a=1', '/?a=%', '/?access%5Ftoken'])('lets a good token through at %s', async (path) => {
    const { listener } = plain();
    expect(
      await get(listener, ['Authorization', 'Bearer good'], path.includes('5F') ? '/' : path),
    ).toMatchObject({
      status: 200,
      body: '"alice"',
    });
  });

  it.each([
    ['no token', []],
    ['a bad token', ['Authorization', 'Bearer bad']],
    ['no token, from a page of another origin', ['Origin', 'https://app.example']],
    ['a bad token, from a page', ['Authorization', 'Bearer bad', 'Origin', 'https://app.example']],
  ])('refuses %s by itself, with its challenge', async (_what, headers) => {
    const { listener, passed } = plain();
    const answer = await get(listener, headers);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="api"/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['access-control-expose-headers']).toBe(
      headers.includes('Origin') ? 'WWW-Authenticate, Retry-After, DPoP-Nonce' : undefined,
    );
    expect(passed).toStrictEqual([]);
  });

  it.each(['/?access_token=x', '/?a=1&access_token=x', '/?access_token[]=x', '/?access%5Ftoken=x'])(
    'B-02 refuses a token in the header and in the query (%s)',
    async (path) => {
      expect((await get(plain().listener, ['Authorization', 'Bearer good'], path)).status).toBe(400);
    },
  );

  it('B-02 refuses them where an adapter leaves nothing but the query of the URL', async () => {
    const { listener, passed } = plain();
    const adapted: RequestListener = (req, res) => {
      req.url = '?access_token=x';
      listener(req, res);
    };
    expect((await get(adapted, ['Authorization', 'Bearer good'])).status).toBe(400);
    expect(passed).toStrictEqual([]);
  });

  it('B-02 B-03 takes a token out of a form that somebody has parsed, and refuses two', async () => {
    const { listener } = plain({ tokenFrom: 'body' });
    const parsed: RequestListener = (req, res) => {
      Object.assign(req, { body: { access_token: 'good' } });
      listener(req, res);
    };
    const type = ['Content-Type', 'Application/X-WWW-Form-Urlencoded ; charset=utf-8'];
    const post = (headers: readonly string[]) =>
      serving(parsed, (origin) => raw(origin, { path: '/', headers, body: 'access_token=good' }));
    expect((await post(type)).body).toBe('"alice"');
    expect((await post([...type, 'Authorization', 'Bearer good'])).status).toBe(400);
    expect((await post(['Content-Type', 'application/json'])).status).toBe(401);
    expect((await post([])).status).toBe(401);
  });

  it('hands what fails in it to next: a fault of its own, and a response that is none', async () => {
    const passed: unknown[] = [];
    const broken = requireActiveToken({
      introspector: { introspect: async () => ({ active: true }) as IntrospectionResponse },
      tokenFrom: 'body',
    }) as unknown as Guard;
    const request = { headers: {}, url: '/', method: 'GET', socket: {} };
    const next = (error: unknown): void => void passed.push(error);
    // As Socket.IO's documentation wraps a middleware: `middleware(socket.request, {}, next)`.
    await broken(request as never, {} as never, next);
    await broken({ ...request, headers: { origin: 'https://a.example' } } as never, {} as never, next);
    // Nothing is to be read from it.
    await broken({ headers: null } as never, {} as never, next);
    expect(passed).toMatchObject([
      { name: 'GuardError', status: 401 },
      { status: 401 },
      { name: 'TypeError' },
    ]);
    expect((passed[1] as GuardError).headers).not.toHaveProperty('Access-Control-Expose-Headers');
    await broken({ ...request, headers: { authorization: 'Bearer x' } } as never, {} as never, next);
    expect(passed[3]).toBeUndefined();
  });

  it('tells the audit of the address of the connection, and no route', async () => {
    const events: GuardEvent[] = [];
    const { listener } = plain({ audit: (event) => events.push(event) });
    await get(listener, ['Authorization', 'Bearer good']);
    expect(events).toMatchObject([{ outcome: 'accepted', address: expect.stringMatching(/127\.0\.0\.1$/) }]);
    expect(events[0]).not.toHaveProperty('route');
  });
});

describe('T-08 a DPoP proof on a request that no Express has seen', () => {
  const file = (name: string): string => readFileSync(`__tests__/support/tls/${name}`, 'utf8');

  async function bound(): Promise<{
    options: Partial<RequireActiveTokenOptions>;
    proof: (htu: string) => Promise<string>;
  }> {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    const jkt = await calculateJwkThumbprint(jwk);
    let jti = 0;
    return {
      options: {
        introspector: {
          introspect: async () =>
            ({ active: true, sub: 'alice', cnf: { jkt, 'kc-jkt-type': 'DPoP' } }) as IntrospectionResponse,
        },
        dpop: { nonce: true },
      },
      proof: async (htu) => {
        jti += 1;
        return new SignJWT({
          jti: `plain-${jti}`,
          htm: 'GET',
          htu,
          ath: tokenDigest('good'),
          iat: Math.floor(Date.now() / 1000),
          nonce,
        })
          .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
          .sign(privateKey);
      },
    };
  }
  let nonce = '';

  it('T-04 T-07 names the URI of the connection, and no header of a proxy that nobody trusts', async () => {
    const { options, proof } = await bound();
    const { listener, passed } = plain(options);
    await serving(listener, async (origin) => {
      const { host } = new URL(origin);
      const ask = async (htu: string, more: readonly string[] = []) =>
        raw(origin, {
          method: 'GET',
          path: '/orders?a=1',
          headers: ['Authorization', 'DPoP good', 'DPoP', await proof(htu), ...more],
        });
      const hostname = host.split(':')[0] as string;
      const first = await ask(`http://${hostname}/orders`);
      expect([first.status, first.headers['www-authenticate']]).toStrictEqual([
        401,
        expect.stringContaining('use_dpop_nonce'),
      ]);
      nonce = String(first.headers['dpop-nonce']);
      expect((await ask(`http://${hostname}/orders`, ['X-Forwarded-Host', 'evil.example'])).status).toBe(200);
      expect((await ask('http://evil.example/orders', ['X-Forwarded-Host', 'evil.example'])).status).toBe(
        401,
      );
      expect((await ask(`https://${hostname}/orders`)).status).toBe(401);
    });
    expect(passed).toStrictEqual([undefined]);
  });

  it('names https on a TLS connection', async () => {
    const { options, proof } = await bound();
    const { listener } = plain({ ...options, dpop: true });
    const server = createTlsServer({ cert: file('self-signed.crt'), key: file('self-signed.key') }, listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const headers = {
      Host: 'api.example.com',
      Authorization: 'DPoP good',
      DPoP: await proof('https://api.example.com/'),
    };
    const status = await new Promise((resolve, reject) => {
      const options = {
        port,
        host: '127.0.0.1',
        headers,
        agent: false as const,
        ca: file('self-signed.crt'),
        checkServerIdentity: () => undefined,
      };
      tlsRequest(options, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on('error', reject)
        .end();
    });
    server.closeAllConnections();
    server.close();
    expect(status).toBe(200);
  });

  it('T-10 gives out the next nonce where there is a response to write it to', async () => {
    const { options, proof } = await bound();
    let now = Date.now();
    const { listener } = plain({
      ...options,
      clock: () => now,
      dpop: { nonce: { lifetime: 1000 }, iatTolerance: 60_000 },
    });
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = async () =>
      raw(origin, {
        method: 'GET',
        path: '/',
        headers: [
          'Origin',
          'https://app.example',
          'Authorization',
          'DPoP good',
          'DPoP',
          await proof('http://127.0.0.1/'),
        ],
      });
    nonce = String((await ask()).headers['dpop-nonce']);
    now += 1000;
    const answer = await ask();
    expect(answer.status).toBe(200);
    expect(answer.headers['dpop-nonce']).toMatch(/^[\w-]{43}$/);
    expect(answer.headers['access-control-expose-headers']).toBe('DPoP-Nonce');
    server.closeAllConnections();
    server.close();
  });
});
