import { describe, expect, it } from '@jest/globals';
import {
  cachingIntrospector,
  type Introspector,
  MemoryTokenStore,
  routingIntrospector,
  storeIntrospector,
  tokenDigest,
} from '../../lib/index.js';
import { ask } from '../../lib/introspection/ask.js';
import { assembled, jwtIssuer, signedToken } from '../support/jwt-issuer.js';
import { LIVE, upstream } from '../support/upstream.js';

const JWS = assembled({ alg: 'ES256' }, {}, 'sig');
const FOREIGN = await signedToken('https://evil.example');

describe('routingIntrospector', () => {
  it.each([
    ['a signed JWT', JWS],
    ['a JWT of another issuer', FOREIGN],
    ['a JWT that is not signed', assembled({ alg: 'none' }, {})],
    ['a signed introspection answer', assembled({ alg: 'ES256', typ: 'token-introspection+jwt' }, {}, 'x')],
    ['a JWS of no claims', assembled({ alg: 'ES256' }, '')],
    ['a header with white space', assembled(' { "alg": "ES256" }', {}, 'x')],
  ])('J-11 asks the one about %s, with all that it was asked', async (_what, token) => {
    const [jwt, opaque] = [upstream(), upstream()];
    const { signal } = new AbortController();
    const routing = routingIntrospector({ jwt, opaque });
    expect(await routing.introspect(token, { hint: 'access_token', signal })).toBe(LIVE);
    expect([jwt.asked, jwt.hints, jwt.signals[0]]).toStrictEqual([[token], ['access_token'], signal]);
    expect(opaque.asked).toStrictEqual([]);
  });

  it.each([
    ['an opaque token', 'a-token.of~ours'],
    ['words with dots', 'a.b.c'],
    ['a JWE', `${JWS}.x.y`],
    ['a JWS with a part too few', JWS.slice(0, JWS.lastIndexOf('.'))],
    ['a JWS with a part too many', `${JWS}.`],
    ['a header that is no object', assembled('["alg"]', {})],
    ['a header that is null', assembled('null', {})],
    ['a header without alg', assembled({ typ: 'JWT' }, {})],
    ['an alg that is no string', assembled({ alg: 1 }, {})],
    ['letters that base64url has not', `${JWS}=`],
    ['no letters at all', ''],
  ])('asks the other about %s, with all that it was asked', async (_what, token) => {
    const [jwt, opaque] = [upstream(), upstream()];
    const { signal } = new AbortController();
    const routing = routingIntrospector({ jwt, opaque });
    expect(await routing.introspect(token, { hint: 'access_token', signal })).toBe(LIVE);
    expect([opaque.asked, opaque.hints, opaque.signals[0]]).toStrictEqual([
      [token],
      ['access_token'],
      signal,
    ]);
    expect(jwt.asked).toStrictEqual([]);
  });

  it('passes on what it rejects with', async () => {
    const fault = new Error('down');
    const routing = routingIntrospector({ jwt: upstream(), opaque: upstream(fault) });
    await expect(routing.introspect('opaque')).rejects.toBe(fault);
    expect(await routing.introspect(JWS)).toBe(LIVE);
  });

  it('answers at once what is remembered behind it', async () => {
    const opaque = cachingIntrospector(upstream({ active: true }));
    const { introspector: jwt } = await jwtIssuer();
    const routing = routingIntrospector({ jwt, opaque });
    const first = ask(routing, 'opaque');
    expect(first).toBeInstanceOf(Promise);
    expect(await first).toStrictEqual({ active: true });
    expect(ask(routing, 'opaque')).toStrictEqual({ active: true });
    expect(ask(routing, JWS)).toBeInstanceOf(Promise);
    // Whoever wraps it must be the one who is asked.
    const wrapped: Introspector = { introspect: async () => ({ active: false }) };
    expect(await ask({ ...routing, ...wrapped }, 'opaque')).toStrictEqual({ active: false });
  });

  it.each(['jwt', 'opaque'] as const)('tells of the revocations that %s tells of', async (part) => {
    const tokens = new MemoryTokenStore();
    await tokens.save({ token: 't', kind: 'access_token', clientId: 'app' });
    const routing = routingIntrospector({
      jwt: upstream(),
      opaque: upstream(),
      [part]: storeIntrospector(tokens),
    });
    const heard: string[] = [];
    const stop = routing.onRevoked?.((digest) => heard.push(digest));
    await tokens.revoke('t');
    expect(heard).toStrictEqual([tokenDigest('t')]);
    stop?.();
    await tokens.save({ token: 'u', kind: 'access_token', clientId: 'app' });
    await tokens.revoke('u');
    expect(heard).toHaveLength(1);
  });

  it('tells of the revocations of both, until it is stopped', async () => {
    const stores = [new MemoryTokenStore(), new MemoryTokenStore()] as const;
    const [jwt, opaque] = [storeIntrospector(stores[0]), storeIntrospector(stores[1])];
    const routing = routingIntrospector({ jwt, opaque });
    const heard: string[] = [];
    const stop = routing.onRevoked?.((digest) => heard.push(digest));
    const revoke = async (token: string): Promise<void> => {
      for (const store of stores) {
        await store.save({ token, kind: 'access_token', clientId: 'app' });
        await store.revoke(token);
      }
    };
    await revoke('t');
    expect(heard).toStrictEqual([tokenDigest('t'), tokenDigest('t')]);
    stop?.();
    await revoke('u');
    expect(heard).toHaveLength(2);
  });

  it('has nothing to tell of where neither has', () => {
    expect('onRevoked' in routingIntrospector({ jwt: upstream(), opaque: upstream() })).toBe(false);
  });

  it('lets a cache before it follow', async () => {
    const tokens = new MemoryTokenStore();
    await tokens.save({ token: 't', kind: 'access_token', clientId: 'app' });
    const cache = cachingIntrospector(
      routingIntrospector({ jwt: upstream(), opaque: storeIntrospector(tokens) }),
    );
    expect(await cache.introspect('t')).toMatchObject({ active: true });
    await tokens.revoke('t');
    expect(await cache.introspect('t')).toStrictEqual({ active: false });
  });

  it.each<[string, unknown, string]>([
    ['no options', undefined, 'options'],
    ['no jwt', { opaque: upstream() }, '"jwt"'],
    ['no opaque', { jwt: upstream() }, '"opaque"'],
    ['one that is no introspector', { jwt: upstream(), opaque: {} }, '"opaque"'],
    ['a misspelt option', { jwt: upstream(), opaque: upstream(), other: upstream() }, '"other"'],
    ['an introspector in place of options', upstream(), 'unknown option'],
  ])('refuses %s with a TypeError that names it', (_what, options, named) => {
    expect(() => routingIntrospector(options as never)).toThrow(TypeError);
    expect(() => routingIntrospector(options as never)).toThrow(named);
  });
});
