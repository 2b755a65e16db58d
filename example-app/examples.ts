/** Something to paste, and what it answers. */
export interface Example {
  readonly title: string;
  readonly command: string;
  readonly status: number;
  /** The whole body, or with `,…}` at its end the members to look at, with `…` what it begins with; empty for no body. */
  readonly body: string;
}

const INACTIVE = '{"active":false}';

/** What to try, in this order. `name` gives the names that the demonstration's tokens have this time. */
export function examples(origin: string, name: (token: string) => string): readonly Example[] {
  const introspect = `${origin}/v1/oauth/introspect`;
  const refresh = `${origin}/csp/gateway/am/api/auth/introspect`;
  const details = `${origin}/v1/o/acme/oauth2/accesstokens`;
  const asApi = "curl -si -u 'orders-api:orders:api+secret'";
  return [
    {
      title: 'OAuth introspection, asked by the API that the token is meant for',
      command: `${asApi} -d token=${name('access-live')} ${introspect}`,
      status: 200,
      body: '{"active":true,"sub":"alice","client_id":"web-app","token_type":"Bearer","scope":"orders:read",…}',
    },
    {
      title: 'The same, by a caller that has an access token for it instead of a secret',
      command: `curl -si -H 'Authorization: Bearer ${name('introspection-live')}' -d token=${name('access-live')} ${introspect}`,
      status: 200,
      body: '{"active":true,"sub":"alice",…}',
    },
    {
      title: 'Signed, for who has to be able to prove it (RFC 9701)',
      command: `${asApi} -H 'Accept: application/token-introspection+jwt' -d token=${name('access-live')} ${introspect}`,
      status: 200,
      body: 'eyJ…',
    },
    {
      title: 'An expired token',
      command: `${asApi} -d token=${name('access-expired')} ${introspect}`,
      status: 200,
      body: INACTIVE,
    },
    {
      title: 'A revoked one: the same answer',
      command: `${asApi} -d token=${name('access-revoked')} ${introspect}`,
      status: 200,
      body: INACTIVE,
    },
    {
      title: 'A live one that is meant for another API: the same answer again',
      command: `${asApi} -d token=${name('access-other-api')} ${introspect}`,
      status: 200,
      body: INACTIVE,
    },
    {
      title: 'A wrong secret',
      command: `curl -si -u orders-api:wrong -d token=${name('access-live')} ${introspect}`,
      status: 401,
      body: '{"error":"invalid_client","error_description":"Client authentication failed"}',
    },
    {
      title: 'Refresh-token introspection, by the confidential client that owns the token',
      command: `curl -si -u web-app:web-app-secret -d token=${name('refresh-live')} ${refresh}`,
      status: 200,
      body: '{"active":true,"orgId":"acme","sub":"alice","token_type":"refresh_token",…}',
    },
    {
      title: 'The same by a public client, which has no secret and sees its own tokens only',
      command: `curl -si -u mobile-app: -d token=${name('mobile-refresh-live')} ${refresh}`,
      status: 200,
      body: '{"active":true,"orgId":"globex","sub":"bob",…}',
    },
    {
      title: 'An access token is none of its business',
      command: `curl -si -u web-app:web-app-secret -d token=${name('access-live')} ${refresh}`,
      status: 200,
      body: INACTIVE,
    },
    {
      title: 'Access-token details, by a client that may read those of the organization',
      command: `curl -si -u acme-admin:acme-admin-secret ${details}/${name('access-live')}`,
      status: 200,
      body: `{"app":"web-app","clientId":"web-app","refreshToken":"${name('refresh-live')}","scope":"orders:read,profile","status":"approved",…}`,
    },
    {
      title: 'Of a revoked token, which it says',
      command: `curl -si -u acme-admin:acme-admin-secret ${details}/${name('access-revoked')}`,
      status: 200,
      body: '{"status":"revoked",…}',
    },
    {
      title: 'By a client without that right',
      command: `curl -si -u web-app:web-app-secret ${details}/${name('access-live')}`,
      status: 403,
      body: '{"code":"keymanagement.service.unauthorized_client",…}',
    },
    {
      title: 'The guarded API with a live token',
      command: `curl -si -H 'Authorization: Bearer ${name('access-live')}' ${origin}/orders`,
      status: 200,
      body: '{"orders":[{"id":1,"item":"bolt"}],"for":"alice"}',
    },
    {
      title: 'The same API as another process would have it: it asks over HTTP, and remembers the answer',
      command: `curl -si -H 'Authorization: Bearer ${name('access-live')}' ${origin}/remote/orders`,
      status: 200,
      body: '{"orders":[{"id":1,"item":"bolt"}],"for":"alice"}',
    },
    {
      title: 'Without one: 401, and the header says how to ask',
      command: `curl -si ${origin}/orders`,
      status: 401,
      body: '{"error_description":"An access token is required"}',
    },
    {
      title: 'With a live one that lacks the scope',
      command: `curl -si -X DELETE -H 'Authorization: Bearer ${name('access-live')}' ${origin}/orders/1`,
      status: 403,
      body: '{"error":"insufficient_scope","error_description":"The access token lacks a required scope"}',
    },
    {
      title: 'Make a token of your own',
      command: `curl -si -d token=${name('mine')} -d scope=orders:read -d sub=me ${origin}/demo/tokens`,
      status: 201,
      body: `{"token":"${name('mine')}","kind":"access_token",…}`,
    },
    {
      title: 'Use it',
      command: `curl -si -H 'Authorization: Bearer ${name('mine')}' ${origin}/orders`,
      status: 200,
      body: '{"for":"me",…}',
    },
    {
      title: 'Revoke it, as the client that it was issued to (RFC 7009)',
      command: `curl -si -u web-app:web-app-secret -d token=${name('mine')} ${origin}/v1/oauth/revoke`,
      status: 200,
      body: '{}',
    },
    {
      title: 'It has ended, at once',
      command: `curl -si -H 'Authorization: Bearer ${name('mine')}' ${origin}/orders`,
      status: 401,
      body: '{"error":"invalid_token","error_description":"The access token is expired, revoked or unknown"}',
    },
    {
      title: 'Take that back, as who manages the tokens of the organization',
      command: `curl -si -X POST -u acme-admin:acme-admin-secret '${details}/${name('mine')}?action=approve'`,
      status: 200,
      body: '{"status":"approved",…}',
    },
    {
      title: 'What clients can find out by themselves (RFC 8414)',
      command: `curl -si ${origin}/.well-known/oauth-authorization-server`,
      status: 200,
      body: `{"introspection_endpoint":"${introspect}",…}`,
    },
    {
      title: 'All of it as an OpenAPI document',
      command: `curl -si ${origin}/openapi.json`,
      status: 200,
      body: '{"openapi":"3.1.0",…}',
    },
  ];
}
