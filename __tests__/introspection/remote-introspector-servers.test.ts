import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import request from 'supertest';
import { remoteIntrospector, requireActiveToken } from '../../lib/index.js';
import { serving } from '../support/http.js';
import { Provider } from '../support/provider.js';
import { rejection, SECRET } from '../support/scripted-server.js';
import { A, API, world } from '../support/world.js';

describe('remoteIntrospector in front of oidc-provider', () => {
  const server = new Provider();
  let assertionKey: Parameters<typeof oauth.PrivateKeyJwt>[0];

  beforeAll(async () => {
    const { privateKey, publicKey } = await oauth.generateKeyPair('ES256', { extractable: true });
    assertionKey = { key: privateKey, kid: 'k' };
    await server.start({ ...(await jose.exportJWK(publicKey)), kid: 'k' });
  });
  afterAll(() => server.stop());

  const ask = (more: Partial<Parameters<typeof remoteIntrospector>[0]> = {}) =>
    remoteIntrospector({
      issuer: server.origin,
      clientId: 'api',
      ...(more.clientAuth === undefined && { clientSecret: SECRET }),
      allowInsecureRequests: true,
      ...more,
    });

  it('guards a route, until the token is revoked', async () => {
    const app = express();
    const guard = requireActiveToken({
      introspector: ask(),
      audience: API,
      issuer: server.origin,
      scope: 'orders:read',
    });
    app.get('/', guard, (req, res) => {
      res.json(req.activeToken);
    });
    const live = await server.token();
    const get = () => request(app).get('/').set('Authorization', `Bearer ${live}`);
    expect((await get()).body).toMatchObject({ client_id: 'api', scopes: ['orders:read'], aud: API });
    await server.post('/token/revocation', { token: live });
    expect((await get()).status).toBe(401);
  });

  it.each([
    [
      'client_secret_post',
      () => ask({ clientId: 'post', clientAuth: 'client_secret_post', clientSecret: SECRET }),
    ],
    ['client_secret_jwt', () => ask({ clientId: 'jwt', clientAuth: oauth.ClientSecretJwt(SECRET) })],
    ['private_key_jwt', () => ask({ clientId: 'key', clientAuth: oauth.PrivateKeyJwt(assertionKey) })],
  ] as const)('A-14 authenticates by %s', async (_method, introspector) => {
    const asking = introspector();
    expect(await asking.introspect(await server.token())).toMatchObject({ active: true, client_id: 'api' });
    expect(await asking.introspect(await server.token())).toMatchObject({ active: true });
    expect(await asking.introspect('unknown', { hint: 'access_token' })).toStrictEqual({ active: false });
  });

  it('is refused with a wrong secret, which is no word about the token', async () => {
    const error = await rejection(ask({ clientSecret: 'wrong' }).introspect(await server.token()));
    expect(error).toMatchObject({ reason: 'our_credentials' });
  });

  it('J-14 takes its signed answers', async () => {
    const signing = ask({ signedResponse: true });
    expect(await signing.introspect(await server.token())).toMatchObject({ active: true, aud: API });
    expect(await signing.introspect('unknown')).toStrictEqual({ active: false });
  });
});

describe('remoteIntrospector in front of our own router', () => {
  it('says what the store says', async () => {
    const { app, secretOf, clock } = await world();
    await serving(app, async (origin) => {
      const introspector = remoteIntrospector({
        endpoint: `${origin}${A}`,
        clientId: 'api',
        clientSecret: secretOf('api'),
        allowInsecureRequests: true,
      });
      expect(await introspector.introspect('at-live')).toMatchObject({
        active: true,
        sub: 'alice',
        aud: API,
      });
      for (const dead of ['at-expired', 'at-revoked', 'at-other-api', 'rt-live', 'unknown']) {
        expect(await introspector.introspect(dead)).toStrictEqual({ active: false });
      }
      const guarded = express().use(
        requireActiveToken({ introspector, audience: API, clock: () => clock.now }),
        (req, res) => {
          res.json(req.activeToken?.sub);
        },
      );
      const get = (token: string) => request(guarded).get('/').set('Authorization', `Bearer ${token}`);
      expect((await get('at-live')).body).toBe('alice');
      expect((await get('at-revoked')).status).toBe(401);
    });
  });

  it('I-23 as a Bearer caller', async () => {
    const { app, tokens } = await world();
    await tokens.save({
      token: 'callers-own',
      kind: 'access_token',
      clientId: 'api',
      scope: ['introspection'],
      audience: ['https://id.example.com'],
    });
    await serving(app, async (origin) => {
      const ask = (own: string) =>
        remoteIntrospector({
          endpoint: `${origin}${A}`,
          accessToken: () => own,
          allowInsecureRequests: true,
        }).introspect('at-live');
      expect(await ask('callers-own')).toMatchObject({ active: true, sub: 'alice' });
      expect(await rejection(ask('at-live'))).toMatchObject({ reason: 'our_credentials' });
    });
  });
});
