import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import express, { type Router } from 'express';
import request from 'supertest';
import {
  type IntrospectionRouterOptions,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
  type OpenApiOptions,
} from '../../lib/index.js';
import { openApiDocument } from '../../lib/openapi/openapi-document.js';
import { serveOpenApi } from '../../lib/openapi/serve-openapi.js';
import type { OpenApiDocument } from '../../lib/openapi/types.js';
import { EXAMPLE_KEY } from '../support/described-world.js';
import { raw, serving } from '../support/http.js';
import { ALL_RIGHTS } from '../support/managers.js';
import { Described } from '../support/openapi.js';
import { EC, JWT, RSA, secretsOf } from '../support/signing.js';
import { ISSUER } from '../support/world.js';

const tokens = new MemoryTokenStore();
const clients = new MemoryClientStore([]);
const PATH = '/openapi.json';
/** It has the schema of the OpenAPI Initiative, and sees whether references lead somewhere. */
const validator = new Validator();

const routerWith = (options: object = {}): Router =>
  introspectionRouter({ tokens, clients, issuer: ISSUER, openapi: true, ...options });
const gatewayWith = (options: object = {}): Router =>
  introspectionRouter({
    introspector: { introspect: async () => ({ active: false }) },
    clients,
    issuer: ISSUER,
    openapi: true,
    ...options,
  });
const documentOf = async (router: Router, path = PATH): Promise<OpenApiDocument> =>
  (await request(express().use(router)).get(path)).body as OpenApiDocument;

const managing = (...rights: readonly string[]): object =>
  Object.fromEntries(rights.map((right) => [right, true]));

/** One of each kind of router. */
const ROUTERS: readonly (readonly [what: string, make: () => Router])[] = [
  ['as it comes', () => routerWith()],
  ['with keys', () => routerWith({ keys: [EC] })],
  ['with keys that change', () => routerWith({ keys: () => [EC] })],
  ['with certificates', () => routerWith({ clientCertificate: true })],
  ['without assertions', () => routerWith({ assertions: false })],
  ['by TLS only', () => routerWith({ requireTls: true, keys: [EC] })],
  ['without limits', () => routerWith({ rateLimit: false })],
  ['over a store that cannot revoke', () => routerWith({ tokens: { find: () => undefined } })],
  [
    'over a store that cannot tell organizations apart',
    () =>
      routerWith({
        tokens: Object.assign(new MemoryTokenStore(), { revokeMatching: undefined }),
        management: managing('revoke'),
      }),
  ],
  ['without metadata', () => routerWith({ metadata: false })],
  ['with an issuer that is no URL', () => routerWith({ issuer: 'urn:example' })],
  ['with an issuer that has a path', () => routerWith({ issuer: `${ISSUER}/tenant/(x)*/{y}` })],
  ['reached elsewhere', () => routerWith({ baseUrl: 'https://gateway.example.com/identity/' })],
  ['with all management', () => routerWith({ management: managing(...ALL_RIGHTS) })],
  ['with actions alone', () => routerWith({ management: managing('revoke', 'approve') })],
  ...ALL_RIGHTS.map(
    (right) =>
      [`where the only right is ${right}`, () => routerWith({ management: managing(right) })] as const,
  ),
  ['that is a gateway', () => gatewayWith()],
  ['that is a gateway with keys', () => gatewayWith({ keys: () => [EC], requireTls: true })],
  [
    'with names of its own',
    () =>
      routerWith({
        realm: 'a "realm"',
        openapi: {
          servers: [{ url: '/auth', description: 'here' }, { url: 'https://id.example.com' }],
          info: {
            title: 'Tokens of Example',
            version: '2026-11',
            summary: 'In short',
            description: 'At length',
            termsOfService: 'https://example.com/terms',
            contact: { name: 'Security', url: 'https://example.com', email: 'security@example.com' },
            license: { name: 'MIT', identifier: 'MIT' },
          },
        },
      }),
  ],
];

interface Layer {
  readonly handle: { readonly length: number };
  readonly route?: { readonly path: string; readonly stack: readonly { readonly method?: string }[] };
}

/** The methods and paths that a router has routes for, as OpenAPI writes them; and how many handlers have none. */
function routesOf(router: Router): { routes: string[]; others: number } {
  const layers = router.stack as unknown as readonly Layer[];
  const routes = layers.flatMap(({ route }) =>
    (route?.stack ?? [])
      // The one for all methods is that of the 405.
      .flatMap(({ method }) => (method === undefined ? [] : [method]))
      .map((method) => `${method} ${route?.path.replace(/:(\w+)/g, '{$1}')}`),
  );
  return { routes, others: layers.filter(({ route, handle }) => !route && handle.length === 3).length };
}

describe('the OpenAPI document', () => {
  it.each(ROUTERS)('of a router %s is valid OpenAPI 3.1', async (_what, make) => {
    const document = await documentOf(make());
    expect(await validator.validate({ ...document })).toStrictEqual({ valid: true });
    expect(document.openapi).toMatch(/^3\.1\./);
  });

  it.each(ROUTERS)('of a router %s has every route of it, and no other', async (_what, make) => {
    const router = make();
    const { places } = new Described(await documentOf(router));
    const { routes, others } = routesOf(router);
    const described = places.map(({ path, method }) => `${method} ${path}`);
    expect(routes.length).toBeGreaterThan(0);
    expect(described).toStrictEqual(expect.arrayContaining(routes));
    const documents = described.filter((one) => !routes.includes(one));
    // What is compared as text has a handler, and no route.
    expect(documents).toHaveLength(others);
    const app = express().set('trust proxy', true).use(router);
    for (const one of documents) {
      const { status, headers } = await request(app)
        .get(one.replace('get ', ''))
        .set('X-Forwarded-Proto', 'https');
      expect([one, status, headers['access-control-allow-origin']]).toStrictEqual([one, 200, '*']);
    }
  });

  it.each(ROUTERS)('of a router %s holds together', async (_what, make) => {
    const described = new Described(await documentOf(make()));
    const { document, places } = described;
    const ids = places.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const schemes = new Set(Object.keys(document.components.securitySchemes ?? {}));
    const asked = new Set(places.flatMap(({ operation }) => operation.security.flatMap(Object.keys)));
    expect(asked).toStrictEqual(schemes);
    expect(new Set(places.flatMap(({ operation }) => operation.tags))).toStrictEqual(
      new Set(document.tags.map(({ name }) => name)),
    );
    for (const { path, operation } of places) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(parameters.map(({ name }) => name)).toStrictEqual(inPath);
      expect(parameters.every(({ required }) => required)).toBe(true);
      expect(operation.summary).toMatch(/^\S.*[^.]$/);
    }
    // Each component is used, by a path or by another one.
    const text = JSON.stringify(document);
    for (const [kind, parts] of Object.entries(document.components)) {
      if (kind === 'securitySchemes') continue;
      for (const name of Object.keys(parts as object))
        expect(text).toContain(`{"$ref":"#/components/${kind}/${name}"}`);
    }
    // Each schema is one that ajv can compile, strictly.
    for (const schema of Object.values(document.components.schemas ?? {})) described.wrong(schema, undefined);
  });

  it.each<[string, (document: OpenApiDocument & { [member: string]: unknown }) => unknown]>([
    [
      'a response without a description',
      (broken) => ({ ...broken, paths: responses(broken, { description: undefined }) }),
    ],
    [
      'a header that is none',
      (broken) => ({ ...broken, paths: responses(broken, { headers: { Allow: 'GET' } }) }),
    ],
    ['a member that nobody knows', (broken) => ({ ...broken, info: { ...broken.info, titel: 'x' } })],
    ['no title', (broken) => ({ ...broken, info: { version: '1' } })],
    [
      'a reference to nothing',
      (broken) => ({ ...broken, components: { ...broken.components, headers: {} } }),
    ],
    [
      'a security scheme of no type',
      (broken) => ({ ...broken, components: { ...broken.components, securitySchemes: { a: {} } } }),
    ],
    ['a path without a slash', (broken) => ({ ...broken, paths: { 'v1/x': {} } })],
    ['the version of another specification', (broken) => ({ ...broken, openapi: '4.0.0' })],
  ])('would not pass for valid with %s', async (_what, breaking) => {
    const broken = JSON.parse(JSON.stringify(breaking((await documentOf(routerWith())) as never))) as object;
    expect((await validator.validate({ ...broken })).valid).toBe(false);
  });
});

/** The paths of a document, with other parts in the 200 of introspection. */
function responses(document: OpenApiDocument, parts: object): object {
  const item = document.paths['/v1/oauth/introspect'];
  const ok = { ...(item?.post?.responses[200] as object), ...parts };
  return { '/v1/oauth/introspect': { post: { ...item?.post, responses: { 200: ok } } } };
}

describe('what is not there is not described:', () => {
  const described = async (options: object): Promise<{ document: OpenApiDocument; text: string }> => {
    const document = await documentOf(routerWith(options));
    return { document, text: JSON.stringify(document) };
  };

  it('J-01 signed answers and their keys', async () => {
    for (const [keys, isThere] of [
      [undefined, false],
      [[EC], true],
    ] as const) {
      const { document, text } = await described(keys ? { keys } : {});
      expect(JWT in (ok(document, '/v1/oauth/introspect')?.content ?? {})).toBe(isThere);
      expect('/v1/oauth/jwks' in document.paths).toBe(isThere);
      for (const word of ['SignedTokenState', 'PublicKey', 'Vary', JWT])
        expect([word, text.includes(word)]).toStrictEqual([word, isThere]);
    }
  });

  it('faults and outages where nothing can fail', async () => {
    const statuses = async (keys: unknown, path: string): Promise<readonly string[]> =>
      Object.keys((await described({ keys })).document.paths[path]?.get?.responses ?? {});
    for (const path of ['/v1/oauth/jwks', '/.well-known/oauth-authorization-server']) {
      expect(await statuses([EC], path)).toStrictEqual(['200', '405']);
      expect(await statuses(() => [EC], path)).toStrictEqual(['200', '405', '500', '503']);
    }
  });

  it('A-02 ways of client authentication', async () => {
    const plain = await described({});
    expect(plain.text).toContain('"client_assertion":');
    expect(plain.text).toContain('by one of ES256, ES384, ES512, EdDSA, Ed25519, PS256, RS256, HS256');
    expect(plain.text).not.toContain('mutualTLS');
    const one = await described({ assertions: { algorithms: ['PS256'] } });
    expect(one.text).toContain('by one of PS256, HS256');
    const none = await described({ assertions: false, clientCertificate: () => undefined });
    expect(none.text).not.toContain('client_assertion');
    expect(formOf(plain.document, '/v1/oauth/introspect')).toStrictEqual([
      'token',
      'token_type_hint',
      'client_id',
      'client_secret',
      'client_assertion_type',
      'client_assertion',
    ]);
    expect(formOf(none.document, '/v1/oauth/revoke')).toStrictEqual([
      'token',
      'token_type_hint',
      'client_id',
      'client_secret',
    ]);
    expect(formOf(plain.document, '/csp/gateway/am/api/auth/introspect')).toStrictEqual(['token']);
    expect(none.document.components.securitySchemes).toMatchObject({
      clientCertificate: { type: 'mutualTLS' },
    });
    const securityOf = ({ document }: typeof plain): Record<string, unknown> =>
      Object.fromEntries(
        new Described(document).places.map(({ operation: { operationId, security } }) => [
          operationId,
          security.flatMap((one) => Object.keys(one).join() || 'in the form'),
        ]),
      );
    expect(securityOf(plain)).toStrictEqual({
      introspectToken: ['clientSecret', 'callerToken', 'in the form'],
      revokeToken: ['clientSecret', 'in the form'],
      introspectRefreshToken: ['clientSecret'],
      introspectRefreshTokenOfClient: ['clientSecret'],
      getAccessToken: ['clientSecret', 'callerToken'],
      getAccessTokenByLongPath: ['clientSecret', 'callerToken'],
      getMetadata: [],
      getOpenApi: [],
    });
    expect(securityOf(none)).toMatchObject({
      introspectToken: ['clientSecret', 'callerToken', 'clientCertificate', 'in the form'],
      revokeToken: ['clientSecret', 'clientCertificate', 'in the form'],
    });
  });

  it('429, where nothing is throttled', async () => {
    const rate = { windowMs: 1000, limit: 1 };
    for (const [rateLimit, isThere] of [
      [undefined, true],
      [false, false],
      [{ inactive: false, failures: false }, false],
      [{ inactive: false, failures: false, calls: rate }, true],
      [{ failures: false }, false],
      [{ inactive: false }, true],
      [{ inactive: rate, failures: false }, true],
    ] as const) {
      const { text } = await described({ assertions: false, ...(rateLimit !== undefined && { rateLimit }) });
      expect([rateLimit, text.includes('slow_down'), text.includes('"429"')]).toStrictEqual([
        rateLimit,
        isThere,
        isThere,
      ]);
    }
  });

  it('attack/23 429 of the two APIs that take assertions, of which one client may have used too many', async () => {
    const { document } = await described({ rateLimit: false });
    const statuses = Object.values(document.paths).flatMap((path) =>
      Object.values(path as Record<string, { operationId: string; responses: object }>),
    );
    const throttled = statuses.filter(({ responses }) => responses && '429' in responses);
    expect(throttled.map(({ operationId }) => operationId)).toStrictEqual(['introspectToken', 'revokeToken']);
  });

  it('I-01 TLS, where it is not required', async () => {
    expect((await described({})).text).not.toContain('TLS is required');
    const { document } = await described({ requireTls: true });
    expect(document.info.description).toContain('TLS');
  });

  it('what only a store has, at a gateway', async () => {
    const { paths, servers } = await documentOf(gatewayWith());
    expect(Object.keys(paths)).toStrictEqual(['/v1/oauth/introspect', PATH]);
    expect(servers).toBeUndefined();
  });

  it('anything that is secret, or of this machine', async () => {
    const salt = 'a salt that nobody else should know of';
    const { text } = await described({ keys: [EC, RSA, EXAMPLE_KEY], pairwise: { salt } });
    for (const secret of [
      salt,
      ...secretsOf(EC, RSA, EXAMPLE_KEY),
      process.cwd(),
      homedir(),
      process.version,
    ])
      expect(text).not.toContain(secret);
  });

  it('names of the options themselves where they say something', async () => {
    const { document, text } = await described({
      realm: 'my realm',
      introspectionScope: 'ask',
      scopeSeparator: ';',
      notFoundCode: 'my.code',
    });
    for (const part of ['Basic realm=\\"my realm\\"', '`ask`', 'orders:read;orders:write', 'my.code'])
      expect(text).toContain(part);
    expect(document.components.schemas?.AccessTokenDetails?.properties?.scope?.description).toContain('";"');
  });
});

/** The fields of a form. */
function formOf(document: OpenApiDocument, path: string): readonly string[] {
  const [media] = Object.values(document.paths[path]?.post?.requestBody?.content ?? {});
  return Object.keys(media?.schema.properties ?? {});
}

function ok(document: OpenApiDocument, path: string) {
  return new Described(document).response(
    { path, method: 'post', operation: document.paths[path]?.post as never },
    200,
  );
}

describe('where clients reach the router', () => {
  it.each<[string, object, unknown]>([
    ['the origin of the issuer', { issuer: `${ISSUER}/tenant` }, [{ url: ISSUER }]],
    ['nothing, where that is no URL', { issuer: 'urn:example' }, undefined],
    [
      'baseUrl',
      { baseUrl: 'https://gateway.example.com/identity/' },
      [{ url: 'https://gateway.example.com/identity' }],
    ],
    [
      'what the option says',
      { baseUrl: 'https://gateway.example.com', openapi: { servers: [{ url: '/auth' }] } },
      [{ url: '/auth' }],
    ],
  ])('is %s', async (_what, options, servers) => {
    expect((await documentOf(routerWith(options))).servers).toStrictEqual(servers);
  });

  it('M-04 is the host of the issuer for the metadata', async () => {
    const { paths } = await documentOf(
      routerWith({ issuer: `${ISSUER}/tenant`, openapi: { servers: [{ url: '/auth' }] } }),
    );
    expect(paths['/.well-known/oauth-authorization-server/tenant']).toMatchObject({
      servers: [{ url: ISSUER }],
    });
  });
});

describe('serving the document', () => {
  it('is not done unless it is asked for', async () => {
    for (const openapi of [undefined, false])
      expect((await request(express().use(routerWith({ openapi }))).get(PATH)).status).toBe(404);
  });

  it('lets everybody read it, in pages of any origin too', async () => {
    const app = express().use(routerWith({ requireTls: true }));
    const answer = await request(app).get(`${PATH}?x=1`).set('Authorization', 'Basic !');
    expect([answer.status, answer.headers['content-type']]).toStrictEqual([200, 'application/json']);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers).not.toHaveProperty('etag');
    const preflight = await request(app).options(PATH);
    expect([preflight.status, preflight.headers['access-control-allow-methods']]).toStrictEqual([204, 'GET']);
    await serving(app, async (origin) => {
      const head = await raw(origin, { method: 'HEAD', path: PATH });
      expect([head.status, head.body]).toStrictEqual([200, '']);
      expect(head.headers['content-length']).toBe(String(Buffer.byteLength(answer.text)));
    });
  });

  it.each(['post', 'put', 'delete', 'patch'] as const)('E-05 refuses %s', async (method) => {
    const answer = await request(express().use(routerWith()))[method](PATH);
    expect([answer.status, answer.headers.allow, answer.body]).toStrictEqual([
      405,
      'GET, HEAD, OPTIONS',
      { error: 'invalid_request', error_description: 'The document can only be read' },
    ]);
  });

  it('is done under the path of the router, at the path of the option', async () => {
    const app = express()
      .use('/auth', routerWith({ openapi: { path: '/v1/oauth/tokens.v1~a_b-c..json' } }))
      .use('/other', routerWith());
    const { status, body } = await request(app).get('/auth/v1/oauth/tokens.v1~a_b-c..json');
    expect(status).toBe(200);
    expect(Object.keys((body as OpenApiDocument).paths)).toContain('/v1/oauth/tokens.v1~a_b-c..json');
    expect((await request(app).get('/other/openapi.json')).status).toBe(200);
    for (const path of [PATH, '/auth/openapi.json', '/auth/docs', '/other/openapi.json/'])
      expect([path, (await request(app).get(path)).status]).toStrictEqual([path, 404]);
  });

  it('makes the document once, of what the options were', async () => {
    const info = { title: 'before', description: undefined };
    const servers = [{ url: '/before' }];
    const router = routerWith({ openapi: { info, servers } });
    info.title = 'after';
    servers.push({ url: '/after' });
    const app = express().use(router);
    const [first, second] = [await request(app).get(PATH), await request(app).get(PATH)];
    expect(first.body).toMatchObject({ info: { title: 'before' }, servers: [{ url: '/before' }] });
    expect((first.body as OpenApiDocument).servers).toHaveLength(1);
    expect((first.body as OpenApiDocument).info.description).toContain('OAuth tokens');
    expect(second.text).toBe(first.text);
  });

  it('E-03 answers 500 where the document cannot be made, and nothing else happens', async () => {
    const router = express.Router();
    const events: unknown[] = [];
    const reporter = { audit: (event: unknown) => events.push(event), clock: () => 5 };
    serveOpenApi(router, { path: PATH, info: {} }, null as never, reporter);
    const app = express().use(router);
    const answer = await request(app).get(PATH);
    expect([answer.status, answer.body]).toMatchObject([500, { error: 'server_error' }]);
    const told = { api: 'openapi', outcome: 'failed', error: 'server_error', status: 500, time: 5 };
    expect(events).toMatchObject([{ ...told, fault: { name: 'TypeError' } }]);
    expect((await request(app).post(PATH)).status).toBe(405);
    expect(events).toHaveLength(1);
    const code = `require('./dist/cjs/openapi/serve-openapi.js').serveOpenApi({ use() {} }, { path: '/x', info: {} }, null, {});
setTimeout(() => console.log('still here'), 50);`;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', code]);
    expect([stdout, stderr]).toStrictEqual(['still here\n', '']);
  });

  it('loads nothing of it unless it is asked for', async () => {
    const require = createRequire(import.meta.url);
    const built = require('../../dist/cjs/index.js') as { introspectionRouter: typeof introspectionRouter };
    const isLoaded = (): boolean =>
      Object.keys(require.cache).some((file) => file.endsWith('dist/cjs/openapi/openapi-document.js'));
    const app = (options: Partial<IntrospectionRouterOptions>) =>
      express().use(built.introspectionRouter({ tokens, clients, issuer: ISSUER, ...options }));
    expect((await request(app({ openapi: false })).get(PATH)).status).toBe(404);
    expect(isLoaded()).toBe(false);
    expect((await request(app({ openapi: true })).get(PATH)).status).toBe(200);
    expect(isLoaded()).toBe(true);
  });

  it('is a matter of plain functions', () => {
    const facts = {
      issuer: ISSUER,
      baseUrl: undefined,
      realm: 'x',
      requireTls: false,
      isThrottled: false,
      methods: [],
      algorithms: [],
      introspectionScope: 'x',
      keys: 'none',
      store: undefined,
    } as const;
    const settings = { path: '/v1/oauth/introspect', info: {} };
    const document = openApiDocument(settings, facts);
    expect(document).toStrictEqual(openApiDocument(settings, facts));
    // Two files may describe two methods of one path.
    expect(Object.keys(document.paths[settings.path] ?? {}).toSorted()).toStrictEqual(['get', 'post']);
  });
});

describe('the option openapi', () => {
  it.each<readonly [string, unknown, string]>([
    ['a string', 'yes', 'openapi'],
    ['null', null, 'openapi'],
    ['an array', [], 'openapi'],
    ['an unknown name', { url: '/x' }, 'url'],
    ['a path without a slash', { path: 'openapi.json' }, 'openapi.path'],
    ['a path that ends in a slash', { path: '/docs/' }, 'openapi.path'],
    ['a path with a pattern', { path: '/:x' }, 'openapi.path'],
    ['a path with a template', { path: '/{x}' }, 'openapi.path'],
    ['a path with a query', { path: '/x?y' }, 'openapi.path'],
    ['a path that is no string', { path: 1 }, 'openapi.path'],
    ['a path that leads out', { path: '/..' }, 'openapi.path'],
    ['a path that leads back', { path: '/a/../b' }, 'openapi.path'],
    ['a path that leads nowhere', { path: '/./b' }, 'openapi.path'],
    ...[
      '/v1/oauth/introspect',
      '/V1/OAuth/revoke',
      '/v1/oauth/jwks',
      '/csp/gateway/am/api/auth/introspect',
      '/csp/gateway/am/api/auth/introspect/app',
      '/v1/o/acme/oauth2/accesstokens/openapi.json',
      '/v1/organizations/acme/oauth2/refreshtokens/x',
      '/v1/o/acme/oauth2/revoke',
      '/.well-known/oauth-authorization-server',
      '/.well-known/oauth-authorization-server/tenant',
    ].map((path) => [`the path of another document or API, ${path}`, { path }, 'openapi.path'] as const),
    ['servers that are no array', { servers: { url: '/x' } }, 'openapi.servers'],
    ['no servers', { servers: [] }, 'openapi.servers'],
    ['a server without a URL', { servers: [{ description: 'x' }] }, 'openapi.servers'],
    ['a server whose URL is empty', { servers: [{ url: '' }] }, 'openapi.servers'],
    ['a server with a slash at its end', { servers: [{ url: 'https://a.example/' }] }, 'openapi.servers'],
    ['a server with a query', { servers: [{ url: '/x?y' }] }, 'openapi.servers'],
    ['a server with variables', { servers: [{ url: '/{x}' }] }, 'openapi.servers'],
    ['a server with another member', { servers: [{ url: '/x', name: 'y' }] }, 'openapi.servers'],
    ['a server that is none', { servers: ['/x'] }, 'openapi.servers'],
    ['info that is no object', { info: 'x' }, 'openapi.info'],
    ['info with an unknown name', { info: { titel: 'x' } }, 'titel'],
    ['info with an empty title', { info: { title: '' } }, 'openapi.info'],
    ['a version that is a number', { info: { version: 1 } }, 'openapi.info'],
    ['a contact that is no object', { info: { contact: 'x' } }, 'openapi.info.contact'],
    ['a contact with another member', { info: { contact: { phone: '1' } } }, 'openapi.info.contact'],
    ['a license without a name', { info: { license: { url: '/x' } } }, 'openapi.info.license'],
    ['a license that is no object', { info: { license: 'MIT' } }, 'openapi.info.license'],
    [
      'a license with a URL beside its identifier',
      { info: { license: { name: 'MIT', identifier: 'MIT', url: '/x' } } },
      'openapi.info.license',
    ],
  ])('refuses %s with a TypeError that names it', (_what, openapi, name) => {
    for (const make of [routerWith, gatewayWith]) {
      expect(() => make({ openapi })).toThrow(TypeError);
      expect(() => make({ openapi })).toThrow(`"${name}"`);
    }
  });

  it('takes the root as a server, and a license with a URL', async () => {
    const openapi: OpenApiOptions = {
      servers: [{ url: '/' }],
      info: { license: { name: 'Own', url: 'https://example.com/license' }, contact: {} },
    };
    const document = await documentOf(routerWith({ openapi }));
    expect(document).toMatchObject({ servers: [{ url: '/' }], info: { license: { name: 'Own' } } });
    expect(await validator.validate({ ...document })).toStrictEqual({ valid: true });
  });
});
