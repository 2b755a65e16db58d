import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, jest } from '@jest/globals';
import { transform } from '@swc/core';
import express, { type Express } from 'express';
import request from 'supertest';
import {
  type AccessPolicy,
  type CachingIntrospector,
  type Introspector,
  type ManagedTokenStore,
  type RequireActiveTokenOptions,
  requireActiveToken,
  type TokenStore,
  tokenDigest,
} from '../lib/index.js';
import type { PostgresClientStore, RotatedSecret } from '../lib/stores/postgres/index.js';
import { KEY, signedToken } from './support/jwt-issuer.js';
import { PostgresServer } from './support/postgres.js';
import { RedisServer } from './support/redis.js';
import { upstream } from './support/scripted-server.js';
import { describeWith, POSTGRES, REDIS } from './support/services.js';
import { basic, NOW, postToken, world } from './support/world.js';

const readme = await readFile('README.md', 'utf8');
const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);

/** Runs code of the README against the built package, as a user would have it in a file. */
async function load<T>(name: string, typed: string): Promise<T> {
  const { code } = await transform(typed, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'es6' },
  });
  const folder = join('dist', 'readme');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, code);
  return (await import(pathToFileURL(file).href)) as T;
}

/** The names in the first column of the table under a heading. */
function tableUnder(heading: string): readonly string[] {
  return namesIn(readme.split(`### ${heading}\n`)[1]?.split(/^##/m)[0] ?? '');
}

/** The names in the first column of a table; a row may have several. */
function namesIn(section: string): readonly string[] {
  return [...section.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names = '']) =>
    names.replace(/`/g, '').split(', '),
  );
}

/** The member names of an interface in lib/, its own and not its base's. */
async function membersOf(file: string, name: string): Promise<readonly string[]> {
  const source = await readFile(join('lib', file), 'utf8');
  const body = source.split(new RegExp(`interface ${name}\\b[^{]*\\{`))[1]?.split(/^\}/m)[0] ?? '';
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = '']) => member);
}

describe('README', () => {
  it('opens with the two commands', () => {
    const head = readme.slice(0, 900);
    expect(head).toContain('npm install && npm start');
    expect(head).toContain('npm install && npm test');
  });

  it('has quick starts for the issuer and the API that work as they stand', async () => {
    const [issuer = '', api = '', token = ''] = blocks;
    const code = `${issuer}\n${api}\n${token}\nexport { app, ordersApi };`
      .replace('app.listen(4000);', '')
      .replace("console.log('ORDERS_API_SECRET=%s', ordersApi.secret);", '');
    expect(issuer).toContain('app.listen(4000);');
    const { app, ordersApi } = await load<{ app: Express; ordersApi: { secret: string } }>(
      'quick-starts',
      code,
    );
    expect(
      (await postToken(app, '/v1/oauth/introspect', basic('orders-api', ordersApi.secret), 'try-me')).body,
    ).toMatchObject({
      active: true,
      sub: 'alice',
    });
    const called = await request(app).get('/orders').set('Authorization', 'Bearer try-me');
    expect(called.body).toStrictEqual({ for: 'alice' });
    expect((await request(app).get('/orders')).status).toBe(401);
    expect(issuer).toContain("console.log('ORDERS_API_SECRET=%s', ordersApi.secret);");
    expect(readme).toContain('curl -u "orders-api:$ORDERS_API_SECRET" -d token=try-me');
  });

  it('has a policy that works as it stands', async () => {
    const code = blocks.find((block) => block.includes('const policy')) as string;
    const { policy } = await load<{ policy: AccessPolicy }>('policy', `${code}\nexport { policy };`);
    const record = {
      clientId: 'app',
      kind: 'access_token',
      status: 'approved',
      issuedAt: 1,
      scope: [],
      audience: ['x'],
    } as const;
    expect(policy({ clientId: 'statistics', audiences: ['x'] }, record, 'oauth-introspection')).toMatchObject(
      { scope: [] },
    );
    expect(policy({ clientId: 'statistics' }, record, 'oauth-introspection')).toBe(false);
    // What the default leaves out is not shown again.
    const narrow = { clientId: 'statistics', audiences: ['x'], claims: [] };
    const full = {
      ...record,
      brand: 'b',
      acr: 'a',
      authorizationDetails: [{ type: 't', locations: ['y'] }],
    };
    expect(policy(narrow, full, 'oauth-introspection')).toStrictEqual({
      scope: [],
      subject: undefined,
      username: undefined,
      claims: undefined,
      brand: undefined,
      acr: undefined,
      authorizationDetails: undefined,
    });
    expect(policy({ clientId: 'app' }, record, 'oauth-introspection')).toBe(true);
  });

  it('has a store that works as it stands', async () => {
    const code = blocks.find((block) => block.includes('db.tokenByDigest')) as string;
    const { rows, tokens } = await load<{ rows: Map<string, object>; tokens: TokenStore }>(
      'store',
      `const rows = new Map();\nconst db = { tokenByDigest: async (digest) => rows.get(digest) };\n${code}\nexport { rows, tokens };`,
    );
    rows.set(tokenDigest('at'), {
      kind: 'access_token',
      client_id: 'app',
      revoked: false,
      sub: null,
      scope: '',
      aud: null,
      issued_at: new Date(NOW),
      expires_at: null,
    });
    const { app, as } = await world({ tokens });
    expect((await postToken(app, '/v1/oauth/introspect', as('app'), 'at')).body).toStrictEqual({
      active: true,
      client_id: 'app',
      token_type: 'Bearer',
      iat: NOW / 1000,
    });
    expect((await postToken(app, '/v1/oauth/introspect', as('app'), 'other')).body).toStrictEqual({
      active: false,
    });
  });

  it('has a durable store, and a contract to hold one against, that work as they stand', async () => {
    const [lmdb = '', contract = ''] = ['/lmdb', '/testing'].map((subpath) =>
      blocks.find((block) => block.includes(`express-token-introspection${subpath}`)),
    );
    const path = join(tmpdir(), `readme-lmdb-${process.pid}`);
    const { tokens, declared } = await load<{ tokens: ManagedTokenStore; declared: string[] }>(
      'stores',
      `${lmdb.replace("'./tokens'", `'${path}'`)}
const declared = [];
globalThis.describe = (name, define) => define();
globalThis.it = Object.assign((name) => declared.push(name), { skip: (name) => declared.push(name) });
${contract}
export { tokens, declared };`,
    );
    await tokens.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    expect(tokens.find('at')).toMatchObject({ clientId: 'app', status: 'approved' });
    expect(declared.length).toBeGreaterThan(30);
    await rm(path, { recursive: true });
  });

  it('has a cache before two guards, and one to share, that work as they stand', async () => {
    const [api = '', redis = ''] = ['const readers', 'const shared'].map((start) =>
      blocks.find((block) => block.includes(start)),
    );
    const { cache, sharing, values } = await load<{
      cache: (tokens: TokenStore, clients: object) => Record<'introspector' | 'readers' | 'writers', never>;
      sharing: (inner: object) => CachingIntrospector;
      values: Map<string, [string, object]>;
    }>(
      'cache',
      `${api.replace(/^import .*/m, '$&\nexport const cache = (tokens, clients) => {')}
return { introspector, readers, writers }; };
export const values = new Map();
const redis = {
  get: async (key) => values.get(key)?.[0] ?? null,
  set: async (key, ...value) => values.set(key, value),
  del: async (key) => values.delete(key),
};
${redis.replace('process.env.SHARED_CACHE_SECRET', "'a secret of 32 bytes or even more'")}
export const sharing = (inner) => cachingIntrospector(inner, { shared });`,
    );
    const made = await world({ clock: Date.now });
    await made.tokens.save({
      token: 'reading',
      kind: 'access_token',
      clientId: 'app',
      scope: ['orders:read'],
      audience: ['https://api.example.com'],
    });
    const { introspector, readers, writers } = cache(made.tokens, made.clients);
    const app = express().get('/', readers, (_req, res) => void res.json('in'));
    app.post('/', writers, (_req, res) => void res.json('in'));
    const statuses = async (): Promise<unknown> =>
      Promise.all(
        [request(app).get('/'), request(app).post('/')].map(
          async (call) => (await call.set('Authorization', 'Bearer reading')).status,
        ),
      );
    expect(await statuses()).toStrictEqual([200, 403]);
    expect((introspector as CachingIntrospector).stats().size).toBe(1);
    await made.tokens.revoke('reading');
    expect(await statuses()).toStrictEqual([401, 401]);

    const live = { introspect: async () => ({ active: true }) };
    await sharing(live).introspect('t');
    const [[value, { PX: ttl }]] = [...values.values()] as [[string, { PX: number }]];
    expect(value).toEqual(expect.any(String));
    expect([ttl > 20_000, ttl <= 30_000, Number.isInteger(ttl)]).toStrictEqual([true, true, true]);
    const other = sharing({ introspect: async () => ({ active: false }) });
    expect(await other.introspect('t')).toStrictEqual({ active: true });
    await other.invalidate('t');
    expect(values.size).toBe(0);
  });

  it('has an error handler that works as it stands', async () => {
    const code = blocks.find((block) => block.includes('const onError')) as string;
    const { onError } = await load<{ onError: RequireActiveTokenOptions['onError'] }>(
      'on-error',
      `${code}\nexport { onError };`,
    );
    const { tokens } = await world();
    const app = express().use(requireActiveToken({ tokens, ...(onError && { onError }) }));
    const log = jest.spyOn(console, 'error').mockImplementation(() => {});
    const answer = await request(app).get('/');
    expect(log.mock.calls).toStrictEqual([[401, 'missing_token', undefined]]);
    expect([answer.status, answer.body]).toStrictEqual([401, { problem: 'no token' }]);
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="api", DPoP realm="api", algs=/);
  });

  it('has a guard for bound tokens, and metadata, that work as they stand', async () => {
    const [guard = '', metadata = ''] = ['const payments', 'app.use(protectedResourceMetadata'].map((start) =>
      blocks.find((block) => block.includes(start)),
    );
    const { app } = await load<{ app: Express }>(
      'bound',
      `import express from 'express';
const introspector = { introspect: async () => ({ active: true, aud: 'https://api.example.com' }) };
const [redis, app] = [{}, express()];
${guard.replace("readFileSync('/run/secrets/dpop-nonce')", "readFileSync('package.json')")}
${metadata.replace('requireActiveToken, ', '')}
app.get('/payments', payments);
export { app };`,
    );
    const required = await request(app).get('/payments').set('Authorization', 'Bearer abc');
    expect([required.status, required.headers['www-authenticate']]).toStrictEqual([
      401,
      'DPoP realm="api", algs="ES256 ES384 ES512 EdDSA Ed25519 PS256 RS256"',
    ]);
    const refused = await request(app).get('/orders');
    const [, url = ''] =
      /resource_metadata="([^"]+)"/.exec(String(refused.headers['www-authenticate'])) ?? [];
    expect((await request(app).get(new URL(url).pathname)).body).toMatchObject({
      resource: 'https://api.example.com/orders',
    });
  });

  it('has an API with a remote server that works as it stands, but for the addresses', async () => {
    const code = blocks.find((block) => block.includes('const introspector = remoteIntrospector')) as string;
    const server = await upstream((res, { path }) => {
      const { origin } = server;
      res.setHeader('Content-Type', 'application/json');
      const metadata = { issuer: origin, introspection_endpoint: `${origin}/introspect` };
      const answer = { active: true, sub: 'alice', scope: 'orders:read', aud: 'https://api.example.com' };
      res.end(JSON.stringify(path === '/introspect' ? answer : metadata));
    });
    const local = code
      .replace("'https://id.example.com'", `'${server.origin}', allowInsecureRequests: true`)
      .replace('process.env.CLIENT_SECRET', "'change me too'");
    const { app } = await load<{ app: Express }>(
      'remote',
      `import express from 'express';\nconst app = express();\n${local}\nexport { app };`,
    );
    const answer = await request(app).get('/orders').set('Authorization', 'Bearer try-me');
    expect(answer.body).toStrictEqual({ for: 'alice' });
    expect((await request(app).get('/orders')).status).toBe(401);
    expect(server.seen.at(-1)?.headers.authorization).toBe(basic('orders-api', 'change+me+too'));
  });

  it('has a gateway that works as it stands, but for the addresses', async () => {
    const code = blocks.find((block) => block.includes('const gateway')) as string;
    const server = await upstream((res, { path, form }) => {
      const { origin } = server;
      res.setHeader('Content-Type', 'application/json');
      const metadata = { issuer: origin, introspection_endpoint: `${origin}/introspect` };
      const live = { active: true, sub: 'alice', aud: 'https://api.example.com', tenant: 'blue' };
      const answer = form.get('token') === 'try-me' ? live : { active: false };
      res.end(JSON.stringify(path === '/introspect' ? answer : metadata));
    });
    expect(code).toContain('express().use(gateway).listen(4000);');
    const local = code
      .replace("'https://id.example.com'", `'${server.origin}', allowInsecureRequests: true`)
      .replace('process.env.CLIENT_SECRET', "'s'")
      .replace('express().use(gateway).listen(4000);', 'export const app = express().use(gateway);');
    const { app } = await load<{ app: Express }>('gateway', local);
    const ask = (token: string) =>
      postToken(app, '/v1/oauth/introspect', basic('orders-api', 'change me'), token);
    for (let time = 0; time < 2; time++) {
      expect((await ask('try-me')).body).toStrictEqual({
        active: true,
        sub: 'alice',
        aud: 'https://api.example.com',
        token_type: 'Bearer',
        tenant: 'blue',
      });
    }
    expect((await ask('other')).body).toStrictEqual({ active: false });
    const [, ...questions] = server.seen;
    expect(questions.map(({ form }) => form.get('token'))).toStrictEqual(['try-me', 'other']);
    expect(questions[0]?.headers.authorization).toBe(basic('gateway', 's'));
  });

  it('has a guard for JWTs and opaque tokens that works as it stands, but for the addresses', async () => {
    const code = blocks.find((block) => block.includes('= routingIntrospector')) as string;
    const server = await upstream((res, { path }) => {
      const { origin } = server;
      const metadata = {
        issuer: origin,
        introspection_endpoint: `${origin}/introspect`,
        jwks_uri: `${origin}/jwks`,
      };
      const opaque = { active: true, sub: 'bob', scope: 'orders:read', aud: 'https://api.example.com' };
      const answers: Record<string, object> = { '/introspect': opaque, '/jwks': { keys: [KEY.jwk] } };
      res.setHeader('Content-Type', 'application/json');
      res.end(JSON.stringify(answers[path] ?? metadata));
    });
    const local = code
      .replace("'https://id.example.com'", `'${server.origin}'`)
      .replace('{ issuer, audience }', '{ issuer, audience, allowInsecureRequests: true }')
      .replace('clientSecret }', 'clientSecret, allowInsecureRequests: true }')
      .replace('process.env.CLIENT_SECRET', "'change me too'");
    const { app } = await load<{ app: Express }>(
      'jwt',
      `import express from 'express';\nconst app = express();\n${local}\nexport { app };`,
    );
    const get = (token: string) => request(app).get('/orders').set('Authorization', `Bearer ${token}`);
    const exp = Math.floor(Date.now() / 1000) + 60;
    const claims = { exp, aud: 'https://api.example.com', sub: 'alice', scope: 'orders:read' };
    expect((await get(await signedToken(server.origin, { claims }))).body).toStrictEqual({ for: 'alice' });
    expect((await get('opaque')).body).toStrictEqual({ for: 'bob' });
    expect((await get(await signedToken(server.origin, { claims, header: { typ: 'JWT' } }))).status).toBe(
      401,
    );
  });

  it('has settings for other servers that are accepted as they stand', async () => {
    const code = blocks.find((block) => block.includes('const hydra')) as string;
    const { keycloak, hydra } = await load<Record<'keycloak' | 'hydra', Introspector>>(
      'servers',
      `${code.replace('process.env.KEYCLOAK_SECRET', "'s'")}\nexport { keycloak, hydra };`,
    );
    for (const introspector of [keycloak, hydra]) {
      expect(await introspector.introspect('no\ttoken')).toStrictEqual({ active: false });
    }
  });

  it('lists every reason why nobody can tell, save those of a cache', async () => {
    const source = await readFile('lib/introspection/introspection-unavailable.ts', 'utf8');
    const reasons = [...source.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, reason = '']) => reason);
    const section = readme.split('## Tokens of another server')[1]?.split('\n## ')[0] ?? '';
    const listed = [...section.matchAll(/\| `(\w+)` \| 503/g)].map(([, reason = '']) => reason);
    expect(listed.toSorted()).toStrictEqual(
      reasons.filter((reason) => !['circuit_open', 'revoked_meanwhile'].includes(reason)).toSorted(),
    );
  });

  it('lists every member of a record, and of an audit event', async () => {
    const section = readme.split('| member of a record |')[1]?.split('\n\n')[0] ?? '';
    expect(namesIn(section).toSorted()).toStrictEqual(
      (await membersOf('tokens/token-record.ts', 'TokenRecord')).toSorted(),
    );
    expect(tableUnder('The audit event').toSorted()).toStrictEqual(
      (await membersOf('http/audit.ts', 'AuditEvent')).toSorted(),
    );
  });

  it("lists every member of the guard's audit event, and every reason", async () => {
    const [, section = ''] = readme.split("### The guard's audit event\n");
    const [members = '', reasons = ''] = section.split('| reason |');
    expect(namesIn(members).toSorted()).toStrictEqual(
      [
        ...(await membersOf('guard/guard-audit.ts', 'GuardEvent')),
        ...(await membersOf('http/request-facts.ts', 'RequestFacts')),
      ].toSorted(),
    );
    const words = async (file: string, type: string): Promise<string[]> => {
      const source = await readFile(join('lib', file), 'utf8');
      const [, body = ''] = source.split(`export type ${type} =`);
      return [...(body.split(';\n')[0] ?? '').matchAll(/^ {2}\| '(\w+)'/gm)].map(([, word = '']) => word);
    };
    const known = [
      ...(await words('introspection/inactivity.ts', 'InactivityReason')),
      ...(await words('guard/guard-error.ts', 'GuardReason')),
    ];
    expect(known.length).toBeGreaterThan(20);
    expect(namesIn(reasons.split(/^##/m)[0] ?? '').toSorted()).toStrictEqual(known.toSorted());
  });

  it.each([
    ['requireActiveToken', [['guard/guard-options.ts', 'RequireActiveTokenOptions']]],
    ['dpop', [['guard/dpop/dpop-options.ts', 'DPoPOptions']]],
    [
      'protectedResourceMetadata',
      [['apis/protected-resource-metadata.ts', 'ProtectedResourceMetadataOptions']],
    ],
    ['rateLimit', [['http/throttle.ts', 'RateLimitOptions']]],
    ['management', [['apis/management-options.ts', 'ManagementOptions']]],
    ['cachingIntrospector', [['introspection/caching/caching-options.ts', 'CachingIntrospectorOptions']]],
    ['remoteIntrospector', [['introspection/remote/remote-options.ts', 'RemoteIntrospectorOptions']]],
    ['jwtIntrospector', [['introspection/jwt/jwt-options.ts', 'JwtIntrospectorOptions']]],
    ['MemoryTokenStore', [['tokens/memory-token-store.ts', 'MemoryTokenStoreOptions']]],
    ['LmdbTokenStore', [['stores/lmdb/lmdb-token-store.ts', 'LmdbTokenStoreOptions']]],
    ['RedisTokenStore', [['stores/redis/redis-options.ts', 'RedisTokenStoreOptions']]],
    [
      'PostgresTokenStore',
      [
        ['stores/postgres/database.ts', 'DatabaseOptions'],
        ['stores/postgres/postgres-token-store.ts', 'PostgresTokenStoreOptions'],
      ],
    ],
    [
      'PostgresClientStore',
      [
        ['stores/postgres/database.ts', 'DatabaseOptions'],
        ['stores/postgres/postgres-client-store.ts', 'PostgresClientStoreOptions'],
      ],
    ],
    [
      'Client',
      [
        ['clients/client.ts', 'Client'],
        ['clients/client-authentication.ts', 'ClientAuthentication'],
        ['clients/client-answers.ts', 'ClientAnswers'],
      ],
    ],
    ['assertions', [['apis/client-authentication-options.ts', 'AssertionOptions']]],
    [
      'introspectionRouter',
      [
        ['apis/api-options.ts', 'CommonOptions'],
        ['apis/api-options.ts', 'ApiOptions'],
        ['apis/bearer-caller.ts', 'BearerCallerOptions'],
        ['apis/oauth-introspection.ts', 'OAuthIntrospectionOptions'],
        ['apis/client-authentication-options.ts', 'ClientAuthenticationOptions'],
        ['apis/metadata.ts', 'MetadataOptions'],
        ['apis/access-token-details.ts', 'DetailsFormOptions'],
        ['signing/signing-keys.ts', 'SignedAnswerOptions'],
        ['openapi/openapi-options.ts', 'OpenApiRouterOptions'],
      ],
    ],
  ])('lists every option of %s, and no other', async (heading, interfaces) => {
    const members = await Promise.all(interfaces.map(([file = '', name = '']) => membersOf(file, name)));
    expect(tableUnder(heading).toSorted()).toStrictEqual(members.flat().toSorted());
    expect(tableUnder(heading).length).toBeGreaterThan(2);
  });
});

describeWith(REDIS, 'README', () => {
  it('has a store in Redis that works as it stands', async () => {
    const code = blocks.find((block) => block.includes('new RedisTokenStore')) as string;
    const server = await RedisServer.start();
    expect(code).toContain('redis://localhost:6379');
    const { tokens, client } = await load<{ tokens: ManagedTokenStore; client: { destroy(): void } }>(
      'redis-tokens',
      `${code.replace('redis://localhost:6379', server.url)}\nexport { tokens, client };`,
    );
    await tokens.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    expect(await tokens.find('at')).toMatchObject({ status: 'approved' });
    client.destroy();
    await server.kill();
  });
});

describeWith(POSTGRES, 'README', () => {
  it('has a store in PostgreSQL that works as it stands', async () => {
    const code = blocks.find((block) => block.includes('new PostgresTokenStore')) as string;
    const server = await PostgresServer.start();
    const { tokens, pool } = await load<{
      tokens: ManagedTokenStore & { close(): Promise<void> };
      pool: { end(): Promise<void> };
    }>(
      'postgres-tokens',
      `${code.replace('new pg.Pool({', `new pg.Pool({ connectionString: '${server.url}', `)}\nexport { tokens, pool };`,
    );
    await tokens.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    expect(await tokens.find('at')).toMatchObject({ status: 'approved' });
    await tokens.close();
    await pool.end();
    await server.stop();
  });

  it('has clients in PostgreSQL that work as they stand', async () => {
    const code = blocks.find((block) => block.includes('new PostgresClientStore')) as string;
    const server = await PostgresServer.start();
    const { clients, pool, secret, rotated } = await load<{
      clients: PostgresClientStore;
      pool: { end(): Promise<void> };
      secret: string;
      rotated: RotatedSecret;
    }>(
      'postgres-clients',
      `${code.replace(/new pg\.Pool\(\{(.*?)\}\)/, `pool`).replace("from 'pg';", `from 'pg';\nconst pool = new pg.Pool({ connectionString: '${server.url}' });`)}
export { clients, pool, secret, rotated };`,
    );
    const { app } = await world({ clients, clock: Date.now });
    for (const presented of [secret, rotated.secret]) {
      const answer = await postToken(app, '/v1/oauth/introspect', basic('orders-api', presented), 't');
      expect(answer.body).toStrictEqual({ active: false });
    }
    const methods = readme.split('| method of `PostgresClientStore` |')[1]?.split('\n\n')[0] ?? '';
    const listed = [...methods.matchAll(/^\| `(\w+)\(/gm)].map(([, name = '']) => name);
    const made = Object.getOwnPropertyNames(Object.getPrototypeOf(clients));
    expect(['constructor', 'find', 'migrate', ...listed].toSorted()).toStrictEqual(made.toSorted());
    await pool.end();
    await server.stop();
  });
});
