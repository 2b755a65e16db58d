import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { Agent, fetch } from 'undici';
import {
  type Client,
  generateClientSecret,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
} from '../lib/index.js';
import { EC } from './support/signing.js';

const API = 'https://api.example.com';
const file = (name: string): string => readFileSync(`__tests__/support/tls/${name}`, 'utf8');
const pem = (name: string) => ({ cert: file(`${name}.crt`), key: file(`${name}.key`) });

const { secret, hash } = generateClientSecret();
const keys = await generateKeyPair('ES256', { extractable: true });
const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), use: 'sig' } as never] };
const sealing = await generateKeyPair('ECDH-ES', { extractable: true });
const encryption = { keys: [{ ...(await exportJWK(sealing.publicKey)), use: 'enc', kid: 'enc' } as never] };

/** How each library is told to prove who it is, and by which certificate it connects. */
interface Method {
  readonly registered: Omit<Client, 'clientId'>;
  readonly oauth4webapi: () => oauth.ClientAuth;
  readonly openidClient: () => openid.ClientAuth;
  readonly certificate?: string;
}

const METHODS: Readonly<Record<string, Method>> = {
  client_secret_basic: {
    registered: { secret: hash },
    oauth4webapi: () => oauth.ClientSecretBasic(secret),
    openidClient: () => openid.ClientSecretBasic(secret),
  },
  client_secret_post: {
    registered: { secret: hash },
    oauth4webapi: () => oauth.ClientSecretPost(secret),
    openidClient: () => openid.ClientSecretPost(secret),
  },
  client_secret_jwt: {
    registered: { hmacSecret: secret },
    oauth4webapi: () => oauth.ClientSecretJwt(secret),
    openidClient: () => openid.ClientSecretJwt(secret),
  },
  private_key_jwt: {
    registered: { jwks },
    oauth4webapi: () => oauth.PrivateKeyJwt(keys.privateKey),
    openidClient: () => openid.PrivateKeyJwt(keys.privateKey),
  },
  tls_client_auth: {
    registered: { tlsClientAuthSanUri: 'https://orders.example/client' },
    oauth4webapi: () => oauth.TlsClientAuth(),
    openidClient: () => openid.TlsClientAuth(),
    certificate: 'client',
  },
  self_signed_tls_client_auth: {
    registered: {
      jwks: { keys: [new X509Certificate(file('another.crt')).publicKey.export({ format: 'jwk' }) as never] },
    },
    oauth4webapi: () => oauth.TlsClientAuth(),
    openidClient: () => openid.TlsClientAuth(),
    certificate: 'another',
  },
};

describe.each(Object.entries(METHODS))('%s', (name, method) => {
  const tokens = new MemoryTokenStore();
  const clientId = `api by ${name}`;
  const sealedId = `sealed api by ${name}`;
  let issuer: URL;
  let server: Server;
  const agent = new Agent({
    connect: {
      ...(method.certificate !== undefined && pem(method.certificate)),
      ca: file('self-signed.crt'),
    },
  });
  const through = ((url: string, options: object) => fetch(url, { ...options, dispatcher: agent })) as never;

  beforeAll(async () => {
    const app = express();
    server = createServer(
      { ...pem('self-signed'), ca: file('ca.crt'), requestCert: true, rejectUnauthorized: false },
      app,
    );
    await new Promise<void>((resolve) => server.listen(0, resolve));
    issuer = new URL(`https://localhost:${(server.address() as AddressInfo).port}`);
    const registered = {
      authMethods: [name as never],
      audiences: [API],
      introspectionSignedResponseAlg: 'ES256',
      ...method.registered,
    };
    const clients = new MemoryClientStore([
      { ...registered, clientId },
      {
        ...registered,
        clientId: sealedId,
        ...(method.registered.jwks ? {} : { jwks: encryption }),
        ...(method.registered.jwks && {
          jwks: { keys: [...method.registered.jwks.keys, ...encryption.keys] },
        }),
        introspectionEncryptedResponseAlg: 'ECDH-ES',
      },
      { clientId: 'app', secret: hash },
    ]);
    app.use(
      introspectionRouter({ tokens, clients, issuer: issuer.origin, clientCertificate: true, keys: [EC] }),
    );
  });
  afterAll(async () => {
    await agent.destroy();
    server.closeAllConnections();
    server.close();
  });

  const save = async (token: string, owner: string): Promise<void> => {
    await tokens.save({ token, kind: 'access_token', clientId: owner, subject: 'alice', audience: [API] });
  };

  it('A-19 M-04 R-01 oauth4webapi discovers, introspects and revokes', async () => {
    const options = { [oauth.customFetch]: through };
    const as = await oauth.processDiscoveryResponse(
      new URL(issuer.origin),
      await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options }),
    );
    expect(as.introspection_endpoint_auth_methods_supported).toContain(name);
    const client: oauth.Client = { client_id: clientId };
    const ask = async (token: string) =>
      oauth.processIntrospectionResponse(
        as,
        client,
        await oauth.introspectionRequest(as, client, method.oauth4webapi(), token, options),
      );
    await save('o-foreign', 'app');
    await save('o-own', clientId);
    expect(await ask('o-foreign')).toMatchObject({ active: true, sub: 'alice', client_id: 'app' });
    expect(await ask('o-own')).toMatchObject({ active: true, client_id: clientId });
    const revoke = async (token: string) =>
      oauth.processRevocationResponse(
        await oauth.revocationRequest(as, client, method.oauth4webapi(), token, options),
      );
    await revoke('o-own');
    expect(await ask('o-own')).toStrictEqual({ active: false });
    await expect(revoke('o-foreign')).rejects.toMatchObject({ error: 'unauthorized_client' });
    expect(await ask('o-foreign')).toMatchObject({ active: true });
  });

  it('A-19 M-04 R-01 openid-client discovers, introspects and revokes', async () => {
    const config = await openid.discovery(issuer, clientId, undefined, method.openidClient(), {
      algorithm: 'oauth2',
      [openid.customFetch]: through,
    });
    await save('c-foreign', 'app');
    await save('c-own', clientId);
    expect(await openid.tokenIntrospection(config, 'c-foreign')).toMatchObject({
      active: true,
      sub: 'alice',
    });
    await openid.tokenRevocation(config, 'c-own');
    expect(await openid.tokenIntrospection(config, 'c-own')).toStrictEqual({ active: false });
    await openid.tokenRevocation(config, 'never-seen');
  });

  it('J-01 J-08 J-14 both have signed answers, and encrypted ones, and verify them', async () => {
    await save('signed', 'app');
    for (const id of [clientId, sealedId]) {
      const config = await openid.discovery(
        issuer,
        id,
        { introspection_signed_response_alg: 'ES256' },
        method.openidClient(),
        {
          algorithm: 'oauth2',
          [openid.customFetch]: through,
        },
      );
      if (id === sealedId)
        openid.enableDecryptingResponses(config, ['A128CBC-HS256'], { key: sealing.privateKey, kid: 'enc' });
      openid.enableNonRepudiationChecks(config);
      expect(await openid.tokenIntrospection(config, 'signed')).toMatchObject({ active: true, sub: 'alice' });
      expect(await openid.tokenIntrospection(config, 'never-seen')).toStrictEqual({ active: false });

      const options = { [oauth.customFetch]: through };
      const as = await oauth.processDiscoveryResponse(
        new URL(issuer.origin),
        await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options }),
      );
      const client: oauth.Client = { client_id: id, introspection_signed_response_alg: 'ES256' };
      const response = await oauth.introspectionRequest(as, client, method.oauth4webapi(), 'signed', {
        ...options,
        requestJwtResponse: true,
      });
      expect(response.headers.get('content-type')).toBe('application/token-introspection+jwt');
      const decrypt = async (jwe: string) =>
        new TextDecoder().decode((await compactDecrypt(jwe, sealing.privateKey)).plaintext);
      const answer = await oauth.processIntrospectionResponse(
        as,
        client,
        response,
        id === sealedId ? { [oauth.jweDecrypt]: decrypt } : {},
      );
      expect(answer).toMatchObject({ active: true, sub: 'alice' });
      await oauth.validateApplicationLevelSignature(as, response, options);
    }
  });

  it('A-12 another method is refused', async () => {
    const others = Object.keys(METHODS).filter((other) => other !== name);
    const as: oauth.AuthorizationServer = {
      issuer: issuer.origin,
      introspection_endpoint: `${issuer.origin}/v1/oauth/introspect`,
    };
    for (const other of others) {
      const { oauth4webapi, certificate } = METHODS[other] as Method;
      // All by one connection, and so with one certificate.
      if (certificate !== undefined) continue;
      const answer = await oauth.introspectionRequest(as, { client_id: clientId }, oauth4webapi(), 'x', {
        [oauth.customFetch]: through,
      });
      expect(answer.status).toBe(401);
    }
  });
});
