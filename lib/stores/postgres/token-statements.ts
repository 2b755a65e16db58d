import { UNKNOWN_APP } from './migrations.js';
import { type Prepared, prepared, quoted } from './query.js';

/** The bytes of a digest. */
export const DIGEST_BYTES = 32;

/** How many digests a notification tells: its text must be shorter than 8,000 bytes. */
const TOLD_AT_ONCE = 170;

/** How many one statement drops: a few milliseconds' work, after which others have their turn. */
export const SWEPT_AT_ONCE = 500;

/** The statements on the tokens of a schema. */
export interface TokenStatements {
  /** digest → record, revoked_at, ends_at, sealed */
  readonly find: Prepared;
  /** digest → the same, version and grant_ended */
  readonly findVersion: Prepared;
  /** the columns → a row, where there was none */
  readonly save: Prepared;
  /** digest, version, ends_at, revoked_at, record, app_key → a row, if it still is that version */
  readonly update: Prepared;
  /** Each: time, channel, what, event → told: digests in base64, one after the other */
  readonly revoke: Prepared;
  readonly revokeGrant: Prepared;
  readonly revokeMany: Prepared;
  /** digest, channel, event → told, where there was one */
  readonly remove: Prepared;
  /** client_key, subject_key → a cursor over all that is theirs: the digest of what is not revoked */
  readonly ownedBy: readonly [client: string, subject: string, subjectOfClient: string];
  /** The same by one owner, with the record; for an app the second value is what stands in the record. */
  readonly recordsOf: { readonly [Owner in 'client' | 'subject' | 'app']: string };
  /** lock, from, to → seen, dropped, last */
  readonly sweep: Prepared;
}

export function tokenStatements(schema: string): TokenStatements {
  const tokens = `${quoted(schema)}.tokens`;
  // In base64 whatever form the server gives to bytes otherwise, and a third shorter.
  const sealed = `encode(sealed, 'base64') AS sealed`;
  const revoke = (which: string, set = ''): Prepared =>
    // Rows are locked in one order by all who revoke: so they never wait for each other in a circle.
    prepared(`
      WITH due AS (
        SELECT digest, revoked_at IS NULL AS live FROM ${tokens} WHERE ${which} ORDER BY digest FOR UPDATE
      ), revoked AS (
        UPDATE ${tokens} AS token
        SET revoked_at = coalesce(token.revoked_at, $1::float8), ends_at = coalesce(token.ends_at, $1::float8),
          version = token.version + 1${set}
        FROM due WHERE token.digest = due.digest
        RETURNING token.digest, due.live
      ), numbered AS (
        SELECT digest, (row_number() OVER () - 1) / ${TOLD_AT_ONCE} AS part FROM revoked WHERE live
      ), parts AS (
        SELECT encode(string_agg(digest, ''), 'base64') AS told FROM numbered GROUP BY part
      )
      SELECT told, pg_notify($2, $4 || told) FROM parts`);
  // Each row of the index counts, so that a step never has to pass over a million that are revoked to find the next one.
  const ofLive = (value: string, name: string, and: string): string =>
    `CASE WHEN revoked_at IS NULL ${and} THEN ${value} END AS ${name}`;
  const due = (columns: readonly string[], which: string): string =>
    `DECLARE due NO SCROLL CURSOR FOR
      SELECT ${columns.join(', ')} FROM ${tokens} WHERE ${which}`;
  const digest = `encode(digest, 'base64')`;
  const ownedBy = (which: string, and = ''): string => due([ofLive(digest, 'digest', and)], which);
  const recordsOf = (which: string, and = ''): string =>
    due([ofLive(digest, 'digest', and), ofLive('record', 'record', and)], which);
  return {
    find: prepared(`SELECT record, revoked_at, ends_at, ${sealed} FROM ${tokens} WHERE digest = $1`),
    findVersion: prepared(
      `SELECT record, revoked_at, ends_at, ${sealed}, version, grant_ended FROM ${tokens} WHERE digest = $1`,
    ),
    save: prepared(`
      INSERT INTO ${tokens} (digest, client_key, subject_key, grant_key, sealed, ends_at, revoked_at, record, app_key)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      ON CONFLICT DO NOTHING RETURNING 1 AS saved`),
    update: prepared(`
      UPDATE ${tokens} SET version = version + 1, ends_at = $3, revoked_at = $4, record = $5, app_key = $6
      WHERE digest = $1 AND version = $2 RETURNING 1 AS updated`),
    revoke: revoke('digest = $3 AND revoked_at IS NULL'),
    // Those that were revoked before are to stay so, too.
    revokeGrant: revoke('grant_key = $3 AND grant_ended IS NULL', ', grant_ended = true'),
    revokeMany: revoke('digest = ANY ($3) AND revoked_at IS NULL'),
    remove: prepared(`
      WITH removed AS (
        DELETE FROM ${tokens} WHERE digest = $1 RETURNING encode(digest, 'base64') AS told
      )
      SELECT told, pg_notify($2, $3 || told) FROM removed`),
    ownedBy: [
      ownedBy('client_key = $1'),
      ownedBy('subject_key = $1'),
      ownedBy('subject_key = $1', 'AND client_key = $2'),
    ],
    recordsOf: {
      client: recordsOf('client_key = $1'),
      subject: recordsOf('subject_key = $1'),
      // The server sends of those whose app is unknown none that cannot have this one.
      app: recordsOf(`app_key IN ($1, '${UNKNOWN_APP}')`, 'AND position($2 in record) > 0'),
    },
    // What is locked is being changed, or revoked: its turn comes, and nobody waits for anybody. Begins where the
    // last batch has ended, and not with all the dead entries that this has left in the index.
    sweep: prepared(`
      WITH turn AS MATERIALIZED (
        SELECT pg_try_advisory_xact_lock($1) AS mine
      ), due AS MATERIALIZED (
        SELECT ctid, ends_at FROM ${tokens}
        WHERE ends_at >= $2 AND ends_at <= $3 AND (SELECT mine FROM turn)
        ORDER BY ends_at LIMIT ${SWEPT_AT_ONCE} FOR UPDATE SKIP LOCKED
      ), dropped AS (
        DELETE FROM ${tokens} WHERE ctid = ANY (ARRAY(SELECT ctid FROM due)) RETURNING 1
      )
      SELECT count(*) AS seen, max(ends_at) AS last,
        (SELECT count(*) FROM dropped) AS dropped
      FROM due`),
  };
}
