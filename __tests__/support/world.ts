import { expect } from '@jest/globals';
import express, { type Express, type RequestHandler } from 'express';
import request from 'supertest';
import {
  type AuditEvent,
  type Client,
  type ClientStore,
  generateClientSecret,
  type IntrospectionRouterOptions,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
  type NewToken,
  type TokenStore,
} from '../../lib/index.js';

export const NOW = 1_790_000_000_000;
export const SECONDS: number = NOW / 1000;
export const HOUR = 3_600_000;
export const ISSUER = 'https://id.example.com';
export const API = 'https://api.example.com';
export const ORG = 'acme';

export const A = '/v1/oauth/introspect';
export const B = '/csp/gateway/am/api/auth/introspect';
export const C: string = `/v1/o/${ORG}/oauth2/accesstokens`;
export const INACTIVE = '{"active":false}';

/** The callers of the tests, by id. `secret: true` gives a confidential client a generated secret. */
const CLIENTS: readonly (Omit<Client, 'secret'> & { secret?: true })[] = [
  { clientId: 'app', secret: true },
  { clientId: 'other-app', secret: true },
  { clientId: 'api', secret: true, audiences: [API] },
  { clientId: 'narrow-api', secret: true, audiences: [API], scopes: ['read'] },
  { clientId: 'own-only', secret: true, audiences: [API], introspects: 'own' },
  { clientId: 'opted-out', secret: true, introspects: 'any' },
  { clientId: 'admin', secret: true, organizations: [ORG] },
  { clientId: 'disabled', secret: true, audiences: [API], disabled: true },
  { clientId: 'public' },
  { clientId: 'public-2' },
];

export interface World {
  readonly app: Express;
  readonly tokens: MemoryTokenStore;
  readonly clients: ClientStore;
  readonly events: AuditEvent[];
  readonly clock: { now: number };
  /** What the router has been given as its `clock`. */
  readonly clockOption: () => number;
  /** The Basic header of a known client. */
  readonly as: (clientId: string) => string;
  readonly secretOf: (clientId: string) => string;
}

export type WorldOptions = Partial<IntrospectionRouterOptions> & {
  /** Middleware that the app runs before the router. */
  readonly before?: readonly RequestHandler[];
  readonly moreClients?: readonly Client[];
};

/** An app with the router in it, seeded with a token of every kind and state. */
export async function world({
  before = [],
  moreClients = [],
  ...options
}: WorldOptions = {}): Promise<World> {
  const clock = { now: NOW };
  const secrets = new Map<string, string>();
  const clients = new MemoryClientStore([
    ...CLIENTS.map(({ secret, ...client }) => {
      if (!secret) return client;
      const generated = generateClientSecret();
      secrets.set(client.clientId, generated.secret);
      return { ...client, secret: generated.hash };
    }),
    ...moreClients,
  ]);
  const tokens = new MemoryTokenStore({ clock: () => clock.now });
  await seed(tokens);
  const events: AuditEvent[] = [];
  const app = express();
  const clockOption = options.clock ?? (() => clock.now);
  for (const handler of before) app.use(handler);
  app.use(
    introspectionRouter({
      tokens,
      clients,
      issuer: ISSUER,
      clock: clockOption,
      audit: (event) => events.push(event),
      ...options,
    }),
  );
  return {
    app,
    tokens,
    clients,
    events,
    clock,
    clockOption,
    as: (clientId) => basic(clientId, secrets.get(clientId) ?? ''),
    secretOf: (clientId) => secrets.get(clientId) as string,
  };
}

export function basic(clientId: string, secret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`;
}

/** Asks about a token, as every API with a form does. */
export function postToken(app: Express, path: string, authorization: string, token: string): request.Test {
  return request(app).post(path).set('Authorization', authorization).type('form').send({ token });
}

/** Asks about a token and about one that nobody has seen, and expects the same bytes, headers included, the date aside. */
export async function answeredAsUnknown(
  ask: (token: string) => request.Test,
  token: string,
): Promise<request.Response> {
  const answer = await ask(token).set('Connection', 'close');
  const unknown = await ask('never-seen').set('Connection', 'close');
  const { date: _date, ...headers } = answer.headers;
  const { date: _unknownDate, ...unknownHeaders } = unknown.headers;
  expect([answer.status, headers, answer.text]).toStrictEqual([unknown.status, unknownHeaders, unknown.text]);
  return answer;
}

const ACCESS = {
  kind: 'access_token',
  clientId: 'app',
  subject: 'alice',
  organization: ORG,
  audience: [API],
  scope: ['read', 'write'],
  expiresAt: NOW + HOUR,
} as const satisfies Omit<NewToken, 'token'>;

const REFRESH = {
  kind: 'refresh_token',
  clientId: 'app',
  subject: 'alice',
  organization: ORG,
  expiresAt: NOW + 24 * HOUR,
} as const satisfies Omit<NewToken, 'token'>;

export const SEEDED: readonly NewToken[] = [
  { ...ACCESS, token: 'at-live', refreshToken: 'rt-live', grantId: 'grant-1' },
  { ...ACCESS, token: 'at-expired', issuedAt: NOW - 2 * HOUR, expiresAt: NOW - HOUR },
  { ...ACCESS, token: 'at-revoked', status: 'revoked' },
  { ...ACCESS, token: 'at-future', notBefore: NOW + HOUR },
  { ...ACCESS, token: 'at-disabled-client', clientId: 'disabled' },
  { ...ACCESS, token: 'at-removed-client', clientId: 'removed' },
  { ...ACCESS, token: 'at-other-api', audience: ['https://other.example'] },
  { ...ACCESS, token: 'at-other-org', organization: 'globex' },
  { ...ACCESS, token: 'at-no-org', organization: undefined as never },
  { ...ACCESS, token: 'at-bound', confirmation: { jkt: 'x' } },
  { ...REFRESH, token: 'rt-live', grantId: 'grant-1' },
  { ...REFRESH, token: 'rt-expired', expiresAt: NOW },
  { ...REFRESH, token: 'rt-revoked', status: 'revoked' },
  { ...REFRESH, token: 'rt-other-app', clientId: 'other-app' },
  { ...REFRESH, token: 'rt-public', clientId: 'public' },
  { ...REFRESH, token: 'rt-audience', audience: [API] },
];

/** A token with every member that OAuth introspection answers; not among those that are seeded. */
export const FULL: NewToken = {
  token: 'full',
  kind: 'access_token',
  clientId: 'app',
  subject: 'alice',
  username: 'alice@example.com',
  brand: 'acme-brand',
  scope: ['read', 'write'],
  audience: [API, 'https://second.example'],
  issuer: ISSUER,
  jti: 'id-1',
  issuedAt: NOW - 1500,
  notBefore: NOW - 1500,
  expiresAt: NOW + 1500,
  confirmation: { 'x5t#S256': 'thumb' },
  actor: { sub: 'bot' },
  acr: 'urn:mfa',
  authTime: NOW - 2500,
  authorizationDetails: [{ type: 'payment' }],
  claims: { tenant: 'blue', level: 3, nested: { deep: [1, null] } },
};

async function seed(tokens: MemoryTokenStore): Promise<void> {
  for (const token of SEEDED) await tokens.save(token);
}

/** A store whose every look-up ends so. */
export function failingStore(fail: () => unknown): TokenStore & ClientStore {
  return { find: fail as never };
}

/** Ways in which a store fails; each is an outage. */
export const FAILURES: readonly [string, () => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('connection refused');
    },
  ],
  ['rejects', () => Promise.reject(new Error('connection refused'))],
  ['rejects with undefined', () => Promise.reject(undefined)],
  [
    'throws null',
    () => {
      throw null;
    },
  ],
  ['answers 42', () => 42],
  ['answers "yes"', () => 'yes'],
  ['answers true', () => true],
  ['answers an array', () => []],
];
