import type { Client } from '../../clients/client.js';
import { isPublic } from '../../clients/client-authentication.js';
import { soundClient } from '../../clients/sound-client.js';
import { isObject } from '../../options.js';
import { UnusableAnswerError } from '../../tokens/store-errors.js';
import { type Prepared, prepared, quoted, type Row, type Value } from './query.js';

/** The statements on the clients of a schema. */
export interface ClientStatements {
  /** client_key → the columns, and version */
  readonly find: Prepared;
  /** client_key, the columns → a row, where there was none */
  readonly save: Prepared;
  /** client_key, version, the columns → a row, if it still is that version */
  readonly update: Prepared;
  /** client_key → a row, where there was one */
  readonly remove: Prepared;
}

export function clientStatements(schema: string): ClientStatements {
  const clients = `${quoted(schema)}.clients`;
  return {
    find: prepared(`
      SELECT is_public, secret, previous_secret, previous_secret_until, client, version
      FROM ${clients} WHERE client_key = $1`),
    save: prepared(`
      INSERT INTO ${clients} (client_key, is_public, has_secret, secret, previous_secret, previous_secret_until, client)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT DO NOTHING RETURNING 1 AS saved`),
    update: prepared(`
      UPDATE ${clients} SET version = gen_random_uuid(), is_public = $3, has_secret = $4, secret = $5,
        previous_secret = $6, previous_secret_until = $7, client = $8
      WHERE client_key = $1 AND version = $2 RETURNING 1 AS updated`),
    remove: prepared(`DELETE FROM ${clients} WHERE client_key = $1 RETURNING 1 AS removed`),
  };
}

/** `is_public`, `has_secret`, `secret`, `previous_secret`, `previous_secret_until` and `client`. */
export function clientColumns(client: Client): readonly Value[] {
  const { secret, previousSecret, previousSecretUntil, ...rest } = client;
  return [
    String(isPublic(client)),
    String(secret !== undefined),
    secret ?? null,
    previousSecret ?? null,
    previousSecretUntil ?? null,
    // As text: a type of the server's, for JSON as for strings, cannot hold U+0000.
    JSON.stringify(rest),
  ];
}

/**
 * The client of a row.
 *
 * @param hasHook whether the store can verify hashes that others made
 * @throws UnusableAnswerError for a row that somebody else has changed into no sound client, or into another one: a client
 *   that lost its secret in the table must not be a public one
 */
export function clientOf(row: Row, clientId: string, hasHook: boolean): Client {
  const client = soundClient(
    {
      ...jsonOf(row),
      secret: row.secret ?? undefined,
      previousSecret: row.previous_secret ?? undefined,
      previousSecretUntil: row.previous_secret_until == null ? undefined : Number(row.previous_secret_until),
    },
    unusable,
    hasHook,
  );
  if (client.clientId !== clientId) throw unusable('"clientId" is that of another client');
  if (row.is_public !== (isPublic(client) ? 't' : 'f')) throw unusable('"secret" contradicts "is_public"');
  return client;
}

function jsonOf({ client }: Row): object {
  try {
    const parsed: unknown = JSON.parse(client as string);
    if (isObject(parsed)) return parsed;
  } catch {
    // The error would quote what stands there.
  }
  throw unusable('"client" must be an object in JSON');
}

function unusable(problem: string): Error {
  return new UnusableAnswerError(`The row of a client cannot be used: ${problem}`);
}
