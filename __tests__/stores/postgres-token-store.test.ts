import { afterAll, beforeAll } from '@jest/globals';
import { Pool } from 'pg';
import { PostgresTokenStore } from '../../lib/stores/postgres/index.js';
import { describeTokenStore, type StoreOptions, type StoreUnderTest } from '../../lib/testing/index.js';
import { PostgresServer } from '../support/postgres.js';
import { startProxy, type TestProxy } from '../support/proxy.js';
import { describeWith, POSTGRES } from '../support/services.js';

describeWith(POSTGRES, 'PostgresTokenStore', () => {
  let server: PostgresServer;
  let proxy: TestProxy;
  let pool: Pool;
  /** Of the other processes, whose connections nobody takes away. */
  let othersPool: Pool;
  const schemas = new WeakMap<StoreUnderTest, string>();

  beforeAll(async () => {
    server = await PostgresServer.start();
    proxy = await startProxy(server.port);
    pool = new Pool({
      connectionString: server.url.replace(String(server.port), String(proxy.port)),
      max: 20,
    });
    othersPool = new Pool({ connectionString: server.url, max: 20 });
  });
  afterAll(async () => {
    await Promise.all([pool.end(), othersPool.end()]);
    await proxy.close();
    await server.stop();
  });

  async function openIn(schema: string, options: StoreOptions, of = pool): Promise<StoreUnderTest> {
    // On a machine that has much to do, the last of 2,000 saves at once may take longer than a second.
    const store = new PostgresTokenStore({ pool: of, schema, timeout: 10_000, ...options });
    await store.migrate();
    schemas.set(store, schema);
    return store;
  }
  const schemaOf = (store: StoreUnderTest): string => schemas.get(store) as string;

  describeTokenStore('PostgresTokenStore', (options) => openIn(server.newSchema(), options), {
    capabilities: {
      clock: true,
      approve: true,
      remove: true,
      revokeMatching: true,
      share: (store, options) => openIn(schemaOf(store), options, othersPool),
      async reopen(store, options) {
        await store.close?.();
        return openIn(schemaOf(store), options);
      },
      async disconnect() {
        proxy.cut();
        return async () => proxy.resume();
      },
    },
  });
});
