import {
  type Client,
  hashClientSecret,
  type ManagedTokenStore,
  type NewToken,
} from 'express-token-introspection';

/** The issuer identifier: what tokens carry in `iss`, and what a Bearer caller's token must carry in `aud`. */
export const ISSUER = 'https://id.example.com';
/** The resource identifier of the guarded API: what its tokens carry in `aud`. */
export const ORDERS_API = 'https://api.example.com/orders';

/** Who there is. A secret is kept as a hash only; these are known because this is a demonstration. */
export async function seedClients(): Promise<readonly Client[]> {
  return [
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
      introspectionSignedResponseAlg: 'ES256',
    },
    // May read the details of every access token of one organization, revoke it, and take that back.
    {
      clientId: 'acme-admin',
      secret: await hashClientSecret('acme-admin-secret'),
      organizations: ['acme'],
      manages: ['revoke', 'approve'],
    },
  ];
}

/** A token of the demonstration, and the state that it is wanted in. */
type Seed = NewToken & { readonly state?: 'expired' | 'revoked' };

const HOUR = 60 * 60 * 1000;

/** Some tokens in every state. Real ones are random: see `POST /demo/tokens`. */
function seeds(name: (token: string) => string, now: number): readonly Seed[] {
  const alice = {
    clientId: 'web-app',
    subject: 'alice',
    username: 'alice@example.com',
    organization: 'acme',
    issuer: ISSUER,
    grantType: 'authorization_code',
    app: 'web-app',
  };
  return [
    {
      ...alice,
      token: name('access-live'),
      kind: 'access_token',
      audience: [ORDERS_API],
      scope: ['orders:read', 'profile'],
      expiresAt: now + HOUR,
      grantId: name('grant-1'),
      refreshToken: name('refresh-live'),
      attributes: [{ name: 'department', value: 'sales' }],
    },
    {
      ...alice,
      token: name('refresh-live'),
      kind: 'refresh_token',
      expiresAt: now + 24 * HOUR,
      grantId: name('grant-1'),
    },
    {
      ...alice,
      token: name('access-expired'),
      kind: 'access_token',
      audience: [ORDERS_API],
      issuedAt: now - 2 * HOUR,
      expiresAt: now - HOUR,
      state: 'expired',
    },
    {
      ...alice,
      token: name('access-revoked'),
      kind: 'access_token',
      audience: [ORDERS_API],
      expiresAt: now + HOUR,
      state: 'revoked',
    },
    {
      ...alice,
      token: name('access-other-api'),
      kind: 'access_token',
      audience: ['https://other.example'],
      expiresAt: now + HOUR,
    },
    {
      token: name('mobile-refresh-live'),
      kind: 'refresh_token',
      clientId: 'mobile-app',
      subject: 'bob',
      organization: 'globex',
      issuer: ISSUER,
      expiresAt: now + 24 * HOUR,
    },
    {
      // A caller of the OAuth introspection API may use an access token of its own instead of its secret.
      token: name('introspection-live'),
      kind: 'access_token',
      clientId: 'orders-api',
      issuer: ISSUER,
      audience: [ISSUER],
      scope: ['introspection'],
      expiresAt: now + HOUR,
    },
  ];
}

export interface Demonstration {
  readonly tokens: readonly NewToken[];
  /** The names that its tokens have this time: `access-live`, or `access-live-2`, say. */
  readonly name: (token: string) => string;
}

/**
 * Sees to it that there are tokens to try. A store may have those of the last time: what has expired meanwhile lives
 * again, and where somebody has revoked one of them, or made the one that the examples make, they get other names.
 */
export async function seedTokens(store: ManagedTokenStore, now: number = Date.now()): Promise<Demonstration> {
  for (let run = 1; ; run++) {
    const name = (token: string): string => (run === 1 ? token : `${token}-${run}`);
    const wanted = seeds(name, now);
    const found = await Promise.all(wanted.map(async ({ token }) => store.find(token)));
    const isSpoiled = wanted.some(({ state }, i) => found[i]?.status === 'revoked' && state !== 'revoked');
    if (isSpoiled || (await store.find(name('mine')))) continue;
    for (const [i, { state, ...token }] of wanted.entries()) {
      if (!found[i]) await store.save(token);
      else if (!state && token.expiresAt) await store.update(token.token, { expiresAt: token.expiresAt });
      if (state === 'revoked') await store.revoke(token.token);
    }
    return { tokens: wanted, name };
  }
}
