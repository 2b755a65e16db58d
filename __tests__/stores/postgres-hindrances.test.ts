import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Pool, type PoolConfig } from 'pg';
import { generateClientSecret } from '../../lib/index.js';
import {
  PostgresClientStore,
  type PostgresQuery,
  PostgresTokenStore,
  type PostgresTokenStoreOptions,
} from '../../lib/stores/postgres/index.js';
import { lockKey } from '../../lib/stores/postgres/query.js';
import { eventually, rejection } from '../../lib/testing/suite.js';
import { PostgresServer } from '../support/postgres.js';
import { startProxy } from '../support/proxy.js';
import { describeWith, POSTGRES } from '../support/services.js';

const access = { kind: 'access_token', clientId: 'app' } as const;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const UNAVAILABLE = { code: 'ERR_STORE_UNAVAILABLE' };

describeWith(POSTGRES, 'PostgresTokenStore', () => {
  let server: PostgresServer;
  const atEnd: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterEach(async () => {
    for (const end of atEnd.splice(0).reverse()) await end();
  });
  afterAll(() => server.stop());

  function newPool(options: PoolConfig = {}): Pool {
    const pool = new Pool({ connectionString: server.url, ...options });
    atEnd.push(() => pool.end());
    return pool;
  }

  async function open(pool: Pool, options: Partial<PostgresTokenStoreOptions> = {}) {
    const schema = server.newSchema();
    const store = new PostgresTokenStore({ pool, schema, ...options });
    atEnd.push(() => store.close());
    await store.migrate();
    return { store, schema };
  }

  /** Holds a lock on a table until it is called. */
  async function lock(table: string): Promise<() => Promise<void>> {
    const client = new Client(server.url);
    await client.connect();
    await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    return () => client.end();
  }

  describe('while somebody holds a lock on its table', () => {
    const backends = async (): Promise<number> =>
      (await server.query(`SELECT 1 FROM pg_stat_activity WHERE backend_type = 'client backend'`)).length;

    it('takes no more connections of the server than the pool has places', async () => {
      const { store, schema } = await open(newPool({ max: 3 }), { timeout: 100 });
      await store.save({ ...access, token: 'at' });
      const free = await lock(`${schema}.tokens`);
      const before = await backends();
      let most = 0;
      const asked: Promise<unknown>[] = [];
      for (let i = 0; i < 100; i++) {
        asked.push(rejection(store.find('at')));
        await pause(15);
        if (i % 10 === 0) most = Math.max(most, await backends());
      }
      for (const error of await Promise.all(asked)) expect(error).toMatchObject(UNAVAILABLE);
      // One that was told to give up may take a moment to be gone.
      expect(most - before).toBeLessThan(8);
      await free();
      await eventually(async () => (await store.find('at').catch(() => undefined))?.status === 'approved');
    });

    it('makes no change later that was given up', async () => {
      const pool = newPool();
      const { schema } = await open(pool);
      const clients = new PostgresClientStore({ pool, schema, timeout: 100 });
      const { hash } = generateClientSecret();
      await clients.save({ clientId: 'app', secret: hash });
      const free = await lock(`${schema}.clients`);
      expect(await rejection(clients.rotateSecret('app'))).toMatchObject(UNAVAILABLE);
      await eventually(
        async () =>
          (await server.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).length === 0,
      );
      await free();
      expect(await clients.find('app')).toMatchObject({ secret: hash });
    });

    it('gives up in time where nobody can be told to give up', async () => {
      const pool = newPool({ max: 1 });
      const { store, schema } = await open(pool, { timeout: 100 });
      const client = await pool.connect();
      // Nobody listens there.
      Object.assign(client, { port: 1 });
      client.release();
      const free = await lock(`${schema}.tokens`);
      expect(await rejection(store.find('at'))).toMatchObject(UNAVAILABLE);
      await free();
      expect(await store.find('at')).toBeUndefined();
    });
  });

  it('asks the server by its socket to give up', async () => {
    const pool = newPool({ max: 1 });
    const { store, schema } = await open(pool, { timeout: 100 });
    const client = await pool.connect();
    Object.assign(client, { host: '/nonexistent' });
    client.release();
    const free = await lock(`${schema}.tokens`);
    expect(await rejection(store.find('at'))).toMatchObject(UNAVAILABLE);
    await free();
  });

  it.each([false, true])('has its pool back after a server that hung (pipeline: %s)', async (pipeline) => {
    const proxy = await startProxy(server.port);
    atEnd.push(() => proxy.close());
    const url = server.url.replace(String(server.port), String(proxy.port));
    const pool = newPool({ connectionString: url, max: 1, ...{ pipeline } });
    const { store } = await open(pool, { timeout: 1000 });
    await store.save({ ...access, token: 'at' });
    proxy.hang();
    const asked = rejection(store.find('at'));
    await pause(500);
    proxy.resumeNew();
    // Waits for the place of the first.
    expect(await store.find('at')).toMatchObject({ status: 'approved' });
    expect(await asked).toMatchObject(UNAVAILABLE);
  });

  it('looks at no more than some of the tokens of a client in one step, be they revoked or not', async () => {
    const pool = newPool({ max: 1 });
    const { store, schema } = await open(pool);
    await server.query(`
      INSERT INTO ${schema}.tokens (digest, client_key, revoked_at, ends_at, record)
      SELECT sha256(i::text::bytea), md5('x')::uuid, 1, 1, '{}' FROM generate_series(1, 4500) i`);
    await store.save({ ...access, token: 'at' });
    await server.query(
      `UPDATE ${schema}.tokens SET client_key = (SELECT client_key FROM ${schema}.tokens WHERE revoked_at IS NULL)`,
    );
    const steps: number[] = [];
    const client = await pool.connect();
    const query = client.query.bind(client) as unknown as (
      given: PostgresQuery,
    ) => Promise<{ rows: unknown[] }>;
    const counted = async (given: PostgresQuery): Promise<unknown> => {
      const result = await query(given);
      if (given.text.startsWith('FETCH')) steps.push(result.rows.length);
      return result;
    };
    Object.assign(client, { query: counted });
    client.release();
    expect(await store.revokeAll({ clientId: 'app' })).toBe(1);
    expect(steps).toStrictEqual([2000, 2000, 501]);
    expect(await store.find('at')).toMatchObject({ status: 'revoked' });
  });

  it('reads by the index of a client to whom nearly all tokens belong', async () => {
    const { store: first, schema } = await open(newPool());
    await first.save({ ...access, token: 'at' });
    await server.query(`
      INSERT INTO ${schema}.tokens (digest, client_key, revoked_at, ends_at, record)
      SELECT sha256(i::text::bytea), CASE WHEN i % 3 = 0 THEN md5(i::text)::uuid ELSE client_key END, 1, 1, '{}'
      FROM generate_series(1, 20000) i, (SELECT client_key FROM ${schema}.tokens) app`);
    await server.query(`ANALYZE ${schema}.tokens`);
    const plans: string[] = [];
    const pool = newPool({ max: 1 });
    const store = new PostgresTokenStore({ pool, schema });
    const client = await pool.connect();
    const query = client.query.bind(client) as unknown as (given: object) => Promise<{ rows: object[] }>;
    const explained = async (given: PostgresQuery): Promise<unknown> => {
      if (given.text.startsWith('DECLARE')) {
        const text = given.text.replace(/^DECLARE.*FOR/, 'EXPLAIN');
        const { rows } = await query({ text, values: given.values });
        plans.push(JSON.stringify(rows));
      }
      return query(given);
    };
    Object.assign(client, { query: explained });
    client.release();
    expect(await store.revokeAll({ clientId: 'app' })).toBe(1);
    expect(plans).toHaveLength(1);
    expect(plans[0]).toContain('Index Scan using tokens_client');
    await store.close();
  });

  it('refuses a pool that reads bytes in place of text', async () => {
    const binary = newPool({ ...({ binary: true } as object) });
    expect(() => new PostgresTokenStore({ pool: binary })).toThrow(TypeError);
    expect(() => new PostgresTokenStore({ pool: binary })).toThrow('"pool"');
    const pool = newPool();
    const { store, schema } = await open(newPool());
    await store.save({ ...access, token: 'at' });
    const late = new PostgresTokenStore({ pool, schema });
    Object.assign(pool.options, { binary: true });
    expect(await rejection(late.find('at'))).toMatchObject({
      ...UNAVAILABLE,
      message: expect.stringContaining('"binary"'),
    });
    await Promise.all([late.close(), store.close()]);
  });

  it.each([
    ['no JSON', 'damaged by alice'],
    ['no object', '[]'],
    ['no object', 'null'],
    ['no record', '{}'],
    ['a record of no known kind', '{"kind":"id_token","clientId":"app","issuedAt":1}'],
    ['one that has lost its expiry', '{"kind":"access_token","clientId":"app","issuedAt":1}'],
    ['one that ends later', '{"kind":"access_token","clientId":"app","issuedAt":1,"expiresAt":9e15}'],
  ])('is unavailable where a row holds %s (%#)', async (_what, record) => {
    const { store, schema } = await open(newPool());
    await store.save({ ...access, token: 'at', expiresAt: Date.now() + 1e6 });
    await server.query(`UPDATE ${schema}.tokens SET record = '${record}'`);
    const error = (await rejection(store.find('at'))) as Error;
    expect(error).toMatchObject(UNAVAILABLE);
    expect(`${error.message} ${String(error.cause)}`).not.toContain('alice');
  });

  it('takes no token that was dropped and saved again for the one before', async () => {
    const { store, schema } = await open(newPool());
    const versions = new Set<unknown>();
    for (let i = 0; i < 5; i++) {
      await store.save({ ...access, token: 'at' });
      for (const { version } of await server.query(`SELECT version FROM ${schema}.tokens`))
        versions.add(version);
      await server.query(`DELETE FROM ${schema}.tokens`);
    }
    expect(versions.size).toBe(5);
  });

  it('gives a migration its own time, whatever the limit of the pool', async () => {
    const schema = server.newSchema();
    const store = new PostgresTokenStore({ pool: newPool({ statement_timeout: 100 }), schema });
    const other = await new Pool({ connectionString: server.url }).connect();
    await other.query('BEGIN');
    await other.query('SELECT pg_advisory_xact_lock($1)', [lockKey(`migrate ${schema}`)]);
    const migrated = store.migrate();
    await pause(300);
    await other.query('COMMIT');
    other.release(true);
    await migrated;
    await store.save({ ...access, token: 'at' });
    const free = await lock(`${schema}.tokens`);
    expect(await rejection(store.find('at'))).toMatchObject({ ...UNAVAILABLE, cause: { code: '57014' } });
    await free();
    await store.close();
  });

  it('takes no time for a migration that a timer cannot measure', async () => {
    const { store } = await open(newPool());
    await expect(store.migrate({ timeout: 2 ** 31 })).rejects.toThrow('"timeout"');
  });
});
