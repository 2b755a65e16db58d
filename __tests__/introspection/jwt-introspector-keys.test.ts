import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { IntrospectionUnavailableError, requireActiveToken } from '../../lib/index.js';
import {
  type IssuerKey,
  issuerKey,
  type JwtIssuer,
  jwtIssuer,
  KEY,
  published,
} from '../support/jwt-issuer.js';
import { json, rejectedAfter, rejection, type Script, upstream } from '../support/scripted-server.js';
import { SECONDS } from '../support/world.js';

const RFC8414 = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const INACTIVE = { active: false };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const two = await issuerKey('two');

const broken: Script = json({}, 500);
const signedBy = ({ sign, jwk }: IssuerKey, exp = SECONDS + 1e6) => ({
  header: { kid: jwk.kid },
  claims: { exp },
  by: sign,
});

/** An issuer that has been asked about its keys, and a token of it that is good for long. */
async function warm(options: Parameters<typeof jwtIssuer>[0] = {}): Promise<JwtIssuer & { good: string }> {
  const issuer = await jwtIssuer(options);
  const good = await issuer.token(signedBy(KEY));
  expect(await issuer.introspector.introspect(good)).toMatchObject({ active: true });
  return Object.assign(issuer, { good });
}

describe('jwtIntrospector finds the keys', () => {
  it('by metadata, when the first token of the issuer comes, once', async () => {
    const { introspector, token, paths } = await jwtIssuer({ jwksUri: undefined as never });
    await introspector.introspect('opaque');
    await introspector.introspect(await token({ claims: { iss: 'https://evil.example' } }));
    expect(paths()).toStrictEqual([]);
    for (let i = 0; i < 3; i++) {
      expect(await introspector.introspect(await token())).toMatchObject({ active: true });
    }
    expect(paths()).toStrictEqual([RFC8414, '/jwks']);
  });

  it('by metadata without an introspection endpoint, or in the document of OpenID', async () => {
    const issuer = await jwtIssuer({ jwksUri: undefined as never });
    const document = issuer.metadata;
    issuer.metadata = (res, seen, socket) =>
      (seen.path === RFC8414 ? json({ issuer: issuer.origin }) : document)(res, seen, socket);
    expect(await issuer.introspector.introspect(await issuer.token())).toMatchObject({ active: true });
    expect(issuer.paths()).toStrictEqual([RFC8414, OPENID, '/jwks']);
  });

  it('with one request each for all who come at the same time', async () => {
    const { introspector, token, paths } = await jwtIssuer({ jwksUri: undefined as never });
    const good = await token();
    const answers = await Promise.all(Array.from({ length: 20 }, () => introspector.introspect(good)));
    expect(answers.every(({ active }) => active)).toBe(true);
    expect(paths()).toStrictEqual([RFC8414, '/jwks']);
  });

  it.each<[string, (origin: string) => object]>([
    ['of another issuer', (origin) => ({ issuer: 'https://evil.example', jwks_uri: `${origin}/jwks` })],
    ['without keys', (origin) => ({ issuer: origin })],
    ['with keys at no URL', (origin) => ({ issuer: origin, jwks_uri: '/jwks' })],
  ])('not by metadata %s, and asks again after that', async (_what, document) => {
    const issuer = await jwtIssuer({ jwksUri: undefined as never });
    const good = issuer.metadata;
    issuer.metadata = json(document(issuer.origin));
    const token = await issuer.token();
    expect(await rejection(issuer.introspector.introspect(token))).toMatchObject({ reason: 'discovery' });
    expect(issuer.keyRequests()).toBe(0);
    issuer.metadata = good;
    issuer.clock.now += 1000;
    expect(await issuer.introspector.introspect(token)).toMatchObject({ active: true });
  });

  it('I-27 not by http where the metadata names that and it is not allowed', async () => {
    const issuer = 'https://id.example.com';
    const asked: string[] = [];
    const served = await jwtIssuer();
    const introspector = served.another({
      issuer,
      jwksUri: undefined as never,
      allowInsecureRequests: false,
      fetch: async (url) => {
        asked.push(url);
        return Response.json({ issuer, jwks_uri: 'http://id.example.com/jwks' });
      },
    });
    const token = await served.token({ claims: { iss: issuer } });
    expect(await rejection(introspector.introspect(token))).toMatchObject({ reason: 'discovery' });
    expect(asked).toStrictEqual([issuer + RFC8414, issuer + OPENID]);
  });

  it('I-27 not behind a certificate that cannot be trusted', async () => {
    const issuer = await jwtIssuer();
    const server = await upstream(published(KEY), { tls: true });
    const introspector = issuer.another({ jwksUri: `${server.origin}/jwks` });
    const error = await rejection(introspector.introspect(await issuer.token()));
    expect(error).toMatchObject({ reason: 'discovery', cause: { reason: 'tls' } });
    expect(server.seen).toHaveLength(0);
  });

  it.each<[string, Record<string, string>]>([
    ['application/jwk-set+json', { 'Content-Type': 'application/jwk-set+json' }],
    ['text/plain', { 'Content-Type': 'text/plain' }],
    ['application/octet-stream', { 'Content-Type': 'application/octet-stream' }],
    ['nothing', {}],
  ])('in documents that call themselves %s, and asks for the usual ones', async (_type, headers) => {
    const issuer = await jwtIssuer({ jwksUri: undefined as never });
    const document =
      (body: unknown): Script =>
      (res) =>
        res.writeHead(200, headers).end(JSON.stringify(body));
    issuer.metadata = document({ issuer: issuer.origin, jwks_uri: `${issuer.origin}/jwks` });
    issuer.keys = document({ keys: [KEY.jwk] });
    expect(await issuer.introspector.introspect(await issuer.token())).toMatchObject({ active: true });
    for (const { headers: asked } of issuer.server.seen) {
      expect(asked.accept).toBe('application/json, application/jwk-set+json, */*;q=0.1');
      expect(asked['accept-encoding']).toBe('identity');
    }
  });

  it('guard/05 in documents that are compressed, and that begin with a byte order mark', async () => {
    const issuer = await jwtIssuer({ jwksUri: undefined as never });
    const document =
      (body: unknown): Script =>
      (res) =>
        res.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync(`\ufeff${JSON.stringify(body)}`));
    issuer.metadata = document({ issuer: issuer.origin, jwks_uri: `${issuer.origin}/jwks` });
    issuer.keys = document({ keys: [KEY.jwk] });
    expect(await issuer.introspector.introspect(await issuer.token())).toMatchObject({ active: true });
  });

  it('among keys with members that are null', async () => {
    const issuer = await jwtIssuer();
    issuer.keys = json({ keys: [{ ...KEY.jwk, d: null, use: null, key_ops: null, ext: null, x5c: null }] });
    expect(await issuer.introspector.introspect(await issuer.token())).toMatchObject({ active: true });
  });

  it('through the fetch that it is given', async () => {
    const { another, token, paths } = await jwtIssuer();
    const asked: string[] = [];
    const introspector = another({
      fetch: async (url, init) => {
        asked.push(`${init.method} ${new URL(url).pathname} ${init.redirect}`);
        return Response.json({ keys: [KEY.jwk] });
      },
    });
    expect(await introspector.introspect(await token())).toMatchObject({ active: true });
    expect(asked).toStrictEqual(['GET /jwks manual']);
    expect(paths()).toStrictEqual([]);
  });
});

describe('jwtIntrospector follows the keys of its issuer:', () => {
  it('a new kid makes one request, and is known from then on', async () => {
    const issuer = await warm();
    issuer.keys = published(KEY, two);
    issuer.clock.now += 30_000;
    const fresh = await issuer.token(signedBy(two));
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => issuer.introspector.introspect(fresh)),
    );
    expect(answers.every(({ active }) => active)).toBe(true);
    expect(await issuer.introspector.introspect(issuer.good)).toMatchObject({ active: true });
    expect(issuer.keyRequests()).toBe(2);
  });

  it('a new key without kid makes one request too', async () => {
    const [old, fresh] = [await issuerKey(undefined), await issuerKey(undefined)];
    const issuer = await jwtIssuer();
    issuer.keys = published(old);
    expect(await issuer.introspector.introspect(await issuer.token(signedBy(old)))).toMatchObject({
      active: true,
    });
    issuer.keys = published(fresh);
    issuer.clock.now += 30_000;
    expect(await issuer.introspector.introspect(await issuer.token(signedBy(fresh)))).toMatchObject({
      active: true,
    });
    expect(await issuer.introspector.introspect(await issuer.token(signedBy(old)))).toStrictEqual(INACTIVE);
    expect(issuer.keyRequests()).toBe(2);
  });

  it('a new key counts for a question that was under way before it was there', async () => {
    const issuer = await jwtIssuer();
    const old = await Promise.all(Array.from({ length: 40 }, () => issuerKey(undefined)));
    const fresh = await issuerKey(undefined);
    let keys: readonly IssuerKey[] = old;
    let asked = 0;
    const introspector = issuer.another({
      fetch: async () => {
        asked += 1;
        return Response.json({ keys: keys.map(({ jwk }) => jwk) });
      },
    });
    expect(await introspector.introspect(await issuer.token(signedBy(old[0] as IssuerKey)))).toMatchObject({
      active: true,
    });
    keys = [fresh, two];
    issuer.clock.now += 30_000;
    // The first has forty keys to be tried with; the second asks for new ones at once.
    const [slow, quick] = [await issuer.token(signedBy(fresh)), await issuer.token(signedBy(two))];
    const answers = await Promise.all([introspector.introspect(slow), introspector.introspect(quick)]);
    expect(answers).toMatchObject([{ active: true }, { active: true }]);
    expect(asked).toBe(2);
  });

  it('a key that was withdrawn is no good as soon as newer keys are there', async () => {
    const issuer = await warm();
    issuer.keys = published(two);
    issuer.clock.now += 30_000;
    expect(await issuer.introspector.introspect(await issuer.token(signedBy(two)))).toMatchObject({
      active: true,
    });
    expect(await issuer.introspector.introspect(issuer.good)).toStrictEqual(INACTIVE);
  });

  it('a key that was withdrawn is no good after ten minutes at most', async () => {
    const issuer = await warm();
    issuer.keys = published(two);
    issuer.clock.now += 10 * MINUTE - 1;
    expect(await issuer.introspector.introspect(issuer.good)).toMatchObject({ active: true });
    expect(issuer.keyRequests()).toBe(1);
    issuer.clock.now += 1;
    expect(await issuer.introspector.introspect(issuer.good)).toStrictEqual(INACTIVE);
    expect(issuer.keyRequests()).toBe(2);
  });

  it('100 invented kids make one request in half a minute, one after the other or together', async () => {
    const issuer = await warm();
    const junk = await Promise.all(
      Array.from({ length: 100 }, (_, i) => issuer.token({ ...signedBy(two), header: { kid: `junk-${i}` } })),
    );
    const all = async (): Promise<unknown> => {
      for (const token of junk.slice(0, 50)) {
        expect(await issuer.introspector.introspect(token)).toStrictEqual(INACTIVE);
      }
      const answers = await Promise.all(junk.slice(50).map((token) => issuer.introspector.introspect(token)));
      return expect(answers.every(({ active }) => !active)).toBe(true);
    };
    issuer.clock.now += 29_999;
    await all();
    expect(issuer.keyRequests()).toBe(1);
    issuer.clock.now += 1;
    await all();
    expect(issuer.keyRequests()).toBe(2);
    expect(await issuer.introspector.introspect(issuer.good)).toMatchObject({ active: true });
  });

  it('a wrong signature by a known kid makes none', async () => {
    const issuer = await warm();
    issuer.clock.now += 5 * MINUTE;
    const forged = await issuer.token({ ...signedBy(two), header: { kid: 'one' } });
    expect(await issuer.introspector.introspect(forged)).toStrictEqual(INACTIVE);
    expect(issuer.keyRequests()).toBe(1);
  });

  it('a clock that is set back makes old keys no younger', async () => {
    const issuer = await warm();
    issuer.clock.now += 9 * MINUTE;
    await issuer.introspector.introspect(issuer.good);
    issuer.clock.now -= HOUR;
    await issuer.introspector.introspect(issuer.good);
    issuer.clock.now += MINUTE;
    await issuer.introspector.introspect(issuer.good);
    expect(issuer.keyRequests()).toBe(2);
  });
});

const OUTAGES: [string, Script, string][] = [
  ['answers 500', broken, 'status'],
  ['answers 401', json({}, 401), 'our_credentials'],
  [
    'answers a page',
    (res) => res.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>'),
    'SyntaxError',
  ],
  ['answers no JSON', json('{"keys":'), 'SyntaxError'],
  ['answers no key set', json({ keys: 'none' }), 'ERR_JWKS_INVALID'],
  ['answers null', json('null'), 'ERR_JWKS_INVALID'],
  ['answers a key that is null', json({ keys: [null, KEY.jwk] }), 'ERR_JWKS_INVALID'],
  ['answers a redirect', json({}, 302, { Location: '/elsewhere' }), 'status'],
  ['answers too much', json({ keys: [KEY.jwk], more: 'x'.repeat(64 * 1024) }), 'malformed_answer'],
  ['hangs up', (_res, _request, socket) => socket.destroy(), 'connection'],
];

describe('jwtIntrospector, when its issuer', () => {
  it.each(OUTAGES)('I-30 %s, cannot know, and goes on by itself later', async (_what, script, cause) => {
    const issuer = await jwtIssuer();
    issuer.keys = script;
    const token = await issuer.token();
    const error = await rejection(issuer.introspector.introspect(token));
    expect(error).toBeInstanceOf(IntrospectionUnavailableError);
    expect(error).toMatchObject({ reason: 'discovery' });
    const { reason, code } = (error as { cause: { reason?: string; code?: string } }).cause;
    expect(reason ?? code).toBe(cause);
    issuer.keys = published(KEY);
    issuer.clock.now += 1000;
    expect(await issuer.introspector.introspect(token)).toMatchObject({ active: true });
    expect(issuer.paths().includes('/elsewhere')).toBe(false);
  });

  it('I-30 is not there, cannot know', async () => {
    const issuer = await jwtIssuer();
    const token = await issuer.token();
    await issuer.server.stop();
    const error = await rejection(issuer.introspector.introspect(token));
    expect(error).toMatchObject({ reason: 'discovery', cause: { reason: 'connection' } });
  });

  it.each<[string, 'keys' | 'metadata']>([
    ['hangs over its keys', 'keys'],
    ['hangs over its metadata', 'metadata'],
  ])('I-30 %s, cannot know within the timeout', async (_what, part) => {
    const issuer = await jwtIssuer({ jwksUri: undefined as never, timeout: 200 });
    const good = issuer[part];
    issuer[part] = () => {};
    const token = await issuer.token();
    const { error, late } = await rejectedAfter(200, () => issuer.introspector.introspect(token));
    expect(error).toMatchObject({ reason: 'timeout' });
    expect(late).toBeLessThan(100);
    issuer[part] = good;
    // The shared attempt began a moment after the question, and ends a moment after it.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await rejection(issuer.introspector.introspect(token))).toMatchObject({ reason: 'timeout' });
    issuer.clock.now += 1000;
    expect(await issuer.introspector.introspect(token)).toMatchObject({ active: true });
  });

  it('fails, leaves it alone for a second, and passes its Retry-After on', async () => {
    const issuer = await jwtIssuer();
    issuer.keys = json({}, 503, { 'Retry-After': '9' });
    const token = await issuer.token();
    for (let i = 0; i < 10; i++) {
      expect(await rejection(issuer.introspector.introspect(token))).toMatchObject({ retryAfter: 9000 });
    }
    expect(issuer.keyRequests()).toBe(1);
    issuer.clock.now += 999;
    await rejection(issuer.introspector.introspect(token));
    expect(issuer.keyRequests()).toBe(1);
    issuer.clock.now += 1;
    await rejection(issuer.introspector.introspect(token));
    expect(issuer.keyRequests()).toBe(2);
  });

  it.each(OUTAGES)('%s, goes on with the keys that it has for an hour', async (_what, script) => {
    const issuer = await warm();
    issuer.keys = script;
    issuer.clock.now += HOUR - 1;
    expect(await issuer.introspector.introspect(issuer.good)).toMatchObject({ active: true });
    expect(issuer.keyRequests()).toBeGreaterThan(1);
    issuer.clock.now += 1;
    await rejection(issuer.introspector.introspect(issuer.good));
    issuer.clock.now += 1000;
    expect(await rejection(issuer.introspector.introspect(issuer.good))).toMatchObject({
      reason: 'discovery',
    });
    issuer.keys = published(KEY);
    issuer.clock.now += 1000;
    expect(await issuer.introspector.introspect(issuer.good)).toMatchObject({ active: true });
  });

  it('hangs, goes on with the keys that it has, and within the timeout', async () => {
    const issuer = await warm({ timeout: 1000 });
    issuer.keys = () => {};
    issuer.clock.now += 10 * MINUTE;
    const began = performance.now();
    const answers = await Promise.all([1, 2].map(() => issuer.introspector.introspect(issuer.good)));
    expect(answers).toMatchObject([{ active: true }, { active: true }]);
    expect(performance.now() - began).toBeGreaterThan(450);
    issuer.clock.now += 29_000;
    await issuer.introspector.introspect(issuer.good);
    expect(issuer.keyRequests()).toBe(2);
    issuer.keys = published(two);
    issuer.clock.now += 1000;
    expect(await issuer.introspector.introspect(issuer.good)).toStrictEqual(INACTIVE);
    expect(issuer.keyRequests()).toBe(3);
  });

  it('I-30 is down, cannot know about a kid that it has not seen', async () => {
    const issuer = await warm();
    issuer.keys = broken;
    issuer.clock.now += 30_000;
    const fresh = await issuer.token(signedBy(two));
    for (let i = 0; i < 3; i++) {
      expect(await rejection(issuer.introspector.introspect(fresh))).toMatchObject({ reason: 'discovery' });
      expect(await issuer.introspector.introspect(issuer.good)).toMatchObject({ active: true });
    }
    expect(issuer.keyRequests()).toBe(2);
    issuer.keys = published(KEY, two);
    issuer.clock.now += 1000;
    expect(await issuer.introspector.introspect(fresh)).toMatchObject({ active: true });
  });

  it.each<[string, (key: IssuerKey) => object]>([
    ['publishes a private key', ({ jwk }) => ({ ...jwk, d: jwk.x })],
    ['publishes half a key', ({ jwk }) => ({ ...jwk, y: undefined })],
  ])('I-30 %s, cannot know about its tokens', async (_what, change) => {
    const issuer = await jwtIssuer();
    issuer.keys = published({ ...KEY, jwk: change(KEY) }, two);
    expect(await rejection(issuer.introspector.introspect(await issuer.token()))).toMatchObject({
      reason: 'discovery',
    });
    expect(await issuer.introspector.introspect(await issuer.token(signedBy(two)))).toMatchObject({
      active: true,
    });
  });

  it('I-30 publishes a key that is too short, cannot know about its tokens', async () => {
    const { generateKeyPairSync } = await import('node:crypto');
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'short', alg: 'RS256' };
    const issuer = await jwtIssuer();
    issuer.keys = json({ keys: [jwk] });
    const rsa = await issuerKey('short', 'RS256');
    const token = await issuer.token({ header: { alg: 'RS256', kid: 'short' }, by: rsa.sign });
    expect(await rejection(issuer.introspector.introspect(token))).toMatchObject({
      reason: 'discovery',
      cause: { code: 'TypeError' },
    });
  });
});

describe('a guard on jwtIntrospector', () => {
  it.each(OUTAGES)('B-12 answers 503 when the issuer %s', async (_what, script) => {
    const issuer = await jwtIssuer();
    issuer.keys = script;
    const guard = requireActiveToken({ introspector: issuer.introspector, clock: () => issuer.clock.now });
    const app = express().get('/', guard, (_req, res) => void res.json('in'));
    const get = async (token: string) => request(app).get('/').set('Authorization', `Bearer ${token}`);
    const answer = await get(await issuer.token());
    expect([answer.status, answer.headers['retry-after']]).toStrictEqual([503, expect.any(String)]);
    expect((await get('opaque')).status).toBe(401);
    issuer.keys = published(KEY);
    issuer.clock.now += 1000;
    expect((await get(await issuer.token())).status).toBe(200);
    expect((await get(await issuer.token({ by: two.sign }))).status).toBe(401);
  });
});

describe('T-25 jwtIntrospector', () => {
  it.each<[string, Script, string]>([
    ...OUTAGES,
    ['sends words', json('sekret-words'), ''],
    ['sends a broken key', json({ keys: [{ ...KEY.jwk, x: 'sekret', y: 'sekret' }] }), ''],
  ])('quotes neither the token nor its issuer when that %s', async (_what, script) => {
    const issuer = await jwtIssuer();
    issuer.keys = script;
    const token = await issuer.token({ claims: { sub: 'sekret' } });
    const error = await rejection(issuer.introspector.introspect(token));
    const shown = inspect(error, { depth: 10, showHidden: true });
    expect(error).toBeInstanceOf(IntrospectionUnavailableError);
    for (const part of token.split('.')) expect(shown).not.toContain(part);
    expect(shown).not.toMatch(/sekret|alice|html|\{"keys/);
    expect(shown).not.toContain(String(KEY.jwk.x));
  });
});
