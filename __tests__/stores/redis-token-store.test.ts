import { afterAll, beforeAll } from '@jest/globals';
import { describeTokenStore, type StoreUnderTest } from '../../lib/testing/index.js';
import { startProxy, type TestProxy } from '../support/proxy.js';
import { RedisServer, startCluster } from '../support/redis.js';
import { openRedis } from '../support/redis-stores.js';
import { describeWith, REDIS } from '../support/services.js';

let prefixes = 0;

/** The contract of all stores, for stores that keep a local copy and for those that do not. */
function describeStores(
  urls: () => readonly string[],
  others: () => readonly string[],
  cut?: () => () => void,
): void {
  for (const localCopy of [false, true]) {
    const prefixOf = new WeakMap<StoreUnderTest, string>();
    const open = async (of: readonly string[], prefix: string, options: object): Promise<StoreUnderTest> => {
      const store = await openRedis({
        urls: of,
        prefix,
        localCopy,
        linkInterval: 100,
        timeout: 3000,
        ...options,
      });
      prefixOf.set(store, prefix);
      return store;
    };
    const again = (store: StoreUnderTest, options: object) =>
      open(others(), prefixOf.get(store) as string, options);
    describeTokenStore(
      localCopy ? 'RedisTokenStore with a local copy' : 'RedisTokenStore',
      (options) => {
        prefixes += 1;
        return open(urls(), `test-${prefixes}:`, options);
      },
      {
        capabilities: {
          approve: true,
          remove: true,
          share: again,
          async reopen(store, options) {
            await store.close?.();
            return again(store, options);
          },
          ...(cut && {
            async disconnect() {
              const resume = cut();
              return async () => resume();
            },
          }),
        },
      },
    );
  }
}

describeWith(REDIS, 'RedisTokenStore on one server', () => {
  let server: RedisServer;
  let proxy: TestProxy;
  beforeAll(async () => {
    server = await RedisServer.start();
    proxy = await startProxy(server.port);
  });
  afterAll(async () => {
    await proxy.close();
    await server.kill();
  });

  describeStores(
    () => [`redis://127.0.0.1:${proxy.port}`],
    () => [server.url],
    () => {
      proxy.cut();
      return () => proxy.resume();
    },
  );
});

describeWith(REDIS, 'RedisTokenStore on a cluster', () => {
  let servers: readonly RedisServer[];
  beforeAll(async () => {
    servers = await startCluster();
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()));
  });

  const urls = (): string[] => servers.map(({ url }) => url);
  describeStores(urls, urls);
});
