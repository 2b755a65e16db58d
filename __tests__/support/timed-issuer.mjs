// An issuer with the router of the built package: what coverage adds to the code would count for one kind of request
// more than for another. Prints its port.
import express from 'express';
import {
  generateClientSecret,
  hashClientSecret,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
} from '../../dist/esm/index.js';

const { secret, hash } = generateClientSecret();
const clients = new MemoryClientStore([
  { clientId: 'api', secret: hash, audiences: ['https://api.example.com'] },
  { clientId: 'chosen', secret: await hashClientSecret('a chosen secret') },
  { clientId: 'app' },
]);
const tokens = new MemoryTokenStore();
const record = { kind: 'access_token', clientId: 'app', subject: 'alice', expiresAt: Date.now() + 3_600_000 };
await tokens.save({ ...record, token: 'at-live', audience: ['https://api.example.com'] });
await tokens.save({ ...record, token: 'at-other-api', audience: ['https://other.example'] });
const router = introspectionRouter({ tokens, clients, issuer: 'https://id.example.com', rateLimit: false });
const server = express()
  .use(router)
  .listen(0, '127.0.0.1', () => {
    process.stdout.write(`${JSON.stringify({ port: server.address().port, secret })}\n`);
  });
