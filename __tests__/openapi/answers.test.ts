import { describe, expect, it } from '@jest/globals';
import express, { type Express } from 'express';
import fc from 'fast-check';
import {
  ConflictError,
  introspectionRouter,
  MemoryClientStore,
  NotFoundError,
  StoreUnavailableError,
} from '../../lib/index.js';
import { SECRET, withCaller } from '../support/callers.js';
import { FORM, type RawAnswer, type RawRequest, raw, serving } from '../support/http.js';
import { managed, R } from '../support/managers.js';
import { Described, type Place } from '../support/openapi.js';
import { caller, EC, ED, encryptionKey, JWT, KEYS, RSA } from '../support/signing.js';
import {
  A,
  B,
  basic,
  C,
  FAILURES,
  FULL,
  failingStore,
  ISSUER,
  NOW,
  ORG,
  SEEDED,
  type World,
  type WorldOptions,
  world,
} from '../support/world.js';

const JWKS = '/v1/oauth/jwks';
const REVOKE = '/v1/oauth/revoke';
const LONG = `/v1/organizations/${ORG}/oauth2/accesstokens`;

const form = (path: string, authorization: string, body: string, ...headers: string[]): RawRequest => ({
  path,
  headers: [...FORM, ...(authorization ? ['Authorization', authorization] : []), ...headers],
  body,
});
const get = (path: string, authorization = ''): RawRequest => ({
  method: 'GET',
  path,
  headers: authorization ? ['Authorization', authorization] : [],
});

/** Asks, and expects all answers to be as the app's own document says. Answers how often each status came, by operation. */
async function expectDescribed(app: Express, asked: readonly RawRequest[]): Promise<Map<string, number>> {
  const described = await Described.by(app);
  const counts = new Map<string, number>();
  await serving(app, async (origin) => {
    for (const one of asked) {
      const answer = await raw(origin, one);
      const { place, problems } = judged(described, one, answer);
      expect([one, answer.status, answer.body, problems]).toStrictEqual([
        one,
        answer.status,
        answer.body,
        [],
      ]);
      const key = `${place.operation.operationId} ${answer.status}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  });
  return counts;
}

/** What is wrong with an answer. A method that is not described is refused as another one of the path says. */
function judged(
  described: Described,
  { method = 'POST', path }: RawRequest,
  answer: RawAnswer,
): { place: Place; problems: readonly string[] } {
  const places = described.placesAt(path.split('?')[0] as string);
  const wanted = method === 'HEAD' ? 'get' : method.toLowerCase();
  const place = places.find((one) => one.method === wanted) ?? (places[0] as Place);
  // RFC 9110 §9.3.2: as GET, without what would be in it.
  if (method === 'HEAD') return { place, problems: answer.body === '' ? [] : ['a body'] };
  // A malformed path is seen before the method.
  const isRight = place.method === wanted || answer.status === 405 || answer.status === 400;
  return { place, problems: isRight ? described.problems(place, answer) : ['not refused'] };
}

const described = (options: WorldOptions = {}): Promise<World> => world({ openapi: true, ...options });

describe('every answer is as the OpenAPI document says:', () => {
  it('about tokens of every kind and state, to callers of every kind', async () => {
    const made = await described();
    await made.tokens.save(FULL);
    const tokens = [...SEEDED.map(({ token }) => token), 'full', 'never-seen'];
    const everybody = ['app', 'api', 'narrow-api', 'own-only', 'opted-out', 'public'].map(made.as);
    const asked = tokens.flatMap((token) => [
      ...everybody.map((as) => form(A, as, `token=${token}`)),
      ...['app', 'public'].flatMap((one) => [
        form(B, made.as(one), `token=${token}`, 'X-Request-Id', 'r-1'),
        form(`${B}/app`, made.as(one), `token=${token}`),
      ]),
      ...['admin', 'api'].flatMap((one) => [
        get(`${C}/${token}`, made.as(one)),
        get(`${LONG}/${token}`, made.as(one)),
      ]),
    ]);
    const counts = await expectDescribed(made.app, asked);
    expect([...counts.keys()].toSorted()).toStrictEqual([
      'getAccessToken 200',
      'getAccessToken 403',
      'getAccessToken 404',
      'getAccessTokenByLongPath 200',
      'getAccessTokenByLongPath 403',
      'getAccessTokenByLongPath 404',
      'introspectRefreshToken 200',
      'introspectRefreshTokenOfClient 200',
      'introspectRefreshTokenOfClient 400',
      'introspectToken 200',
      'introspectToken 403',
    ]);
    const ended = await expectDescribed(
      made.app,
      tokens.flatMap((token) => [
        form(REVOKE, made.as('api'), `token=${token}`),
        form(REVOKE, made.as('app'), `token=${token}`),
        form(REVOKE, '', `token=${token}&client_id=public`),
      ]),
    );
    expect([...ended.keys()].toSorted()).toStrictEqual(['revokeToken 200', 'revokeToken 400']);
  });

  it('about tokens that have little, or never expire', async () => {
    const made = await described();
    await made.tokens.save({ token: 'bare', kind: 'access_token', clientId: 'app', organization: ORG });
    await made.tokens.save({ token: 'bare-rt', kind: 'refresh_token', clientId: 'app', tokenType: 'Custom' });
    await expectDescribed(made.app, [
      form(A, made.as('app'), 'token=bare'),
      form(B, made.as('app'), 'token=bare-rt'),
      get(`${C}/bare`, made.as('admin')),
    ]);
  });

  it('to requests that are wrong in any way', async () => {
    const { app, as } = await described();
    const wrong = (path: string, authorization: string): readonly RawRequest[] => [
      form(path, '', 'token=a'),
      form(path, 'Basic !', 'token=a'),
      form(path, 'Bearer a', 'token=a'),
      form(path, 'Bearer \u00e9', 'token=a'),
      form(path, 'Digest a', 'token=a'),
      form(path, authorization, ''),
      form(path, authorization, 'token='),
      form(path, authorization, 'token=a&token=b'),
      form(path, authorization, 'token[a]=b'),
      form(path, authorization, 'token=a&client_secret=b&client_assertion=c'),
      form(path, authorization, 'token=a&client_id=b'),
      form(path, authorization, 'token=a', 'Authorization', authorization),
      form(path, authorization, 'token=a', 'Content-Encoding', 'x'),
      form(path, authorization, `token=${'a'.repeat(70_000)}`),
      form(path, authorization, Array.from({ length: 200 }, (_, i) => `a${i}=b`).join('&')),
      { path, headers: ['Authorization', authorization, 'Content-Type', 'application/json'], body: '{}' },
      { path, headers: ['Authorization', authorization, 'Content-Type', 'text/plain'], body: 'token=a' },
      ...['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].map((method) => ({ method, path })),
    ];
    const counts = await expectDescribed(app, [
      ...[A, REVOKE, B, `${B}/app`, `${B}/api`].flatMap((path) => wrong(path, as('app'))),
      form(`${B}/%zz`, as('app'), 'token=a'),
      form(A, '', 'token=a&client_id=app'),
      form(A, '', 'token=a&client_id=app&client_secret=no'),
      form(A, '', 'token=a&client_assertion=no&client_assertion_type=no'),
      get(`${C}/%zz`, as('admin')),
      get('/v1/o/%zz/oauth2/accesstokens/x', as('admin')),
      get(`${C}/at-live`),
      get(`${C}/at-live`, 'Bearer a'),
      get(`${LONG}/at-live`, 'Basic !'),
      ...[`${C}/a`, `${LONG}/a`, '/.well-known/oauth-authorization-server', '/openapi.json'].flatMap((path) =>
        ['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH'].map((method) => ({ method, path })),
      ),
    ]);
    for (const operation of ['introspectToken', 'revokeToken', 'introspectRefreshToken']) {
      for (const status of [400, 405, 413, 415])
        expect([operation, status, counts.has(`${operation} ${status}`)]).toStrictEqual([
          operation,
          status,
          true,
        ]);
    }
    expect(counts.get('introspectToken 401')).toBeGreaterThan(5);
  });

  it('about tokens that are managed', async () => {
    const { app, header } = await managed({ openapi: true });
    const json = (path: string, as: string, body: string, method = 'POST'): RawRequest => ({
      method,
      path,
      headers: ['Authorization', header(as), ...(body === '' ? [] : ['Content-Type', 'application/json'])],
      body,
    });
    const queries = [
      ...['revoke', 'revoke&cascade=true', 'approve&cascade=true', 'approve', 'none', '', 'revoke&action=x'],
      ...['revoke&cascade=', 'revoke&cascade=true&cascade=true'],
    ].map((action) => `?action=${action}`);
    const bodies = ['{"scope":"a b"}', '{"scope":[]}', '{"attributes":[{"name":"x","value":"y"}]}'];
    const odd = ['{"x":1}', '{', '[]', '1', '{"attributes":[{"name":"x"}]}', `"${'a'.repeat(70_000)}"`];
    const tokens = ['at-grant', 'at-live', 'at-expired', 'rt-live', 'never-seen', '%zz'];
    const callers = ['manager', 'only-revoke', 'foreign-manager', 'admin'];
    const asked = tokens.flatMap((token) =>
      callers.flatMap((as) => [
        ...queries.map((query) => json(`${C}/${token}${query}`, as, '')),
        ...[...bodies, ...odd, ''].map((body) => json(`${LONG}/${token}`, as, body)),
        json(`${C}/${token}?action=revoke`, as, '{}'),
        { ...json(`${C}/${token}`, as, 'a=b'), headers: [...FORM, 'Authorization', header(as)] },
        ...['GET', 'HEAD', 'POST', 'DELETE'].map((method) => json(`${R}/${token}`, as, '', method)),
      ]),
    );
    const removed = [...tokens, 'at-grant'].map((token) => json(`${C}/${token}`, 'manager', '', 'DELETE'));
    const counts = await expectDescribed(app, [
      ...asked,
      json(`${R}/rt-grant`, 'manager', '', 'GET'),
      ...removed,
    ]);
    const expected = {
      changeAccessToken: [200, 400, 403, 404, 409, 415],
      changeAccessTokenByLongPath: [200, 400, 403, 404, 413],
      deleteAccessToken: [200, 400, 404],
      getRefreshToken: [200, 400, 403, 404, 405],
    };
    for (const [operation, statuses] of Object.entries(expected))
      for (const status of statuses)
        expect([operation, status, counts.has(`${operation} ${status}`)]).toStrictEqual([
          operation,
          status,
          true,
        ]);
  });

  it('to Bearer callers', async () => {
    const { app, tokens } = await described();
    const token = { kind: 'access_token', clientId: 'api', audience: [ISSUER] } as const;
    await tokens.save({ ...token, token: 'good', scope: ['introspection'] });
    await tokens.save({ ...token, token: 'poor', scope: ['read'] });
    await tokens.save({ ...token, token: 'bound', scope: ['introspection'], confirmation: { jkt: 'x' } });
    await tokens.save({ ...token, token: 'of-public', clientId: 'public', scope: ['introspection'] });
    const counts = await expectDescribed(
      app,
      ['good', 'poor', 'bound', 'of-public', 'never-seen', 'at-live'].flatMap((credential) => [
        form(A, `Bearer ${credential}`, 'token=at-live'),
        form(A, `Bearer ${credential}`, `token=${credential}`),
      ]),
    );
    expect(Object.fromEntries(counts)).toStrictEqual({
      'introspectToken 200': 1,
      'introspectToken 400': 1,
      'introspectToken 401': 6,
      'introspectToken 403': 4,
    });
  });

  it('to callers that are told a part, or another subject', async () => {
    for (const members of [
      { introspects: 'any', claims: [] },
      { audiences: ['https://api.example.com'], claims: ['sub', 'tenant'], scopes: ['read'] },
      { introspects: 'any', subjectType: 'pairwise', claims: ['act', 'nested'] },
    ] as const) {
      const { app } = await withCaller(members, { openapi: true, pairwise: { salt: 'x'.repeat(32) } });
      const asked = form(A, basic('caller', SECRET), 'token=full');
      expect(Object.fromEntries(await expectDescribed(app, [asked]))).toStrictEqual({
        'introspectToken 200': 1,
      });
    }
  });

  it.each<[string, unknown]>([
    ...FAILURES,
    ['says that it is down', () => Promise.reject(new StoreUnavailableError())],
    ['knows no such organization', () => Promise.reject(new NotFoundError())],
    ['is in conflict', () => Promise.reject(new ConflictError())],
  ])('E-03 while a store %s', async (_how, fail) => {
    const store = { ...failingStore(fail as () => unknown), revoke: fail, revokeGrant: fail };
    for (const options of [{ tokens: store }, { clients: store }] as object[]) {
      const { app, as } = await described(options);
      const counts = await expectDescribed(app, [
        form(A, as('app'), 'token=a'),
        form(A, 'Bearer a', 'token=b'),
        form(REVOKE, as('app'), 'token=a'),
        form(REVOKE, '', 'token=a&client_id=public'),
        form(B, as('app'), 'token=a'),
        form(`${B}/app`, as('app'), 'token=a'),
        get(`${C}/a`, as('admin')),
        get(`${LONG}/a`, as('admin')),
      ]);
      const others = [...counts.keys()].filter((key) => !/(?:503|404|409)$/.test(key));
      // A Bearer caller's token is unknown before its client is looked for.
      expect(others).toStrictEqual('clients' in options ? ['introspectToken 401'] : []);
    }
  });

  it('E-03 where the app itself is at fault', async () => {
    for (const options of [
      { policy: () => 'yes' as never },
      { policy: () => Promise.reject(new Error('x')) },
    ]) {
      const { app, as } = await described(options);
      const counts = await expectDescribed(app, [
        form(A, as('api'), 'token=at-live'),
        form(B, as('app'), 'token=rt-live'),
        get(`${C}/at-live`, as('admin')),
      ]);
      expect([...counts.keys()].toSorted()).toStrictEqual([
        'getAccessToken 500',
        'introspectRefreshToken 500',
        'introspectToken 500',
      ]);
    }
  });

  it('to who asks too often', async () => {
    const rate = { windowMs: 60_000, limit: 1 };
    for (const rateLimit of [{ calls: rate }, { inactive: rate }, { failures: rate }]) {
      const { app, as } = await described({ rateLimit });
      const isFailing = 'failures' in rateLimit;
      const header = (clientId: string): string => (isFailing ? 'Basic eA==' : as(clientId));
      const asked = [
        form(A, header('app'), 'token=a'),
        form(REVOKE, header('app'), 'token=a'),
        form(B, header('app'), 'token=a'),
        form(`${B}/app`, header('app'), 'token=a'),
        get(`${C}/a`, header('admin')),
        get(`${LONG}/a`, header('admin')),
      ];
      const counts = await expectDescribed(app, [...asked, ...asked]);
      for (const operation of ['introspectToken', 'revokeToken', 'introspectRefreshToken', 'getAccessToken'])
        expect(counts.get(`${operation} 429`)).toBeGreaterThan(0);
    }
  });

  it('J-01 signed and encrypted, and of the keys', async () => {
    const key = await encryptionKey('ECDH-ES');
    const jwks = { keys: [{ ...key.jwk, kid: 'enc' }] } as never;
    const signed = caller('signed');
    const callers = [
      signed,
      caller('edwards', { introspectionSignedResponseAlg: 'EdDSA' }),
      caller('encrypted', { introspectionEncryptedResponseAlg: 'ECDH-ES', jwks }),
      caller('wrapped', { introspectionEncryptedResponseAlg: 'ECDH-ES+A256KW', jwks }),
      caller('unlucky', { introspectionSignedResponseAlg: 'PS512' }),
    ];
    const moreClients = callers.map(({ client }) => client);
    const { app } = await described({ keys: () => KEYS, moreClients });
    const counts = await expectDescribed(app, [
      ...callers.flatMap(({ authorization }) =>
        ['at-live', 'never-seen', ''].map((token) =>
          form(A, authorization, `token=${token}`, 'Accept', `${JWT}, */*;q=0.1`),
        ),
      ),
      form(A, '', 'token=a', 'Accept', JWT),
      get(JWKS),
      { method: 'HEAD', path: JWKS },
      { path: JWKS },
      get('/.well-known/oauth-authorization-server'),
    ]);
    expect(Object.fromEntries(counts)).toStrictEqual({
      'introspectToken 200': 8,
      'introspectToken 400': 5,
      'introspectToken 500': 2,
      'introspectToken 401': 1,
      'getPublishedKeys 200': 2,
      'getPublishedKeys 405': 1,
      'getMetadata 200': 1,
    });
    for (const keys of [() => Promise.reject(new Error('down')), () => 'junk' as never]) {
      const broken = await described({ keys, moreClients });
      await expectDescribed(broken.app, [
        form(A, signed.authorization, 'token=at-live', 'Accept', JWT),
        get(JWKS),
        get('/.well-known/oauth-authorization-server'),
      ]);
    }
    const one = await described({ keys: [RSA, EC, ED] });
    await expectDescribed(one.app, [get(JWKS), get('/.well-known/oauth-authorization-server')]);
  });

  it('I-01 by TLS only', async () => {
    const { app, as } = await described({ requireTls: true, keys: [EC] });
    const counts = await expectDescribed(app, [
      form(A, as('api'), 'token=at-live'),
      form(REVOKE, as('app'), 'token=a'),
      form(B, as('app'), 'token=a'),
      form(`${B}/app`, as('app'), 'token=a'),
      get(`${C}/at-live`, as('admin')),
      get(JWKS),
      get('/openapi.json'),
      get('/.well-known/oauth-authorization-server'),
    ]);
    expect([...counts.keys()].filter((key) => key.endsWith(' 400'))).toHaveLength(7);
  });

  it('of a gateway, whatever the server behind it says', async () => {
    const known = caller('api');
    for (const introspect of [
      async () => ({ active: false }),
      async () => ({ active: true }),
      async () => ({
        active: true,
        token_use: 'access',
        scope: ['a'],
        aud: ['x', 'y'],
        exp: NOW,
        client_id: null,
      }),
      async () => ({ active: true, token_type: 'bearer', username: 'a', auth_time: 1.5, nbf: 1.5, cnf: {} }),
      async () => ({ active: 'yes' }),
      () => Promise.reject(new Error('down')),
    ] as (() => Promise<never>)[]) {
      const app = express().use(
        introspectionRouter({
          introspector: { introspect },
          clients: new MemoryClientStore([{ ...known.client, introspects: 'any' }]),
          issuer: ISSUER,
          openapi: true,
        }),
      );
      await expectDescribed(app, [
        form(A, known.authorization, 'token=a'),
        form(A, '', 'token=a'),
        form(A, 'Bearer a', 'token=b'),
        { method: 'GET', path: A },
      ]);
    }
  });

  it('to odd requests: 600 of them', async () => {
    const made = await described({ rateLimit: false });
    const document = await Described.by(made.app);
    const token = fc.constantFrom(...SEEDED.map((seeded) => seeded.token), '', 'a b', '%zz', '%c3', 'é', '~');
    const request = fc.record<RawRequest>({
      method: fc.constantFrom('POST', 'POST', 'GET', 'GET', 'HEAD', 'PUT'),
      path: fc.oneof(
        fc.constantFrom(A, REVOKE, B, `${B}/app`, '/openapi.json'),
        token.map((one) => `${C}/${one === '' || /[ é]/.test(one) ? 'x' : one}`),
      ),
      headers: fc
        .tuple(
          fc.constantFrom('app', 'api', 'admin', 'public').map(made.as),
          fc.constantFrom('', 'Basic ', 'Bearer x', basic('public', '')),
          fc.integer({ min: 0, max: 3 }),
          fc.constantFrom(FORM[1] as string, `${FORM[1]};charset=utf-16`, 'text/plain', ';'),
        )
        .map(([right, wrong, dice, type]) => [
          ...['Authorization', dice === 0 ? wrong : right],
          ...['Content-Type', type, 'X-Request-Id', 'é'.repeat(dice)],
        ]),
      body: fc.oneof(
        token.map((one) => new URLSearchParams({ token: one }).toString()),
        fc.string(),
      ),
    });
    const counts = new Map<number, number>();
    await serving(made.app, async (origin) => {
      await fc.assert(
        fc.asyncProperty(request, async (asked) => {
          // Who reads sends no body.
          const sent = /GET|HEAD/.test(asked.method ?? '') ? { ...asked, body: '' } : asked;
          const answer = await raw(origin, sent);
          counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
          expect(judged(document, asked, answer).problems).toStrictEqual([]);
        }),
        { numRuns: 600 },
      );
    });
    for (const status of [200, 400, 401, 403, 404, 405, 415])
      expect([status, counts.get(status) ?? 0]).not.toStrictEqual([status, 0]);
  });
});

describe('an answer that the document does not say is noticed:', () => {
  const good: RawAnswer = {
    status: 401,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'x-content-type-options': 'nosniff',
      'www-authenticate': 'Basic realm="x", charset="UTF-8"',
    },
    body: '{"error":"invalid_client","error_description":"x"}',
  };
  const headers = (more: Record<string, string | undefined>): Partial<RawAnswer> => ({
    headers: JSON.parse(JSON.stringify({ ...good.headers, ...more })) as RawAnswer['headers'],
  });

  it.each<[string, Partial<RawAnswer>, string]>([
    ['nothing', {}, ''],
    ['another status', { status: 418 }, 'status 418'],
    ['another media type', headers({ 'content-type': 'text/html' }), 'text/html'],
    ['another header', headers({ 'set-cookie': 'a=b' }), 'set-cookie'],
    ['no challenge', headers({ 'www-authenticate': undefined }), 'WWW-Authenticate is missing'],
    ['no Cache-Control', headers({ 'cache-control': undefined }), 'Cache-Control is missing'],
    ['another Cache-Control', headers({ 'cache-control': 'public' }), 'header Cache-Control'],
    ['another code', { body: '{"error":"invalid_request","error_description":"x"}' }, '/error'],
    ['no description', { body: '{"error":"invalid_client"}' }, 'error_description'],
    [
      'another member',
      { body: '{"error":"invalid_client","error_description":"x","token":"y"}' },
      'additional properties',
    ],
    ['a quote in a description', { body: '{"error":"invalid_client","error_description":"\\""}' }, 'pattern'],
  ])('%s', async (_what, change, noticed) => {
    const { app } = await described();
    const document = await Described.by(app);
    const problems = document.problems(document.place('introspectToken'), { ...good, ...change });
    if (noticed === '') expect(problems).toStrictEqual([]);
    else expect(problems.join('\n')).toContain(noticed);
  });

  it('issuer/24 keys of other signers are described, and no private one', async () => {
    const { d: _d, alg: _alg, ...theirs } = ED;
    const { app } = await described({ keys: [EC, { ...theirs, use: 'enc', x5c: ['MII'], 'x5t#S256': 'x' }] });
    const document = await Described.by(app);
    const { KeySet = {} } = document.document.components.schemas ?? {};
    const { body } = await serving(app, (origin) => raw(origin, { method: 'GET', path: '/v1/oauth/jwks' }));
    expect(document.wrong(KeySet, JSON.parse(body))).toStrictEqual([]);
    expect(document.wrong(KeySet, { keys: [{ ...theirs, d: 'x' }] })).not.toStrictEqual([]);
  });

  it('a member more, or one less, in what has a closed shape', async () => {
    const { app } = await described({ keys: [EC] });
    const document = await Described.by(app);
    const { schemas = {} } = document.document.components;
    const bodies: Readonly<Record<string, readonly unknown[]>> = {
      OAuthError: [{ error: 'x', error_description: 'y' }],
      GatewayError: [exampleOf(document, 'introspectRefreshToken', 400)],
      ManagementError: [exampleOf(document, 'getAccessToken', 404)],
      AccessTokenDetails: [exampleOf(document, 'getAccessToken', 200)],
      TokenState: [{ active: false }],
      RefreshTokenState: [{ active: false }, { active: true, iat: 1, token_type: 'x' }],
      KeySet: [{ keys: [{ kty: 'EC', kid: 'x', alg: 'ES256', use: 'sig' }] }],
      PublicKey: [{ kty: 'EC', kid: 'x', alg: 'ES256', use: 'sig' }],
    };
    for (const [name, values] of Object.entries(bodies)) {
      for (const value of values as readonly Record<string, unknown>[]) {
        const wrong = (body: unknown): number => document.wrong(schemas[name] ?? {}, body).length;
        expect([name, wrong(value)]).toStrictEqual([name, 0]);
        expect([name, wrong({ ...value, d: 'more' })]).not.toStrictEqual([name, 0]);
        for (const member of Object.keys(value).filter((one) => !OPTIONAL.includes(one))) {
          const { [member]: _gone, ...less } = value;
          expect([name, member, wrong(less)]).not.toStrictEqual([name, member, 0]);
        }
      }
    }
  });
});

/** Members of the details that a token may not have. */
const OPTIONAL = ['apiProducts', 'appId', 'refreshToken'];

/** The first example of a response. */
function exampleOf(document: Described, operationId: string, status: number): unknown {
  const response = document.response(document.place(operationId), status);
  return Object.values(response?.content['application/json']?.examples ?? {})[0]?.value;
}
