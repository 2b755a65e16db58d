import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import request from 'supertest';
import {
  type Client,
  ConflictError,
  generateClientSecret,
  type IntrospectionRouterOptions,
  MemoryTokenStore,
  NotFoundError,
} from '../../lib/index.js';
import { CHANGES, changing, type Managed, managed, R } from '../support/managers.js';
import {
  type ExpectedCall,
  FAILED,
  inactive,
  type Observed,
  observed,
  refused,
  UNAVAILABLE,
} from '../support/observed.js';
import { unregisterAll } from '../support/telemetry.js';
import { C, HOUR, ISSUER, NOW, ORG, SECONDS, SEEDED } from '../support/world.js';

const [REVOCATION, MANAGEMENT, DETAILS] = [
  'token-revocation',
  'token-management',
  'refresh-token-details',
] as const;
type Api = typeof REVOCATION | typeof MANAGEMENT | typeof DETAILS;
const REVOKE = '/v1/oauth/revoke';
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

let seen: Observed;
/** What must not be in a measurement or the log. */
const secrets = new Set<string>(['never-seen', 'sekret', 'rt-future', 'rt-disabled-client', 'at-live%']);
beforeAll(() => {
  seen = observed();
});
afterAll(unregisterAll);

type Act = (made: Managed) => PromiseLike<unknown>;
type Row = readonly [expected: ExpectedCall, act: Act, options?: Partial<IntrospectionRouterOptions>];

const does = (action: NonNullable<ExpectedCall['action']>, expected: ExpectedCall): ExpectedCall => ({
  ...expected,
  action,
});
const active: ExpectedCall = { outcome: 'active', status: 200 };
const done: ExpectedCall = { outcome: 'done', status: 200 };

/** A store some of whose methods end otherwise. */
function store(replaced: object): { readonly tokens: MemoryTokenStore } {
  return { tokens: Object.assign(new MemoryTokenStore({ clock: () => NOW }), replaced) };
}
const fails = (thrown: unknown) => () => Promise.reject(thrown);
const OUTAGE = new Error('cannot connect to sekret');
const NO_POLICY: Partial<IntrospectionRouterOptions> = {
  policy: () => {
    throw new Error('sekret bug');
  },
};
const ONCE = { windowMs: HOUR, limit: 1 };

const revoke =
  (client: string, token: string): Act =>
  ({ app, header }) =>
    request(app).post(REVOKE).set('Authorization', header(client)).type('form').send({ token });
const revokeBy =
  (form: object): Act =>
  ({ app }) =>
    request(app).post(REVOKE).type('form').send(form);

const REVOCATIONS: readonly Row[] = [
  [done, revoke('app', 'at-live')],
  [done, revoke('app', 'rt-live')],
  [done, revokeBy({ client_id: 'public', token: 'rt-public' })],
  [done, bySecretInForm],
  [done, byAssertion],
  [inactive('unknown'), revoke('app', 'never-seen')],
  [inactive('expired'), revoke('app', 'at-expired')],
  [inactive('revoked'), revoke('app', 'at-revoked')],
  [inactive('revoked'), revoke('app', 'at-live'), store({ revoke: async () => 0 })],
  [inactive('not_yours'), revokeBy({ client_id: 'public', token: 'at-live' })],
  [refused('invalid_request', 400), revoke('app', '')],
  [refused('invalid_client', 401), revokeBy({ token: 'at-live' })],
  [refused('invalid_client', 401), revokeBy({ client_id: 'app', client_secret: 'sekret', token: 'at-live' })],
  [refused('unauthorized_client', 400), revoke('api', 'at-live')],
  [UNAVAILABLE, revoke('app', 'at-live'), store({ find: fails(OUTAGE) })],
  [UNAVAILABLE, revoke('app', 'at-live'), store({ revoke: fails(OUTAGE) })],
  [UNAVAILABLE, revoke('app', 'rt-live'), store({ revokeGrant: fails(new ConflictError('rotating')) })],
  [FAILED, revoke('api', 'at-live'), NO_POLICY],
];
const OF_REVOCATION = REVOCATIONS.map(([expected, ...row]): Row => [does('revoke', expected), ...row]);

const REPLACED = { revoke: 'revoke', approve: 'approve', update: 'update', delete: 'remove' } as const;

/** Of each action. */
const OF_MANAGEMENT: readonly Row[] = CHANGES.flatMap(([right, change]) => {
  const ask =
    (token: string, as = 'manager'): Act =>
    (made) =>
      changing(made, change, token).set('Authorization', made.header(as));
  const method = REPLACED[right];
  const rows: readonly Row[] = [
    [done, ask('at-grant')],
    [inactive('unknown', 404), ask('never-seen')],
    [inactive('wrong_kind', 404), ask('rt-grant')],
    [inactive('not_yours', 404), ask('at-other-org')],
    [refused('unauthorized_client', 403), ask('at-grant', `all-but-${right}`)],
    [refused('not_found', 404), ask('at-live'), store({ [method]: fails(new NotFoundError('sekret')) })],
    [refused('conflict', 409), ask('at-live'), store({ [method]: fails(new ConflictError('sekret')) })],
    [UNAVAILABLE, ask('at-live'), store({ find: fails(OUTAGE) })],
    [UNAVAILABLE, ask('at-live'), store({ [method]: fails(OUTAGE) })],
    [FAILED, ask('at-live'), NO_POLICY],
  ];
  return rows.map(([expected, ...row]): Row => [does(right, expected), ...row]);
});

const manage = (method: 'post' | 'delete', path: string, as = 'manager'): Act => {
  return (made) => made.call(method, `${C}/${path}`).set('Authorization', made.header(as));
};

const OF_MANAGEMENT_TOO: readonly Row[] = [
  [does('revoke', done), manage('post', 'at-grant?action=revoke&cascade=true')],
  [does('approve', done), manage('post', 'at-revoked?action=approve')],
  [does('approve', refused('conflict', 409)), manage('post', 'at-expired?action=approve')],
  [does('delete', inactive('unknown', 404)), manage('delete', 'at-live'), store({ remove: async () => 0 })],
  // Of these nobody knows what they were to do.
  [refused('invalid_request', 400), manage('post', 'at-live?action=sekret')],
  [refused('unauthorized_client', 403), manage('post', 'at-live?action=revoke', 'foreign-manager')],
  [refused('invalid_client', 401), (made) => request(made.app).delete(`${C}/at-live`)],
];

const details =
  (token: string, as = 'manager'): Act =>
  (made) =>
    made.call('get', `${R}/${token}`).set('Authorization', made.header(as));

const OF_DETAILS: readonly Row[] = [
  [active, details('rt-live')],
  [inactive('unknown', 404), details('never-seen')],
  [inactive('expired'), details('rt-expired')],
  [inactive('revoked'), details('rt-revoked')],
  [inactive('not_yet_valid'), details('rt-future')],
  [inactive('client_disabled'), details('rt-disabled-client')],
  [inactive('not_yours', 404), details('rt-other-org')],
  [inactive('wrong_kind', 404), details('at-live')],
  [refused('invalid_request', 400), details('rt-live%')],
  [refused('invalid_request', 405), (made) => made.call('post', `${R}/rt-live`)],
  [refused('invalid_client', 401), (made) => request(made.app).get(`${R}/rt-live`)],
  [refused('unauthorized_client', 403), details('rt-live', 'all-but-refreshTokens')],
  [refused('not_found', 404), details('rt-live'), store({ find: fails(new NotFoundError('sekret')) })],
  [refused('conflict', 409), details('rt-live'), store({ find: fails(new ConflictError('sekret')) })],
  [UNAVAILABLE, details('rt-live'), store({ find: fails(OUTAGE) })],
  [FAILED, details('rt-live'), NO_POLICY],
];

const ROWS: readonly (readonly [Api, ...Row])[] = [
  ...OF_REVOCATION.map((row) => [REVOCATION, ...row] as const),
  ...OF_MANAGEMENT.map((row) => [MANAGEMENT, ...row] as const),
  ...OF_MANAGEMENT_TOO.map((row) => [MANAGEMENT, ...row] as const),
  ...OF_DETAILS.map((row) => [DETAILS, ...row] as const),
];

const HMAC_SECRET = 'sekret-of-32-bytes-or-more-0123456789';

function bySecretInForm({ app }: Managed): PromiseLike<unknown> {
  const form = { client_id: 'posting', client_secret: posted.secret, token: 'at-posting' };
  return request(app).post(REVOKE).type('form').send(form);
}

async function byAssertion({ app }: Managed): Promise<unknown> {
  const client_assertion = await new SignJWT({ jti: 'sekret-jti' })
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('signing')
    .setSubject('signing')
    .setAudience(ISSUER)
    .setExpirationTime(SECONDS + 60)
    .sign(Buffer.from(HMAC_SECRET));
  secrets.add(client_assertion);
  return request(app)
    .post(REVOKE)
    .type('form')
    .send({ token: 'at-signing', client_assertion, client_assertion_type: JWT_BEARER });
}

const posted = generateClientSecret();
const CLIENTS: readonly Client[] = [
  { clientId: 'signing', authMethods: ['client_secret_jwt'], hmacSecret: HMAC_SECRET },
  { clientId: 'posting', authMethods: ['client_secret_post'], secret: posted.hash },
];

async function observedApp(options: Partial<IntrospectionRouterOptions> = {}): Promise<Managed> {
  const made = await managed({ audit: seen.audit, moreClients: CLIENTS, ...options });
  const tokens = (options.tokens ?? made.tokens) as MemoryTokenStore;
  const refresh = { kind: 'refresh_token', organization: ORG, expiresAt: NOW + HOUR } as const;
  const more = [
    { ...refresh, token: 'rt-future', clientId: 'app', notBefore: NOW + 1 },
    { ...refresh, token: 'rt-disabled-client', clientId: 'disabled' },
    { ...refresh, token: 'rt-other-org', clientId: 'app', organization: 'globex' },
    { ...refresh, token: 'at-signing', clientId: 'signing' },
    { ...refresh, token: 'at-posting', clientId: 'posting' },
  ];
  const seeded = options.tokens ? [...SEEDED, ...more] : more;
  for (const token of seeded) await tokens.save(token);
  for (const { token } of [...SEEDED, ...more]) secrets.add(token);
  for (const client of ['app', 'api', 'admin']) secrets.add(made.secretOf(client));
  secrets.add(posted.secret);
  for (const client of ['app', 'manager', 'all-but-delete']) secrets.add(made.header(client).slice(6));
  return made;
}

describe('the counter of the APIs that end and change tokens, and the log', () => {
  it.each(ROWS)('tell of %s: %j', async (...[api, expected, act, options]) => {
    const made = await observedApp(options);
    await seen.served(api, expected, () => act(made));
  });

  const OFTEN: readonly (readonly [Api, ExpectedCall, Act])[] = [
    [REVOCATION, does('revoke', refused('slow_down', 429)), revoke('app', 'at-live')],
    // By then it is not known yet what the call was to do.
    [MANAGEMENT, refused('slow_down', 429), manage('delete', 'at-live')],
    [DETAILS, refused('slow_down', 429), details('rt-live')],
  ];

  it.each(OFTEN)('tell of %s: refused as too often', async (api, expected, act) => {
    const made = await observedApp({ rateLimit: { calls: ONCE } });
    await act(made);
    await seen.served(api, expected, () => act(made));
  });

  it('tell of a wrong method at the path of an access token as of its details', async () => {
    const made = await observedApp();
    await seen.served('access-token-details', refused('invalid_request', 405), () =>
      made.call('put', `${C}/at-live`),
    );
    await seen.served(REVOCATION, refused('invalid_request', 405), () => request(made.app).get(REVOKE));
  });

  it.each([
    [REVOCATION, 'done'],
    [MANAGEMENT, 'done'],
    [DETAILS, 'active'],
  ] as const)('tell of every outcome of %s', async (api, success) => {
    expect(await seen.outcomesOf(api)).toStrictEqual(
      [success, 'failed', 'inactive', 'refused', 'unavailable'].toSorted(),
    );
  });

  it('have no token and no secret in them', async () => {
    const log = seen.logged();
    expect(log.split('\n').length).toBeGreaterThan(ROWS.length);
    for (const text of [await seen.scrape(), log])
      for (const secret of secrets) expect(text).not.toContain(secret);
    expect(secrets.size).toBeGreaterThan(100);
  });
});
