// Opens a store of the built package by its name, for a process of its own.
const STORES = {
  async lmdb(options) {
    const { LmdbTokenStore } = await import('../../dist/esm/stores/lmdb/index.js');
    return new LmdbTokenStore(options);
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
