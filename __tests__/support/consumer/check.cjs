// What a consumer of the package does with it, whichever way it has loaded it. Prints `ok`, or fails.
const assert = require('node:assert/strict');
const { createPublicKey, generateKeyPairSync, verify } = require('node:crypto');

module.exports = async function check(express, lib) {
  const { secret, hash } = lib.generateClientSecret();
  const clients = new lib.MemoryClientStore([
    {
      clientId: 'api',
      secret: hash,
      audiences: ['https://api.example'],
      organizations: ['acme'],
      manages: ['revoke', 'approve', 'update', 'delete', 'refreshTokens'],
    },
  ]);
  const tokens = new lib.MemoryTokenStore();
  const record = {
    clientId: 'api',
    audience: ['https://api.example'],
    scope: ['read'],
    organization: 'acme',
  };
  await tokens.save({ ...record, token: 'at', kind: 'access_token', refreshToken: 'rt' });
  await tokens.save({ ...record, token: 'rt', kind: 'refresh_token' });

  const app = express();
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = [{ ...privateKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256' }];
  const management = { revoke: true, approve: true, update: true, delete: true, refreshTokens: true };
  const openapi = true;
  app.use(
    lib.introspectionRouter({ tokens, clients, issuer: 'https://id.example', keys, management, openapi }),
  );
  app.get(
    '/orders',
    lib.requireActiveToken({ tokens, clients, audience: 'https://api.example', scope: 'read' }),
    (req, res) => {
      res.json({ sub: lib.activeToken(req).client_id });
    },
  );
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const authorization = `Basic ${Buffer.from(`api:${secret}`).toString('base64')}`;
  const post = (path, token, headers = {}) =>
    fetch(origin + path, {
      method: 'POST',
      headers: { authorization, ...headers },
      body: new URLSearchParams({ token }),
    });

  const endpoint = `${origin}/v1/oauth/introspect`;
  const remote = lib.remoteIntrospector({
    endpoint,
    clientId: 'api',
    clientSecret: secret,
    allowInsecureRequests: true,
  });
  assert.equal((await remote.introspect('at')).client_id, 'api');
  assert.deepEqual(await remote.introspect('nope'), { active: false });
  const discovering = lib.remoteIntrospector({
    issuer: 'https://id.example',
    clientId: 'api',
    clientSecret: secret,
    fetch: async (_url, init) =>
      init.method === 'GET'
        ? Response.json({
            issuer: 'https://id.example',
            introspection_endpoint: 'https://id.example/introspect',
          })
        : fetch(endpoint, init),
  });
  assert.equal((await discovering.introspect('at')).client_id, 'api');
  assert.equal((await (await post('/v1/oauth/introspect', 'at')).json()).active, true);
  assert.deepEqual(await (await post('/v1/oauth/introspect', 'nope')).json(), { active: false });
  const accept = 'text/html, application/token-introspection+jwt;q=0.5, application/json;q=0.4';
  const signed = await post('/v1/oauth/introspect', 'at', { accept });
  assert.equal(signed.headers.get('content-type'), 'application/token-introspection+jwt');
  const [header, claims, signature] = (await signed.text()).split('.');
  const published = await (await fetch(`${origin}/v1/oauth/jwks`)).json();
  assert.equal(published.keys[0].d, undefined);
  const key = createPublicKey({ key: published.keys[0], format: 'jwk' });
  assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url')));
  assert.equal(JSON.parse(Buffer.from(claims, 'base64url')).token_introspection.active, true);
  assert.equal((await (await post('/csp/gateway/am/api/auth/introspect', 'rt')).json()).active, true);
  const details = (path) =>
    fetch(`${origin}/v1/o/acme/oauth2/accesstokens/${path}`, { headers: { authorization } });
  assert.equal((await (await details('at')).json()).refreshToken, 'rt');
  const malformed = await details('%zz');
  assert.equal(malformed.status, 400);
  assert.equal(malformed.headers.get('content-type'), 'application/json');
  assert.equal((await fetch(`${origin}/v1/oauth/introspect`)).status, 405);
  assert.equal((await post('/csp/gateway/am/api/auth/introspect/%', 'rt')).status, 400);
  const large = await post('/v1/oauth/introspect', 'a'.repeat(70_000));
  assert.equal(large.status, 413);
  assert.equal((await large.json()).error, 'invalid_request');
  const manage = (method, path, body) =>
    fetch(`${origin}/v1/o/acme/oauth2/${path}`, {
      method,
      headers: { authorization, ...(body && { 'content-type': 'application/json' }) },
      body,
    });
  for (const [method, path, status, body] of [
    ['POST', 'accesstokens/at?action=revoke', 'revoked'],
    ['POST', 'accesstokens/at?action=approve&cascade=true', 'approved'],
    ['POST', 'accesstokens/at', 'approved', '{"scope":"read write"}'],
    ['GET', 'refreshtokens/rt', 'approved'],
  ])
    assert.equal((await (await manage(method, path, body)).json()).status, status, path);
  for (const [method, path, status, body] of [
    ['POST', 'accesstokens/at?action=none', 400],
    ['POST', 'accesstokens/%zz?action=revoke', 400],
    ['POST', 'accesstokens/at', 413, `{"scope":"${'a'.repeat(70_000)}"}`],
    ['POST', 'accesstokens/at', 400, '{"scope":'],
    ['POST', 'accesstokens/nope?action=revoke', 404],
    ['DELETE', 'accesstokens/nope', 404],
    ['PUT', 'accesstokens/at', 405],
    ['DELETE', 'refreshtokens/rt', 405],
  ]) {
    const refused = await manage(method, path, body);
    assert.deepEqual(
      [refused.status, Object.keys(await refused.json())],
      [status, ['code', 'message', 'contexts']],
    );
  }
  const described = await (await fetch(`${origin}/openapi.json`)).json();
  assert.ok(described.paths['/v1/oauth/jwks'].get);
  const orders = (token) =>
    fetch(`${origin}/orders`, { headers: token ? { authorization: `Bearer ${token}` } : {} });
  assert.deepEqual(await (await orders('at')).json(), { sub: 'api' });
  assert.equal((await orders()).status, 401);
  await tokens.revoke('at');
  assert.equal((await orders('at')).status, 401);
  assert.equal((await (await manage('DELETE', 'accesstokens/at')).json()).status, 'revoked');
  assert.equal((await manage('DELETE', 'accesstokens/at')).status, 404);
  server.close();
  server.closeAllConnections();
  console.log('ok');
};
