import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { describeTokenStore, type StoreUnderTest, type TestRunner } from '../../lib/testing/index.js';
import { startProxy, type TestProxy } from '../support/proxy.js';
import { RedisServer, startCluster } from '../support/redis.js';
import { openRedis } from '../support/redis-stores.js';
import { describeWith, REDIS } from '../support/services.js';

let prefixes = 0;

/** How long (ms) an operation may take: on a machine that has much to do, the last of many at once takes its time. */
const PATIENCE = 3000;
/** Where each of many operations waits for as long as it may, since there is no connection. */
const OUTAGE_PATIENCE = 500;
let timeout = PATIENCE;

/** Declares the tests for jest, those without a connection with less patience. */
const runner: TestRunner = {
  describe,
  it: Object.assign(
    (name: string, run: () => Promise<void>, testTimeout?: number) =>
      it(
        name,
        async () => {
          timeout = name.startsWith('fails with StoreUnavailableError') ? OUTAGE_PATIENCE : PATIENCE;
          await run();
        },
        testTimeout,
      ),
    { skip: it.skip },
  ),
};

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
        timeout,
        // Its copy answers on a connection of its own; the other one is to be back within the timeout too.
        ...(localCopy && timeout < PATIENCE && { reconnectAfter: 50 }),
        ...options,
      });
      // Both ways of finding the tokens of an app.
      if (localCopy) await store.indexApps();
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
        runner,
        capabilities: {
          approve: true,
          remove: true,
          revokeMatching: true,
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
