import { beforeAll, describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import * as oauth from 'oauth4webapi';
import {
  cachingIntrospector,
  type DPoPOptions,
  remoteIntrospector,
  requireActiveToken,
} from '../../lib/index.js';
import { serving } from '../support/http.js';
import { provider } from '../support/provider.js';
import { SECRET } from '../support/scripted-server.js';
import { API } from '../support/world.js';

const INSECURE = { [oauth.allowInsecureRequests]: true };

describe('DPoP between oidc-provider, oauth4webapi and the guard', () => {
  const server = provider();
  const client: oauth.Client = { client_id: 'api' };
  let metadata: oauth.AuthorizationServer;

  beforeAll(async () => {
    const issuer = new URL(server.origin);
    const answer = await oauth.discoveryRequest(issuer, INSECURE);
    metadata = await oauth.processDiscoveryResponse(issuer, answer);
  });

  async function boundToken(DPoP: oauth.DPoPHandle): Promise<string> {
    const parameters = { scope: 'orders:read', resource: API };
    const authentication = oauth.ClientSecretBasic(SECRET);
    const ask = () =>
      oauth.clientCredentialsGrantRequest(metadata, client, authentication, parameters, {
        DPoP,
        ...INSECURE,
      });
    const answer = await oauth.processClientCredentialsResponse(metadata, client, await ask());
    expect(answer.token_type).toBe('dpop');
    return answer.access_token;
  }

  function guarded(dpop: DPoPOptions | true): Express {
    const remote = remoteIntrospector({
      issuer: server.origin,
      clientId: 'api',
      clientSecret: SECRET,
      allowInsecureRequests: true,
    });
    const guard = requireActiveToken({ introspector: cachingIntrospector(remote), audience: API, dpop });
    return express().post('/orders', guard, (req, res) => void res.json(req.activeToken?.cnf));
  }

  async function call(origin: string, token: string, DPoP: oauth.DPoPHandle): Promise<Response> {
    const url = new URL('/orders?page=1', origin);
    return oauth.protectedResourceRequest(token, 'POST', url, undefined, null, { DPoP, ...INSECURE });
  }

  it('T-04 T-06 T-07 lets the holder of the key through, again and again', async () => {
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const token = await boundToken(DPoP);
    await serving(guarded(true), async (origin) => {
      for (let i = 0; i < 3; i++) {
        const answer = await call(origin, token, DPoP);
        expect(answer.status).toBe(200);
        expect(await answer.json()).toStrictEqual({ jkt: await DPoP.calculateThumbprint() });
      }
    });
  });

  it('T-05 T-12 refuses who has the token alone, or another key', async () => {
    const token = await boundToken(oauth.DPoP(client, await oauth.generateKeyPair('ES256')));
    const thief = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    await serving(guarded(true), async (origin) => {
      const refusal = await call(origin, token, thief).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refusal).toBeInstanceOf(oauth.WWWAuthenticateChallengeError);
      const { status, cause } = refusal as oauth.WWWAuthenticateChallengeError;
      expect(status).toBe(401);
      expect(cause).toMatchObject([
        { scheme: 'dpop', parameters: { error: 'invalid_token', realm: 'api' } },
        { scheme: 'bearer', parameters: { realm: 'api' } },
      ]);
      const headers = { authorization: `Bearer ${token}` };
      expect((await fetch(`${origin}/orders`, { method: 'POST', headers })).status).toBe(401);
    });
  });

  it('T-10 T-11 hands the client a nonce, which it uses from then on', async () => {
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const token = await boundToken(DPoP);
    await serving(guarded({ nonce: true }), async (origin) => {
      const refusal = await call(origin, token, DPoP).catch((error: unknown) => error);
      expect(oauth.isDPoPNonceError(refusal)).toBe(true);
      expect((await call(origin, token, DPoP)).status).toBe(200);
      expect((await call(origin, token, DPoP)).status).toBe(200);
    });
  });
});
