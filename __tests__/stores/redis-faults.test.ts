import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, RESP_TYPES } from 'redis';
import { cachingIntrospector, storeIntrospector, tokenDigest } from '../../lib/index.js';
import { RedisTokenStore } from '../../lib/stores/redis/index.js';
import { eventually, rejection } from '../../lib/testing/suite.js';
import { StoreUnavailableError, storeErrorKind } from '../../lib/tokens/store-errors.js';
import { startProxy, type TestProxy } from '../support/proxy.js';
import { RedisServer, startCluster } from '../support/redis.js';
import { connect, openRedis } from '../support/redis-stores.js';
import { describeWith, REDIS } from '../support/services.js';
import { IS_LONG, testFaults, testRevocations } from '../support/store-faults.js';

let prefixes = 0;
const newPrefix = (): string => {
  prefixes += 1;
  return `test-${prefixes}:`;
};

const access = (token: string, more: object = {}) =>
  ({ token, kind: 'access_token', clientId: 'app', ...more }) as const;

describeWith(REDIS, 'RedisTokenStore among processes', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start({ durable: true });
  });
  afterAll(() => server.kill());

  const settings = (localCopy: boolean) => ({
    kind: 'redis',
    options: () => ({ urls: [server.url], prefix: newPrefix(), localCopy }),
    open: (options: object) => openRedis(options as Parameters<typeof openRedis>[0]),
  });
  testFaults(settings(false));
  describe('with a local copy', () => testRevocations(settings(true)));

  it('has what had resolved when its server is killed under load, and works again by itself', async () => {
    const options = { urls: [server.url], prefix: newPrefix(), timeout: 500 };
    const store = await openRedis(options);
    const saved: string[] = [];
    const revoked = new Set<string>();
    const wrong: unknown[] = [];
    let isOver = false;
    let outages = 0;
    const watch = async (work: () => Promise<void>): Promise<void> => {
      while (!isOver) {
        try {
          await work();
        } catch (error) {
          if (storeErrorKind(error) !== 'unavailable') wrong.push(error);
          outages += 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
    };
    let count = 0;
    const writer = (): Promise<void> =>
      watch(async () => {
        count += 1;
        const name = `at-${count}`;
        await store.save(access(name, { grantId: `g-${name}` }));
        saved.push(name);
        if (count % 3 !== 0) return;
        await (count % 2 === 0 ? store.revoke(name) : store.revokeGrant(`g-${name}`));
        revoked.add(name);
      });
    const reader = (): Promise<void> =>
      watch(async () => {
        const name = saved[Math.floor(Math.random() * saved.length)];
        if (name === undefined) throw new StoreUnavailableError();
        const wasRevoked = revoked.has(name);
        const found = await store.find(name);
        if (!found || (wasRevoked && found.status !== 'revoked')) wrong.push([name, found]);
      });
    const load = [writer(), writer(), reader(), reader()];
    for (let round = 0; round < (IS_LONG ? 20 : 3); round++) {
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 200));
      await server.kill();
      const before = outages;
      await eventually(() => outages > before);
      await server.restart();
      const had = saved.length;
      await eventually(() => saved.length > had + 20, 15_000);
    }
    isOver = true;
    await Promise.all(load);
    expect(wrong).toStrictEqual([]);
    for (const name of saved) {
      const status = (await store.find(name))?.status;
      if (revoked.has(name)) expect([name, status]).toStrictEqual([name, 'revoked']);
      else expect([name, status !== undefined]).toStrictEqual([name, true]);
    }
    await store.close();
  }, 300_000);

  it('T-25 leaves no token and no refresh token in the files of its server', async () => {
    const store = await openRedis({ urls: [server.url], prefix: newPrefix() });
    const values = ['access-token-in-clear', 'refresh-token-in-clear', 'linked-refresh-in-clear'];
    const [token = '', refresh = '', refreshToken = ''] = values;
    await store.save(access(token, { subject: 'alice-in-clear', refreshToken, grantId: 'g' }));
    await store.save({ token: refresh, kind: 'refresh_token', clientId: 'app', grantId: 'g' });
    await store.update(token, { scope: ['read'] });
    await store.find(token);
    await store.revoke(refresh);
    await store.revokeGrant('g');
    await server.command('CONFIG', 'SET', 'rdbcompression', 'no');
    await server.command('SAVE');
    const all = server.files();
    expect(all.includes('alice-in-clear')).toBe(true);
    for (const value of values) expect([value, all.includes(value)]).toStrictEqual([value, false]);
    await store.close();
  });
});

describeWith(REDIS, 'RedisTokenStore among processes, on a cluster', () => {
  let servers: readonly RedisServer[];
  beforeAll(async () => {
    servers = await startCluster();
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.kill()));
  });

  testFaults({
    kind: 'redis',
    options: () => ({ urls: servers.map(({ url }) => url), prefix: newPrefix() }),
    open: (options) => openRedis(options as Parameters<typeof openRedis>[0]),
    // The scripts are those of one server, whose writers end more often.
    rounds: [4, 2],
  });

  it('spreads its tokens over all nodes', async () => {
    const store = await openRedis({ urls: servers.map(({ url }) => url), prefix: newPrefix() });
    await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        store.save(access(`at-${i}`, { subject: `s-${i}`, grantId: `g-${i}` })),
      ),
    );
    for (const server of servers) expect(await server.command('DBSIZE')).toBeGreaterThan(100);
    await store.close();
  });

  it('keeps a local copy, which the stores tell each other to forget', async () => {
    const options = { urls: servers.map(({ url }) => url), prefix: newPrefix(), localCopy: true };
    const store = await openRedis(options);
    const other = await openRedis(options);
    const reads = async (): Promise<number> => {
      const stats = await Promise.all(servers.map((server) => server.command('INFO', 'commandstats')));
      return stats.reduce<number>(
        (sum, text) => sum + Number(/cmdstat_get:calls=(\d+)/.exec(String(text))?.[1] ?? 0),
        0,
      );
    };
    await other.save(access('at', { grantId: 'g' }));
    await eventually(async () => {
      const before = await reads();
      await store.find('at');
      return (await reads()) === before;
    });
    await other.update('at', { refreshCount: 5 });
    await eventually(async () => (await store.find('at'))?.refreshCount === 5);
    await other.revokeGrant('g');
    await eventually(async () => (await store.find('at'))?.status === 'revoked');
    await Promise.all([store.close(), other.close()]);
  });

  it('answers again without a restart when a node is gone for a while', async () => {
    const store = await openRedis({
      urls: servers.map(({ url }) => url),
      prefix: newPrefix(),
      linkInterval: 100,
    });
    const told: string[] = [];
    store.onRevoked((digest) => told.push(digest));
    const names = Array.from({ length: 30 }, (_, i) => `at-${i}`);
    for (const name of names) await store.save(access(name));
    await servers[1]?.kill();
    const answers = await Promise.all(names.map((name) => rejection(store.find(name))));
    const kinds = new Set(answers.map(storeErrorKind));
    expect(kinds.has('unavailable')).toBe(true);
    expect(kinds.has('not_found') || kinds.has('conflict')).toBe(false);
    await servers[1]?.restart();
    // Its memory was lost with it; the others' was not.
    await eventually(async () => {
      const found = await Promise.all(names.map((name) => store.find(name).catch(() => 'outage')));
      return !found.includes('outage') && found.filter(Boolean).length > 10;
    }, 30_000);
    await eventually(async () => {
      const name = `after-${Math.random()}`;
      await store.save(access(name));
      await store.revoke(name);
      return told.length > 0;
    }, 30_000);
    await store.close();
  }, 90_000);
});

describeWith(REDIS, 'RedisTokenStore without its link', () => {
  let server: RedisServer;
  let proxy: TestProxy;
  beforeAll(async () => {
    server = await RedisServer.start();
    proxy = await startProxy(server.port);
  });
  afterAll(async () => {
    await proxy.close();
    await server.kill();
  });

  /** A store whose own connections go through the proxy, and the client's do not. */
  async function linkedThroughProxy(options: object) {
    const direct = await connect(server.url);
    const through = createClient({ url: `redis://127.0.0.1:${proxy.port}` });
    const client = Object.assign(Object.create(direct) as typeof direct, {
      duplicate: through.duplicate.bind(through) as typeof direct.duplicate,
    });
    const store = new RedisTokenStore({ client, linkInterval: 200, timeout: 300, ...options });
    const end = async (): Promise<void> => {
      await store.close();
      direct.destroy();
    };
    return { store, end };
  }

  it.each(['cut', 'hang'] as const)(
    'R-07 a cache feels a revocation within linkInterval and timeout when its link is %s, and at once when it is back',
    async (how) => {
      const prefix = newPrefix();
      const { store, end } = await linkedThroughProxy({ prefix });
      const other = await openRedis({ urls: [server.url], prefix });
      const cache = cachingIntrospector(storeIntrospector(store), { maxAge: 600_000 });
      const told: string[] = [];
      store.onRevoked(
        (digest) => told.push(digest),
        () => told.push('missed'),
      );
      await eventually(() => told.length > 0);
      for (const token of ['at', 'later', 'last']) await other.save(access(token));
      expect(await cache.introspect('at')).toMatchObject({ active: true });
      proxy[how]();
      const cutAt = performance.now();
      await other.revoke('at');
      await eventually(async () => !(await cache.introspect('at')).active);
      // 200 ms until the next probe, 300 ms until it is late, and some for a machine that is busy.
      expect(performance.now() - cutAt).toBeLessThan(500 + 300);
      expect(await cache.introspect('later')).toMatchObject({ active: true });
      const revokedAt = performance.now();
      await other.revoke('later');
      await eventually(async () => !(await cache.introspect('later')).active);
      expect(performance.now() - revokedAt).toBeLessThan(500 + 300);
      proxy.resume();
      await eventually(async () => {
        const name = `probe-${Math.random()}`;
        await other.save(access(name));
        await other.revoke(name);
        return told.some((what) => what !== 'missed');
      });
      expect(await cache.introspect('last')).toMatchObject({ active: true });
      const before = performance.now();
      await other.revoke('last');
      await eventually(async () => !(await cache.introspect('last')).active);
      expect(performance.now() - before).toBeLessThan(100);
      await Promise.all([end(), other.close()]);
    },
  );

  it.each(['cut', 'hang'] as const)(
    'drops its local copy when its link is %s, and reads from the server',
    async (how) => {
      const prefix = newPrefix();
      const { store, end } = await linkedThroughProxy({ prefix, localCopy: { maxAge: 600_000 } });
      const other = await openRedis({ urls: [server.url], prefix });
      await other.save(access('at', { grantId: 'g' }));
      await eventually(async () => (await readsOf(async () => store.find('at'))) === 0);
      proxy[how]();
      await other.revokeGrant('g');
      const cutAt = performance.now();
      await eventually(async () => (await store.find('at').catch(() => undefined))?.status === 'revoked');
      expect(performance.now() - cutAt).toBeLessThan(500 + 300);
      expect(await readsOf(async () => store.find('at'))).toBeGreaterThan(0);
      proxy.resume();
      await eventually(async () => (await readsOf(async () => store.find('at'))) === 0);
      expect(await store.find('at')).toMatchObject({ status: 'revoked' });
      await Promise.all([end(), other.close()]);
    },
  );

  /** How many GETs the server has answered while something was done. */
  async function readsOf(work: () => Promise<unknown>): Promise<number> {
    const count = async (): Promise<number> => {
      const stats = String(await server.command('INFO', 'commandstats'));
      return Number(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    const before = await count();
    await work();
    return (await count()) - before;
  }

  it.each([false, true])('notices at once that its link is cut (local copy: %s)', async (localCopy) => {
    const { store, end } = await linkedThroughProxy({ prefix: newPrefix(), localCopy, linkInterval: 60_000 });
    let missed = 0;
    store.onRevoked(
      () => {},
      () => {
        missed += 1;
      },
    );
    await eventually(() => missed === 1);
    proxy.cut();
    await eventually(() => missed === 2, 2000);
    proxy.resume();
    await end();
  });

  it('keeps no more copies than it may, and none for longer than it may', async () => {
    const prefix = newPrefix();
    const store = await openRedis({ urls: [server.url], prefix, localCopy: { maxEntries: 2, maxAge: 400 } });
    for (const name of ['a', 'b', 'c']) await store.save(access(name));
    await eventually(async () => (await readsOf(async () => store.find('a'))) === 0);
    expect(
      await readsOf(async () => {
        for (const name of ['a', 'b', 'c', 'a', 'b', 'c']) await store.find(name);
      }),
    ).toBeGreaterThanOrEqual(5);
    await store.find('a');
    await new Promise((resolve) => setTimeout(resolve, 450));
    expect(await readsOf(async () => store.find('a'))).toBe(1);
    await store.close();
  });

  it('keeps copies for a client whose replies are bytes, and of no token that is not there', async () => {
    const client = await connect(server.url, {
      commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    });
    const store = new RedisTokenStore({ client, prefix: newPrefix(), localCopy: true });
    await store.save(access('at', { grantId: 'g' }));
    await eventually(async () => (await readsOf(async () => store.find('at'))) === 0);
    expect(await readsOf(async () => store.find('junk'))).toBe(1);
    expect(await readsOf(async () => store.find('junk'))).toBe(1);
    await store.close();
    client.destroy();
  });

  it('asks once for what many want at the same time', async () => {
    const prefix = newPrefix();
    const store = await openRedis({ urls: [server.url], prefix, localCopy: true });
    await store.save(access('probe'));
    await eventually(async () => (await readsOf(async () => store.find('probe'))) === 0);
    await store.save(access('at'));
    expect(await readsOf(async () => Promise.all(Array.from({ length: 50 }, () => store.find('at'))))).toBe(
      1,
    );
    await server.command('FLUSHALL');
    await eventually(async () => (await store.find('at')) === undefined);
    await store.close();
  });

  it('asks the server once for what it has a local copy of, until it changes', async () => {
    const prefix = newPrefix();
    const store = await openRedis({ urls: [server.url], prefix, localCopy: true });
    const other = await openRedis({ urls: [server.url], prefix });
    await store.save(access('at', { grantId: 'g', scope: ['a'] }));
    await eventually(async () => (await readsOf(async () => store.find('at'))) === 0);
    expect(
      await readsOf(async () => {
        for (let i = 0; i < 100; i++) await store.find('at');
      }),
    ).toBe(0);
    await other.update('at', { scope: ['b'] });
    await eventually(async () => (await store.find('at'))?.scope[0] === 'b');
    await other.revokeGrant('g');
    await eventually(async () => (await store.find('at'))?.status === 'revoked');
    await Promise.all([store.close(), other.close()]);
  });

  it('forgets what has changed, by whomever, and keeps its other copies', async () => {
    const prefix = newPrefix();
    const store = await openRedis({ urls: [server.url], prefix, localCopy: true });
    for (const name of ['at', 'other']) await store.save(access(name));
    const findBoth = async (): Promise<void> => {
      for (const name of ['at', 'other']) await store.find(name);
    };
    await eventually(async () => (await readsOf(findBoth)) === 0);
    // Nobody tells of it but the server.
    const [key = ''] = (await server.command('KEYS', `${prefix}*${tokenDigest('at')}*`)) as string[];
    await server.command('DEL', key);
    await eventually(async () => (await store.find('at')) === undefined);
    expect(await readsOf(async () => store.find('other'))).toBe(0);
    await server.command('FLUSHALL');
    await eventually(async () => (await store.find('other')) === undefined);
    await store.close();
  });

  it('sees at once what it has changed itself, whatever it has a copy of', async () => {
    const store = await openRedis({ urls: [server.url], prefix: newPrefix(), localCopy: true });
    await store.save(access('probe'));
    await eventually(async () => (await readsOf(async () => store.find('probe'))) === 0);
    for (let i = 0; i < 200; i++) {
      const [name, grantId] = [`at-${i}`, `g-${i}`];
      expect(await store.find(name)).toBeUndefined();
      await store.save(access(name, { grantId }));
      expect(await store.find(name)).toMatchObject({ status: 'approved', refreshCount: 0 });
      await store.update(name, { refreshCount: 7 });
      expect(await store.find(name)).toMatchObject({ status: 'approved', refreshCount: 7 });
      await (i % 2 === 0 ? store.revoke(name) : store.revokeGrant(grantId));
      expect(await store.find(name)).toMatchObject({ status: 'revoked' });
    }
    await store.close();
  });

  it('fails within its timeout when the server hangs, and works on when it answers again', async () => {
    const store = await openRedis({
      urls: [`redis://127.0.0.1:${proxy.port}`],
      prefix: newPrefix(),
      timeout: 200,
    });
    await store.save(access('at'));
    proxy.hang();
    for (const asked of [() => store.find('at'), () => store.save(access('b')), () => store.revoke('at')]) {
      const began = performance.now();
      expect(storeErrorKind(await rejection(asked()))).toBe('unavailable');
      expect(performance.now() - began).toBeLessThan(500);
    }
    proxy.resume();
    await eventually(async () => (await rejection(store.find('at'))) === undefined);
    await store.close();
  });
});
