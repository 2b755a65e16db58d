/** Stands for the app of a token where nobody has written down which it is. No app has this key. */
export const UNKNOWN_APP = '00000000-0000-0000-0000-000000000000';

/** The statements of one step, given the quoted name of the schema. */
type Migration = (schema: string) => readonly string[];

/**
 * What makes a schema of version n - 1 one of version n, in order. A step that was released is
 * never changed: another one is added.
 */
export const MIGRATIONS: readonly Migration[] = [
  (schema) => [
    /*
     * Owners are hashes of 16 bytes, as the type that is compared fastest and takes 8 bytes less in an
     * index: with whole SHA-256 values all is 15 % larger. Nobody gains by two ids with one hash; one that
     * has the hash of another's takes 2^128 attempts.
     *
     * `revoked_at` is in no index and no condition of one, so that a revocation touches no index (HOT), for
     * which each page keeps some room. No partitions by time: `digest` alone could not be unique in them,
     * and each look-up would have to ask all.
     *
     * A version does not begin with 0: a token that was dropped and saved again is another one.
     *
     * A sweep drops little at a time, so vacuum must come early, and not dawdle, to make room for what is saved next:
     * at its usual pace it was not done with two of ten million in five minutes, and the table grew by a sixth.
     */
    `CREATE TABLE ${schema}.tokens (
      ends_at float8,
      revoked_at float8,
      version integer NOT NULL DEFAULT (random() * 1000000000)::integer,
      client_key uuid NOT NULL,
      subject_key uuid,
      grant_key uuid,
      digest bytea PRIMARY KEY,
      sealed bytea,
      record text NOT NULL
    ) WITH (
      fillfactor = 90,
      autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_vacuum_cost_limit = 2000,
      autovacuum_analyze_scale_factor = 0.05
    )`,
    `CREATE INDEX tokens_client ON ${schema}.tokens (client_key)`,
    `CREATE INDEX tokens_subject ON ${schema}.tokens (subject_key) WHERE subject_key IS NOT NULL`,
    `CREATE INDEX tokens_grant ON ${schema}.tokens (grant_key) WHERE grant_key IS NOT NULL`,
    `CREATE INDEX tokens_ends ON ${schema}.tokens (ends_at) WHERE ends_at IS NOT NULL`,
  ],
  (schema) => [
    /*
     * That a client is public is written down, and is not only the lack of a secret: whoever loses one in the
     * table must not make a public client of it. A version is never one that was before, even where a client
     * was removed and saved again.
     */
    `CREATE TABLE ${schema}.clients (
      client_key uuid PRIMARY KEY,
      version uuid NOT NULL DEFAULT gen_random_uuid(),
      is_public boolean NOT NULL,
      has_secret boolean NOT NULL,
      secret text,
      previous_secret text,
      previous_secret_until float8,
      client text NOT NULL,
      CONSTRAINT clients_secret CHECK (has_secret = (secret IS NOT NULL)),
      CONSTRAINT clients_public CHECK (NOT (is_public AND has_secret)),
      CONSTRAINT clients_previous CHECK (previous_secret IS NULL OR secret IS NOT NULL)
    )`,
  ],
  (schema) => [
    /*
     * Whether the grant was revoked since the token was saved, which is for good. In no index, as `revoked_at`, and
     * takes no room in those of which it is not so.
     */
    `ALTER TABLE ${schema}.tokens ADD COLUMN grant_ended boolean`,
  ],
  (schema) => [
    /*
     * The app of a token, for those that have one. What a process of an older version saves, before or beside this one, gets
     * the default: its app is in the record only, which nothing in SQL can read that may have U+0000 in it. The column takes
     * no time and no room in the rows that are there; its index is made while others cannot write.
     */
    `ALTER TABLE ${schema}.tokens ADD COLUMN IF NOT EXISTS app_key uuid DEFAULT '${UNKNOWN_APP}'`,
    `CREATE INDEX IF NOT EXISTS tokens_app ON ${schema}.tokens (app_key) WHERE app_key IS NOT NULL`,
  ],
];
