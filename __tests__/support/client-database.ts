import { Pool, type PoolClient, type PoolConfig } from 'pg';
import {
  PostgresClientStore,
  type PostgresClientStoreOptions,
  type PostgresPool,
} from '../../lib/stores/postgres/index.js';
import { PostgresServer } from './postgres.js';

/** A PostgreSQL with stores of clients in it. */
export class ClientDatabase {
  readonly server: PostgresServer;
  readonly #pools: Pool[] = [];
  readonly #schemas = new WeakMap<PostgresClientStore, string>();

  private constructor(server: PostgresServer) {
    this.server = server;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<ClientDatabase> {
    return new ClientDatabase(await PostgresServer.start({ settings }));
  }

  /** A pool that ends with the database. */
  pool(options: PoolConfig = {}): Pool {
    const pool = new Pool({ connectionString: this.server.url, ...options });
    this.#pools.push(pool);
    return pool;
  }

  /** A store without clients. */
  async open(options: Partial<PostgresClientStoreOptions> = {}): Promise<PostgresClientStore> {
    const schema = this.server.newSchema();
    const store = new PostgresClientStore({ pool: this.pool(), timeout: 10_000, ...options, schema });
    this.#schemas.set(store, schema);
    await store.migrate();
    return store;
  }

  /** Another store of the same clients. */
  beside(store: PostgresClientStore, options: Partial<PostgresClientStoreOptions> = {}): PostgresClientStore {
    const schema = this.schemaOf(store);
    return new PostgresClientStore({ pool: this.pool(), timeout: 10_000, ...options, schema });
  }

  schemaOf(store: PostgresClientStore): string {
    return this.#schemas.get(store) as string;
  }

  async stop(): Promise<void> {
    for (const pool of this.#pools) await pool.end();
    await this.server.stop();
  }
}

/** A pool that calls `happen` before each statement with its text. */
export function watched(pool: Pool, happen: (text: string) => unknown): PostgresPool {
  return {
    on: (event, listener) => pool.on(event, listener),
    async connect() {
      const client = await pool.connect();
      return new Proxy(client, {
        get(target, name: keyof PoolClient) {
          if (name !== 'query') {
            const member: unknown = Reflect.get(target, name, target);
            return typeof member === 'function' ? member.bind(target) : member;
          }
          return async (statement: { readonly text: string }) => {
            await happen(statement.text);
            return target.query(statement);
          };
        },
      });
    },
  };
}
