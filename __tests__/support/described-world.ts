import express, { type Express } from 'express';
import {
  type Client,
  generateClientSecret,
  hashClientSecret,
  type IntrospectionRouterOptions,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
  type NewToken,
  type PrivateJwk,
} from '../../lib/index.js';
import {
  ACCESS_EXPIRES_AT,
  ACCESS_TOKEN,
  APP_ID,
  ISSUED_AT,
  MOBILE_REFRESH_TOKEN,
  ORDERS_API,
  ORDERS_API_SECRET,
  ORDERS_RESOURCE,
  ORGANIZATION,
  PUBLISHED_KEY,
  REFRESH_EXPIRES_AT,
  REFRESH_TOKEN,
  SCOPES,
  SHOP,
  SHOP_MOBILE,
  SUBJECT,
  SUPPORT_DESK,
} from '../../lib/openapi/example-values.js';
import { ALL_RIGHTS } from './managers.js';
import { basic, ISSUER } from './world.js';

/** The private half of the key in the examples (RFC 7517, Appendix A.2). */
export const EXAMPLE_KEY: PrivateJwk = {
  ...PUBLISHED_KEY,
  d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
};

/** Access tokens with which the API comes itself: one that is good for asking, and one without the scope. */
export const CALLER_TOKEN = 'example-caller-token';
/** That of the support desk. */
export const DESK_TOKEN = 'example-token-of-the-desk';
export const POOR_TOKEN = 'example-token-without-scope';
/** A token of somebody else's. */
export const OTHER_TOKEN = 'example-token-of-another';
export const EXPIRED_TOKEN = 'example-expired-token';

const secret = generateClientSecret();
const chosen = await hashClientSecret(ORDERS_API_SECRET);

/** The API once more, with a secret that takes less time to verify. */
const CLIENTS: readonly Client[] = [
  {
    clientId: ORDERS_API,
    secret: chosen,
    authMethods: ['client_secret_basic', 'client_secret_post'],
    audiences: [ORDERS_RESOURCE],
    introspectionSignedResponseAlg: 'ES256',
  },
  { clientId: 'api', secret: secret.hash, audiences: [ORDERS_RESOURCE] },
  { clientId: SHOP, secret: secret.hash },
  { clientId: SHOP_MOBILE },
  { clientId: SUPPORT_DESK, secret: secret.hash, organizations: [ORGANIZATION], manages: ALL_RIGHTS },
  { clientId: 'reader', secret: secret.hash, organizations: [ORGANIZATION] },
];

export function as(clientId: string): string {
  return clientId === SHOP_MOBILE ? basic(SHOP_MOBILE, '') : basic(clientId, secret.secret);
}

const ACCESS = {
  kind: 'access_token',
  clientId: SHOP,
  subject: SUBJECT,
  issuer: ISSUER,
  organization: ORGANIZATION,
  audience: [ORDERS_RESOURCE],
  scope: SCOPES,
  tokenType: 'Bearer',
  expiresAt: ACCESS_EXPIRES_AT * 1000,
} as const satisfies Omit<NewToken, 'token'>;

const REFRESH = {
  kind: 'refresh_token',
  clientId: SHOP,
  subject: SUBJECT,
  organization: ORGANIZATION,
  expiresAt: REFRESH_EXPIRES_AT * 1000,
} as const satisfies Omit<NewToken, 'token'>;

const TOKENS: readonly NewToken[] = [
  {
    ...ACCESS,
    token: ACCESS_TOKEN,
    refreshToken: REFRESH_TOKEN,
    app: 'Example Shop',
    appId: APP_ID,
    apiProducts: ['orders'],
    attributes: [{ name: 'channel', value: 'web' }],
    grantType: 'authorization_code',
  },
  { ...REFRESH, token: REFRESH_TOKEN },
  { ...REFRESH, token: MOBILE_REFRESH_TOKEN, clientId: SHOP_MOBILE },
  { ...ACCESS, token: OTHER_TOKEN, clientId: 'api' },
  { ...ACCESS, token: EXPIRED_TOKEN, issuedAt: ISSUED_AT * 1000 - 1, expiresAt: ISSUED_AT * 1000 },
  { ...ACCESS, token: CALLER_TOKEN, clientId: 'api', audience: [ISSUER], scope: ['introspection', 'ask'] },
  {
    ...ACCESS,
    token: DESK_TOKEN,
    clientId: SUPPORT_DESK,
    audience: [ISSUER],
    scope: ['introspection', 'ask'],
  },
  { ...ACCESS, token: POOR_TOKEN, clientId: 'api', audience: [ISSUER], scope: ['read'] },
];

export type DescribedOptions = Partial<IntrospectionRouterOptions>;

/** A server for which the examples of the document hold. */
export async function describedWorld(options: DescribedOptions = {}): Promise<Express> {
  const clock = (): number => ISSUED_AT * 1000;
  const tokens = new MemoryTokenStore({ clock });
  for (const token of TOKENS) await tokens.save(token);
  const clients = new MemoryClientStore(CLIENTS);
  return express().use(
    introspectionRouter({ tokens, clients, issuer: ISSUER, clock, openapi: true, ...options }),
  );
}
