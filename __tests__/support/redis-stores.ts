import { afterAll } from '@jest/globals';
import { createClient, createCluster, type RedisClientOptions, type RedisClientType } from 'redis';
import {
  type RedisConnection,
  RedisTokenStore,
  type RedisTokenStoreOptions,
} from '../../lib/stores/redis/index.js';
import type { RedisCommands } from '../../lib/stores/redis/redis-client.js';
import { REPLACE } from '../../lib/stores/redis/scripts.js';

/** What a failed test has left open would connect again and again, and the runner never end. */
const left = new Set<() => Promise<void> | void>();
afterAll(async () => {
  for (const close of left) await close();
  left.clear();
});

/** A store with a client of its own, which goes with it. */
export type OwningStore = RedisTokenStore & { close(): Promise<void> };

interface OpenOptions extends Omit<RedisTokenStoreOptions, 'client'> {
  readonly urls: readonly string[];
  /** How long (ms) the client of one server waits until it connects again. Default: more and more, as it does by itself. */
  readonly reconnectAfter?: number;
}

/** Opens a store on a server, or on a cluster where there are several URLs. */
export async function openRedis({ urls, reconnectAfter, ...options }: OpenOptions): Promise<OwningStore> {
  const settings = reconnectAfter === undefined ? {} : { socket: { reconnectStrategy: reconnectAfter } };
  const client = urls.length === 1 ? await connect(urls[0] as string, settings) : await connectCluster(urls);
  const store = new RedisTokenStore({ client, ...options });
  left.add(() => RedisTokenStore.prototype.close.call(store));
  return Object.assign(store, {
    async close() {
      await RedisTokenStore.prototype.close.call(store);
      client.destroy();
    },
  });
}

/** A client that is connected, and complains to nobody. */
export async function connect(url: string, options: RedisClientOptions = {}): Promise<RedisClientType> {
  const client = createClient({ ...options, url }) as RedisClientType;
  client.on('error', () => {});
  left.add(() => {
    if (client.isOpen) client.destroy();
  });
  await client.connect();
  return client;
}

type RunScript = RedisCommands['evalSha'];

/** A client of which a test decides what becomes of its scripts, each of which `run` sends on. */
export function withScripts(
  client: RedisClientType,
  evalSha: (run: RunScript, ...script: Parameters<RunScript>) => Promise<unknown>,
): RedisConnection {
  const redis = client.withCommandOptions({ timeout: 1000, typeMapping: {} });
  return Object.assign(Object.create(client) as typeof client, {
    withCommandOptions: () => ({
      get: (key: string) => redis.get(key),
      eval: redis.eval.bind(redis),
      publish: redis.publish.bind(redis),
      evalSha: (...script: Parameters<RunScript>) => evalSha(redis.evalSha.bind(redis), ...script),
    }),
  });
}

/** A client whose updates of tokens others overtake, every time. */
export function overtaken(client: RedisClientType): RedisConnection {
  return withScripts(client, async (run, digest, input) =>
    digest === REPLACE.digest ? 0 : run(digest, input),
  );
}

async function connectCluster(urls: readonly string[]) {
  const cluster = createCluster({ rootNodes: urls.map((url) => ({ url })) });
  cluster.on('error', () => {});
  left.add(() => {
    if (cluster.isOpen) cluster.destroy();
  });
  await cluster.connect();
  return cluster;
}
