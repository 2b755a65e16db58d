import { describe, expect, it } from '@jest/globals';
import * as jose from 'jose';
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

const SIGNED = 'application/token-introspection+jwt';
const SECONDS = Math.floor(Date.now() / 1000);
const { privateKey, publicKey } = await jose.generateKeyPair('RS256');
const other = await jose.generateKeyPair('RS256');
const elliptic = await jose.generateKeyPair('ES256');
const KEYS = {
  keys: [
    { ...(await jose.exportJWK(publicKey)), kid: 'one', use: 'sig' },
    { ...(await jose.exportJWK(elliptic.publicKey)), kid: 'two', alg: 'ES256' },
  ],
};

interface Jwt {
  readonly header?: object;
  readonly claims?: object;
  readonly key?: Parameters<jose.SignJWT['sign']>[0];
}

function signed(issuer: string, { header, claims, key = privateKey }: Jwt = {}): Promise<string> {
  return new jose.SignJWT({
    iss: issuer,
    aud: 'api',
    iat: Math.floor(Date.now() / 1000),
    token_introspection: { active: true, sub: 'alice', scope: 'read  write', exp: 10.5 },
    ...claims,
  })
    .setProtectedHeader({ alg: 'RS256', kid: 'one', typ: 'token-introspection+jwt', ...header })
    .sign(key);
}

const sent =
  (body: string, type = SIGNED): Script =>
  (res) =>
    res.writeHead(200, { 'Content-Type': type }).end(body);

/** A server that signs, and an introspector that insists on it. */
async function asking(
  answer: (issuer: string) => Script | Promise<Script>,
  {
    keys = json(KEYS),
    metadata,
    ...options
  }: Partial<RemoteIntrospectorOptions> & { readonly keys?: Script; readonly metadata?: object } = {},
) {
  const server = await upstream(async (res, request, socket) => {
    const { origin } = server;
    const document = {
      issuer: origin,
      introspection_endpoint: `${origin}/introspect`,
      jwks_uri: `${origin}/jwks`,
      ...metadata,
    };
    const isMetadata = request.path.includes('well-known');
    const script =
      request.path === '/jwks' ? keys : isMetadata ? json(document) : await answer(server.origin);
    script(res, request, socket);
  });
  const introspector = remoteIntrospector({
    issuer: server.origin,
    clientId: 'api',
    clientSecret: SECRET,
    signedResponse: true,
    allowInsecureRequests: true,
    ...options,
  });
  return { server, introspector, paths: () => server.seen.map(({ path }) => path) };
}

describe('remoteIntrospector with signedResponse', () => {
  it('J-01 J-14 asks for a signed answer, verifies it, and fetches the keys once', async () => {
    const { server, introspector, paths } = await asking(async (issuer) => sent(await signed(issuer)));
    for (let i = 0; i < 3; i++) {
      expect(await introspector.introspect(TOKEN)).toStrictEqual({
        active: true,
        sub: 'alice',
        scope: 'read write',
        exp: 10,
      });
    }
    expect(paths().filter((path) => path === '/jwks')).toHaveLength(1);
    expect(server.seen.at(-1)?.headers.accept).toBe(SIGNED);
  });

  it('says of an encrypted answer that it does not read those', async () => {
    const { introspector } = await asking(async () => sent('a.b.c.d.e'));
    const error = (await rejection(introspector.introspect(TOKEN))) as Error;
    expect(error.message).toContain('is encrypted, which is not supported');
  });

  it('J-05 answers nothing but inactive for an inactive token', async () => {
    const claims = { token_introspection: { active: false, sub: 'alice' } };
    const { introspector } = await asking(async (issuer) => sent(await signed(issuer, { claims })));
    expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: false });
  });

  it('fetches the keys once for all who come at the same time', async () => {
    const { introspector, paths } = await asking(async (issuer) => sent(await signed(issuer)));
    await Promise.all(Array.from({ length: 5 }, () => introspector.introspect(TOKEN)));
    expect(paths().filter((path) => path === '/jwks')).toHaveLength(1);
  });

  it.each<[string, Jwt]>([
    ['a key among several', { header: { kid: 'two', alg: 'ES256' }, key: elliptic.privateKey }],
    ['the whole media type as its typ', { header: { typ: SIGNED } }],
    ['several audiences', { claims: { aud: ['x', 'api'] } }],
    ['an exp and an nbf of a moment ago', { claims: { exp: SECONDS - 20, nbf: SECONDS - 1 } }],
    ['an nbf that a clock is behind', { claims: { nbf: SECONDS + 20 } }],
    ['a moment ago', { claims: { iat: Math.floor(Date.now() / 1000) - 50 } }],
  ])('J-14 takes one that was signed with %s', async (_what, jwt) => {
    const metadata = { introspection_signing_alg_values_supported: ['RS256', 'ES256'] };
    const { introspector } = await asking(async (issuer) => sent(await signed(issuer, jwt)), { metadata });
    expect(await introspector.introspect(TOKEN)).toMatchObject({ active: true });
  });

  it.each<[string, Jwt]>([
    ['another key', { key: other.privateKey }],
    ['a key that the server does not publish', { header: { kid: 'three' } }],
    [
      'an algorithm that the server has not announced',
      { header: { alg: 'ES256', kid: 'two' }, key: elliptic.privateKey },
    ],
    ['a shared secret', { header: { alg: 'HS256' }, key: Buffer.from(SECRET.repeat(4)) }],
    ['the typ of an access token', { header: { typ: 'at+jwt' } }],
    ['no typ', { header: { typ: undefined } }],
    ['another issuer', { claims: { iss: 'https://other.example' } }],
    ['no issuer', { claims: { iss: undefined } }],
    ['another audience', { claims: { aud: 'other' } }],
    ['no audience', { claims: { aud: undefined } }],
    ['no iat', { claims: { iat: undefined } }],
    ['an iat that is no number', { claims: { iat: 'now' } }],
    ['an iat of long ago', { claims: { iat: Math.floor(Date.now() / 1000) - 120 } }],
    ['an iat to come', { claims: { iat: Math.floor(Date.now() / 1000) + 120 } }],
    ['an exp that is past', { claims: { exp: 1 } }],
    ['an exp that is text', { claims: { exp: '9999999999' } }],
    ['an nbf to come', { claims: { nbf: SECONDS + 60 } }],
    ['an nbf that is text', { claims: { nbf: '1' } }],
    ['other audiences', { claims: { aud: ['x', 'y'] } }],
    ['the typ of another answer', { header: { typ: 'token-introspection+jwt2' } }],
    ['no token_introspection', { claims: { token_introspection: undefined } }],
    ['a token_introspection that is no object', { claims: { token_introspection: 'x' } }],
    ['an active that is a string', { claims: { token_introspection: { active: 'true' } } }],
  ])('J-14 refuses one with %s', async (_what, jwt) => {
    const { introspector } = await asking(async (issuer) => sent(await signed(issuer, jwt)));
    const error = await rejection(introspector.introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'signature', code: 'ERR_INTROSPECTION_UNAVAILABLE' });
    expect(JSON.stringify([(error as Error).message, (error as Error).cause])).not.toContain('alice');
  });

  it.each<[string, (issuer: string) => Promise<Script>]>([
    ['an unsigned answer', async () => json({ active: true })],
    [
      'a signed answer that calls itself JSON',
      async (issuer) => sent(await signed(issuer), 'application/json'),
    ],
    ['an answer without a media type', async () => (res) => res.writeHead(200).end('{"active":true}')],
    ['what is no JWT', async () => sent('{"active":true}')],
    ['an encrypted answer', async () => sent('a.b.c.d.e')],
    [
      'an algorithm of none',
      async (issuer) => {
        const [, claims] = (await signed(issuer)).split('.');
        const header = Buffer.from('{"alg":"none","typ":"token-introspection+jwt"}').toString('base64url');
        return sent(`${header}.${claims}.`);
      },
    ],
    [
      'a changed answer',
      async (issuer) => {
        const [header, , signature] = (await signed(issuer)).split('.');
        const [, claims] = (await signed(issuer, { claims: { jti: 'x' } })).split('.');
        return sent(`${header}.${claims}.${signature}`);
      },
    ],
  ])('J-14 refuses %s', async (_what, answer) => {
    const { introspector } = await asking(answer);
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'signature' });
  });

  it.each<[string, string[], Jwt]>([
    ['a shared secret', ['HS256'], { header: { alg: 'HS256' }, key: Buffer.from(SECRET.repeat(4)) }],
    ['RS256 where only ES256 is announced', ['ES256'], {}],
    ['RS256 where nothing is announced', [], {}],
  ])('J-14 refuses %s, though the server announces %j', async (_what, announced, jwt) => {
    const metadata = { introspection_signing_alg_values_supported: announced };
    const { introspector, paths } = await asking(async (issuer) => sent(await signed(issuer, jwt)), {
      metadata,
    });
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'signature' });
    expect(paths()).not.toContain('/jwks');
  });

  it('J-14 takes RS256 from a server whose announcement is null, and refuses what is not that', async () => {
    const metadata = { introspection_signing_alg_values_supported: null };
    const { introspector } = await asking(async (issuer) => sent(await signed(issuer)), { metadata });
    expect(await introspector.introspect(TOKEN)).toMatchObject({ active: true });
  });

  it.each([
    ['claims that are no object', { alg: 'RS256', kid: 'one', typ: 'token-introspection+jwt' }, '[1]'],
    [
      'an extension that nobody knows',
      { alg: 'RS256', kid: 'one', typ: 'token-introspection+jwt', crit: ['x'], x: 1 },
      '',
    ],
  ])('J-14 refuses one with %s', async (_what, header, payload) => {
    const { introspector, paths } = await asking(async (issuer) => {
      const [, claims, signature] = (await signed(issuer)).split('.');
      const part = (text: string) => Buffer.from(text).toString('base64url');
      return sent(`${part(JSON.stringify(header))}.${payload ? part(payload) : claims}.${signature}`);
    });
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'signature' });
    expect(paths()).not.toContain('/jwks');
  });

  it('J-14 follows a new key of the server, as for JWT access tokens', async () => {
    let now = Date.now();
    let keys: object = { keys: [] };
    const { introspector, paths } = await asking(
      async (issuer) => sent(await signed(issuer, { claims: { iat: Math.floor(now / 1000) } })),
      { keys: (...call) => json(keys)(...call), clock: () => now },
    );
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'signature' });
    keys = KEYS;
    now += 30_000;
    expect(await introspector.introspect(TOKEN)).toMatchObject({ active: true });
    expect(paths().filter((path) => path === '/jwks')).toHaveLength(2);
  });

  it('J-14 judges freshness by its clock', async () => {
    const later = Date.now() + 1_000_000;
    const at = (iat: number) => async (issuer: string) =>
      sent(await signed(issuer, { claims: { iat: Math.floor(iat / 1000) } }));
    const old = await asking(at(Date.now()), { clock: () => later });
    expect(await rejection(old.introspector.introspect(TOKEN))).toMatchObject({ reason: 'signature' });
    const fresh = await asking(at(later), { clock: () => later });
    expect(await fresh.introspector.introspect(TOKEN)).toMatchObject({ active: true });
  });

  it('says what the server says of itself rather than of a signature', async () => {
    const { introspector } = await asking(() => json({ error: 'invalid_client' }, 401));
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'our_credentials' });
  });

  it('rejects with "discovery" when the keys cannot be had, and tries again', async () => {
    let isDown = true;
    let now = Date.now();
    const { introspector } = await asking(async (issuer) => sent(await signed(issuer)), {
      keys: (res, request, socket) =>
        (isDown ? json({}, 503, { 'Retry-After': '9' }) : json(KEYS))(res, request, socket),
      clock: () => now,
    });
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({
      reason: 'discovery',
      retryAfter: 9000,
    });
    isDown = false;
    now += 1000;
    expect(await introspector.introspect(TOKEN)).toMatchObject({ active: true });
  });

  it('rejects with "timeout" when the keys do not come in time', async () => {
    const { introspector } = await asking(async (issuer) => sent(await signed(issuer)), {
      keys: () => {},
      timeout: 200,
    });
    const { error, late } = await rejectedAfter(200, () => introspector.introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'timeout' });
    expect(late).toBeLessThan(50);
  });
});
