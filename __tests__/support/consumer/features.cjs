// Uses each part of the package once that loads something at its first use, whichever way it was loaded itself.
// Answers what did not work, with the reason, by the name of the part.
const { createHash, generateKeyPairSync, sign } = require('node:crypto');

const ISSUER = 'https://id.example';
const JWT = 'application/token-introspection+jwt';
const now = () => Math.floor(Date.now() / 1000);
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const basic = (id, secret) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
const published = { kty, crv, x, y, kid: 'one', alg: 'ES256', use: 'sig' };
const privateJwk = { ...privateKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' };
const thumbprint = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');

function jwt(header, claims) {
  const input = `${encoded({ alg: 'ES256', ...header })}.${encoded(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

async function world(express, lib) {
  const tokens = new lib.MemoryTokenStore();
  const record = { kind: 'access_token', clientId: 'api', subject: 'alice' };
  await tokens.save({ ...record, token: 'plain' });
  await tokens.save({ ...record, token: 'bound', tokenType: 'DPoP', confirmation: { jkt: thumbprint } });
  const clients = new lib.MemoryClientStore([
    {
      clientId: 'api',
      secret: await lib.hashClientSecret('secret'),
      introspectionSignedResponseAlg: 'ES256',
    },
    {
      clientId: 'sealed',
      secret: await lib.hashClientSecret('secret'),
      introspects: 'any',
      introspectionSignedResponseAlg: 'ES256',
      introspectionEncryptedResponseAlg: 'ECDH-ES',
      jwks: { keys: [{ kty, crv, x, y, kid: 'two', alg: 'ECDH-ES', use: 'enc' }] },
    },
    { clientId: 'pk', authMethods: ['private_key_jwt'], jwks: { keys: [published] }, introspects: 'any' },
  ]);
  const app = express();
  app.get('/jwks', (_req, res) => res.json({ keys: [published] }));
  app.get(
    '/proven',
    lib.requireActiveToken({ tokens, dpop: { origin: 'https://api.example' } }),
    (_req, res) => res.json({}),
  );
  app.use(lib.introspectionRouter({ tokens, clients, issuer: ISSUER, keys: [privateJwk], openapi: true }));
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

/** The parts: each answers `true`, or what it got. */
function parts(lib, origin) {
  const endpoint = `${origin}/v1/oauth/introspect`;
  const api = { clientId: 'api', clientSecret: 'secret' };
  const post = async (form, headers) => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { connection: 'close', ...headers },
      body: new URLSearchParams(form),
    });
    const text = await response.text();
    return { status: response.status, text, type: response.headers.get('content-type') };
  };
  const json = async (path, headers = {}) => {
    const response = await fetch(origin + path, { headers: { connection: 'close', ...headers } });
    return { status: response.status, body: await response.json() };
  };
  // What the issuer says of itself, and what it answers, from the router on this machine.
  const asIssuer = async (url, init) => {
    const { pathname } = new URL(url);
    const response = await fetch(origin + pathname, {
      ...init,
      headers: { ...init.headers, connection: 'close' },
    });
    if (!pathname.startsWith('/.well-known')) return response;
    const metadata = await response.json();
    return Response.json({ ...metadata, jwks_uri: `${ISSUER}/jwks` });
  };
  return {
    endpoint: async () =>
      lib.remoteIntrospector({ endpoint, ...api, allowInsecureRequests: true }).introspect('plain'),
    discovery: async () =>
      lib.remoteIntrospector({ issuer: ISSUER, ...api, fetch: asIssuer }).introspect('plain'),
    'signed responses, read': async () =>
      lib
        .remoteIntrospector({ issuer: ISSUER, ...api, signedResponse: true, fetch: asIssuer })
        .introspect('plain'),
    JWT: async () => {
      const claims = {
        iss: ISSUER,
        aud: 'x',
        sub: 'alice',
        client_id: 'c',
        jti: '1',
        iat: now(),
        exp: now() + 60,
      };
      const token = jwt({ typ: 'at+jwt', kid: 'one' }, claims);
      return lib.jwtIntrospector({ issuer: ISSUER, audience: 'x', fetch: asIssuer }).introspect(token);
    },
    DPoP: async () => {
      const ath = createHash('sha256').update('bound').digest('base64url');
      const claims = { htm: 'GET', htu: 'https://api.example/proven', iat: now(), jti: '1', ath };
      const dpop = jwt({ typ: 'dpop+jwt', jwk: { kty, crv, x, y } }, claims);
      const { status } = await json('/proven', { authorization: 'DPoP bound', dpop });
      return { active: status === 200, status };
    },
    Basic: async () => JSON.parse((await post({ token: 'plain' }, basic('api', 'secret'))).text),
    'signed responses, written': async () => {
      const { type, text } = await post({ token: 'plain' }, { ...basic('api', 'secret'), accept: JWT });
      return { active: type === JWT && text.split('.').length === 3, text };
    },
    'encrypted responses': async () => {
      const { type, text } = await post({ token: 'plain' }, { ...basic('sealed', 'secret'), accept: JWT });
      return { active: type === JWT && text.split('.').length === 5, text };
    },
    private_key_jwt: async () => {
      const claims = { iss: 'pk', sub: 'pk', aud: ISSUER, jti: '1', iat: now(), exp: now() + 60 };
      const { text } = await post({
        token: 'plain',
        client_assertion: jwt({ kid: 'one' }, claims),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      });
      return JSON.parse(text);
    },
    OpenAPI: async () => {
      const { body } = await json('/openapi.json');
      return { active: body.openapi !== undefined };
    },
    metadata: async () => {
      const { body } = await json('/.well-known/oauth-authorization-server');
      return { active: body.issuer === ISSUER };
    },
  };
}

module.exports = async function features(express, lib) {
  const { server, origin } = await world(express, lib);
  const failed = {};
  const all = Object.entries(parts(lib, origin));
  for (const [name, use] of all) {
    try {
      const answer = await use();
      if (answer.active !== true) failed[name] = JSON.stringify(answer);
    } catch (error) {
      failed[name] = [error, error.cause, error.cause?.cause].filter(Boolean).map(String).join(' < ');
    }
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return { used: all.length, failed };
};
