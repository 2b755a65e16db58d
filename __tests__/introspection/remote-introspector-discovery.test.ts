import { describe, expect, it } from '@jest/globals';
import { type RemoteIntrospectorOptions, remoteIntrospector } from '../../lib/index.js';
import {
  json,
  rejectedAfter,
  rejection,
  type Script,
  SECRET,
  TOKEN,
  upstream,
} from '../support/scripted-server.js';

const RFC8414 = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const missing = json({ error: 'not found' }, 404);

/** A server with these documents, and `{origin}` in them replaced; everything else is the introspection endpoint. */
async function serving(
  documents: Record<string, object | Script>,
  more: Partial<RemoteIntrospectorOptions> & { readonly path?: string } = {},
) {
  const { path = '', ...options } = more;
  const server = await upstream((res, request, socket) => {
    const document = documents[request.path] ?? (request.path.includes('well-known') ? missing : answer);
    const script = typeof document === 'function' ? (document as Script) : json(filled(document));
    script(res, request, socket);
  });
  const answer = json({ active: true });
  const filled = (document: object) => JSON.stringify(document).replaceAll('{origin}', server.origin);
  const ask = (changed: Partial<RemoteIntrospectorOptions> = {}) =>
    remoteIntrospector({
      issuer: server.origin + path,
      clientId: 'api',
      clientSecret: SECRET,
      allowInsecureRequests: true,
      ...options,
      ...changed,
    });
  return { server, ask, paths: () => server.seen.map((request) => request.path) };
}

const METADATA = { issuer: '{origin}', introspection_endpoint: '{origin}/introspect' };

describe('remoteIntrospector finds the endpoint', () => {
  it('by RFC 8414 metadata, when it is first asked, once', async () => {
    const { ask, paths } = await serving({ [RFC8414]: METADATA });
    const introspector = ask();
    expect(paths()).toStrictEqual([]);
    expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true });
    await introspector.introspect(TOKEN);
    expect(paths()).toStrictEqual([RFC8414, '/introspect', '/introspect']);
  });

  it.each<[string, object | Script]>([
    ['is missing', missing],
    ['is a page', (res) => res.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>')],
    ['fails', json({}, 500)],
    ['is a redirect', json({}, 302, { Location: '/' })],
    ['is of another issuer', { ...METADATA, issuer: 'https://other.example' }],
    ['names no endpoint', { issuer: '{origin}' }],
  ])('by OpenID metadata where that of RFC 8414 %s', async (_what, document) => {
    const { ask, paths } = await serving({ [RFC8414]: document, [OPENID]: METADATA });
    expect(await ask().introspect(TOKEN)).toStrictEqual({ active: true });
    expect(paths()).toStrictEqual([RFC8414, OPENID, '/introspect']);
  });

  it('M-04 of an issuer with a path, at the right places', async () => {
    const metadata = { ...METADATA, issuer: '{origin}/realms/x' };
    const { ask, paths } = await serving({ [`/realms/x${OPENID}`]: metadata }, { path: '/realms/x' });
    expect(await ask().introspect(TOKEN)).toStrictEqual({ active: true });
    expect(paths()).toStrictEqual([`${RFC8414}/realms/x`, `/realms/x${OPENID}`, '/introspect']);
  });

  it('by metadata without a media type', async () => {
    const { ask, server } = await serving({
      [RFC8414]: (res) =>
        res.end(JSON.stringify({ issuer: server.origin, introspection_endpoint: `${server.origin}/x` })),
    });
    expect(await ask().introspect(TOKEN)).toStrictEqual({ active: true });
  });

  it('once for all who come at the same time', async () => {
    const { ask, paths } = await serving({ [RFC8414]: METADATA });
    const introspector = ask();
    await Promise.all(Array.from({ length: 10 }, () => introspector.introspect(TOKEN)));
    expect(paths().filter((path) => path === RFC8414)).toHaveLength(1);
  });

  it('for the others too when the first of them goes', async () => {
    const asker = new AbortController();
    const waiting: (() => void)[] = [];
    const { ask, server } = await serving({
      [RFC8414]: (res, request, socket) => {
        waiting.push(() =>
          json({ issuer: server.origin, introspection_endpoint: `${server.origin}/x` })(res, request, socket),
        );
      },
    });
    const introspector = ask();
    const first = rejection(introspector.introspect(TOKEN, { signal: asker.signal }));
    const second = introspector.introspect(TOKEN);
    while (waiting.length === 0) await new Promise(setImmediate);
    asker.abort(new Error('gone'));
    expect(await first).toMatchObject({ message: 'gone' });
    for (const go of waiting) go();
    expect(await second).toStrictEqual({ active: true });
  });

  it('after a failure, which is not remembered', async () => {
    let isDown = true;
    const { ask, server } = await serving({
      [RFC8414]: (res, request, socket) =>
        (isDown
          ? json({}, 503, { 'Retry-After': '3' })
          : json({ issuer: server.origin, introspection_endpoint: `${server.origin}/x` }))(
          res,
          request,
          socket,
        ),
      [OPENID]: json({}, 503, { 'Retry-After': '3' }),
    });
    const introspector = ask();
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({
      reason: 'discovery',
      retryAfter: 3000,
      cause: { reason: 'status' },
    });
    isDown = false;
    expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true });
  });

  it('again where the connection was reset', async () => {
    const { ask, server, paths } = await serving({
      [RFC8414]: (res, request, socket) => {
        if (server.seen.length === 1) socket.resetAndDestroy();
        else
          json({ issuer: server.origin, introspection_endpoint: `${server.origin}/x` })(res, request, socket);
      },
    });
    expect(await ask().introspect(TOKEN)).toStrictEqual({ active: true });
    expect(paths()).toStrictEqual([RFC8414, RFC8414, '/x']);
  });
});

describe('remoteIntrospector rejects with "discovery"', () => {
  it.each<[string, object]>([
    ['an issuer that is another', { ...METADATA, issuer: '{origin}/other' }],
    ['an issuer that is no URL', { ...METADATA, issuer: 'other' }],
    ['no endpoint', { issuer: '{origin}' }],
    ['an endpoint that is no URL', { ...METADATA, introspection_endpoint: '/introspect' }],
    ['an endpoint that is no string', { ...METADATA, introspection_endpoint: { url: 'x' } }],
    ['an endpoint of another scheme', { ...METADATA, introspection_endpoint: 'file:///etc/passwd' }],
    ['an endpoint with credentials', { ...METADATA, introspection_endpoint: 'http://a:b@127.0.0.1/' }],
    ['an array', []],
  ])('%s', async (_what, document) => {
    const { ask } = await serving({ [RFC8414]: document, [OPENID]: document });
    expect(await rejection(ask().introspect(TOKEN))).toMatchObject({ reason: 'discovery' });
  });

  it('a server without keys where answers are to be signed', async () => {
    const { ask } = await serving({ [RFC8414]: METADATA });
    const error = await rejection(ask({ signedResponse: true }).introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'discovery' });
    expect(String((error as Error).cause)).toContain('names no keys that may be used');
  });

  it.each<[string, object, object | Script, string]>([
    [
      'the only one that is there',
      { ...METADATA, issuer: 'https://other.example' },
      missing,
      'has another "issuer" than',
    ],
    ['the only one that is there', { issuer: '{origin}' }, missing, 'names no introspection endpoint'],
    [
      'the second, where it is there',
      { issuer: '{origin}' },
      { ...METADATA, issuer: 'https://x.example' },
      'another "issuer"',
    ],
    [
      'the second, where that is for later',
      { issuer: '{origin}' },
      json({}, 503, { 'Retry-After': '7' }),
      'status 503',
    ],
  ])('what is wrong with %s (%#)', async (_which, first, second, cause) => {
    const { ask } = await serving({ [RFC8414]: first, [OPENID]: second });
    const error = (await rejection(ask().introspect(TOKEN))) as Error;
    expect(error).toMatchObject({ reason: 'discovery' });
    expect(String(error.cause)).toContain(cause);
  });

  it('a plain endpoint that a secure issuer names', async () => {
    const urls: string[] = [];
    const introspector = remoteIntrospector({
      issuer: 'https://id.example',
      clientId: 'api',
      clientSecret: SECRET,
      async fetch(url) {
        urls.push(url);
        return Response.json({ issuer: 'https://id.example', introspection_endpoint: 'http://id.example/x' });
      },
    });
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'discovery' });
    expect(urls).toStrictEqual([`https://id.example${RFC8414}`, `https://id.example${OPENID}`]);
  });

  it('a server that is down', async () => {
    const { ask, server } = await serving({});
    await server.stop();
    const error = await rejection(ask().introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'discovery', cause: { reason: 'connection' } });
  });

  it('but a server that hangs with "timeout", in time', async () => {
    const { ask, server } = await serving({ [RFC8414]: () => {} });
    const closed = server.closed();
    const introspector = ask({ timeout: 150 });
    const first = rejectedAfter(150, () => introspector.introspect(TOKEN));
    await new Promise((resolve) => setTimeout(resolve, 30));
    const second = rejection(introspector.introspect(TOKEN));
    const { error, late } = await first;
    expect(error).toMatchObject({ reason: 'timeout' });
    expect(late).toBeLessThan(50);
    expect(await second).toMatchObject({ reason: 'timeout' });
    await closed;
    expect(server.seen).toHaveLength(1);
  });
});
