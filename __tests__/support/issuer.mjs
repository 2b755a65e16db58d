// An issuer with the router of the built package, in a process of its own. Takes its port, 0 for any; prints it.
import express from 'express';
import {
  hashClientSecret,
  introspectionRouter,
  MemoryClientStore,
  MemoryTokenStore,
} from '../../dist/esm/index.js';

const clients = new MemoryClientStore([
  { clientId: 'api', secret: await hashClientSecret('secret'), audiences: ['https://api.example.com'] },
  { clientId: 'app' },
]);
const tokens = new MemoryTokenStore();
for (let i = 0; i < 50; i++) {
  await tokens.save({
    token: `live-${i}`,
    kind: 'access_token',
    clientId: 'app',
    audience: ['https://api.example.com'],
    expiresAt: Date.now() + 3_600_000,
  });
}
const app = express().use(introspectionRouter({ tokens, clients, issuer: 'https://id.example.com' }));
const server = app.listen(Number(process.argv[2]), '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`);
});
