import { expect } from '@jest/globals';
import request from 'supertest';
import {
  type Client,
  generateClientSecret,
  type IntrospectionRouterOptions,
  type ManagementOptions,
  type NewToken,
} from '../../lib/index.js';
import { API, basic, C, HOUR, NOW, ORG, type World, type WorldOptions, world } from './world.js';

/** The paths of refresh tokens. */
export const R: string = `/v1/o/${ORG}/oauth2/refreshtokens`;

/** What is answered of a token that is not there, or not for the caller. */
export const NOT_FOUND =
  '{"code":"keymanagement.service.AccessTokenDoesntExists","message":"Access Token doesnt exists","contexts":[]}';
export const REFRESH_NOT_FOUND =
  '{"code":"keymanagement.service.RefreshTokenDoesntExists","message":"Refresh Token doesnt exists","contexts":[]}';
/** An error as the management API writes it. */
export const error = (code: string, message: unknown = expect.any(String)): object => ({
  code: `keymanagement.service.${code}`,
  message,
  contexts: [],
});

export const ALL: ManagementOptions = {
  revoke: true,
  approve: true,
  update: true,
  delete: true,
  refreshTokens: true,
};

/** A client that may do something, and its Basic header. */
interface Manager {
  readonly client: Client;
  readonly header: string;
}

function manager(clientId: string, more: Partial<Client>): Manager {
  const { secret, hash } = generateClientSecret();
  return { client: { clientId, secret: hash, ...more }, header: basic(clientId, secret) };
}

type Rights = NonNullable<Client['manages']>;

export const ALL_RIGHTS: Rights = ['revoke', 'approve', 'update', 'delete', 'refreshTokens'];

const MANAGERS: readonly Manager[] = [
  manager('manager', { organizations: [ORG], manages: ALL_RIGHTS }),
  manager('foreign-manager', { organizations: ['globex'], manages: ALL_RIGHTS }),
  manager('homeless-manager', { manages: ALL_RIGHTS }),
  ...ALL_RIGHTS.flatMap((right) => [
    manager(`only-${right}`, { organizations: [ORG], manages: [right] }),
    manager(`all-but-${right}`, {
      organizations: [ORG],
      manages: ALL_RIGHTS.filter((other) => other !== right),
    }),
  ]),
];

export interface Managed extends World {
  /** Calls as `manager`, or as whom `Authorization` says. */
  readonly call: (method: 'get' | 'head' | 'post' | 'put' | 'delete', path: string) => request.Test;
  readonly header: (clientId: string) => string;
  readonly statusOf: (token: string) => string | undefined;
}

/** An app in which tokens may be managed, by default in every way. */
export async function managed({ moreClients = [], ...options }: WorldOptions = {}): Promise<Managed> {
  const made = await world({
    management: ALL,
    moreClients: [
      ...MANAGERS.map(({ client }) => client),
      { clientId: 'public-manager', organizations: [ORG], manages: ALL_RIGHTS },
      ...moreClients,
    ],
    ...options,
  } as Partial<IntrospectionRouterOptions>);
  for (const token of GRANT) await made.tokens.save(token);
  const header = (clientId: string): string =>
    MANAGERS.find(({ client }) => client.clientId === clientId)?.header ?? made.as(clientId);
  return {
    ...made,
    header,
    call: (method, path) => request(made.app)[method](path).set('Authorization', header('manager')),
    statusOf: (token) => made.tokens.find(token)?.status,
  };
}

const OF_GRANT = {
  clientId: 'app',
  subject: 'alice',
  organization: ORG,
  grantId: 'grant-2',
  expiresAt: NOW + HOUR,
} as const;

/** The tokens of one grant, of which the refresh token `rt-grant` is linked to one. */
const GRANT: readonly NewToken[] = [
  {
    ...OF_GRANT,
    token: 'at-grant',
    kind: 'access_token',
    refreshToken: 'rt-grant',
    audience: [API],
    scope: ['read', 'write'],
    attributes: [
      { name: 'tier', value: 'gold' },
      { name: 'region', value: 'south' },
    ],
  },
  { ...OF_GRANT, token: 'at-sibling', kind: 'access_token' },
  { ...OF_GRANT, token: 'rt-grant', kind: 'refresh_token', scope: ['read', 'write'], refreshCount: 3 },
  // Of no grant, and linked all the same.
  {
    ...OF_GRANT,
    grantId: undefined as never,
    token: 'at-linked',
    kind: 'access_token',
    refreshToken: 'rt-linked',
  },
  { ...OF_GRANT, grantId: undefined as never, token: 'rt-linked', kind: 'refresh_token' },
];

/** A request that changes an access token. */
export interface Change {
  readonly right: 'revoke' | 'approve' | 'update' | 'delete';
  readonly method: 'post' | 'delete';
  readonly query?: string;
  readonly body?: object;
}

const ALL_CHANGES: readonly Change[] = [
  { right: 'revoke', method: 'post', query: '?action=revoke' },
  { right: 'approve', method: 'post', query: '?action=approve' },
  { right: 'update', method: 'post', body: { scope: 'read' } },
  { right: 'delete', method: 'delete' },
];

/** Each of them, by its name. */
export const CHANGES: readonly (readonly [Change['right'], Change])[] = ALL_CHANGES.map((change) => [
  change.right,
  change,
]);

/** Sends one of them about a token. */
export function changing(
  made: Managed,
  { method, query = '', body }: Change,
  token: string,
  base: string = C,
): request.Test {
  const call = made.call(method, `${base}/${token}${query}`);
  return body ? call.send(body) : call;
}
