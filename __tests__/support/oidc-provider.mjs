// A real authorization server, in a process of its own. Takes the public key of the client `key` and the secret
// of the others as JSON; prints its origin. Access tokens for a resource that ends with `/jwt` are JWTs (RFC 9068).
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const { jwk, secret } = JSON.parse(process.argv[2]);
const { privateKey } = await generateKeyPair('RS256', { extractable: true });
const signing = { ...(await exportJWK(privateKey)), kid: 'signing', use: 'sig', alg: 'RS256' };
const client = {
  redirect_uris: [],
  response_types: [],
  grant_types: ['client_credentials'],
  client_secret: secret,
};
const server = createServer().listen(0, '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(origin, {
    jwks: { keys: [signing] },
    clients: [
      { ...client, client_id: 'api', introspection_signed_response_alg: 'RS256' },
      { ...client, client_id: 'post', token_endpoint_auth_method: 'client_secret_post' },
      { ...client, client_id: 'jwt', token_endpoint_auth_method: 'client_secret_jwt' },
      ...(jwk
        ? [
            {
              ...client,
              client_id: 'key',
              client_secret: undefined,
              token_endpoint_auth_method: 'private_key_jwt',
              jwks: { keys: [jwk] },
            },
          ]
        : []),
    ],
    scopes: ['orders:read'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      jwtIntrospection: { enabled: true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: 'orders:read',
          audience: resource,
          accessTokenFormat: resource.endsWith('/jwt') ? 'jwt' : 'opaque',
        }),
      },
    },
  });
  server.on('request', provider.callback());
  process.stdout.write(`${origin}\n`);
});
