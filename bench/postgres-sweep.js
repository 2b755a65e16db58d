// What sweeping costs a PostgreSQL with many tokens: `node bench/postgres-sweep.js [rows]`, after `npm run build`.
// Prints Markdown; how far it is goes to stderr. Starts a server of its own, whose commits are on disk.
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import pg from 'pg';
import { PostgresTokenStore } from '../dist/esm/stores/postgres/index.js';

const HOUR = 3_600_000;
/** So that only the store that is measured sweeps. */
const FOR_EVER = 100_000 * HOUR;
/** Every so many tokens is one that has expired. */
const EXPIRED = 5;
/** Look-ups at a time, and how long (ms) each waits for the next: some hundreds a second. */
const LOOKERS = 4;
const PAUSE = 8;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (text) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

/** In a thread of its own, so that what it measures is not the work of the one that sweeps. */
async function lookUp({ url, rows, seed }) {
  const pool = new pg.Pool({ connectionString: url, max: LOOKERS });
  const store = new PostgresTokenStore({ pool, retainExpiredFor: FOR_EVER });
  let times = [];
  let wrong = 0;
  let n = seed;
  const looker = async () => {
    for (;;) {
      n = (n * 48271) % 2147483647;
      const i = n % rows;
      const began = performance.now();
      const found = await store.find(`token-${i}`).catch(() => 'failed');
      times.push(performance.now() - began);
      if (found === 'failed' || (found === undefined && i % EXPIRED !== 0)) wrong += 1;
      await pause(PAUSE);
    }
  };
  for (let i = 0; i < LOOKERS; i++) void looker();
  parentPort.on('message', () => {
    parentPort.postMessage({ times, wrong });
    times = [];
    wrong = 0;
  });
}

async function main(rows) {
  const server = await startServer();
  try {
    await measure(server.url, rows);
  } finally {
    await server.stop();
  }
}

async function measure(url, rows) {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  const store = new PostgresTokenStore({ pool, retainExpiredFor: FOR_EVER });
  await store.migrate();
  const sql = async (text, ...values) => (await pool.query(text, values)).rows;
  await template(store);
  say(`loading ${rows} rows`);
  const loading = performance.now();
  await loadAll(url, sql, rows);
  const loaded = performance.now() - loading;
  say(`loaded in ${seconds(loaded)}; vacuum, analyze, checkpoint`);
  await sql('VACUUM (ANALYZE) token_introspection.tokens');
  await sql('CHECKPOINT');
  const before = await state(sql);

  const lookers = new Worker(new URL(import.meta.url), { workerData: { url, rows, seed: 12345 } });
  const latencies = async () => {
    lookers.postMessage('');
    return new Promise((resolve) => lookers.once('message', resolve));
  };
  await pause(5000);
  await latencies();
  await pause(15_000);
  const quiet = await latencies();
  say('sweeping');
  const { dropped, failures, took } = await sweepAll(new PostgresTokenStore({ pool }), sql);
  const swept = await latencies();
  const after = await state(sql);
  say(`swept ${dropped} in ${seconds(took)}; waiting for autovacuum`);
  const waiting = performance.now();
  for (;;) {
    const [row] = await sql(
      `SELECT autovacuum_count > 0 AND n_dead_tup < 1000 AS done FROM pg_stat_user_tables WHERE relname = 'tokens'`,
    );
    if (row.done || performance.now() - waiting > 300_000) break;
    await pause(1000);
  }
  const vacuumed = performance.now() - waiting;
  const vacuuming = await latencies();
  const clean = await state(sql);
  say('loading again as many as were dropped');
  const again = performance.now();
  await insert(sql, rows + 1, rows + dropped);
  const reloaded = performance.now() - again;
  await lookers.terminate();
  const full = await state(sql);
  await store.close();
  await pool.end();

  print(
    `### Sweeping PostgreSQL: ${count(rows)} tokens, of which ${count(dropped)} have expired`,
    '',
    `${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${before.version}, ${cpus()[0]?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB; shared_buffers 1 GB, fsync on, all else as it comes. One node sweeps; another thread looks tokens up, ${LOOKERS} at a time. Loaded in ${seconds(loaded)}.`,
    '',
    '| | table MB | indexes MB | bytes a live row | dead rows |',
    '| --- | ---: | ---: | ---: | ---: |',
    line('loaded', before),
    line('swept', after),
    line(`autovacuum was there, ${seconds(vacuumed)} later`, clean),
    line(`as many loaded again (${seconds(reloaded)})`, full),
    '',
    `Sweep: ${count(dropped)} in ${seconds(took)}, ${count(Math.round(dropped / (took / 1000)))} a second; batches that took longer than a second: ${failures}.`,
    '',
    '| look-ups | how many | failed or wrong | p50 ms | p99 ms | most ms |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    times('before', quiet),
    times('during the sweep', swept),
    times('until autovacuum was done', vacuuming),
  );
}

/** Until nothing is left: a batch may take too long, or the store sweep in the background at the moment. */
async function sweepAll(store, sql) {
  const expired = `SELECT count(*)::int AS n FROM token_introspection.tokens WHERE ends_at < $1`;
  const end = Date.now() - 24 * HOUR;
  const [{ n: dropped }] = await sql(expired, end);
  const began = performance.now();
  for (let failures = 0; ; ) {
    try {
      await store.sweep();
    } catch (error) {
      failures += 1;
      say(`a batch has failed: ${error.cause?.message}`);
    }
    const [row] = await sql(`SELECT EXISTS (${expired.replace('count(*)::int AS n', '1')}) AS any`, end);
    if (!row.any) {
      await store.close();
      return { dropped, failures, took: performance.now() - began };
    }
    await pause(50);
  }
}

/** A record as the store writes it, in which the numbers are put. */
async function template(store) {
  await store.save({
    token: 'template',
    kind: 'access_token',
    clientId: 'client',
    subject: 'subject',
    grantId: 'grant',
    scope: ['read', 'write'],
    audience: ['https://api.example.com'],
    issuer: 'https://id.example.com',
    organization: 'acme',
    expiresAt: 8_888_888_888_888,
  });
}

const INSERT = `
  INSERT INTO token_introspection.tokens (digest, client_key, subject_key, grant_key, ends_at, record)
  SELECT sha256(('token-' || i)::bytea), md5('client-' || i % 100)::uuid, md5('subject-' || i / 20)::uuid,
    md5('grant-' || i / 2)::uuid, ends_at, replace(replace(replace(record,
      '"subject"', '"user-' || i / 20 || '"'), '"grant"', '"grant-' || i / 2 || '"'), '8888888888888', ends_at::bigint::text)
  FROM generate_series($1::int, $2::int) i
  CROSS JOIN LATERAL (SELECT CASE WHEN i % ${EXPIRED} = 0 THEN $3::float8 + i % 3600000 ELSE $4::float8 + i % 3600000 END AS ends_at) times,
  (SELECT record FROM token_introspection.tokens WHERE digest = sha256('template')) template`;

/** All of them live. */
async function insert(sql, from, to) {
  const end = Date.now() + HOUR;
  await sql(INSERT, from, to, end, end);
}

/** Without its indexes, which are made again at the end: else it takes three times as long. */
async function loadAll(url, sql, rows) {
  const indexes = await sql(
    `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'token_introspection' AND tablename = 'tokens' AND indexname <> 'tokens_pkey'`,
  );
  for (const { indexname } of indexes) await sql(`DROP INDEX token_introspection.${indexname}`);
  const pools = [0, 1].map(() => new pg.Pool({ connectionString: url, max: 1 }));
  const half = Math.floor(rows / 2);
  const now = Date.now();
  await sql('ALTER TABLE token_introspection.tokens DROP CONSTRAINT tokens_pkey');
  await Promise.all(
    pools.map((pool, i) =>
      pool.query(INSERT, [i === 0 ? 1 : half + 1, i === 0 ? half : rows, now - 48 * HOUR, now + HOUR]),
    ),
  );
  for (const pool of pools) await pool.end();
  say('indexes');
  await sql(`SET maintenance_work_mem = '512MB'`);
  await sql('ALTER TABLE token_introspection.tokens ADD PRIMARY KEY (digest)');
  for (const { indexdef } of indexes) await sql(indexdef);
}

async function state(sql) {
  await pause(1500);
  const [row] = await sql(`
    SELECT pg_table_size(c.oid)::float8 AS heap, pg_indexes_size(c.oid)::float8 AS indexes,
      n_dead_tup::int AS dead, split_part(version(), ' ', 1) || ' ' || split_part(version(), ' ', 2) AS version,
      (SELECT count(*)::int FROM token_introspection.tokens) AS live
    FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE c.oid = 'token_introspection.tokens'::regclass`);
  return row;
}

const count = (value) => value.toLocaleString('en-US');
const mb = (bytes) => count(Math.round(bytes / 1e6));
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
const print = (...lines) => process.stdout.write(`${lines.join('\n')}\n`);

function line(name, { heap, indexes, live, dead }) {
  const each = Math.round((heap + indexes) / live);
  return `| ${name} | ${mb(heap)} | ${mb(indexes)} | ${each} | ${count(dead)} |`;
}

function times(name, { times: all, wrong }) {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (share) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2);
  return `| ${name} | ${count(all.length)} | ${wrong} | ${at(0.5)} | ${at(0.99)} | ${at(1)} |`;
}

async function startServer() {
  const folder = mkdtempSync(join(tmpdir(), 'postgres-sweep-'));
  const user = process.getuid?.() === 0 ? nobody() : {};
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const options = { ...user, cwd: folder, stdio: 'ignore' };
  const data = join(folder, 'data');
  execFileSync(
    program('initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
    options,
  );
  const port = 20_000 + (process.pid % 30_000);
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_buffers=1GB',
    'max_wal_size=8GB',
    // So that the bench need not wait for a minute.
    'autovacuum_naptime=5s',
  ];
  const child = spawn(
    program('postgres'),
    ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
    options,
  );
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', () => {
    child.kill('SIGKILL');
    remove();
  });
  for (let i = 0; i < 500; i++) {
    const client = new pg.Client(url);
    try {
      await client.connect();
      await client.end();
      break;
    } catch {
      await pause(50);
    }
  }
  return {
    url,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGINT');
      await ended;
    },
  };
}

function nobody() {
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function program(name) {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(root, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (!found) throw new Error(`${name} is missing: apt-get install postgresql`);
  return found;
}

if (isMainThread) await main(Number(process.argv[2] ?? 10_000_000));
else await lookUp(workerData);
