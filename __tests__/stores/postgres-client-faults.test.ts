import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client as Connection } from 'pg';
import { type Client, generateClientSecret, hashClientSecret } from '../../lib/index.js';
import { clientStatements } from '../../lib/stores/postgres/client-row.js';
import { PostgresClientStore } from '../../lib/stores/postgres/index.js';
import { ClientDatabase, watched } from '../support/client-database.js';
import { startProxy } from '../support/proxy.js';
import { describeWith, POSTGRES, programOf } from '../support/services.js';
import { A, B, basic, postToken, world } from '../support/world.js';

const { secret, hash } = generateClientSecret();
const APP: Client = { clientId: 'app', secret: hash };
const UNAVAILABLE = { code: 'ERR_STORE_UNAVAILABLE' };

describeWith(POSTGRES, 'PostgresClientStore and its database', () => {
  let database: ClientDatabase;

  beforeAll(async () => {
    database = await ClientDatabase.start({ log_statement: 'all' });
  });
  afterAll(() => database.stop());

  const asks = (store: PostgresClientStore): readonly (() => Promise<unknown>)[] => [
    () => store.find('app'),
    () => store.save(APP),
    () => store.update('app', { scopes: ['s'] }),
    () => store.rotateSecret('app'),
    () => store.dropPreviousSecret('app'),
    () => store.restorePreviousSecret('app'),
    () => store.remove('app'),
  ];

  it('says to run migrate() where that was not done', async () => {
    const store = new PostgresClientStore({ pool: database.pool(), schema: database.server.newSchema() });
    for (const ask of asks(store)) {
      await expect(ask()).rejects.toMatchObject({
        ...UNAVAILABLE,
        message: expect.stringContaining('run migrate()'),
        cause: { code: '42P01' },
      });
    }
  });

  it('I-30 never says that there is no such client when it cannot know, and says so in time', async () => {
    const made = await database.open();
    await made.save(APP);
    const proxy = await startProxy(database.server.port);
    const connectionString = database.server.url.replace(`${database.server.port}`, `${proxy.port}`);
    const pool = database.pool({ connectionString, connectionTimeoutMillis: 1000 });
    const store = database.beside(made, { pool, timeout: 200 });
    expect(await store.find('app')).toStrictEqual(APP);
    for (const fail of [() => proxy.cut(), () => proxy.hang()]) {
      fail();
      for (const ask of asks(store)) {
        const began = performance.now();
        await expect(ask()).rejects.toMatchObject({ ...UNAVAILABLE, cause: { message: expect.any(String) } });
        expect(performance.now() - began).toBeLessThan(1000);
      }
      const { app } = await world({ clients: store });
      const answer = await postToken(app, A, basic('app', secret), 't');
      expect([answer.status, answer.headers['retry-after']]).toStrictEqual([503, expect.any(String)]);
      proxy.resume();
      const end = performance.now() + 10_000;
      let found: Client | undefined;
      while (!found && performance.now() < end) found = await store.find('app').catch(() => undefined);
      expect(found?.clientId).toBe('app');
    }
    await proxy.close();
  });

  it('takes a second as its time where nobody says otherwise', async () => {
    const pool = { connect: () => new Promise<never>(() => {}), on: () => {} };
    const began = performance.now();
    await expect(new PostgresClientStore({ pool }).find('app')).rejects.toMatchObject(UNAVAILABLE);
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(900);
    expect(took).toBeLessThan(3000);
  });

  const unconstrained = 'ALTER TABLE clients DROP CONSTRAINT clients_public, DROP CONSTRAINT clients_secret';
  it.each([
    ['A-12 a secret that is gone', `${unconstrained}; UPDATE clients SET secret = NULL`, '"is_public"'],
    ['A-12 an empty secret', `UPDATE clients SET secret = ''`, '"secret"'],
    ['a secret in clear', `UPDATE clients SET secret = 'in-clear'`, '"secret"'],
    ['a previous secret in clear', `UPDATE clients SET previous_secret = 'in-clear'`, '"previousSecret"'],
    ['an end of nothing', 'UPDATE clients SET previous_secret_until = 1e12', '"previousSecretUntil"'],
    ['a secret of a public client', `${unconstrained}; UPDATE clients SET is_public = true`, '"is_public"'],
    ['no JSON', `UPDATE clients SET client = 'in-clear'`, '"client"'],
    ['no object', `UPDATE clients SET client = '[]'`, '"client"'],
    ['an unknown member', `UPDATE clients SET client = '{"clientId":"app","x":1}'`, '"x"'],
    ['a bad member', `UPDATE clients SET client = '{"clientId":"app","scopes":"s"}'`, '"scopes"'],
    ['the id of another one', `UPDATE clients SET client = '{"clientId":"App"}'`, '"clientId"'],
  ])('takes no row for a client that has %s', async (_what, change, named) => {
    const store = await database.open();
    await store.save(APP);
    await database.server.query(`SET search_path = ${database.schemaOf(store)}; BEGIN; ${change}; COMMIT`);
    for (const ask of [() => store.find('app'), () => store.update('app', {})]) {
      const error: unknown = await ask().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ ...UNAVAILABLE, message: expect.stringContaining(named) });
      expect(inspect(error)).not.toContain('in-clear');
    }
    const { app } = await world({ clients: store });
    for (const presented of ['', secret]) {
      expect((await postToken(app, B, basic('app', presented), 't')).status).toBe(503);
    }
    await store.remove('app');
    expect(await store.find('app')).toBeUndefined();
  });

  it('lets no row lose its secret, or have a previous one alone', async () => {
    const store = await database.open();
    await store.save(APP);
    await store.save({ clientId: 'public' });
    const clients = `${database.schemaOf(store)}.clients`;
    for (const change of ['secret = NULL', 'is_public = NOT is_public', `previous_secret = '${hash}'`]) {
      await expect(database.server.query(`UPDATE ${clients} SET ${change}`)).rejects.toThrow('constraint');
    }
  });

  it('does not give up a connection for a row that cannot be used', async () => {
    const store = await database.open();
    await store.save(APP);
    await database.server.query(`UPDATE ${database.schemaOf(store)}.clients SET client = ''`);
    const pool = database.pool();
    let removed = 0;
    pool.on('remove', () => {
      removed += 1;
    });
    const other = database.beside(store, { pool });
    for (let i = 0; i < 5; i++) await expect(other.find('app')).rejects.toMatchObject(UNAVAILABLE);
    expect([pool.totalCount, removed]).toStrictEqual([1, 0]);
  });

  it('finds a client by one statement, prepared once, and by its index', async () => {
    const store = await database.open();
    await store.save(APP);
    const texts: string[] = [];
    const pool = watched(database.pool({ max: 1 }), (text) => texts.push(text));
    const other = database.beside(store, { pool });
    await other.find('app');
    texts.length = 0;
    for (let i = 0; i < 5; i++) await other.find('app');
    const schema = database.schemaOf(store);
    const { find, update, remove } = clientStatements(schema);
    expect(texts).toStrictEqual(Array.from({ length: 5 }, () => find.text));

    await database.server.query(`
      INSERT INTO ${schema}.clients (client_key, is_public, has_secret, client)
      SELECT md5(i::text)::uuid, true, false, '{}' FROM generate_series(1, 20000) i`);
    await database.server.query(`ANALYZE ${schema}.clients`);
    const db = new Connection(database.server.url);
    await db.connect();
    await db.query('SET plan_cache_mode = force_generic_plan');
    const uuid = `'${'0'.repeat(32)}'`;
    for (const [text, values] of [
      [find.text, uuid],
      [update.text, `${uuid}, ${uuid}, true, false, NULL, NULL, NULL, ''`],
      [remove.text, uuid],
    ] as const) {
      await db.query(`PREPARE it AS ${text}`);
      const { rows } = await db.query<Record<string, string>>(`EXPLAIN EXECUTE it(${values})`);
      const plan = JSON.stringify(rows);
      expect(plan).toContain('clients_pkey');
      expect(plan).not.toContain('Seq Scan');
      await db.query('DEALLOCATE it');
    }
    await db.end();
  });

  it('T-25 leaves no secret in the files, the log and a dump of the server, nor in an error', async () => {
    const store = await database.open();
    const chosen = 'chosen-in-clear';
    await store.save({ clientId: 'app', secret: await hashClientSecret(chosen), audiences: ['to-be-found'] });
    const first = (await store.rotateSecret('app')).secret;
    const error: unknown = await store.rotateSecret('app').catch((thrown: unknown) => thrown);
    await store.dropPreviousSecret('app');
    const second = (await store.rotateSecret('app')).secret;
    await store.restorePreviousSecret('app');
    const third = (await store.rotateSecret('app', { keepPreviousFor: 0 })).secret;
    const { app } = await world({ clients: store });
    expect((await postToken(app, A, basic('app', third), 't')).status).toBe(200);

    const { server } = database;
    await server.query('CHECKPOINT');
    const files = readdirSync(server.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    const dump = execFileSync(programOf(POSTGRES, 'pg_dump') as string, [
      `--schema=${database.schemaOf(store)}`,
      server.url,
    ]);
    const written = [...files, dump, Buffer.from(inspect(error, { depth: 10 }))];
    const has = (text: string): boolean => written.some((bytes) => bytes.includes(text));
    expect([
      has('to-be-found'),
      server.log().includes('to-be-found'),
      dump.includes('to-be-found'),
    ]).toStrictEqual([true, true, true]);
    const secrets = [chosen, first, second, third];
    expect(secrets.filter(has)).toStrictEqual([]);
  });
});
