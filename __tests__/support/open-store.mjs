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
};

export function openStore(kind, options) {
  return STORES[kind](options);
}
