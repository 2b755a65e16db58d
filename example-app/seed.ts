import {
  hashClientSecret,
  type ManagedTokenStore,
  MemoryClientStore,
  type NewToken,
} from 'express-token-introspection';

/** The issuer identifier: what tokens carry in `iss`, and what a Bearer caller's token must carry in `aud`. */
export const ISSUER = 'https://id.example.com';
/** The resource identifier of the guarded API: what its tokens carry in `aud`. */
export const ORDERS_API = 'https://api.example.com/orders';

/** Who there is. A secret is kept as a hash only; these are known because this is a demonstration. */
export async function seedClients(): Promise<MemoryClientStore> {
  return new MemoryClientStore([
    // A confidential client: users log in to it, tokens are issued to it.
    { clientId: 'web-app', secret: await hashClientSecret('web-app-secret') },
    // A public client: it has no secret.
    { clientId: 'mobile-app' },
    // A protected resource: it asks about tokens that are meant for it.
    {
      clientId: 'orders-api',
      secret: await hashClientSecret('orders:api+secret'),
      audiences: [ORDERS_API],
      scopes: ['orders:read', 'orders:write'],
    },
    // May read the details of every access token of one organization.
    { clientId: 'acme-admin', secret: await hashClientSecret('acme-admin-secret'), organizations: ['acme'] },
  ]);
}

/** Some tokens in every state. Real ones are random: see `POST /demo/tokens`. */
export async function seedTokens(
  tokens: ManagedTokenStore,
  now: number = Date.now(),
): Promise<readonly NewToken[]> {
  const hour = 60 * 60 * 1000;
  const alice = {
    clientId: 'web-app',
    subject: 'alice',
    username: 'alice@example.com',
    organization: 'acme',
    issuer: ISSUER,
    grantType: 'authorization_code',
    app: 'web-app',
  };
  const seeded: readonly NewToken[] = [
    {
      ...alice,
      token: 'access-live',
      kind: 'access_token',
      audience: [ORDERS_API],
      scope: ['orders:read', 'profile'],
      expiresAt: now + hour,
      grantId: 'grant-1',
      refreshToken: 'refresh-live',
      attributes: [{ name: 'department', value: 'sales' }],
    },
    {
      ...alice,
      token: 'refresh-live',
      kind: 'refresh_token',
      expiresAt: now + 24 * hour,
      grantId: 'grant-1',
    },
    {
      ...alice,
      token: 'access-expired',
      kind: 'access_token',
      audience: [ORDERS_API],
      issuedAt: now - 2 * hour,
      expiresAt: now - hour,
    },
    {
      ...alice,
      token: 'access-revoked',
      kind: 'access_token',
      audience: [ORDERS_API],
      expiresAt: now + hour,
    },
    { ...alice, token: 'access-other-api', kind: 'access_token', audience: ['https://other.example'] },
    {
      token: 'mobile-refresh-live',
      kind: 'refresh_token',
      clientId: 'mobile-app',
      subject: 'bob',
      organization: 'globex',
      issuer: ISSUER,
      expiresAt: now + 24 * hour,
    },
    {
      // A caller of the OAuth introspection API may use an access token of its own instead of its secret.
      token: 'introspection-live',
      kind: 'access_token',
      clientId: 'orders-api',
      issuer: ISSUER,
      audience: [ISSUER],
      scope: ['introspection'],
      expiresAt: now + hour,
    },
  ];
  for (const token of seeded) await tokens.save(token);
  await tokens.revoke('access-revoked');
  return seeded;
}
