import { fileURLToPath } from 'node:url';
import {
  type ClientStore,
  type ManagedTokenStore,
  MemoryClientStore,
  MemoryTokenStore,
} from 'express-token-introspection';
import { LmdbTokenStore } from 'express-token-introspection/lmdb';
import { PostgresClientStore, PostgresTokenStore } from 'express-token-introspection/postgres';
import { RedisTokenStore } from 'express-token-introspection/redis';
import pg from 'pg';
import { createClient, createCluster } from 'redis';
import { seedClients } from './seed.js';

export interface OpenStores {
  readonly tokens: ManagedTokenStore;
  readonly clients: ClientStore;
  /** Where the tokens are, for people. */
  readonly place: string;
  close(): Promise<unknown>;
}

/** The stores to choose from, by the values of `STORE`. */
const STORES: Readonly<Record<string, (env: NodeJS.ProcessEnv) => Promise<OpenStores>>> = {
  memory: inMemory,
  lmdb: inLmdb,
  redis: inRedis,
  postgres: inPostgres,
};

/** Opens what `STORE` names: by default a database in a folder, which needs no server. */
export async function openStores(env: NodeJS.ProcessEnv): Promise<OpenStores> {
  const name = env.STORE ?? 'lmdb';
  const open = Object.hasOwn(STORES, name) ? STORES[name] : undefined;
  if (!open) throw new Error(`STORE must be one of ${Object.keys(STORES).join(', ')}`);
  return open(env);
}

async function inMemory(): Promise<OpenStores> {
  return {
    tokens: new MemoryTokenStore(),
    clients: new MemoryClientStore(await seedClients()),
    place: 'in memory, until it ends',
    close: async () => {},
  };
}

async function inLmdb({ DATA }: NodeJS.ProcessEnv): Promise<OpenStores> {
  const path = DATA ?? fileURLToPath(new URL('../../example-app/data', import.meta.url));
  const tokens = new LmdbTokenStore({ path });
  return {
    tokens,
    clients: new MemoryClientStore(await seedClients()),
    place: `in ${path}, across restarts`,
    close: () => tokens.close(),
  };
}

/** `REDIS_URL` names a server, or several nodes of a cluster with commas between them. */
async function inRedis({ REDIS_URL = 'redis://127.0.0.1:6379' }: NodeJS.ProcessEnv): Promise<OpenStores> {
  const urls = REDIS_URL.split(',');
  const client =
    urls.length === 1
      ? createClient({ url: REDIS_URL })
      : createCluster({ rootNodes: urls.map((url) => ({ url })) });
  // Where nobody listens to it, an "error" of a client ends the process.
  client.on('error', (error: Error) => console.error(`[redis] ${error.message}`));
  await client.connect();
  const tokens = new RedisTokenStore({ client, localCopy: true });
  return {
    tokens,
    clients: new MemoryClientStore(await seedClients()),
    place: 'in Redis, across restarts',
    async close() {
      await tokens.close();
      client.destroy();
    },
  };
}

async function inPostgres({
  DATABASE_URL = 'postgres://postgres:postgres@127.0.0.1:5432/postgres',
}: NodeJS.ProcessEnv): Promise<OpenStores> {
  const pool = new pg.Pool({
    connectionString: DATABASE_URL,
    connectionTimeoutMillis: 1000,
    statement_timeout: 1000,
  });
  pool.on('error', (error) => console.error(`[postgres] ${error.message}`));
  const tokens = new PostgresTokenStore({ pool });
  await tokens.migrate();
  const clients = new PostgresClientStore({ pool });
  for (const client of await seedClients()) {
    if (!(await clients.find(client.clientId))) await clients.save(client);
  }
  return {
    tokens,
    clients,
    place: 'in PostgreSQL, across restarts',
    async close() {
      await tokens.close();
      await pool.end();
    },
  };
}
