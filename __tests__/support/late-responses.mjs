// Every API of the built package, in an app that responds by itself, with hooks that throw, in a process of its own and with
// nobody who listens to unhandled rejections. Takes the major version of Express; prints what was answered and audited.
import { createServer, request } from 'node:http';
import { register } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

if (process.argv[2] === '4') register('./express4-hooks.mjs', import.meta.url);
const { default: express } = await import('express');
const { generateClientSecret, HttpError, introspectionRouter, MemoryClientStore } = await import(
  '../../dist/esm/index.js'
);

const generated = generateClientSecret();
const basic = `Basic ${Buffer.from(`app:${generated.secret}`).toString('base64')}`;
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const CALLS = {
  introspection: { method: 'POST', path: '/v1/oauth/introspect', body: 'token=t', headers: FORM },
  revocation: { method: 'POST', path: '/v1/oauth/revoke', body: 'token=t', headers: FORM },
  refresh: { method: 'POST', path: '/csp/gateway/am/api/auth/introspect', body: 'token=t', headers: FORM },
  details: { method: 'GET', path: '/v1/o/acme/oauth2/accesstokens/t' },
  refreshDetails: { method: 'GET', path: '/v1/o/acme/oauth2/refreshtokens/t' },
  revoke: { method: 'POST', path: '/v1/o/acme/oauth2/accesstokens/t?action=revoke' },
  update: {
    method: 'POST',
    path: '/v1/o/acme/oauth2/accesstokens/t',
    body: '{"scope":"a"}',
    headers: { 'content-type': 'application/json' },
  },
  remove: { method: 'DELETE', path: '/v1/o/acme/oauth2/accesstokens/t' },
  metadata: { method: 'GET', path: '/.well-known/oauth-authorization-server' },
  keys: { method: 'GET', path: '/v1/oauth/jwks' },
};
const OTHERS = {
  malformedPath: { method: 'GET', path: '/v1/o/acme/oauth2/accesstokens/%zz' },
  wrongMethod: { method: 'PUT', path: '/csp/gateway/am/api/auth/introspect' },
};

const late = (settle) => async () => {
  await sleep(150);
  return settle();
};
const down = () => {
  throw new Error('down');
};
const client = {
  clientId: 'app',
  secret: generated.hash,
  organizations: ['acme'],
  manages: ['revoke', 'update', 'delete', 'refreshTokens'],
};
const store = (find) => ({
  find,
  revoke: late(() => 1),
  revokeGrant: late(() => 1),
  update: late(() => ({})),
  remove: late(() => 1),
});

/** The app responds after 40 ms, unless somebody else has. */
const timeout = (_req, res, next) => {
  setTimeout(() => {
    if (!res.headersSent) res.status(504).json({ by: 'the app' });
  }, 40);
  next();
};
const answersAndGoesOn = (_req, res, next) => {
  res.status(418).end();
  next();
};
const odd = (status, headers) => {
  throw new HttpError(status, 'invalid_request', 'odd', { headers });
};
const hostile = new Proxy({}, { get: down, has: down, getPrototypeOf: down, ownKeys: down });

const found = {
  kind: 'access_token',
  clientId: 'app',
  status: 'approved',
  issuedAt: 1e12,
  organization: 'acme',
  scope: [],
  audience: [],
};
const SCENARIOS = {
  'late answer': { before: timeout, tokens: store(late(() => found)) },
  'late unknown': { before: timeout, tokens: store(late(() => undefined)) },
  'late outage': { before: timeout, tokens: store(late(down)) },
  'late outage of clients': { before: timeout, clients: { find: late(down) } },
  'late wrong client': { before: timeout, clients: { find: late(() => undefined) } },
  'responded and went on': { before: answersAndGoesOn, others: true },
  'hung up': { hangsUp: true, tokens: store(late(() => found)) },
  'hung up, outage': { hangsUp: true, tokens: store(late(down)) },
  'trust proxy throws': { trustProxy: down, others: true, requireTls: true },
  'clock throws': { clock: () => down, others: true },
  'error with no status': { policy: () => odd(99, {}) },
  'error with a header that is none': { policy: () => odd(400, { 'X-Odd': 'a\nb' }) },
  'thrown value that throws': {
    policy: () => {
      throw hostile;
    },
  },
  'audit throws': { audit: down, others: true },
};

const report = [];
for (const [scenario, given] of Object.entries(SCENARIOS)) {
  const events = [];
  let isBroken = false;
  const app = express();
  if (given.trustProxy) app.set('trust proxy', given.trustProxy);
  if (given.before) app.use(given.before);
  app.use((error, _req, _res, _next) => report.push({ scenario, passedOn: String(error) }));
  app.use(
    introspectionRouter({
      tokens: given.tokens ?? store(() => found),
      clients: given.clients ?? new MemoryClientStore([client]),
      issuer: 'https://id.example.com',
      management: { revoke: true, update: true, delete: true, refreshTokens: true },
      keys: () => (isBroken ? late(down)() : []),
      clock: () => (isBroken && given.clock ? down() : Date.now()),
      requireTls: given.requireTls ?? false,
      audit: (event) => {
        events.push(event);
        given.audit?.();
      },
      ...(given.policy && { policy: given.policy }),
    }),
  );
  isBroken = true;
  const server = createServer(app);
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const calls = given.others ? { ...CALLS, ...OTHERS } : CALLS;
  for (const [call, { method, path, headers, body }] of Object.entries(calls)) {
    events.length = 0;
    const status = await new Promise((done) => {
      const { port } = server.address();
      const auth = { authorization: basic };
      const sent = request(
        { port, method, path, headers: { ...headers, ...auth }, agent: false },
        (answer) => {
          answer.resume().on('end', () => done(answer.statusCode));
        },
      );
      sent.on('error', () => done('no response'));
      sent.end(body);
      // Once the server has it, and long before it is answered.
      if (given.hangsUp) server.once('request', () => setImmediate(() => sent.destroy()));
    });
    // What nobody waits for is told later.
    for (let i = 0; i < 200 && events.length === 0 && given.before !== answersAndGoesOn; i++) await sleep(10);
    report.push({
      scenario,
      call,
      status,
      events: events.map(({ api, outcome, status: told, unsent, address, fault }) => ({
        api,
        outcome,
        status: told,
        ...(unsent && { unsent }),
        address,
        ...(fault && { fault: fault.name }),
      })),
    });
  }
  server.closeAllConnections();
  server.close();
}
console.log(JSON.stringify({ isExpress4: 'del' in express.application, report }));
