import { randomBytes } from 'node:crypto';
import { operation } from '../operation.js';
import type { LinkEvents, RevocationLink } from '../revocation-feed.js';
import type { Database } from './database.js';
import type { PostgresClient, UnpooledPostgresClient } from './pool.js';
import { execute, quoted } from './query.js';
import { DIGEST_BYTES } from './token-statements.js';

/** Who wants to hear of the revocations in a schema listens there. */
export function channelOf(schema: string): string {
  return `${schema}_revoked`;
}

/** What a notification begins with: it tells one revocation from another. */
const EVENT_LENGTH = 12;

export function newEvent(): string {
  return randomBytes((EVENT_LENGTH / 4) * 3).toString('base64');
}

/** The digests that a notification tells. Whoever has the database may send one: what is no digest is left out. */
export function toldDigests(told: string | null | undefined): readonly string[] {
  const bytes = Buffer.from(told ?? '', 'base64');
  const digests: string[] = [];
  for (let end = DIGEST_BYTES; end <= bytes.length; end += DIGEST_BYTES)
    digests.push(bytes.toString('base64url', end - DIGEST_BYTES, end));
  return digests;
}

/** Listens on a connection that is taken out of the pool. */
export async function openPooledLink(database: Database, events: LinkEvents): Promise<RevocationLink> {
  const { client } = await database.take('onRevoked', async (taken) => {
    await listen(taken, database.schema, events);
  });
  // It listens, and keeps no process alive: nobody else can use it.
  closeWith(events.signal, () => client.release(true));
  return {
    async probe() {
      // `pool.end()` waits for this connection, and so might the application.
      if (database.connections.isEnding) throw new Error('The pool is being ended');
      await execute(client, 'SELECT 1');
    },
  };
}

/** Listens on a connection of its own. */
export async function openOwnLink(
  database: Database,
  connection: () => UnpooledPostgresClient,
  events: LinkEvents,
): Promise<RevocationLink> {
  const client = connection();
  const end = (): void => {
    void client.end().catch(ignore);
    // Where nobody answers, a farewell would take as long as the system has patience.
    client.connection?.stream?.destroy();
  };
  client.on('error', ignore);
  closeWith(events.signal, end);
  await operation('onRevoked', database.timeout, async () => {
    const connected = client.connect();
    client.unref?.();
    await connected;
    await listen(client, database.schema, events);
  });
  return {
    async probe() {
      await execute(client, 'SELECT 1');
    },
  };
}

/** Calls `close` when a link is not wanted any more, which may have been while it was opened. */
function closeWith(signal: AbortSignal, close: () => void): void {
  if (signal.aborted) close();
  else signal.addEventListener('abort', close, { once: true });
}

async function listen(client: PostgresClient, schema: string, events: LinkEvents): Promise<void> {
  const channel = channelOf(schema);
  client.on('notification', (message) => {
    if (message.channel !== channel) return;
    // The server sends an empty one where there is none.
    const payload = String(message.payload);
    const event = payload.slice(0, EVENT_LENGTH);
    for (const digest of toldDigests(payload.slice(EVENT_LENGTH))) events.revoked(digest, event);
  });
  client.on('error', () => events.lost());
  client.on('end', () => events.lost());
  client.unref?.();
  await execute(client, `LISTEN ${quoted(channel)}`);
}

function ignore(): void {}
