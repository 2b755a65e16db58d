import { MemoryTokenStore } from './library.js';

/** Longer (ms) than on an idle machine: what is measured is the time, not who loses patience. */
const TIMEOUT = 60_000;
/** What the pool of `pg` has where nobody says otherwise. */
const CONNECTIONS = 10;

/** Opens the tokens of a variant in this process: `{ store, close, load? }`. */
export const OPENERS = {
  async memory() {
    return { store: new MemoryTokenStore(), async close() {} };
  },

  async lmdb(path) {
    const { LmdbTokenStore } = await import('../dist/esm/stores/lmdb/index.js');
    const store = new LmdbTokenStore({ path, timeout: TIMEOUT });
    return { store, close: () => store.close() };
  },

  redis: (url) => openRedis(url, false),
  'redis-copy': (url) => openRedis(url, true),

  async postgres(url) {
    const { default: pg } = await import('pg');
    const { PostgresTokenStore } = await import('../dist/esm/stores/postgres/index.js');
    const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS });
    const store = new PostgresTokenStore({ pool, timeout: TIMEOUT });
    await store.migrate({ timeout: TIMEOUT });
    return {
      store,
      load: (tokens) => insert(pool, tokens),
      async close() {
        await store.close();
        await pool.end();
      },
    };
  },
};

async function openRedis(url, localCopy) {
  const { createClient } = await import('redis');
  const { RedisTokenStore } = await import('../dist/esm/stores/redis/index.js');
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  const store = new RedisTokenStore({ client, timeout: TIMEOUT, localCopy });
  // It tells so as soon as the server tells of changes, and not before may a copy be kept.
  if (localCopy) await new Promise((resolve) => store.onRevoked(() => {}, resolve));
  return {
    store,
    async close() {
      await store.close();
      client.destroy();
    },
  };
}

/**
 * The rows that `save` makes, made by the same functions, many in one statement: a million of them in a minute or
 * two, for which `save` takes five to ten.
 */
async function insert(pool, tokens) {
  const [{ newRecord }, { seal }, { tokenDigest }, row] = await Promise.all(
    [
      'tokens/new-record.js',
      'tokens/sealed-value.js',
      'tokens/token-digest.js',
      'stores/postgres/token-row.js',
    ].map((file) => import(`../dist/esm/${file}`)),
  );
  const rows = tokens.map((given) => {
    const { value, refreshToken, record } = newRecord(given, Date.now());
    const sealed = refreshToken === undefined ? null : seal(refreshToken, value);
    return [
      row.digestBytes(tokenDigest(value)),
      ...row.ownerColumns(record),
      sealed,
      ...row.changedColumns(record),
    ];
  });
  const columns = rows[0].map((_, column) => rows.map((values) => values[column]));
  await pool.query(
    `INSERT INTO token_introspection.tokens
       (digest, client_key, subject_key, grant_key, sealed, ends_at, revoked_at, record)
     SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::float8[], $7::float8[], $8::text[])`,
    columns,
  );
}
