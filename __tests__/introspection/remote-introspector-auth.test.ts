import { describe, expect, it } from '@jest/globals';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import {
  IntrospectionUnavailableError,
  type RemoteIntrospectorOptions,
  remoteIntrospector,
} from '../../lib/index.js';
import {
  json,
  optionsFor,
  rejectedAfter,
  rejection,
  SECRET,
  TOKEN,
  upstream,
} from '../support/scripted-server.js';

async function asking(more: Partial<RemoteIntrospectorOptions>, script = json({ active: true })) {
  const server = await upstream(script);
  const { clientSecret: _secret, ...base } = optionsFor(server);
  return { server, introspector: remoteIntrospector({ ...base, ...more }) };
}

/** The credentials of the one question that came. */
async function credentials(more: Partial<RemoteIntrospectorOptions>) {
  const { server, introspector } = await asking(more);
  expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true });
  const [seen] = server.seen;
  const { token, ...form } = Object.fromEntries(seen?.form ?? []);
  expect(token).toBe(TOKEN);
  return { authorization: seen?.headers.authorization, form, endpoint: server.endpoint };
}

describe('remoteIntrospector proves who it is', () => {
  it('A-02 by client_secret_basic', async () => {
    const { authorization, form } = await credentials({ clientId: 'a:b-1_2.3', clientSecret: 'c d+é' });
    expect(form).toStrictEqual({});
    expect(atob(authorization?.slice(6) ?? '')).toBe('a%3Ab-1_2.3:c+d%2B%C3%A9');
  });

  it('A-07 by client_secret_post', async () => {
    const { authorization, form } = await credentials({
      clientAuth: 'client_secret_post',
      clientSecret: SECRET,
    });
    expect(authorization).toBeUndefined();
    expect(form).toStrictEqual({ client_id: 'api', client_secret: SECRET });
  });

  it.each([
    ['none', 'none'],
    ['TlsClientAuth', oauth.TlsClientAuth()],
  ] as const)('by %s', async (_name, clientAuth) => {
    const { authorization, form } = await credentials({ clientAuth });
    expect(authorization).toBeUndefined();
    expect(form).toStrictEqual({ client_id: 'api' });
  });

  it('A-14 by private_key_jwt', async () => {
    const { privateKey, publicKey } = await oauth.generateKeyPair('ES256');
    const { form, endpoint } = await credentials({ clientAuth: oauth.PrivateKeyJwt(privateKey) });
    expect(form).toMatchObject({
      client_id: 'api',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    });
    const { payload } = await jose.jwtVerify(form.client_assertion as string, publicKey);
    expect(payload).toMatchObject({ iss: 'api', sub: 'api', aud: endpoint });
  });

  it('A-14 by client_secret_jwt', async () => {
    const { form } = await credentials({ clientAuth: oauth.ClientSecretJwt(SECRET) });
    const { payload } = await jose.jwtVerify(form.client_assertion as string, Buffer.from(SECRET));
    expect(payload).toMatchObject({ iss: 'api', sub: 'api' });
  });

  it('by a ClientAuth function that sets a header', async () => {
    const { authorization } = await credentials({ clientAuth: oauth.ClientSecretBasic('s') });
    expect(authorization).toBe(`Basic ${btoa('api:s')}`);
  });

  it('A-15 with a new assertion for each attempt', async () => {
    const { privateKey } = await oauth.generateKeyPair('ES256');
    const { server, introspector } = await asking(
      { clientAuth: oauth.PrivateKeyJwt(privateKey) },
      (res, request, socket) => {
        if (server.seen.length === 1) socket.resetAndDestroy();
        else json({ active: true })(res, request, socket);
      },
    );
    await introspector.introspect(TOKEN);
    const assertions = server.seen.map(({ form }) => form.get('client_assertion'));
    expect(new Set(assertions).size).toBe(2);
  });

  it.each([
    ['at once', () => 'own.token-1~=='],
    ['later', async () => 'own.token-1~=='],
  ])('I-23 as a Bearer caller, by a token that is given %s', async (_when, accessToken) => {
    const { authorization, form } = await credentials({ accessToken, clientId: undefined as never });
    expect(authorization).toBe('Bearer own.token-1~==');
    expect(form).toStrictEqual({});
  });

  it('asks for the access token each time', async () => {
    let given = 0;
    const { server, introspector } = await asking({ accessToken: () => `own-${++given}` });
    await introspector.introspect(TOKEN);
    await introspector.introspect(TOKEN);
    expect(server.seen.map(({ headers }) => headers.authorization)).toStrictEqual([
      'Bearer own-1',
      'Bearer own-2',
    ]);
  });
});

describe('remoteIntrospector cannot tell', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error(`no ${SECRET}`);
      },
    ],
    ['rejects', () => Promise.reject(new Error(`no ${SECRET}`))],
    ['gives nothing', () => undefined],
    ['gives an empty string', () => ''],
    ['gives what is no token', async () => 'a\r\nX-Injected: b'],
  ])('when accessToken %s', async (_what, accessToken) => {
    const { server, introspector } = await asking({ accessToken: accessToken as () => string });
    const error = await rejection(introspector.introspect(TOKEN));
    expect(error).toBeInstanceOf(IntrospectionUnavailableError);
    expect(error).toMatchObject({ reason: 'our_credentials' });
    expect(String((error as Error).cause)).not.toContain(SECRET);
    expect(server.seen).toHaveLength(0);
  });

  it('when a ClientAuth function fails', async () => {
    const { server, introspector } = await asking({
      clientAuth: () => Promise.reject(new TypeError(`no ${SECRET}`)),
    });
    const error = await rejection(introspector.introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'our_credentials', cause: { code: 'TypeError' } });
    expect(server.seen).toHaveLength(0);
  });

  it('within its deadline when accessToken hangs', async () => {
    const { introspector } = await asking({ accessToken: () => new Promise(() => {}), timeout: 100 });
    const { error, late } = await rejectedAfter(100, () => introspector.introspect(TOKEN));
    expect(error).toMatchObject({ reason: 'timeout' });
    expect(late).toBeLessThan(50);
  });

  it('when the asker goes between two attempts', async () => {
    const asker = new AbortController();
    const gone = new Error('gone');
    let attempts = 0;
    const { server, introspector } = await asking(
      {
        accessToken() {
          attempts += 1;
          if (attempts === 2) asker.abort(gone);
          return 'own';
        },
      },
      (res, request, socket) => {
        if (server.seen.length === 1) socket.resetAndDestroy();
        else json({ active: true })(res, request, socket);
      },
    );
    expect(await rejection(introspector.introspect(TOKEN, { signal: asker.signal }))).toBe(gone);
    expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true });
    expect(server.seen).toHaveLength(2);
  });
});
