import type { Selector } from '../../tokens/revoke-matching.js';
import { operation } from '../operation.js';
import { giveBack } from './connections.js';
import type { Database } from './database.js';
import { execute } from './query.js';
import { appInRecord, isRowSelected, ownerUuid } from './token-row.js';
import type { TokenStatements } from './token-statements.js';

/** How many tokens of an owner are looked at in one step, which must be done in time; and where their records come too, which may be large. */
const READ_AT_ONCE = { digests: 2000, records: 500 };
/** Else the server might read the whole table for one step, or all of an index before the first. */
const READING_AN_INDEX =
  'BEGIN READ ONLY; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL max_parallel_workers_per_gather = 0';

/** Where the tokens are that are to be revoked. */
export interface DueTokens {
  /** Declares the cursor `due` over a `digest` for each, and perhaps a `record`. */
  readonly cursor: string;
  readonly values: readonly string[];
  readonly atOnce: number;
  /** Whether a row of it is to be revoked; `record` is that of the row. */
  readonly isMeant: (record: string) => boolean;
}

/** Those of `revokeAll`: of a client, of a subject, or of a subject at a client. */
export function dueOfOwners({ ownedBy }: TokenStatements, { clientId, subject }: Selector): DueTokens {
  const [byClient, bySubject, byBoth] = ownedBy;
  const client = clientId === undefined ? [] : [ownerUuid('client', clientId)];
  const subjects = subject === undefined ? [] : [ownerUuid('subject', subject)];
  const cursor = subject === undefined ? byClient : clientId === undefined ? bySubject : byBoth;
  return { cursor, values: [...subjects, ...client], atOnce: READ_AT_ONCE.digests, isMeant: () => true };
}

/** Those of `revokeMatching`, by the owner that has the fewest, or whose tokens are all known. */
export function dueOfSelector({ recordsOf }: TokenStatements, selector: Selector): DueTokens {
  const { clientId, subject, appId = '' } = selector;
  const [cursor, values] =
    subject !== undefined
      ? [recordsOf.subject, [ownerUuid('subject', subject)]]
      : clientId !== undefined
        ? [recordsOf.client, [ownerUuid('client', clientId)]]
        : [recordsOf.app, [ownerUuid('app', appId), appInRecord(appId)]];
  const isMeant = (record: string): boolean => isRowSelected(record, selector);
  return { cursor, values, atOnce: READ_AT_ONCE.records, isMeant };
}

/**
 * The digests of tokens that are not revoked. All are read before the first is
 * revoked: each batch would else have to pass over all those before it, since no index tells them apart.
 */
export async function digestsOf(
  database: Database,
  name: string,
  { cursor, values, atOnce, isMeant }: DueTokens,
): Promise<readonly Buffer[]> {
  const digests: Buffer[] = [];
  const { client } = await database.take(name, async (taken) => {
    await execute(taken, READING_AN_INDEX);
    await execute(taken, cursor, values);
  });
  try {
    for (;;) {
      const rows = await operation(name, database.timeout, () => execute(client, `FETCH ${atOnce} FROM due`));
      for (const { digest, record } of rows) {
        if (digest != null && isMeant(record as string)) digests.push(Buffer.from(digest, 'base64'));
      }
      if (rows.length < atOnce) break;
    }
    await operation(name, database.timeout, () => execute(client, 'COMMIT'));
    giveBack(client);
    return digests;
  } catch (error) {
    giveBack(client, error);
    throw error;
  }
}
