import { hasMethods, isTimer, knownOptions, must, TIMER } from '../../options.js';
import { OPERATION_TIMEOUT } from '../operation.js';
import { Connections } from './connections.js';
import { demandVersion, migrate, schemaFault } from './migrate.js';
import type { PooledPostgresClient, PostgresPool } from './pool.js';

/** What all stores in PostgreSQL are told. */
export interface DatabaseOptions {
  /**
   * The application's own `Pool` of `pg`, which the store never ends. Give it a `connectionTimeoutMillis`:
   * without one, a connection that hangs while it is opened takes a place until the system gives it up.
   */
  readonly pool: PostgresPool;
  /**
   * The schema of the tables. Default `token_introspection`. Letters, digits and underscores, up to 50; stores
   * with different schemas share nothing.
   */
  readonly schema?: string;
  /** How long (ms) an operation may take, with waiting for a connection. Default 1,000. */
  readonly timeout?: number;
}

export interface MigrateOptions {
  /** How long (ms) it may take, with waiting for another node that does it. Default 60,000. */
  readonly timeout?: number;
}

export const DATABASE_OPTIONS: readonly string[] = ['pool', 'schema', 'timeout'];

/** The server cuts names off after 63 bytes; ours have some more to say than the schema's. */
const NAME = /^(?!pg_)[a-z_][a-z0-9_]{0,49}$/i;
const MIGRATION_TIMEOUT = 60_000;

/** The tables of one schema. */
export class Database {
  readonly schema: string;
  readonly timeout: number;
  readonly connections: Connections;
  #isChecked = false;
  #isClosed = false;

  /** @throws TypeError that names a bad option */
  constructor(factory: string, options: DatabaseOptions) {
    const { pool, schema = 'token_introspection', timeout = OPERATION_TIMEOUT } = options;
    must(hasMethods(pool, 'connect', 'on'), factory, 'pool', 'a Pool of pg');
    must(!pool.options?.binary, factory, 'pool', 'a Pool without "binary"');
    must(
      typeof schema === 'string' && NAME.test(schema),
      factory,
      'schema',
      'a name of up to 50 letters, digits and underscores that does not begin with a digit or "pg_"',
    );
    must(isTimer(timeout), factory, 'timeout', TIMER);
    this.schema = schema;
    this.timeout = timeout;
    this.connections = new Connections(pool);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Runs one operation on a connection. @throws StoreUnavailableError for whatever is no error of our own */
  async run<T>(name: string, work: (client: PooledPostgresClient) => Promise<T>): Promise<T> {
    return this.connections.use(name, this.timeout, (client) => this.#checked(client, work));
  }

  /** The same, but the connection stays taken until the caller releases it. */
  async take<T>(
    name: string,
    work: (client: PooledPostgresClient) => Promise<T>,
  ): Promise<{ readonly client: PooledPostgresClient; readonly value: T }> {
    return this.connections.take(name, this.timeout, (client) => this.#checked(client, work));
  }

  /** Creates the tables or brings them up to date. */
  async migrate(options: MigrateOptions = {}): Promise<void> {
    knownOptions('migrate', options, ['timeout']);
    const { timeout = MIGRATION_TIMEOUT } = options;
    must(isTimer(timeout), 'migrate', 'timeout', TIMER);
    await this.connections.use('migrate', timeout, async (client) => {
      this.#demandOpen();
      await migrate(client, this.schema, timeout);
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  #demandOpen(): void {
    if (this.#isClosed) throw new Error('The store was closed');
  }

  async #checked<T>(
    client: PooledPostgresClient,
    work: (client: PooledPostgresClient) => Promise<T>,
  ): Promise<T> {
    this.#demandOpen();
    try {
      // Once: a later look-up is one statement. It goes on with what it has found when a newer node migrates.
      if (!this.#isChecked) await demandVersion(client, this.schema);
      this.#isChecked = true;
      return await work(client);
    } catch (error) {
      throw schemaFault(this.schema, error);
    }
  }
}
