import { Provider } from 'oidc-provider';
import { BASIC, CALLER, introspection, introspections, SECRET, TOKENS } from '../fixture.js';

export const name = 'oidc-provider 9, in-memory adapter';

export async function start({ now, port }) {
  const issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: CALLER,
        client_secret: SECRET,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: 'client_secret_basic',
      },
    ],
    scopes: ['orders:read', 'orders:write'],
    features: {
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      devInteractions: { enabled: false },
    },
    ttl: { ClientCredentials: 12 * 3600 },
  });
  const path = '/token/introspection';
  const { once } = introspections(now, { authenticates: true });
  const client = await provider.Client.find(CALLER);
  const load = [];
  for (let i = 0; i < TOKENS; i++) {
    const issued = new provider.ClientCredentials({ client, scope: 'orders:read orders:write' });
    const value = await issued.save();
    const { exp, iat } = await provider.ClientCredentials.find(value);
    load.push(
      introspection(
        value,
        {
          active: true,
          client_id: CALLER,
          exp,
          iat,
          iss: issuer,
          scope: 'orders:read orders:write',
          token_type: 'Bearer',
        },
        { path, authorization: BASIC },
      ),
    );
  }
  return { handler: provider.callback(), load, once: once.map((question) => ({ ...question, path })) };
}
