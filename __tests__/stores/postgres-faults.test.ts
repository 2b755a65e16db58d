import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Pool, type PoolConfig } from 'pg';
import { PostgresTokenStore, type PostgresTokenStoreOptions } from '../../lib/stores/postgres/index.js';
import { eventually } from '../../lib/testing/suite.js';
import { StoreProcess } from '../support/other-process.js';
import { PostgresServer } from '../support/postgres.js';
import { startProxy, type TestProxy } from '../support/proxy.js';
import { describeWith, POSTGRES } from '../support/services.js';
import { testFaults } from '../support/store-faults.js';

const IS_LONG = process.env.FAULTS === 'long';
const unavailable = { name: 'StoreUnavailableError', cause: expect.anything() };
const access = { kind: 'access_token', clientId: 'app' } as const;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describeWith(POSTGRES, 'PostgresTokenStore among processes, and without its server', () => {
  let server: PostgresServer;
  let proxy: TestProxy;
  let viaProxy: string;
  const atEnd: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    server = await PostgresServer.start({ durable: true });
    proxy = await startProxy(server.port);
    viaProxy = server.url.replace(String(server.port), String(proxy.port));
  });
  afterEach(async () => {
    proxy.resume();
    for (const end of atEnd.splice(0).reverse()) await end();
  });
  afterAll(async () => {
    await proxy.close();
    await server.stop();
  });

  function newPool(options: PoolConfig = {}): Pool {
    const pool = new Pool({ connectionString: server.url, ...options });
    atEnd.push(() => pool.end());
    return pool;
  }

  async function open(
    schema: string,
    pool: PoolConfig = {},
    options: Partial<PostgresTokenStoreOptions> = {},
  ): Promise<PostgresTokenStore> {
    const store = new PostgresTokenStore({ pool: newPool(pool), schema, ...options });
    atEnd.push(() => store.close());
    await store.migrate();
    return store;
  }

  describe('as every store that processes share', () => {
    testFaults({
      kind: 'postgres',
      options: () => ({ url: server.url, schema: server.newSchema() }),
      async open(options) {
        // What a killed process had sent is still carried out.
        const busy = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'store process'`;
        const isQuiet = async (): Promise<boolean> => (await server.query(busy)).length === 0;
        await eventually(isQuiet);
        return open((options as { schema: string }).schema);
      },
    });
  });

  const rounds = IS_LONG ? 100 : 10;
  it(`lets nodes migrate, change and sweep at once: no error, no deadlock, no loss (${rounds} times)`, async () => {
    const pools = [newPool(), newPool()];
    for (let round = 0; round < rounds; round++) {
      const schema = server.newSchema();
      const clock = { now: Date.now() };
      const nodes = pools.map((pool) => {
        const options = { schema, retainExpiredFor: 10, timeout: 20_000, clock: () => clock.now };
        return new PostgresTokenStore({ pool, ...options });
      });
      const [one, two] = nodes as [PostgresTokenStore, PostgresTokenStore];
      await Promise.all([one.migrate(), two.migrate(), one.migrate(), two.migrate()]);
      const names = Array.from({ length: 60 }, (_, i) => `at-${i}`);
      const save = (name: string, i: number): Promise<unknown> => {
        const ends = i % 2 === 0 ? { expiresAt: clock.now + 1000 } : {};
        return (nodes[i % 2] as PostgresTokenStore).save({
          ...access,
          ...ends,
          token: name,
          grantId: 'g',
          subject: `user-${i % 3}`,
        });
      };
      await Promise.all(names.map(save));
      clock.now += 1010;
      const [swept, revoked] = await Promise.all([
        Promise.all(nodes.map((node) => node.sweep())),
        Promise.all([
          one.revokeGrant('g'),
          two.revokeAll({ clientId: 'app' }),
          two.revokeGrant('g'),
          one.revokeAll({ subject: 'user-1' }),
          ...names.map((name, i) => (nodes[(i + 1) % 2] as PostgresTokenStore).revoke(name)),
        ]),
        Promise.all(names.filter((_, i) => i % 2 === 1).map((name) => one.update(name, { refreshCount: 7 }))),
      ]);
      // What was locked when the sweep came by is swept by the next.
      const dropped = (swept[0] as number) + (swept[1] as number) + (await one.sweep());
      const counted = revoked.reduce((sum, count) => sum + count, 0);
      expect(counted).toBeGreaterThanOrEqual(30);
      expect(counted).toBeLessThanOrEqual(60);
      // A token without an expiry ends when it is revoked.
      clock.now += 10;
      expect([round, dropped + (await two.sweep())]).toStrictEqual([round, 60]);
      for (const node of nodes) await node.close();
    }
    expect(await server.query('SELECT sum(deadlocks)::int AS deadlocks FROM pg_stat_database')).toStrictEqual(
      [{ deadlocks: 0 }],
    );
  }, 300_000);

  const kills = IS_LONG ? 30 : 3;
  it(`answers right or not at all when its server is killed, and goes on by itself (${kills} kills)`, async () => {
    const store = await open(server.newSchema(), { max: 8 }, { linkInterval: 50 });
    let missed = 0;
    store.onRevoked(
      () => {},
      () => {
        missed += 1;
      },
    );
    const saved = new Set<string>();
    const revoked = new Set<string>();
    const wrong: unknown[] = [];
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        if ((error as Error).name !== 'StoreUnavailableError' || !(error as Error).cause) wrong.push(error);
        await pause(5);
      }
    };
    let isOver = false;
    const worker = async (id: number): Promise<void> => {
      for (let i = 0; !isOver; i++) {
        const token = `at-${id}-${i}`;
        await attempt(async () => {
          await store.save({ ...access, token, refreshToken: `${token}-refresh` });
          saved.add(token);
          const found = await store.find(token);
          if (found?.status !== 'approved') wrong.push([token, found]);
          if (i % 2 === 1) return;
          await store.revoke(token);
          revoked.add(token);
          const after = await store.find(token);
          if (after?.status !== 'revoked') wrong.push([token, after]);
        });
      }
    };
    const workers = Array.from({ length: 8 }, (_, id) => worker(id));
    for (let round = 0; round < kills; round++) {
      await pause(150 + Math.random() * 200);
      const before = missed;
      await server.kill();
      await pause(Math.random() * 200);
      await server.restart();
      await eventually(() => store.find('at-0-0').then(Boolean, () => false), 10_000);
      // Told at the loss, and when the link stands again.
      await eventually(() => missed >= before + 2, 10_000);
    }
    isOver = true;
    await Promise.all(workers);
    expect(wrong).toStrictEqual([]);
    expect(revoked.size).toBeGreaterThan(50);
    for (const token of saved) {
      const found = await store.find(token);
      expect([token, found?.refreshToken]).toStrictEqual([token, `${token}-refresh`]);
      if (revoked.has(token)) expect([token, found?.status]).toStrictEqual([token, 'revoked']);
    }
  }, 300_000);

  it('gives up on a server that hangs, asks no more than it can be answered, and has its pool back afterwards', async () => {
    const pool = newPool({ connectionString: viaProxy, max: 3 });
    const timeout = 200;
    const store = new PostgresTokenStore({ pool, schema: server.newSchema(), timeout });
    atEnd.push(() => store.close());
    await store.migrate();
    await store.save({ ...access, token: 'at', grantId: 'g' });
    await Promise.all(Array.from({ length: 10 }, () => store.find('at')));
    proxy.hang();
    for (let round = 0; round < 5; round++) {
      const asked = [
        () => store.find('at'),
        () => store.find('unknown'),
        () => store.save({ ...access, token: 'new' }),
        () => store.update('at', { refreshCount: 1 }),
        () => store.revoke('other'),
        () => store.revokeGrant('other'),
        () => store.revokeAll({ clientId: 'other' }),
        () => store.sweep(),
      ].map(async (ask) => {
        const began = performance.now();
        await expect(ask()).rejects.toMatchObject(unavailable);
        expect(performance.now() - began).toBeLessThan(timeout + 300);
      });
      await Promise.all(asked);
    }
    // Not 40: what was asked for in vain serves the next.
    expect(pool.waitingCount).toBeLessThanOrEqual(8);
    expect(pool.totalCount).toBeLessThanOrEqual(3);
    proxy.resume();
    await eventually(() => store.find('at').then(Boolean, () => false), 5000);
    const found = await Promise.all(Array.from({ length: 20 }, () => store.find('at')));
    expect(found.map((record) => record?.status)).toStrictEqual(Array(20).fill('approved'));
    expect(await store.revokeGrant('g')).toBe(1);
    expect([pool.waitingCount, pool.idleCount]).toStrictEqual([0, pool.totalCount]);
  });

  it.each(['hang', 'cut'] as const)(
    'R-07 a cache of another process shows no revoked token for long when its connections %s',
    async (how) => {
      const schema = server.newSchema();
      const [linkInterval, timeout] = [400, 400];
      const store = await open(schema);
      const other = await StoreProcess.start('postgres', { url: viaProxy, schema, linkInterval, timeout });
      await store.save({ ...access, token: 'at' });
      await store.save({ ...access, token: 'later' });
      expect(await other.call('introspect', 'at')).toMatchObject({ active: true });
      await pause(linkInterval);
      expect(await other.call('introspect', 'at')).toMatchObject({ active: true });
      proxy[how]();
      await store.revoke('at');
      const revoked = performance.now();
      let lastActive = revoked;
      for (;;) {
        const asked = performance.now();
        const answer = await other.call('introspect', 'at').catch((error: Error) => error);
        if (answer instanceof Error) {
          expect(answer.message).toMatch(/unavailable|reach|could not/i);
          break;
        }
        expect(answer).toMatchObject({ active: true });
        lastActive = asked;
        await pause(5);
      }
      expect(lastActive - revoked).toBeLessThan(linkInterval + timeout + 150);
      proxy.resume();
      const answer = async (): Promise<unknown> => other.call('introspect', 'at').catch(() => undefined);
      await eventually(async () => (await answer()) !== undefined, 10_000);
      expect(await answer()).toStrictEqual({ active: false });
      // And it is told again.
      const isTold = async (): Promise<boolean> => {
        const listening = `SELECT 1 FROM pg_stat_activity WHERE query = 'LISTEN "${schema}_revoked"' OR query = 'SELECT 1'`;
        return (await server.query(listening)).length > 0;
      };
      await eventually(isTold);
      await pause(linkInterval);
      expect(await other.call('introspect', 'later')).toMatchObject({ active: true });
      const refused = other.call('refused', 'later');
      await store.revoke('later');
      const told = process.hrtime.bigint();
      expect(Number(BigInt((await refused) as string) - told) / 1e6).toBeLessThan(200);
    },
  );

  it('tells another process of all tokens of a large grant', async () => {
    const schema = server.newSchema();
    const [one, two] = [await open(schema), await open(schema)];
    const [here, there]: [string[], string[]] = [[], []];
    let standing = 0;
    const stand = (): void => {
      standing += 1;
    };
    one.onRevoked((digest) => here.push(digest), stand);
    two.onRevoked((digest) => there.push(digest), stand);
    await eventually(() => standing >= 2);
    const names = Array.from({ length: 400 }, (_, i) => `at-${i}`);
    await Promise.all(names.map((token) => one.save({ ...access, token, grantId: 'g' })));
    expect(await one.revokeGrant('g')).toBe(400);
    expect(here).toHaveLength(400);
    await eventually(() => there.length === 400);
    await pause(50);
    expect(here.toSorted()).toStrictEqual(there.toSorted());
    expect(new Set(there).size).toBe(400);
  });

  it('outlives a server that ends its idle connections, and hears of it', async () => {
    const store = await open(server.newSchema(), {}, { linkInterval: 50 });
    let missed = 0;
    store.onRevoked(
      () => {},
      () => {
        missed += 1;
      },
    );
    await eventually(() => missed === 1);
    await store.save({ ...access, token: 'at' });
    await server.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    await eventually(() => missed >= 3);
    expect(await store.find('at')).toMatchObject({ status: 'approved' });
  });

  it('T-25 leaves no token and no refresh token in the files and the log of the server', async () => {
    const store = await open(server.newSchema(), { options: '-c log_statement=all' });
    const [token, refresh, refreshToken] = [
      'access-in-clear',
      'refresh-in-clear',
      'linked-in-clear',
    ] as const;
    await store.save({ ...access, token, subject: 'alice-in-clear', refreshToken });
    await store.save({ token: refresh, kind: 'refresh_token', clientId: 'app' });
    await store.update(token, { scope: ['read'] });
    await expect(store.save({ ...access, token })).rejects.toThrow();
    await store.revoke(refresh);
    await server.query('CHECKPOINT');
    const files = readdirSync(server.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name)));
    const has = (text: string): boolean => files.some((file) => file.includes(text));
    expect([has('alice-in-clear'), server.log().includes('alice-in-clear')]).toStrictEqual([true, true]);
    for (const value of [token, refresh, refreshToken])
      expect([value, has(value)]).toStrictEqual([value, false]);
  });
});
