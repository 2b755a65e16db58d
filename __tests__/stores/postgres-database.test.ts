import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, Pool, type PoolConfig } from 'pg';
import { tokenDigest } from '../../lib/index.js';
import {
  type PostgresQuery,
  PostgresTokenStore,
  type PostgresTokenStoreOptions,
} from '../../lib/stores/postgres/index.js';
import { MIGRATIONS, UNKNOWN_APP } from '../../lib/stores/postgres/migrations.js';
import { lockKey } from '../../lib/stores/postgres/query.js';
import { tokenStatements } from '../../lib/stores/postgres/token-statements.js';
import { eventually } from '../../lib/testing/suite.js';
import { PostgresServer } from '../support/postgres.js';
import { startProxy } from '../support/proxy.js';
import { describeWith, POSTGRES } from '../support/services.js';

const access = { kind: 'access_token', clientId: 'app' } as const;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const unavailable = (message: string | RegExp = '', cause: object = expect.any(Error)): object => ({
  name: 'StoreUnavailableError',
  message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  cause,
});

describeWith(POSTGRES, 'PostgresTokenStore and its database', () => {
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
    atEnd.push(async () => pool.ended || pool.end());
    return pool;
  }

  /** A store whose schema nobody has made yet. */
  function unmade(
    schema: string = server.newSchema(),
    pool: PoolConfig = {},
    options: Partial<PostgresTokenStoreOptions> = {},
  ): PostgresTokenStore {
    const store = new PostgresTokenStore({ pool: newPool(pool), schema, ...options });
    atEnd.push(() => store.close());
    return store;
  }

  async function open(...args: Parameters<typeof unmade>): Promise<PostgresTokenStore> {
    const store = unmade(...args);
    await store.migrate();
    return store;
  }

  const asks = (store: PostgresTokenStore): readonly (() => Promise<unknown>)[] => [
    () => store.find('at'),
    () => store.save({ ...access, token: 'new' }),
    () => store.update('at', { refreshCount: 1 }),
    () => store.revoke('at'),
    () => store.revokeGrant('g'),
    () => store.revokeAll({ clientId: 'app' }),
    () => store.sweep(),
    () => store.approve('revoked'),
    () => store.remove('at'),
    () => store.revokeMatching({ clientId: 'app', kind: 'access_token' }),
  ];

  describe('that is not as it should be', () => {
    it('says to run migrate() where that was not done, and works once it is', async () => {
      const schema = server.newSchema();
      const store = unmade(schema);
      for (const ask of asks(store))
        await expect(ask()).rejects.toMatchObject(unavailable('run migrate()', { code: '42P01' }));
      await unmade(schema).migrate();
      await store.save({ ...access, token: 'at' });
      expect(await store.find('at')).toMatchObject({ status: 'approved' });
      await server.query(`DROP TABLE "${schema}".tokens`);
      await expect(store.find('at')).rejects.toMatchObject(unavailable(`"${schema}"`, { code: '42P01' }));
    });

    it('refuses a schema of an older or a newer version', async () => {
      const schema = server.newSchema();
      await open(schema);
      const newer = unmade(schema);
      await server.query(`INSERT INTO "${schema}".migrations (version) VALUES (99)`);
      for (const ask of [...asks(newer), () => newer.migrate()])
        await expect(ask()).rejects.toMatchObject(unavailable('newer version of this package'));
      await server.query(`DELETE FROM "${schema}".migrations`);
      await expect(newer.find('at')).rejects.toMatchObject(unavailable('run migrate()'));
    });

    it('does nothing in a schema that is up to date, and needs no right to change it', async () => {
      const schema = server.newSchema();
      const store = await open(schema);
      await store.save({ ...access, token: 'at' });
      await store.migrate();
      const pool = { options: '-c default_transaction_read_only=on' };
      await unmade(schema, pool).migrate();
      expect(await server.query(`SELECT version FROM "${schema}".migrations ORDER BY 1`)).toStrictEqual(
        MIGRATIONS.map((_, i) => ({ version: i + 1 })),
      );
      expect(await store.find('at')).toMatchObject({ status: 'approved' });
    });

    it('brings a schema up to date in which nobody knew yet of grants that end for good', async () => {
      const schema = server.newSchema();
      const before = await open(schema);
      for (const token of ['live', 'revoked']) await before.save({ ...access, token, grantId: token });
      await before.revoke('revoked');
      await server.query(
        `ALTER TABLE "${schema}".tokens DROP COLUMN grant_ended; DELETE FROM "${schema}".migrations WHERE version > 2`,
      );
      const store = unmade(schema);
      await expect(store.find('live')).rejects.toMatchObject(unavailable('run migrate()'));
      await store.migrate();
      expect(await store.find('live')).toMatchObject({ status: 'approved' });
      expect(await store.approve('revoked')).toBe(1);
      for (const token of ['live', 'revoked']) expect(await store.revokeGrant(token)).toBe(1);
      await expect(store.approve('live')).rejects.toMatchObject({ name: 'ConflictError' });
    });

    /** A schema as the version before has left it, with a token of each kind that is in it. */
    async function withoutApps(): Promise<{ schema: string; before: PostgresTokenStore }> {
      const schema = server.newSchema();
      const before = await open(schema);
      const of = { ...access, appId: 'shop', organization: 'acme' };
      await before.save({ ...of, token: 'old', claims: { nul: '\u0000' } });
      await before.save({ ...of, token: 'old-other', appId: 'bank', claims: { text: '"shop"' } });
      await before.save({ ...of, token: 'old-globex', organization: 'globex' });
      await before.save({ ...access, token: 'old-none' });
      await server.query(
        `ALTER TABLE "${schema}".tokens DROP COLUMN app_key; DELETE FROM "${schema}".migrations WHERE version > 3`,
      );
      return { schema, before };
    }

    it('finds by its app what the version before has saved, and what that saves beside it', async () => {
      const { schema } = await withoutApps();
      const store = unmade(schema);
      await expect(store.revokeMatching({ appId: 'shop' })).rejects.toMatchObject(
        unavailable('run migrate()'),
      );
      await store.migrate();
      // As a process of the version before does, which goes on beside this one.
      await server.query(`
        INSERT INTO "${schema}".tokens (digest, client_key, subject_key, grant_key, sealed, ends_at, revoked_at, record)
        SELECT '\\x${Buffer.from(tokenDigest('beside'), 'base64url').toString('hex')}', client_key, subject_key, grant_key, sealed,
          ends_at, revoked_at, record FROM "${schema}".tokens WHERE position('nul' in record) > 0`);
      await store.save({ ...access, token: 'new', appId: 'shop', organization: 'acme' });
      expect(await store.revokeMatching({ appId: 'shop', organization: 'acme' })).toBe(3);
      for (const token of ['old', 'beside', 'new'])
        expect([token, (await store.find(token))?.status]).toStrictEqual([token, 'revoked']);
      for (const token of ['old-other', 'old-globex', 'old-none'])
        expect([token, (await store.find(token))?.status]).toStrictEqual([token, 'approved']);
      expect(await store.revokeMatching({ appId: 'shop' })).toBe(1);
      expect(await store.revokeMatching({ appId: 'bank', clientId: 'app' })).toBe(1);
    });

    it('writes down the app of what the version before has saved when it changes that', async () => {
      const { schema } = await withoutApps();
      const store = unmade(schema);
      await store.migrate();
      const known = async (): Promise<unknown> =>
        (
          await server.query(
            `SELECT count(*)::int AS n FROM "${schema}".tokens WHERE app_key <> '${UNKNOWN_APP}'`,
          )
        )[0];
      expect(await known()).toStrictEqual({ n: 0 });
      await store.update('old', { refreshCount: 1 });
      expect(await known()).toStrictEqual({ n: 1 });
      expect(await store.revokeMatching({ appId: 'shop' })).toBe(2);
    });

    it('revokes by its app what it can read, where somebody else has damaged a row', async () => {
      const schema = server.newSchema();
      const store = await open(schema);
      for (const token of ['a', 'b', 'c']) await store.save({ ...access, token, appId: 'shop' });
      const digest = Buffer.from(tokenDigest('b'), 'base64url').toString('hex');
      await server.query(
        `UPDATE "${schema}".tokens SET record = '{"appId":"shop"' WHERE digest = '\\x${digest}'`,
      );
      expect(await store.revokeMatching({ appId: 'shop' })).toBe(2);
      await expect(store.find('b')).rejects.toMatchObject({ name: 'UnusableAnswerError' });
    });

    it('makes its tables in a schema that somebody else has made for it', async () => {
      const schema = server.newSchema();
      await server.query(
        `CREATE ROLE ${schema}_role LOGIN; CREATE SCHEMA ${schema} AUTHORIZATION ${schema}_role; REVOKE CREATE ON DATABASE postgres FROM PUBLIC`,
      );
      const store = await open(schema, {
        connectionString: server.url.replace('postgres@', `${schema}_role@`),
      });
      await store.save({ ...access, token: 'at' });
    });

    it('leaves nothing by halves when it cannot be made', async () => {
      const schema = server.newSchema();
      await server.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.tokens (x int)`);
      await expect(unmade(schema).migrate()).rejects.toMatchObject(unavailable('migrate', { code: '42P07' }));
      expect(await server.query(`SELECT to_regclass('${schema}.migrations') AS made`)).toStrictEqual([
        { made: null },
      ]);
    });

    it('makes nothing in a database that cannot hold any text', async () => {
      await server.query(`CREATE DATABASE latin1 ENCODING 'LATIN1' TEMPLATE template0`);
      const store = unmade(server.newSchema(), {
        connectionString: server.url.replace(/postgres$/, 'latin1'),
      });
      await expect(store.migrate()).rejects.toMatchObject(unavailable('UTF8'));
    });

    it('waits no longer than it is told to for another node that migrates', async () => {
      const schema = server.newSchema();
      const store = unmade(schema);
      const other = new Client(server.url);
      await other.connect();
      await other.query('BEGIN');
      await other.query('SELECT pg_advisory_xact_lock($1)', [lockKey(`migrate ${schema}`)]);
      await expect(store.migrate({ timeout: 50 })).rejects.toMatchObject(unavailable('migrate'));
      await other.end();
      await store.migrate({ timeout: 5000 });
      for (const [name, options] of [
        ['timeout', { timeout: 0 }],
        ['wait', { wait: 1 }],
      ] as const)
        await expect(store.migrate(options as object)).rejects.toThrow(`"${name}"`);
    });

    it('can be read where nothing can be written, as on a replica', async () => {
      const schema = server.newSchema();
      const writer = await open(schema);
      await writer.save({ ...access, token: 'at', grantId: 'g' });
      await writer.save({ ...access, token: 'revoked', status: 'revoked' });
      const store = unmade(schema, { options: '-c default_transaction_read_only=on' });
      expect(await store.find('at')).toMatchObject({ status: 'approved' });
      const [find, ...writes] = asks(store);
      for (const write of writes)
        await expect(write()).rejects.toMatchObject(unavailable('', { code: '25006' }));
      await expect(find?.()).resolves.toBeDefined();
    });

    it('says that it is unavailable when the disk is full, answers all the same, and goes on when there is room', async () => {
      const schema = server.newSchema();
      const store = await open(schema);
      await store.save({ ...access, token: 'at', grantId: 'g' });
      // Which disk is full is up to the machine: what the server says then is not.
      await server.query(`
        CREATE FUNCTION ${schema}.full() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON ${schema}.tokens EXECUTE FUNCTION ${schema}.full()`);
      const [find, save, update, revoke, revokeGrant, revokeAll] = asks(store);
      for (const write of [save, update, revoke, revokeGrant, revokeAll])
        await expect(write?.()).rejects.toMatchObject(unavailable('', { code: '53100' }));
      expect(await find?.()).toMatchObject({ status: 'approved' });
      await server.query(`DROP TRIGGER full_disk ON ${schema}.tokens`);
      await save?.();
      expect(await revoke?.()).toBe(1);
    });

    it('keeps its word whatever isolation, types and forms the application has set', async () => {
      const parser = (value: unknown): unknown => `parsed ${String(value)}`;
      const pool = {
        options: '-c default_transaction_isolation=serializable -c bytea_output=escape',
        types: { getTypeParser: () => parser },
        max: 20,
      } as PoolConfig;
      const store = unmade(undefined, pool, { timeout: 20_000 });
      await Promise.all(Array.from({ length: 5 }, () => store.migrate()));
      await store.save({
        ...access,
        token: 'at',
        grantId: 'g',
        refreshToken: 'rt',
        claims: { bytes: '\\x00\u0000' },
      });
      await Promise.all(Array.from({ length: 10 }, (_, i) => store.update('at', { refreshCount: i })));
      expect(await store.find('at')).toMatchObject({ refreshToken: 'rt', claims: { bytes: '\\x00\u0000' } });
      const counts = await Promise.all([
        ...Array.from({ length: 10 }, () => store.revoke('at')),
        ...Array.from({ length: 10 }, () => store.revokeGrant('g')),
        store.revokeAll({ clientId: 'app' }),
        ...Array.from({ length: 5 }, () => store.update('at', { refreshCount: 9 }).then(() => 0)),
      ]);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
      expect(await store.find('at')).toMatchObject({ status: 'revoked', refreshCount: 9 });
    });

    it('tries again what the server gives up for another transaction', async () => {
      const schema = server.newSchema();
      const store = await open(schema, { options: '-c default_transaction_isolation=serializable' });
      await store.save({ ...access, token: 'at' });
      const other = new Client(server.url);
      await other.connect();
      await other.query(`BEGIN; UPDATE ${schema}.tokens SET version = version + 1`);
      const revoked = store.revoke('at');
      const waiting = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;
      await eventually(async () => (await server.query(waiting)).length > 0);
      await other.query('COMMIT');
      await other.end();
      expect(await revoked).toBe(1);
    });
  });

  describe('what it costs', () => {
    it('finds a token with one statement', async () => {
      const store = await open(undefined, { options: '-c log_statement=all' });
      await store.save({ ...access, token: 'at' });
      await store.find('at');
      const before = server.log().length;
      for (let i = 0; i < 50; i++) await store.find(i % 2 === 0 ? 'at' : `unknown-${i}`);
      const marker = `the end of ${process.pid}`;
      const client = new Client({ connectionString: server.url, options: '-c log_statement=all' });
      await client.connect();
      await client.query(`SELECT '${marker}'`);
      await client.end();
      await eventually(() => server.log().slice(before).includes(marker));
      const statements = server
        .log()
        .slice(before)
        .split('\n')
        .filter((line) => /LOG: {2}(statement|execute)/.test(line) && !line.includes(marker));
      expect(statements).toHaveLength(50);
      expect(new Set(statements.map((line) => line.match(/execute (\S+):/)?.[1])).size).toBe(1);
    });

    it('reads by an index, whatever it looks for', async () => {
      const schema = server.newSchema();
      await open(schema);
      await server.query(`
        INSERT INTO ${schema}.tokens (digest, client_key, subject_key, grant_key, app_key, ends_at, record)
        SELECT sha256(i::text::bytea), md5((i % 500)::text)::uuid, md5(i::text)::uuid, md5(i::text)::uuid, md5((i % 500)::text)::uuid, i, '{}'
        FROM generate_series(1, 20000) i`);
      await server.query(`ANALYZE ${schema}.tokens`);
      const statements = tokenStatements(schema);
      const uuid = `'${'0'.repeat(32)}'`;
      const undeclared = (text: string): string => text.replace(/^DECLARE.*FOR/, '');
      const [client, subject, both] = statements.ownedBy.map(undeclared);
      const records = Object.fromEntries(
        Object.entries(statements.recordsOf).map(([owner, text]) => [owner, undeclared(text)]),
      );
      const plans: readonly (readonly [string | undefined, string, string])[] = [
        [statements.find.text, `'\\x00'`, 'tokens_pkey'],
        [statements.findVersion.text, `'\\x00'`, 'tokens_pkey'],
        [statements.update.text, `'\\x00', 1, 1, 1, '', ${uuid}`, 'tokens_pkey'],
        [statements.revoke.text, `1, 'channel', '\\x00', ''`, 'tokens_pkey'],
        [statements.revokeGrant.text, `1, 'channel', ${uuid}, ''`, 'tokens_grant'],
        [statements.revokeMany.text, `1, 'channel', '{\\\\x00,\\\\x01}', ''`, 'tokens_pkey'],
        [statements.sweep.text, '1, 0, 100', 'Index Scan using tokens_ends'],
        [client, uuid, 'tokens_client'],
        [subject, uuid, 'tokens_subject'],
        [both, `${uuid}, ${uuid}`, 'tokens_subject'],
        [records.client, uuid, 'tokens_client'],
        [records.subject, uuid, 'tokens_subject'],
        [records.app, `${uuid}, '"shop"'`, 'tokens_app'],
      ];
      const db = new Client(server.url);
      await db.connect();
      await db.query('SET plan_cache_mode = force_generic_plan');
      for (const [text, values, index] of plans) {
        await db.query(`PREPARE it AS ${text}`);
        const { rows } = await db.query<{ 'QUERY PLAN': string }>(`EXPLAIN EXECUTE it(${values})`);
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
        expect(plan).toContain(index);
        expect(plan).not.toContain('Seq Scan');
        await db.query('DEALLOCATE it');
      }
      await db.end();
    });

    it('touches no index when it revokes a token that expires', async () => {
      const schema = server.newSchema();
      // A connection tells what it has done when it ends.
      const store = await open(schema, { idleTimeoutMillis: 10 });
      const save = (i: number): Promise<unknown> =>
        store.save({
          ...access,
          token: `at-${i}`,
          subject: 'alice',
          grantId: 'g',
          expiresAt: Date.now() + 1e6,
        });
      await Promise.all(Array.from({ length: 30 }, (_, i) => save(i)));
      // A few of each page: for these it has kept the room.
      await store.revoke('at-1');
      await store.revoke('at-2');
      await eventually(async () => {
        const [row] = await server.query(
          `SELECT n_tup_upd::int AS all, n_tup_hot_upd::int AS hot FROM pg_stat_user_tables WHERE schemaname = '${schema}' AND relname = 'tokens'`,
        );
        return row?.all === 2 && row.hot === 2;
      }, 15_000);
    });

    it('revokes all of a client with thousands of tokens', async () => {
      const store = await open(undefined, undefined, { timeout: 10_000 });
      const save = (i: number): Promise<unknown> =>
        store.save({ ...access, token: `at-${i}`, subject: `user-${i % 2}` });
      await Promise.all(Array.from({ length: 1300 }, (_, i) => save(i)));
      expect(await store.revokeAll({ clientId: 'app', subject: 'user-1' })).toBe(650);
      expect(await store.revokeAll({ clientId: 'app' })).toBe(650);
      expect(await store.revokeAll({ clientId: 'app' })).toBe(0);
    });

    it('gives up in time where the list of what it has to revoke does not come, and ends that connection', async () => {
      const pool = newPool({ max: 1 });
      const store = new PostgresTokenStore({ pool, schema: server.newSchema(), timeout: 200 });
      await store.migrate();
      await store.save({ ...access, token: 'at' });
      const client = await pool.connect();
      const query = client.query.bind(client) as (given: PostgresQuery) => Promise<never>;
      const hanging = (given: PostgresQuery): Promise<never> =>
        given.text.startsWith('FETCH') ? new Promise(() => {}) : query(given);
      Object.assign(client, { query: hanging });
      client.release();
      await expect(store.revokeAll({ clientId: 'app' })).rejects.toMatchObject(unavailable('revokeAll'));
      expect(await store.find('at')).toMatchObject({ status: 'approved' });
    });
  });

  describe('its connections', () => {
    it('needs one of its own to listen, where the pool has one only', async () => {
      const schema = server.newSchema();
      const alone = await open(schema, { max: 1 });
      expect(() => alone.onRevoked(() => {})).toThrow(TypeError);
      expect(() => alone.onRevoked(() => {})).toThrow('"listenOn"');
      const clients: Client[] = [];
      const listenOn = (): Client => {
        const client = new Client(server.url);
        clients.push(client);
        return client;
      };
      const store = await open(schema, { max: 1 }, { listenOn, linkInterval: 50 });
      const told: string[] = [];
      const stop = store.onRevoked(
        (digest) => told.push(digest),
        () => told.push('missed'),
      );
      await eventually(() => told.length === 1);
      await alone.save({ ...access, token: 'at' });
      await alone.revoke('at');
      await eventually(() => told.length === 2);
      // It was probed in between, and stands.
      await pause(120);
      expect([told, clients.length]).toStrictEqual([['missed', tokenDigest('at')], 1]);
      stop();
      await eventually(
        async () =>
          (await server.query(`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN "${schema}%'`))
            .length === 0,
      );
    });

    it('keeps none to listen on where nobody listens any more when it is there', async () => {
      const pool = newPool({ max: 2 });
      const schema = server.newSchema();
      const store = new PostgresTokenStore({ pool, schema });
      await store.migrate();
      const taken = await Promise.all([pool.connect(), pool.connect()]);
      const stop = store.onRevoked(() => {});
      await eventually(() => pool.waitingCount === 1);
      stop();
      for (const client of taken) client.release();
      await eventually(() => pool.waitingCount === 0 && pool.idleCount === pool.totalCount);
      expect(
        await server.query(`SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN "${schema}%'`),
      ).toHaveLength(0);
      await store.close();
    });

    it('tries again where its own connection cannot be opened, and leaves none behind', async () => {
      const schema = server.newSchema();
      const proxy = await startProxy(server.port);
      atEnd.push(() => proxy.close());
      const url = server.url.replace(String(server.port), String(proxy.port));
      proxy.hang();
      const clients: Client[] = [];
      const listenOn = (): Client => {
        const client = new Client(url);
        clients.push(client);
        return client;
      };
      const store = await open(schema, {}, { listenOn, linkInterval: 30, timeout: 100 });
      let missed = 0;
      store.onRevoked(
        () => {},
        () => {
          missed += 1;
        },
      );
      await eventually(() => missed >= 4);
      const given = clients.slice(0, -1).map((client) => client.connection.stream.destroyed);
      expect(given).toStrictEqual(given.map(() => true));
      proxy.resume();
      let before = missed;
      // On a busy machine a probe may be late, and the store opens another connection: until one stands.
      await eventually(async () => {
        before = missed;
        await pause(150);
        return proxy.connections === 1 && missed === before;
      }, 30_000);
      proxy.cut();
      await eventually(() => missed > before + 1);
      proxy.resume();
      await eventually(() => proxy.connections === 1);
    });

    it('says at once that it may have missed some when the application ends the connection', async () => {
      let client: Client | undefined;
      const listenOn = (): Client => {
        client = new Client(server.url);
        return client;
      };
      const store = await open(undefined, {}, { listenOn, linkInterval: 20_000 });
      let missed = 0;
      store.onRevoked(
        () => {},
        () => {
          missed += 1;
        },
      );
      await eventually(() => missed === 1);
      await client?.end();
      await eventually(() => missed === 2, 2000);
    });

    it('heeds nothing that is no digest, and no other channel', async () => {
      const schema = server.newSchema();
      let client: Client | undefined;
      const store = await open(
        schema,
        {},
        {
          listenOn() {
            client = new Client(server.url);
            return client;
          },
        },
      );
      const told: string[] = [];
      store.onRevoked(
        (digest) => told.push(digest),
        () => told.push('missed'),
      );
      await eventually(() => told.length === 1);
      await client?.query('LISTEN other');
      const digest = tokenDigest('at');
      const [base64, another] = ['at', 'another'].map((token) =>
        Buffer.from(tokenDigest(token), 'base64url').toString('base64'),
      );
      await server.query(
        `SELECT pg_notify('other', '${another}'), pg_notify('${schema}_revoked', 'junk'), pg_notify('${schema}_revoked', '')`,
      );
      await server.query(`SELECT pg_notify('${schema}_revoked', 'twelve-chars${base64}')`);
      await eventually(() => told.length > 1);
      expect(told).toStrictEqual(['missed', digest]);
    });

    it('leaves the pool to the application: it can be ended before the store is closed, and after', async () => {
      for (const isClosedFirst of [true, false]) {
        const schema = server.newSchema();
        const pool = newPool();
        // Where the store is closed first, it does not take a probe to find out.
        const linkInterval = isClosedFirst ? 20_000 : 100;
        const store = new PostgresTokenStore({ pool, schema, linkInterval });
        await store.migrate();
        let missed = 0;
        store.onRevoked(
          () => {},
          () => {
            missed += 1;
          },
        );
        await eventually(() => missed === 1);
        if (isClosedFirst) await store.close();
        expect(pool.ended).toBe(false);
        const began = performance.now();
        await pool.end();
        expect(performance.now() - began).toBeLessThan(1000);
        if (!isClosedFirst) await expect(store.find('at')).rejects.toMatchObject(unavailable('find'));
        await store.close();
      }
    });

    it('is unavailable once it is closed, which may be done twice', async () => {
      const store = await open();
      const stop = store.onRevoked(() => {});
      await store.close();
      await store.close();
      stop();
      for (const ask of [...asks(store), () => store.migrate()])
        await expect(ask()).rejects.toMatchObject(unavailable());
      expect(() => store.onRevoked(() => {})).toThrow(expect.objectContaining(unavailable('onRevoked')));
    });

    it.each([
      ['a connection of the pool', ''],
      ['one of its own', ', listenOn: () => new pg.Client(url)'],
    ])('keeps no process alive that listens on %s', async (_what, more) => {
      const program = `
        import pg from 'pg';
        import { PostgresTokenStore } from ${JSON.stringify(resolve('dist/esm/stores/postgres/index.js'))};
        const url = ${JSON.stringify(server.url)};
        const pool = new pg.Pool({ connectionString: url, allowExitOnIdle: true });
        const store = new PostgresTokenStore({ pool, schema: '${server.newSchema()}', linkInterval: 20${more} });
        await store.migrate();
        await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
        await new Promise((resolve) => store.onRevoked(console.log, resolve));
        await new Promise((resolve) => setTimeout(resolve, 100));
        console.log((await store.find('at')).status);`;
      const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
        timeout: 20_000,
      });
      expect((await run).stdout).toBe('approved\n');
    });

    it('goes on with what it was given, whatever becomes of that in the meantime', async () => {
      const store = await open();
      await store.save({ ...access, token: 'at' });
      const changes = { scope: ['read'] };
      const updated = store.update('at', changes);
      changes.scope.push('admin');
      expect([(await updated).scope, (await store.find('at'))?.scope]).toEqual([['read'], ['read']]);
      await expect(store.update('at', { scope: ['a b'] })).rejects.toThrow(TypeError);
    });

    it('loses none of many updates of different members of one token', async () => {
      const store = await open(undefined, { max: 10 }, { timeout: 20_000 });
      await store.save({ ...access, token: 'at', expiresAt: Date.now() + 1e6 });
      const claims = { a: 1 };
      await Promise.all([
        ...['app', 'appId', 'brand', 'lastModifiedBy'].map((member) =>
          store.update('at', { [member]: member }),
        ),
        store.update('at', { claims }),
        store.update('at', { scope: ['read'] }),
        store.update('at', { refreshCount: 3 }),
        store.update('at', { expiresAt: null }),
      ]);
      expect(await store.find('at')).toMatchObject({
        app: 'app',
        appId: 'appId',
        brand: 'brand',
        lastModifiedBy: 'lastModifiedBy',
        claims,
        scope: ['read'],
        refreshCount: 3,
      });
      expect(await store.find('at')).not.toHaveProperty('expiresAt');
    });

    it('keeps a token that is saved as revoked, and goes by the time of its last change', async () => {
      const clock = { now: Date.now() };
      const store = await open(undefined, {}, { clock: () => clock.now, retainExpiredFor: 1000 });
      await store.save({ ...access, token: 'at', status: 'revoked', lastModifiedAt: clock.now - 500.25 });
      expect(await store.find('at')).toMatchObject({ status: 'revoked', lastModifiedAt: clock.now - 500.25 });
      await store.update('at', { refreshCount: 1 });
      expect(await store.find('at')).toMatchObject({
        status: 'revoked',
        lastModifiedAt: clock.now,
        refreshCount: 1,
      });
      clock.now += 999;
      expect(await store.sweep()).toBe(0);
      clock.now += 1;
      expect(await store.sweep()).toBe(1);
    });

    it('sweeps past a record that somebody changes at the moment, and leaves the rest to whoever sweeps already', async () => {
      const clock = { now: Date.now() };
      const schema = server.newSchema();
      const store = await open(schema, {}, { clock: () => clock.now, retainExpiredFor: 0 });
      for (const i of [0, 1, 2])
        await store.save({ ...access, token: `at-${i}`, expiresAt: clock.now + 1 + i });
      clock.now += 10;
      const other = new Client(server.url);
      await other.connect();
      await other.query(`BEGIN; UPDATE ${schema}.tokens SET version = 5 WHERE ends_at < ${clock.now - 8}`);
      expect(await store.sweep()).toBe(2);
      await other.query('ROLLBACK; BEGIN');
      await other.query('SELECT pg_advisory_xact_lock($1)', [lockKey(`sweep ${schema}`)]);
      expect(await store.sweep()).toBe(0);
      await other.end();
      expect(await store.sweep()).toBe(1);
    });
  });
});
