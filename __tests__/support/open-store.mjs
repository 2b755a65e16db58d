// Opens a store of the built package by its name, for a process of its own.
const STORES = {
  async lmdb(options) {
    const { LmdbTokenStore } = await import('../../dist/esm/stores/lmdb/index.js');
    return new LmdbTokenStore(options);
  },
  /** `urls`: one for a server, several for a cluster. */
  async redis({ urls, ...options }) {
    const { createClient, createCluster } = await import('redis');
    const { RedisTokenStore } = await import('../../dist/esm/stores/redis/index.js');
    const client =
      urls.length === 1
        ? createClient({ url: urls[0] })
        : createCluster({ rootNodes: urls.map((url) => ({ url })) });
    client.on('error', () => {});
    await client.connect();
    return new RedisTokenStore({ client, ...options });
  },
  async postgres({ url, ...options }) {
    const { PostgresTokenStore } = await import('../../dist/esm/stores/postgres/index.js');
    const { Pool } = (await import('pg')).default;
    const pool = new Pool({ connectionString: url, application_name: 'store process' });
    const store = new PostgresTokenStore({ pool, ...options });
    await store.migrate();
    return store;
  },
};

export function openStore(kind, options) {
  return STORES[kind](options);
}
