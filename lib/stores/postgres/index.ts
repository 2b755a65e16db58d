export type { ClientChanges } from './client-changes.js';
export type { MigrateOptions } from './database.js';
export type {
  PooledPostgresClient,
  PostgresClient,
  PostgresNotification,
  PostgresPool,
  PostgresQuery,
  PostgresResult,
  UnpooledPostgresClient,
} from './pool.js';
export {
  PostgresClientStore,
  type PostgresClientStoreOptions,
  type RotatedSecret,
  type RotateSecretOptions,
} from './postgres-client-store.js';
export { PostgresTokenStore, type PostgresTokenStoreOptions } from './postgres-token-store.js';
