import { createClient, createCluster, type RedisClientType } from 'redis';
import { RedisTokenStore, type RedisTokenStoreOptions } from '../../lib/stores/redis/index.js';

/** A store with a client of its own, which goes with it. */
export type OwningStore = RedisTokenStore & { close(): Promise<void> };

/** Opens a store on a server, or on a cluster where there are several URLs. */
export async function openRedis({
  urls,
  ...options
}: { readonly urls: readonly string[] } & Omit<RedisTokenStoreOptions, 'client'>): Promise<OwningStore> {
  const client = urls.length === 1 ? await connect(urls[0] as string) : await connectCluster(urls);
  const store = new RedisTokenStore({ client, ...options });
  return Object.assign(store, {
    async close() {
      await RedisTokenStore.prototype.close.call(store);
      client.destroy();
    },
  });
}

/** A client that is connected, and complains to nobody. */
export async function connect(url: string): Promise<RedisClientType> {
  const client: RedisClientType = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  return client;
}

async function connectCluster(urls: readonly string[]) {
  const cluster = createCluster({ rootNodes: urls.map((url) => ({ url })) });
  cluster.on('error', () => {});
  await cluster.connect();
  return cluster;
}
