import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConflictError, type IntrospectionRouterOptions, NotFoundError } from '../../lib/index.js';
import { FORM, raw, serving } from '../support/http.js';
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
import {
  A,
  API,
  B,
  basic,
  C,
  failingStore,
  HOUR,
  ISSUER,
  NOW,
  SEEDED,
  type World,
  world,
} from '../support/world.js';

let seen: Observed;
const secrets: string[] = [];
beforeAll(() => {
  seen = observed();
});
afterAll(unregisterAll);

type Api = 'oauth-introspection' | 'refresh-token-introspection' | 'access-token-details';

/** Asks one API as one client about one token, by way of a whole request. */
type Ask = (world: World, origin: string) => Promise<unknown>;

const PATHS = { 'oauth-introspection': A, 'refresh-token-introspection': B } as const;

function form(api: keyof typeof PATHS, client: string, body: string, more: readonly string[] = []): Ask {
  return ({ as }, origin) =>
    raw(origin, {
      path: PATHS[api],
      headers: ['Authorization', as(client), ...FORM, ...more],
      body,
    });
}

function about(api: Api, client: string, token: string): Ask {
  if (api !== 'access-token-details') return form(api, client, `token=${token}`);
  return ({ as }, origin) =>
    raw(origin, { method: 'GET', path: `${C}/${token}`, headers: ['Authorization', as(client)] });
}

function withCredentials(api: Api, authorization: string | undefined): Ask {
  const headers = authorization === undefined ? [] : ['Authorization', authorization];
  return (_world, origin) =>
    api === 'access-token-details'
      ? raw(origin, { method: 'GET', path: `${C}/at-live`, headers })
      : raw(origin, { path: PATHS[api], headers: [...headers, ...FORM], body: 'token=at-live' });
}

function put(path: string): Ask {
  return (_world, origin) => raw(origin, { method: 'PUT', path });
}

const failing = (thrown: unknown): Partial<IntrospectionRouterOptions> => ({
  tokens: failingStore(() => Promise.reject(thrown)),
});
const OUTAGE = failing(new Error('cannot connect to sekret'));
const MISSING = failing(new NotFoundError('no organization'));
const CONFLICT = failing(new ConflictError('rotating'));
const NO_POLICY: Partial<IntrospectionRouterOptions> = {
  policy: () => {
    throw new Error('sekret bug');
  },
};
const ONE_CALL: Partial<IntrospectionRouterOptions> = {
  rateLimit: { calls: { windowMs: HOUR, limit: 1 } },
};
const active: ExpectedCall = { outcome: 'active', status: 200 };

type Row = readonly [
  api: Api,
  expected: ExpectedCall,
  ask: Ask,
  options?: Partial<IntrospectionRouterOptions>,
];
const [OAUTH, REFRESH, DETAILS] = [
  'oauth-introspection',
  'refresh-token-introspection',
  'access-token-details',
] as const;

const ROWS: readonly Row[] = [
  [OAUTH, active, about(OAUTH, 'api', 'at-live')],
  [OAUTH, inactive('unknown'), about(OAUTH, 'api', 'never-seen')],
  [OAUTH, inactive('expired'), about(OAUTH, 'api', 'at-expired')],
  [OAUTH, inactive('revoked'), about(OAUTH, 'api', 'at-revoked')],
  [OAUTH, inactive('not_yet_valid'), about(OAUTH, 'api', 'at-future')],
  [OAUTH, inactive('client_disabled'), about(OAUTH, 'api', 'at-disabled-client')],
  [OAUTH, inactive('not_yours'), about(OAUTH, 'api', 'at-other-api')],
  [OAUTH, refused('invalid_request', 400), form(OAUTH, 'api', 'token=')],
  [OAUTH, refused('invalid_request', 405), put(A)],
  [OAUTH, refused('invalid_request', 413), form(OAUTH, 'api', `token=${'x'.repeat(70_000)}`)],
  [OAUTH, refused('invalid_request', 415), wrongMedia],
  [OAUTH, refused('invalid_client', 401), withCredentials(OAUTH, basic('api', 'sekret-wrong'))],
  [OAUTH, refused('invalid_token', 401), withCredentials(OAUTH, 'Bearer never-seen')],
  [OAUTH, refused('insufficient_scope', 403), withCredentials(OAUTH, 'Bearer caller')],
  [OAUTH, refused('unauthorized_client', 403), form(OAUTH, 'public', 'token=x')],
  [OAUTH, UNAVAILABLE, about(OAUTH, 'api', 'at-live'), OUTAGE],
  [OAUTH, UNAVAILABLE, about(OAUTH, 'api', 'at-live'), MISSING],
  [OAUTH, FAILED, about(OAUTH, 'api', 'at-live'), NO_POLICY],

  [REFRESH, active, about(REFRESH, 'app', 'rt-live')],
  [REFRESH, inactive('unknown'), about(REFRESH, 'app', 'never-seen')],
  [REFRESH, inactive('expired'), about(REFRESH, 'app', 'rt-expired')],
  [REFRESH, inactive('revoked'), about(REFRESH, 'app', 'rt-revoked')],
  [REFRESH, inactive('not_yet_valid'), about(REFRESH, 'app', 'rt-future')],
  [REFRESH, inactive('client_disabled'), about(REFRESH, 'opted-out', 'rt-disabled-client')],
  [REFRESH, inactive('not_yours'), about(REFRESH, 'app', 'rt-other-app')],
  [REFRESH, inactive('wrong_kind'), about(REFRESH, 'app', 'at-live')],
  [REFRESH, refused('invalid_request', 400), withCredentials(REFRESH, undefined)],
  [REFRESH, refused('invalid_request', 405), put(B)],
  [REFRESH, refused('invalid_client', 401), withCredentials(REFRESH, basic('app', 'sekret-wrong'))],
  [REFRESH, refused('not_found', 404), about(REFRESH, 'app', 'rt-live'), MISSING],
  [REFRESH, refused('conflict', 409), about(REFRESH, 'app', 'rt-live'), CONFLICT],
  [REFRESH, UNAVAILABLE, about(REFRESH, 'app', 'rt-live'), OUTAGE],
  [REFRESH, FAILED, about(REFRESH, 'app', 'rt-live'), NO_POLICY],

  [DETAILS, active, about(DETAILS, 'admin', 'at-live')],
  [DETAILS, inactive('unknown', 404), about(DETAILS, 'admin', 'never-seen')],
  [DETAILS, inactive('expired'), about(DETAILS, 'admin', 'at-expired')],
  [DETAILS, inactive('revoked'), about(DETAILS, 'admin', 'at-revoked')],
  [DETAILS, inactive('not_yet_valid'), about(DETAILS, 'admin', 'at-future')],
  [DETAILS, inactive('client_disabled'), about(DETAILS, 'admin', 'at-disabled-client')],
  [DETAILS, inactive('not_yours', 404), about(DETAILS, 'admin', 'at-other-org')],
  [DETAILS, inactive('wrong_kind', 404), about(DETAILS, 'admin', 'rt-live')],
  [DETAILS, refused('invalid_request', 400), malformedPath],
  [DETAILS, refused('invalid_request', 405), put(`${C}/at-live`)],
  [DETAILS, refused('invalid_client', 401), withCredentials(DETAILS, basic('admin', 'sekret-wrong'))],
  [DETAILS, refused('unauthorized_client', 403), about(DETAILS, 'api', 'at-live')],
  [DETAILS, refused('not_found', 404), about(DETAILS, 'admin', 'at-live'), MISSING],
  [DETAILS, refused('conflict', 409), about(DETAILS, 'admin', 'at-live'), CONFLICT],
  [DETAILS, UNAVAILABLE, about(DETAILS, 'admin', 'at-live'), OUTAGE],
  [DETAILS, FAILED, about(DETAILS, 'admin', 'at-live'), NO_POLICY],
];

async function wrongMedia({ as }: World, origin: string): Promise<unknown> {
  return raw(origin, {
    path: A,
    headers: ['Authorization', as('api'), 'Content-Type', 'application/json'],
    body: '{"token":"at-live"}',
  });
}

async function malformedPath({ as }: World, origin: string): Promise<unknown> {
  return raw(origin, { method: 'GET', path: `${C}/at-live%`, headers: ['Authorization', as('admin')] });
}

async function observedWorld(options: Partial<IntrospectionRouterOptions> = {}): Promise<World> {
  const made = await world({ audit: seen.audit, ...options });
  await made.tokens.save({
    token: 'caller',
    kind: 'access_token',
    clientId: 'api',
    audience: [ISSUER],
    scope: ['other'],
  });
  const refresh = { kind: 'refresh_token', expiresAt: NOW + HOUR } as const;
  await made.tokens.save({ ...refresh, token: 'rt-future', clientId: 'app', notBefore: NOW + 1 });
  await made.tokens.save({ ...refresh, token: 'rt-disabled-client', clientId: 'disabled' });
  for (const client of ['api', 'app', 'admin', 'opted-out']) {
    secrets.push(made.secretOf(client), made.as(client).slice('Basic '.length));
  }
  return made;
}

describe('the counter of the APIs, and the log', () => {
  it.each(ROWS)('tell of %s: %j', async (...[api, expected, ask, options]) => {
    const made = await observedWorld(options);
    await serving(made.app, (origin) => seen.served(api, expected, () => ask(made, origin)));
  });

  it.each([
    [OAUTH, about(OAUTH, 'api', 'at-live')],
    [REFRESH, about(REFRESH, 'app', 'rt-live')],
    [DETAILS, about(DETAILS, 'admin', 'at-live')],
  ] as const)('tell of %s: refused as too often', async (api, ask) => {
    const made = await observedWorld(ONE_CALL);
    await serving(made.app, async (origin) => {
      await ask(made, origin);
      await seen.served(api, refused('slow_down', 429), () => ask(made, origin));
    });
  });

  it('tell of no reason where a call about a dead token was refused as one too many', async () => {
    const made = await observedWorld({ rateLimit: { inactive: { windowMs: HOUR, limit: 1 } } });
    await serving(made.app, async (origin) => {
      const ask = about(OAUTH, 'api', 'never-seen');
      await ask(made, origin);
      await seen.served(OAUTH, refused('slow_down', 429), () => ask(made, origin));
    });
  });

  it.each([OAUTH, REFRESH, DETAILS])('tell of every outcome of %s', async (api) => {
    expect(await seen.outcomesOf(api)).toStrictEqual([
      'active',
      'failed',
      'inactive',
      'refused',
      'unavailable',
    ]);
  });

  it('have no token and no secret in them', async () => {
    const metrics = await seen.scrape();
    const log = seen.logged();
    expect(log.split('\n').length).toBeGreaterThan(ROWS.length);
    for (const text of [metrics, log]) {
      for (const { token } of SEEDED) expect(text).not.toContain(token);
      for (const secret of secrets) expect(text).not.toContain(secret);
      for (const other of ['never-seen', 'sekret', 'rt-future', 'at-live%', API]) {
        expect(text).not.toContain(other);
      }
    }
    expect(secrets.length).toBeGreaterThan(100);
  });

  it('tell durations by API and outcome alone, as many as there were calls', async () => {
    const total = (series: readonly { value: number }[]): number =>
      series.reduce((sum, { value }) => sum + value, 0);
    const counted = await seen.series('server_request_duration_count');
    expect(total(counted)).toBe(total(await seen.series('server_requests_total')));
    const names = new Set(counted.flatMap(({ labels }) => Object.keys(labels)));
    expect([...names].toSorted()).toStrictEqual([
      'otel_scope_name',
      'token_introspection_api',
      'token_introspection_outcome',
    ]);
    // 51 ms at the clock of the machine would be 51 000 in milliseconds.
    const seconds = total(await seen.series('server_request_duration_sum'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThan(30);
  });
});
