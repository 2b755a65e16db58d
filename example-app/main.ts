import type { AddressInfo } from 'node:net';
import { MemoryTokenStore, type NewToken } from 'express-token-introspection';
import { createApp } from './app.js';
import { examples } from './examples.js';
import { seedClients, seedTokens } from './seed.js';

const tokens = new MemoryTokenStore();
const clients = await seedClients();
const seeded = await seedTokens(tokens);

const server = createApp({ tokens, clients }).listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
server.once('listening', () => {
  const { port } = server.address() as AddressInfo;
  printWelcome(`http://127.0.0.1:${port}`, seeded);
});
server.once('error', (error) => {
  console.error(`Cannot listen: ${error.message}. Another port: PORT=3001 npm start`);
  process.exitCode = 1;
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}

function printWelcome(origin: string, shown: readonly NewToken[]): void {
  console.log(`\nTokens (client, kind, audience):`);
  for (const { token, clientId, kind, audience = [] } of shown) {
    console.log(`  ${token.padEnd(20)} ${clientId.padEnd(11)} ${kind.padEnd(14)} ${audience.join(' ')}`);
  }
  console.log(`\nTry, in another terminal (… stands for more members, in any order):`);
  for (const { title, command, status, body } of examples(origin)) {
    console.log(`\n  # ${title}\n  ${command}\n  #=> ${`${status} ${body}`.trim()}`);
  }
  console.log(`\nListening on ${origin}. Ctrl+C ends it.`);
}
