import { StoreUnavailableError } from '../../tokens/store-errors.js';
import { MIGRATIONS } from './migrations.js';
import type { PostgresClient } from './pool.js';
import { execute, lockKey, quoted, sqlState } from './query.js';

/** `invalid_schema_name`, `undefined_table`, `undefined_column`. */
const MISSING: ReadonlySet<unknown> = new Set(['3F000', '42P01', '42703']);

/**
 * Creates a schema, or brings it up to date, in one transaction. Several nodes may do so at once:
 * the first does it, and the others find it done.
 */
export async function migrate(client: PostgresClient, schema: string, timeout: number): Promise<void> {
  // Whatever the default: what others have done while we waited for the lock must be seen.
  await execute(client, 'BEGIN ISOLATION LEVEL READ COMMITTED');
  // Else a limit that the pool's connections have for look-ups would hold for this too.
  await execute(client, "SELECT set_config('statement_timeout', $1, true)", [String(timeout)]);
  await execute(client, 'SELECT pg_advisory_xact_lock($1)', [lockKey(`migrate ${schema}`)]);
  const version = await versionOf(client, schema);
  if (version > MIGRATIONS.length) throw newer(schema, version);
  if (version === 0) await begin(client, schema);
  for (const [i, statements] of MIGRATIONS.entries()) {
    if (i < version) continue;
    for (const statement of statements(quoted(schema))) await execute(client, statement);
    await execute(client, `INSERT INTO ${versionsOf(schema)} (version) VALUES ($1)`, [i + 1]);
  }
  await execute(client, 'COMMIT');
}

/** @throws StoreUnavailableError when the schema is of another version than this code knows */
export async function demandVersion(client: PostgresClient, schema: string): Promise<void> {
  const [row] = await execute(client, `SELECT max(version) AS version FROM ${versionsOf(schema)}`);
  const version = Number(row?.version);
  if (version > MIGRATIONS.length) throw newer(schema, version);
  if (version < MIGRATIONS.length) throw outdated(schema, new Error(`It is of version ${version}`));
}

/** An error of the server as it is, or one that says what to do where the schema is not there. */
export function schemaFault(schema: string, error: unknown): unknown {
  return MISSING.has(sqlState(error)) ? outdated(schema, error) : error;
}

/** 0 where there is nothing yet. */
async function versionOf(client: PostgresClient, schema: string): Promise<number> {
  const [there] = await execute(client, 'SELECT to_regclass($1) AS versions', [versionsOf(schema)]);
  if (!there?.versions) return 0;
  const [row] = await execute(client, `SELECT max(version) AS version FROM ${versionsOf(schema)}`);
  return Number(row?.version);
}

async function begin(client: PostgresClient, schema: string): Promise<void> {
  const [encoding] = await execute(client, "SELECT current_setting('server_encoding') AS name");
  if (encoding?.name !== 'UTF8') {
    throw new StoreUnavailableError(
      `migrate: the database must have the encoding UTF8, so that it can hold any text`,
      {
        cause: new Error(`It has the encoding ${encoding?.name}`),
      },
    );
  }
  // No "IF NOT EXISTS", which asks for the right to create one where it is there already.
  const found = await execute(client, 'SELECT 1 AS found FROM pg_namespace WHERE nspname = $1', [schema]);
  if (found.length === 0) await execute(client, `CREATE SCHEMA ${quoted(schema)}`);
  await execute(
    client,
    `CREATE TABLE ${versionsOf(schema)} (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
}

function versionsOf(schema: string): string {
  return `${quoted(schema)}.migrations`;
}

function outdated(schema: string, cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError(
    `The schema "${schema}" is missing or not up to date: run migrate() before the store is used`,
    { cause },
  );
}

function newer(schema: string, version: number): StoreUnavailableError {
  return new StoreUnavailableError(
    `The schema "${schema}" was migrated by a newer version of this package, which has to be updated here: ` +
      'migrate() only goes forward',
    { cause: new Error(`It is of version ${version}, and version ${MIGRATIONS.length} is known`) },
  );
}
