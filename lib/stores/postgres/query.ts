import { hash } from 'node:crypto';
import { UnusableAnswerError } from '../../tokens/store-errors.js';
import type { PostgresClient } from './pool.js';

/** Every value as the server writes it: what parsers the application has set for its own types is not ours. */
const AS_TEXT = { getTypeParser: () => (value: unknown) => value };

export type Row = Readonly<Record<string, string | null>>;
export type Value = Buffer | string | number | null | readonly Buffer[];

/** A statement that each connection prepares once. */
export interface Prepared {
  readonly name: string;
  readonly text: string;
}

/** Named after its text: a pool may serve stores of several schemas, and of several versions. */
export function prepared(text: string): Prepared {
  return { name: `token_introspection_${hash('sha256', text, 'hex').slice(0, 32)}`, text };
}

/**
 * What the server gives up for the sake of another transaction: `serialization_failure`, where the
 * application has set a stricter isolation than the default, and `deadlock_detected`.
 */
const TRY_AGAIN: ReadonlySet<unknown> = new Set(['40001', '40P01']);

/** Runs one statement in a transaction of its own; again, where another one was in its way. */
export async function query(
  client: PostgresClient,
  statement: Prepared,
  values: readonly Value[],
): Promise<readonly Row[]> {
  for (;;) {
    try {
      return await execute(client, statement, values);
    } catch (error) {
      if (!TRY_AGAIN.has(sqlState(error))) throw error;
    }
  }
}

/** Runs one statement, in the transaction that the connection is in. */
export async function execute(
  client: PostgresClient,
  statement: Prepared | string,
  values: readonly Value[] = [],
): Promise<readonly Row[]> {
  const what = typeof statement === 'string' ? { text: statement } : statement;
  const result = await client.query({ ...what, values: [...values], types: AS_TEXT });
  // Several statements have several results, of which nobody wants any.
  const rows = (result.rows ?? []) as readonly Row[];
  for (const row of rows) for (const name in row) demandText(row[name]);
  return rows;
}

/** Where the application has the driver read another form, everything would mean something else. */
function demandText(value: unknown): void {
  if (typeof value !== 'string' && value !== null)
    throw new UnusableAnswerError('The driver answers no text: leave "binary" out of its settings');
}

/** The code by which the server says what is wrong. */
export function sqlState(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** A number that stands for `name`, for locks that a program and not the server gives a meaning. */
export function lockKey(name: string): string {
  const digest = hash('sha256', `express-token-introspection ${name}`, 'buffer');
  return String(digest.readBigInt64BE());
}

/** A name in a statement. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
