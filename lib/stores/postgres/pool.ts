/*
 * What is used of `pg`, by its structure: any version of it will do, the caller's own, and we
 * load none.
 */

/** A statement as `pg` takes it. */
export interface PostgresQuery {
  readonly text: string;
  /** Prepared under this name, once a connection. */
  readonly name?: string;
  readonly values?: unknown[];
  readonly types?: { getTypeParser(): (value: unknown) => unknown };
}

export interface PostgresResult {
  readonly rows?: readonly unknown[];
  readonly rowCount: number | null;
}

export interface PostgresNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/** A connection. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  on(event: 'notification', listener: (message: PostgresNotification) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /** Lets the process end although the connection is open. */
  unref?(): void;
  readonly host?: string;
  readonly port?: number;
  /** By which the server knows the connection, and whoever may say something about it. */
  readonly processID?: number | null;
  readonly secretKey?: unknown;
  readonly connection?: { readonly stream?: { destroy(): unknown } };
}

/** A connection that was taken out of a pool. */
export interface PooledPostgresClient extends PostgresClient {
  /** Gives it back; with an error, it is ended. */
  release(error?: Error | boolean): void;
}

/** A connection of its own: a `Client` of `pg`, not yet connected. */
export interface UnpooledPostgresClient extends PostgresClient {
  connect(): Promise<unknown>;
  end(): Promise<unknown>;
}

/** A `Pool` of `pg`. */
export interface PostgresPool {
  connect(): Promise<PooledPostgresClient>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly options?: { readonly max?: number; readonly binary?: boolean };
  readonly ending?: boolean;
}
