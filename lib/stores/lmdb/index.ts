export { LmdbTokenStore, type LmdbTokenStoreOptions } from './lmdb-token-store.js';
