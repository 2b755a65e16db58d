// Opens a store of the built package by its name, for a process of its own.
const STORES = {
  async lmdb(options) {
    const { LmdbTokenStore } = await import('../../dist/esm/stores/lmdb/index.js');
    return new LmdbTokenStore(options);
  },
};

export function openStore(kind, options) {
  return STORES[kind](options);
}
