import type { RequestListener } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import express, {
  type Express,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import * as oauth from 'oauth4webapi';
import request from 'supertest';
import {
  type ProtectedResourceMetadataOptions,
  protectedResourceMetadata,
  requireActiveToken,
  resourceMetadataUrl,
} from '../../lib/index.js';
import { raw, serving } from '../support/http.js';
import { API, ISSUER } from '../support/world.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const app = (options: Partial<ProtectedResourceMetadataOptions> = {}): Express =>
  express().use(protectedResourceMetadata({ resource: API, ...options }));

describe('protectedResourceMetadata (RFC 9728)', () => {
  it('M-06 M-08 M-11 serves what it is told, as JSON', async () => {
    const answer = await request(
      app({
        authorizationServers: [ISSUER],
        scopes: ['read', 'write'],
        bearerMethods: ['header', 'body'],
        dpopRequired: true,
        dpopAlgorithms: ['ES256'],
        certificateBound: false,
        name: 'Orders',
        documentation: 'https://docs.example.com',
        more: { resource_policy_uri: 'https://example.com/policy', resource: 'https://evil.example' },
      }),
    ).get(WELL_KNOWN);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.body).toStrictEqual({
      resource: API,
      authorization_servers: [ISSUER],
      scopes_supported: ['read', 'write'],
      bearer_methods_supported: ['header', 'body'],
      dpop_bound_access_tokens_required: true,
      dpop_signing_alg_values_supported: ['ES256'],
      tls_client_certificate_bound_access_tokens: false,
      resource_name: 'Orders',
      resource_documentation: 'https://docs.example.com',
      resource_policy_uri: 'https://example.com/policy',
    });
  });

  it('leaves the origin that the app allows, with its Vary and its credentials', async () => {
    const cors: RequestHandler = (_req, res, next) => {
      res.setHeader('Access-Control-Allow-Origin', 'https://app.example');
      res.setHeader('Access-Control-Allow-Credentials', 'true');
      res.setHeader('Access-Control-Allow-Methods', 'GET,HEAD');
      res.setHeader('Access-Control-Allow-Headers', 'X-Own');
      res.vary('Origin');
      next();
    };
    const beside = express().use(cors, protectedResourceMetadata({ resource: API }));
    for (const [method, status] of [
      ['get', 200],
      ['options', 204],
      ['post', 405],
    ] as const) {
      const answer = await request(beside)[method](WELL_KNOWN).set('Origin', 'https://app.example');
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-credentials': 'true',
        'access-control-allow-methods': 'GET,HEAD',
        'access-control-allow-headers': 'X-Own',
        vary: 'Origin',
      });
    }
    // An app that says nothing of this origin has said nothing against it: the document is for all.
    const silent = express().use(
      (_req, res, next) => {
        res.vary('Origin');
        next();
      },
      protectedResourceMetadata({ resource: API }),
    );
    const { headers } = await request(silent).get(WELL_KNOWN).set('Origin', 'https://other.example');
    expect(headers).toMatchObject({ 'access-control-allow-origin': '*', vary: 'Origin' });
  });

  it('attack/02 says nothing once the app has answered by itself, whatever is asked, and lets nothing fail', async () => {
    const errors: unknown[] = [];
    const late = express().use(
      (_req, res, next) => {
        res.status(503).end('timeout');
        next();
      },
      protectedResourceMetadata({ resource: API }),
    );
    late.use((error: unknown, _req: Request, _res: Response, _next: NextFunction) => void errors.push(error));
    for (const method of ['get', 'options', 'post'] as const)
      expect((await request(late)[method](WELL_KNOWN)).text).toBe('timeout');
    expect(errors).toStrictEqual([]);
  });

  it('guard/08 is served by plain Node.js, too', async () => {
    const metadata = protectedResourceMetadata({ resource: API });
    const plain: RequestListener = (req, res) =>
      metadata(req as Request, res as Response, () => res.writeHead(404).end());
    await serving(plain, async (origin) => {
      const got = await raw(origin, { method: 'GET', path: WELL_KNOWN });
      expect([got.status, JSON.parse(got.body)]).toMatchObject([200, { resource: API }]);
      for (const [method, status] of [
        ['OPTIONS', 204],
        ['HEAD', 200],
        ['DELETE', 405],
      ] as const)
        expect((await raw(origin, { method, path: WELL_KNOWN })).status).toBe(status);
      expect((await raw(origin, { method: 'GET', path: '/' })).status).toBe(404);
    });
  });

  it('M-08 M-11 leaves out what is empty, save the ways in which a token may come', async () => {
    const options = { scopes: [], authorizationServers: [], more: { ui_locales_supported: [] } };
    expect((await request(app(options)).get(WELL_KNOWN)).body).toStrictEqual({
      resource: API,
      bearer_methods_supported: ['header'],
    });
    expect((await request(app({ bearerMethods: [] })).get(WELL_KNOWN)).body).toStrictEqual({
      resource: API,
      bearer_methods_supported: [],
    });
  });

  it.each([
    ['https://api.example.com', WELL_KNOWN],
    ['https://api.example.com/', WELL_KNOWN],
    ['https://api.example.com/orders', `${WELL_KNOWN}/orders`],
    ['https://api.example.com/orders/', `${WELL_KNOWN}/orders/`],
    ['https://api.example.com:8443/a/b', `${WELL_KNOWN}/a/b`],
    ['https://api.example.com/a(b)/:id*', `${WELL_KNOWN}/a(b)/:id*`],
    ['https://api.example.com/a%2Fb', `${WELL_KNOWN}/a%2Fb`],
    ['https://api.example.com/orders?tenant=1', `${WELL_KNOWN}/orders?tenant=1`],
    ['http://localhost:3000/orders', `${WELL_KNOWN}/orders`],
    ['http://127.0.0.1:3000', WELL_KNOWN],
    ['http://[::1]:3000', WELL_KNOWN],
  ])('M-07 of %s is at %s', async (resource, path) => {
    expect(resourceMetadataUrl(resource)).toBe(new URL(resource).origin + path);
    await serving(app({ resource }), async (origin) => {
      const at = async (where: string): Promise<number> =>
        (await raw(origin, { method: 'GET', path: where })).status;
      expect(await at(path)).toBe(200);
      expect(await at(`${path}x`)).toBe(404);
      expect(await at('/orders')).toBe(404);
      expect(await at(path.includes('?') ? (path.split('?')[0] as string) : `${path}?a=1`)).toBe(
        path.includes('?') ? 404 : 200,
      );
    });
  });

  it('answers HEAD as GET, and any other method with 405', async () => {
    expect((await request(app()).head(WELL_KNOWN)).status).toBe(200);
    for (const method of ['post', 'put', 'delete'] as const) {
      const answer = await request(app())[method](WELL_KNOWN);
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD, OPTIONS');
      expect(answer.body).toMatchObject({ error: 'invalid_request' });
    }
  });

  it('lets pages of any origin ask, whatever headers they send', async () => {
    const answer = await request(app())
      .options(WELL_KNOWN)
      .set({ Origin: 'https://page.example', 'Access-Control-Request-Headers': 'mcp-protocol-version' });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': '*',
    });
  });

  it('M-09 M-10 is found by a client that follows the challenge of a guard', async () => {
    const served = express();
    await serving(served, async (origin) => {
      const resource = `${origin}/orders`;
      served.use(protectedResourceMetadata({ resource, authorizationServers: [ISSUER] }));
      const introspector = { introspect: async () => ({ active: false as const }) };
      const guard = requireActiveToken({ introspector, resourceMetadata: resourceMetadataUrl(resource) });
      served.get('/orders', guard);
      const refused = await fetch(resource);
      const algs = 'algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256"';
      const where = `resource_metadata="${origin}${WELL_KNOWN}/orders"`;
      expect(refused.headers.get('www-authenticate')).toBe(
        `Bearer realm="api", ${where}, DPoP realm="api", ${algs}, ${where}`,
      );
      const answer = await oauth.resourceDiscoveryRequest(new URL(resource), {
        [oauth.allowInsecureRequests]: true,
      });
      const found = await oauth.processResourceDiscoveryResponse(new URL(resource), answer);
      expect(found).toMatchObject({ resource, authorization_servers: [ISSUER] });
    });
  });

  it.each([
    ['resource', { resource: 'http://api.example.com' }],
    ['resource', { resource: 'https://api.example.com/#a' }],
    ['resource', { resource: 'https://api.example.com#' }],
    ['resource', { resource: 'https://a:b@api.example.com' }],
    ['resource', { resource: 'https://:b@api.example.com' }],
    ['resource', { resource: ' https://api.example.com' }],
    ['resource', { resource: 'https:api.example.com' }],
    ['resource', { resource: 'https://api.example.com/a/../b' }],
    ['resource', { resource: 'https://API.example.com' }],
    ['resource', { resource: 'urn:api' }],
    ['resource', { resource: '/api' }],
    ['resource', { resource: undefined }],
    ['authorizationServers', { authorizationServers: ISSUER }],
    ['authorizationServers', { authorizationServers: ['id'] }],
    ['scopes', { scopes: ['a b'] }],
    ['bearerMethods', { bearerMethods: ['query'] }],
    ['dpopRequired', { dpopRequired: 'yes' }],
    ['dpopAlgorithms', { dpopAlgorithms: [''] }],
    ['certificateBound', { certificateBound: 1 }],
    ['name', { name: '' }],
    ['documentation', { documentation: 'docs' }],
    ['documentation', { documentation: ' https://docs.example.com' }],
    ['more', { more: [] }],
    ['scope', { scope: ['a'] }],
  ])('a TypeError names "%s" when the options are %j', (name, options) => {
    expect(() => app(options as never)).toThrow(TypeError);
    expect(() => app(options as never)).toThrow(`"${name}"`);
  });
});
