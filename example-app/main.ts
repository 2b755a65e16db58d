import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApp } from './app.js';
import { examples } from './examples.js';
import { createLog, logRequests } from './log.js';
import { remoteApi } from './remote-api.js';
import { type Demonstration, seedTokens } from './seed.js';
import { type OpenStores, openStores } from './stores.js';
import { collectMetrics } from './telemetry.js';

try {
  await start();
} catch (error) {
  // A store that cannot be opened says why in its cause.
  const { message, cause } = error as Error;
  console.error(cause instanceof Error ? `${message}: ${cause.message}` : message);
  process.exit(1);
}

async function start(): Promise<void> {
  const port = Number(process.env.PORT ?? 3000);
  if (!(Number.isInteger(port) && port >= 0 && port < 65_536)) throw new Error('PORT must be a port, or 0');
  const stores = await openStores(process.env);
  const demonstration = await seedTokens(stores.tokens);
  const log = createLog();
  const server = createServer().listen(port, '127.0.0.1');
  server.once('listening', () => {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const app = createApp({ ...stores, log, metrics: collectMetrics(), origin });
    app.use(remoteApi(origin, logRequests(log)));
    server.on('request', app);
    printWelcome(origin, stores, demonstration);
  });
  server.once('error', (error) => {
    console.error(`Cannot listen: ${error.message}. Another port: PORT=3001 npm start`);
    process.exitCode = 1;
    void stores.close();
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close(() => void stores.close());
      server.closeAllConnections();
    });
  }
}

function printWelcome(origin: string, { place }: OpenStores, { tokens, name }: Demonstration): void {
  console.log(`\nTokens (client, kind, audience), ${place}:`);
  for (const { token, clientId, kind, audience = [] } of tokens) {
    console.log(`  ${token.padEnd(20)} ${clientId.padEnd(11)} ${kind.padEnd(14)} ${audience.join(' ')}`);
  }
  console.log(`\nTry, in another terminal (… stands for more members, in any order):`);
  for (const { title, command, status, body } of examples(origin, name)) {
    console.log(`\n  # ${title}\n  ${command}\n  #=> ${`${status} ${body}`.trim()}`);
  }
  console.log(
    `\nMeasurements, for Prometheus: ${origin}/metrics. Below is the log, a line of JSON for each event.`,
  );
  console.log(`\nListening on ${origin}. Ctrl+C ends it.\n`);
}
