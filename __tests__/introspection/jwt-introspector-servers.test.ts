import { describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import * as oauth from 'oauth4webapi';
import request from 'supertest';
import {
  cachingIntrospector,
  type Introspector,
  jwtIntrospector,
  remoteIntrospector,
  requireActiveToken,
  routingIntrospector,
} from '../../lib/index.js';
import { serving } from '../support/http.js';
import { provider } from '../support/provider.js';
import { SECRET } from '../support/scripted-server.js';

const API = 'https://api.example.com/jwt';
const OPAQUE = 'https://api.example.com/opaque';
const INSECURE = { [oauth.allowInsecureRequests]: true };

describe('a guard before the tokens of oidc-provider', () => {
  const server = provider();
  const jwt = () =>
    jwtIntrospector({ issuer: server.origin, audience: [API, OPAQUE], allowInsecureRequests: true });
  const both = () =>
    routingIntrospector({
      jwt: jwt(),
      opaque: cachingIntrospector(
        remoteIntrospector({
          issuer: server.origin,
          clientId: 'api',
          clientSecret: SECRET,
          allowInsecureRequests: true,
        }),
      ),
    });
  const guarded = (introspector: Introspector): Express =>
    express().use(
      requireActiveToken({
        introspector,
        audience: [API, OPAQUE],
        issuer: server.origin,
        scope: 'orders:read',
      }),
      (req, res) => void res.json(req.activeToken),
    );
  const get = (app: Express, token: string): request.Test =>
    request(app).get('/').set('Authorization', `Bearer ${token}`);

  it('T-17 takes its JWTs by their signature, and nothing else', async () => {
    const app = guarded(jwt());
    const token = await server.token(API);
    expect(token.split('.')).toHaveLength(3);
    const answer = await get(app, token);
    expect([answer.status, answer.body]).toStrictEqual([
      200,
      expect.objectContaining({
        active: true,
        iss: server.origin,
        aud: API,
        client_id: 'api',
        scope: 'orders:read',
        scopes: ['orders:read'],
        token_type: 'Bearer',
        jti: expect.any(String),
      }),
    ]);
    const refused = await get(app, await server.token(OPAQUE));
    expect(refused.status).toBe(401);
    expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
    expect((await get(app, await server.token('https://other.example.com/jwt'))).status).toBe(401);
    const changed = token.at(-20) === 'A' ? 'Q' : 'A';
    expect((await get(app, token.slice(0, -20) + changed + token.slice(-19))).status).toBe(401);
  });

  it('takes its JWTs and its opaque tokens', async () => {
    const app = guarded(both());
    for (const resource of [API, OPAQUE]) {
      const token = await server.token(resource);
      for (let i = 0; i < 2; i++) expect((await get(app, token)).body).toMatchObject({ aud: resource });
    }
    for (const junk of ['unknown', 'a.b.c']) expect((await get(app, junk)).status).toBe(401);
  });

  it('T-05 T-06 takes a JWT that is bound to a DPoP key from the holder of that key only', async () => {
    const issuer = new URL(server.origin);
    const metadata = await oauth.processDiscoveryResponse(
      issuer,
      await oauth.discoveryRequest(issuer, INSECURE),
    );
    const client: oauth.Client = { client_id: 'api' };
    const [holder, thief] = [
      oauth.DPoP(client, await oauth.generateKeyPair('ES256')),
      oauth.DPoP(client, await oauth.generateKeyPair('ES256')),
    ];
    const granted = await oauth.clientCredentialsGrantRequest(
      metadata,
      client,
      oauth.ClientSecretBasic(SECRET),
      { scope: 'orders:read', resource: API },
      { DPoP: holder, ...INSECURE },
    );
    const token = (await oauth.processClientCredentialsResponse(metadata, client, granted)).access_token;
    expect(token.split('.')).toHaveLength(3);
    const app = guarded(both());
    await serving(app, async (origin) => {
      const call = (DPoP: oauth.DPoPHandle): Promise<Response> =>
        oauth.protectedResourceRequest(token, 'GET', new URL('/', origin), undefined, null, {
          DPoP,
          ...INSECURE,
        });
      const answer = await call(holder);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toMatchObject({
        token_type: 'DPoP',
        cnf: { jkt: await holder.calculateThumbprint() },
      });
      await expect(call(thief)).rejects.toMatchObject({ status: 401 });
    });
    const asBearer = await get(app, token);
    expect(asBearer.status).toBe(401);
    expect(asBearer.headers['www-authenticate']).toContain('error="invalid_token"');
    const unbound = await request(app)
      .get('/')
      .set('Authorization', `DPoP ${await server.token(API)}`);
    expect(unbound.status).toBe(401);
  });
});
