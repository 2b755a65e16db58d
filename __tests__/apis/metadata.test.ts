import { describe, expect, it } from '@jest/globals';
import express, { type Router } from 'express';
import { SignJWT } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import request from 'supertest';
import {
  type AuditEvent,
  authorizationServerMetadata,
  generateClientSecret,
  type IntrospectionRouterOptions,
  introspectionRouter,
  jwtIntrospector,
  MemoryClientStore,
  MemoryTokenStore,
  type PrivateJwk,
  remoteIntrospector,
  storeIntrospector,
} from '../../lib/index.js';
import { serving } from '../support/http.js';
import { EC, ED, RSA } from '../support/signing.js';

const WELL_KNOWN = '/.well-known/oauth-authorization-server';
const ISSUER = 'https://id.example.com';
const tokens = new MemoryTokenStore();
const clients = new MemoryClientStore([]);
const SIGNING = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256', 'HS256', 'HS384', 'HS512'];

const appWith = (options: Partial<IntrospectionRouterOptions> = {}, mount = '/') =>
  express().use(mount, introspectionRouter({ tokens, clients, issuer: ISSUER, ...options }));

describe('authorization server metadata', () => {
  it('M-01 M-02 M-03 M-05 tells what is mounted', async () => {
    const answer = await request(appWith()).get(WELL_KNOWN);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['set-cookie']).toBeUndefined();
    const methods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt'];
    expect(answer.body).toStrictEqual({
      issuer: ISSUER,
      introspection_endpoint: `${ISSUER}/v1/oauth/introspect`,
      introspection_endpoint_auth_methods_supported: [...methods, 'Bearer'],
      introspection_endpoint_auth_signing_alg_values_supported: SIGNING,
      revocation_endpoint: `${ISSUER}/v1/oauth/revoke`,
      revocation_endpoint_auth_methods_supported: [...methods, 'none'],
      revocation_endpoint_auth_signing_alg_values_supported: SIGNING,
    });
  });

  it('M-02 M-03 M-05 leaves out what is not there', async () => {
    const { body } = await request(
      appWith({
        tokens: { find: (token) => tokens.find(token) },
        assertions: false,
        clientCertificate: true,
      }),
    ).get(WELL_KNOWN);
    expect(body).toStrictEqual({
      issuer: ISSUER,
      introspection_endpoint: `${ISSUER}/v1/oauth/introspect`,
      introspection_endpoint_auth_methods_supported: [
        'client_secret_basic',
        'client_secret_post',
        'tls_client_auth',
        'self_signed_tls_client_auth',
        'Bearer',
      ],
    });
    expect(JSON.stringify(body)).not.toContain('none');
  });

  it('M-03 tells the algorithms that are taken, and never none', async () => {
    const { body } = await request(appWith({ assertions: { algorithms: ['PS256'] } })).get(WELL_KNOWN);
    expect(body).toMatchObject({
      introspection_endpoint_auth_signing_alg_values_supported: ['PS256', 'HS256', 'HS384', 'HS512'],
    });
  });

  it('J-10 tells where the keys are that answers are signed with, and with what, as they change', async () => {
    const all = [RSA, { ...RSA, kid: 'second' }, EC];
    let keys: () => readonly PrivateJwk[] = () => all;
    const events: AuditEvent[] = [];
    const audit = (event: AuditEvent) => events.push(event);
    const app = appWith({ keys: () => keys(), audit });
    const { body } = await request(app).get(WELL_KNOWN);
    expect(body).toMatchObject({
      jwks_uri: `${ISSUER}/v1/oauth/jwks`,
      introspection_signing_alg_values_supported: ['RS256', 'ES256'],
      introspection_encryption_alg_values_supported: expect.arrayContaining(['RSA-OAEP-256', 'ECDH-ES']),
      introspection_encryption_enc_values_supported: expect.arrayContaining(['A128CBC-HS256']),
    });
    expect(JSON.stringify(body)).not.toContain('RSA1_5');
    keys = () => [EC];
    expect((await request(app).get(WELL_KNOWN)).body).toMatchObject({
      introspection_signing_alg_values_supported: ['ES256'],
    });
    const down = (): never => {
      throw new Error('down');
    };
    // To tell what there was is enough: all else in the metadata is as it was.
    for (const failing of [down, () => Promise.reject(new Error('down')) as never, () => []]) {
      keys = failing;
      const answer = await request(app).get(WELL_KNOWN);
      expect(answer.body).toMatchObject({ introspection_signing_alg_values_supported: ['ES256'] });
    }
    expect(events).toStrictEqual([]);
    // What there was is not known to a router that has just begun.
    const outage = await request(appWith({ keys: down, audit })).get(WELL_KNOWN);
    expect(outage).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(outage.headers['retry-after']).toBe('5');
    expect((await request(appWith({ keys: () => [], audit })).get(WELL_KNOWN)).status).toBe(500);
    expect(events).toMatchObject([
      { api: 'metadata', outcome: 'unavailable', error: 'temporarily_unavailable', fault: { name: 'Error' } },
      {
        api: 'metadata',
        outcome: 'failed',
        error: 'server_error',
        fault: { message: expect.stringMatching(/^keys: /) },
      },
    ]);
    const constant = await request(appWith({ keys: [EC] })).get(WELL_KNOWN);
    expect(constant.body).toMatchObject({ introspection_signing_alg_values_supported: ['ES256'] });
  });

  it.each([
    ['https://id.example.com', WELL_KNOWN],
    ['https://id.example.com/', WELL_KNOWN],
    ['https://id.example.com/tenant', `${WELL_KNOWN}/tenant`],
    ['https://id.example.com/a/b/', `${WELL_KNOWN}/a/b`],
    ['https://id.example.com/(x)*', `${WELL_KNOWN}/(x)*`],
    ['http://localhost:3000', WELL_KNOWN],
  ])('M-04 is between the host and the path of %s, which it names as it is', async (issuer, path) => {
    const app = appWith({ issuer });
    expect((await request(app).get(path)).body).toMatchObject({
      issuer,
      introspection_endpoint: `${new URL(issuer).origin}/v1/oauth/introspect`,
    });
    expect((await request(app).get(`${path}?x=1`)).status).toBe(200);
    expect((await request(app).get(`${path}/more`)).status).toBe(404);
    if (issuer.includes('tenant')) {
      expect((await request(app).get(WELL_KNOWN)).status).toBe(404);
      expect((await request(app).get(`/tenant${WELL_KNOWN}`)).status).toBe(404);
    }
  });

  it.each(['my-issuer', 'https://id.example.com/?x=1', 'urn:example'])(
    'M-04 a TypeError says that members for it are of no use where the issuer is %s',
    (issuer) => {
      const make = (): unknown => appWith({ issuer, metadata: { token_endpoint: 'https://x.example' } });
      expect(make).toThrow(TypeError);
      expect(make).toThrow('"metadata" must be left out where the "issuer" is no URL');
      expect(() => appWith({ issuer, metadata: false })).not.toThrow();
    },
  );

  it('M-01 names the endpoints where clients reach them', async () => {
    const base = 'https://gateway.example.com/identity/';
    const { body } = await request(appWith({ baseUrl: base })).get(WELL_KNOWN);
    expect(body).toMatchObject({
      revocation_endpoint: 'https://gateway.example.com/identity/v1/oauth/revoke',
    });
  });

  it('has the members of the app, which replace none of its own', async () => {
    const metadata = {
      token_endpoint: `${ISSUER}/token`,
      response_types_supported: ['code'],
      scopes_supported: [],
      issuer: 'https://evil.example.com',
      introspection_endpoint: 'https://evil.example.com',
    };
    const { body } = await request(appWith({ metadata })).get(WELL_KNOWN);
    expect(body).toMatchObject({
      token_endpoint: `${ISSUER}/token`,
      response_types_supported: ['code'],
      issuer: ISSUER,
      introspection_endpoint: `${ISSUER}/v1/oauth/introspect`,
    });
    expect(body).not.toHaveProperty('scopes_supported');
  });

  it('issuer/24 J-10 keeps the jwks_uri of an issuer that signs elsewhere too, with keys and without', async () => {
    const metadata = { jwks_uri: 'https://id.example.com/jwks?v=1' };
    for (const keys of [undefined, [EC], () => [EC]]) {
      const app = appWith({ metadata, ...(keys && { keys }) });
      expect((await request(app).get(WELL_KNOWN)).body).toMatchObject(metadata);
      // Ours are where they were, for whoever publishes all of them there.
      expect((await request(app).get('/v1/oauth/jwks')).status).toBe(keys ? 200 : 404);
    }
    expect((await request(appWith({ metadata: {}, keys: [EC] })).get(WELL_KNOWN)).body).toMatchObject({
      jwks_uri: `${ISSUER}/v1/oauth/jwks`,
    });
  });

  it('issuer/24 tells the algorithms of keys that sign, and not of those that are only published', async () => {
    const { d: _d, ...theirs } = ED;
    const { body } = await request(appWith({ keys: [theirs, EC] })).get(WELL_KNOWN);
    expect(body).toMatchObject({ introspection_signing_alg_values_supported: ['ES256'] });
  });

  it('issuer/24 a JWT of this issuer is active for jwtIntrospector, with keys for answers and without', async () => {
    for (const keys of [undefined, [EC]]) {
      const app = express();
      await serving(app, async (issuer) => {
        const { d: _d, ...published } = ED;
        app.get('/jwks', (_req, res) => void res.json({ keys: [published] }));
        const metadata = { jwks_uri: `${issuer}/jwks` };
        app.use(introspectionRouter({ tokens, clients, issuer, metadata, ...(keys && { keys }) }));
        const jwt = await new SignJWT({ client_id: 'web', jti: '1' })
          .setProtectedHeader({ alg: 'EdDSA', kid: 'ed', typ: 'at+jwt' })
          .setIssuer(issuer)
          .setSubject('alice')
          .setAudience('api')
          .setIssuedAt()
          .setExpirationTime('5m')
          .sign(ED as never);
        const introspector = jwtIntrospector({ issuer, audience: 'api', allowInsecureRequests: true });
        expect(await introspector.introspect(jwt)).toMatchObject({ active: true, sub: 'alice' });
      });
    }
  });

  it.each([
    ['the app does not want it', { metadata: false as const }],
    ['the issuer is no URL', { issuer: 'id.example.com' }],
    ['the issuer has a query', { issuer: `${ISSUER}?x=1` }],
    ['the issuer is of another kind', { issuer: 'urn:example:issuer' }],
  ])('is not there where %s', async (_why, options) => {
    expect((await request(appWith(options)).get(WELL_KNOWN)).status).toBe(404);
  });

  it('is not there at a gateway, which is not the issuer', async () => {
    const gateway = { introspector: storeIntrospector(tokens), clients, issuer: ISSUER };
    expect((await request(express().use(introspectionRouter(gateway))).get(WELL_KNOWN)).status).toBe(404);
    expect(() => introspectionRouter({ ...gateway, metadata: {} } as never)).toThrow('"metadata"');
    expect(() => introspectionRouter({ ...gateway, baseUrl: ISSUER } as never)).toThrow('"baseUrl"');
  });

  it.each([
    ['metadata', { metadata: true }],
    ['metadata', { metadata: [] }],
    ['metadata.jwks_uri', { metadata: { jwks_uri: '/jwks' } }],
    ['metadata.jwks_uri', { metadata: { jwks_uri: null } }],
    ['metadata.jwks_uri', { metadata: { jwks_uri: 'urn:jwks' }, keys: [EC] }],
    ['baseUrl', { baseUrl: '/identity' }],
    ['baseUrl', { baseUrl: 'https://user@id.example.com' }],
    ['baseUrl', { baseUrl: 'https://id.example.com#x' }],
    ['baseUrl', { baseUrl: 'ftp://id.example.com' }],
  ])('a TypeError names %s (%#)', (name, options) => {
    expect(() => appWith(options as never)).toThrow(TypeError);
    expect(() => appWith(options as never)).toThrow(`"${name}"`);
  });

  it('E-03 may be kept, but for its errors', async () => {
    const app = appWith();
    const { headers } = await request(app).get(WELL_KNOWN);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    expect(headers['cache-control']).toBeUndefined();
    expect(headers.pragma).toBeUndefined();
    expect((await request(app).post(WELL_KNOWN)).headers['cache-control']).toBe('no-store');
    expect((await request(appWith({ requireTls: true })).get(WELL_KNOWN)).status).toBe(400);
  });

  it('leaves alone what somebody has answered meanwhile', async () => {
    const late = express().use((_req, res, next) => {
      res.status(503).end('timeout');
      setTimeout(next, 5);
    });
    late.use(introspectionRouter({ tokens, clients, issuer: ISSUER }));
    expect((await request(late).get(WELL_KNOWN)).text).toBe('timeout');
    let go = (): void => {};
    const slow = appWith({
      keys: () =>
        new Promise((resolve) => {
          go = () => resolve([EC]);
        }),
    });
    const app = express().use((_req, res, next) => {
      setTimeout(() => {
        res.status(503).end('timeout');
        go();
      }, 20);
      next();
    }, slow);
    expect((await request(app).get(WELL_KNOWN)).text).toBe('timeout');
    await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it('can only be read', async () => {
    const app = appWith();
    expect((await request(app).head(WELL_KNOWN)).status).toBe(200);
    expect((await request(app).options(WELL_KNOWN)).status).toBe(204);
    const answer = await request(app).post(WELL_KNOWN);
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
  });

  it('M-04 is all that our own remoteIntrospector needs', async () => {
    const { secret, hash } = generateClientSecret();
    const own = new MemoryTokenStore();
    await own.save({ token: 'at', kind: 'access_token', clientId: 'api', subject: 'alice' });
    const app = express();
    await serving(app, async (origin) => {
      const known = new MemoryClientStore([{ clientId: 'api', secret: hash }]);
      app.use(introspectionRouter({ tokens: own, clients: known, issuer: origin }));
      const remote = remoteIntrospector({
        issuer: origin,
        clientId: 'api',
        clientSecret: secret,
        allowInsecureRequests: true,
      });
      expect(await remote.introspect('at')).toMatchObject({ active: true, sub: 'alice' });
      await own.revoke('at');
      expect(await remote.introspect('at')).toStrictEqual({ active: false });
    });
  });

  describe('of several routers on one host by path', () => {
    const { secret, hash } = generateClientSecret();
    const known = new MemoryClientStore([{ clientId: 'api', secret: hash }]);
    /** Routers for /a and /b, each with a token of its own, and the origin where they are. */
    async function both(use: (origin: string) => Promise<void>): Promise<void> {
      const app = express();
      await serving(app, async (origin) => {
        const routers = await Promise.all(
          ['a', 'b'].map(async (name) => {
            const own = new MemoryTokenStore();
            await own.save({ token: `at-${name}`, kind: 'access_token', clientId: 'api', subject: name });
            const issuer = `${origin}/${name}`;
            const router = introspectionRouter({
              tokens: own,
              clients: known,
              issuer,
              baseUrl: issuer,
              keys: [EC],
            });
            app.use(`/${name}`, router);
            return router;
          }),
        );
        app.use(authorizationServerMetadata(...routers));
        await use(origin);
      });
    }

    it('M-04 is at the root for each, by one call, and nowhere else', async () => {
      await both(async (origin) => {
        for (const name of ['a', 'b']) {
          const issuer = `${origin}/${name}`;
          const answer = await fetch(`${origin}${WELL_KNOWN}/${name}`);
          expect(await answer.json()).toMatchObject({
            issuer,
            introspection_endpoint: `${issuer}/v1/oauth/introspect`,
            revocation_endpoint: `${issuer}/v1/oauth/revoke`,
            jwks_uri: `${issuer}/v1/oauth/jwks`,
          });
          expect((await fetch(`${issuer}/v1/oauth/jwks`)).status).toBe(200);
        }
        for (const path of [WELL_KNOWN, `${WELL_KNOWN}/c`, `${WELL_KNOWN}/a/b`, `${WELL_KNOWN}/ab`])
          expect((await fetch(`${origin}${path}`)).status).toBe(404);
        expect((await fetch(`${origin}${WELL_KNOWN}/a`, { method: 'POST' })).status).toBe(405);
      });
    });

    it('M-04 is found by our own remoteIntrospector, and each knows its own tokens only', async () => {
      await both(async (origin) => {
        for (const name of ['a', 'b']) {
          const remote = remoteIntrospector({
            issuer: `${origin}/${name}`,
            clientId: 'api',
            clientSecret: secret,
            allowInsecureRequests: true,
          });
          expect(await remote.introspect(`at-${name}`)).toMatchObject({ active: true, sub: name });
          expect(await remote.introspect(name === 'a' ? 'at-b' : 'at-a')).toStrictEqual({ active: false });
        }
      });
    });

    it('M-04 is found by openid-client', async () => {
      await both(async (origin) => {
        for (const name of ['a', 'b']) {
          const found = await openid.discovery(
            new URL(`${origin}/${name}`),
            'api',
            undefined,
            openid.ClientSecretBasic(secret),
            {
              algorithm: 'oauth2',
              execute: [openid.allowInsecureRequests],
            },
          );
          expect(await openid.tokenIntrospection(found, `at-${name}`)).toMatchObject({
            active: true,
            sub: name,
          });
        }
      });
    });

    it.each<[string, () => readonly Router[], string]>([
      ['no router', () => [], 'one router or more'],
      ['a router of the app', () => [express.Router()], 'of introspectionRouter'],
      ['what is no router', () => [undefined as never], 'of introspectionRouter'],
      [
        'a router without metadata',
        () => [introspectionRouter({ tokens, clients, issuer: ISSUER, metadata: false })],
        'of introspectionRouter',
      ],
      [
        'a router whose issuer is no URL',
        () => [introspectionRouter({ tokens, clients, issuer: 'x' })],
        'of introspectionRouter',
      ],
      [
        'two routers of one path',
        () =>
          ['https://id.example.com/a', 'https://id.example.com/a/'].map((issuer) =>
            introspectionRouter({ tokens, clients, issuer }),
          ),
        'of different issuers: two have the same path',
      ],
    ])('a TypeError says that %s will not do', (_what, routers, expected) => {
      const make = () => authorizationServerMetadata(...routers());
      expect(make).toThrow(TypeError);
      expect(make).toThrow(`authorizationServerMetadata: "routers" must be ${expected}`);
    });
  });

  it('M-04 M-05 is what oauth4webapi takes for it', async () => {
    const { text } = await request(appWith()).get(WELL_KNOWN);
    const issuer = new URL(ISSUER);
    const response = await oauth.discoveryRequest(issuer, {
      algorithm: 'oauth2',
      [oauth.customFetch]: async (url) => {
        expect(url).toBe(`${ISSUER}${WELL_KNOWN}`);
        return new Response(text, { headers: { 'content-type': 'application/json' } });
      },
    });
    expect(await oauth.processDiscoveryResponse(issuer, response)).toMatchObject({ issuer: ISSUER });
  });
});
