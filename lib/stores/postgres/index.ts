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
export { PostgresTokenStore, type PostgresTokenStoreOptions } from './postgres-token-store.js';
