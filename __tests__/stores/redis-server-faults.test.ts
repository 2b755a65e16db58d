import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient, createCluster, RESP_TYPES } from 'redis';
import {
  cachingIntrospector,
  StoreUnavailableError,
  storeIntrospector,
  tokenDigest,
} from '../../lib/index.js';
import { type RedisConnection, RedisTokenStore } from '../../lib/stores/redis/index.js';
import { Keys } from '../../lib/stores/redis/keys.js';
import { LocalCopy } from '../../lib/stores/redis/local-copy.js';
import { RedisTokens } from '../../lib/stores/redis/redis-tokens.js';
import { eventually, rejection } from '../../lib/testing/suite.js';
import { RedisServer, startCluster } from '../support/redis.js';
import { connect, openRedis, overtaken } from '../support/redis-stores.js';
import { describeWith, REDIS } from '../support/services.js';

const HOUR = 3_600_000;
let prefixes = 0;
const newPrefix = (): string => {
  prefixes += 1;
  return `test-${prefixes}:`;
};

const access = (token: string, more: object = {}) =>
  ({ token, kind: 'access_token', clientId: 'app', ...more }) as const;

const pause = (ms: number): Promise<void> => new Promise((passed) => setTimeout(passed, ms));

describe('RedisTokenStore', () => {
  const client = createClient();
  const ownClient = { get() {}, evalSha() {}, duplicate() {}, withCommandOptions() {} };
  it.each([
    ['client', {}],
    ['client', { client: { get: () => undefined } }],
    ['prefix', { client, prefix: '' }],
    ['prefix', { client: ownClient, prefix: '' }],
    ['prefix', { client, prefix: 'a{b}' }],
    ['retainExpiredFor', { client, retainExpiredFor: -1 }],
    ['timeout', { client, timeout: 0 }],
    ['linkInterval', { client, linkInterval: 0 }],
    ['localCopy', { client, localCopy: 5 }],
    ['localCopy.maxEntries', { client, localCopy: { maxEntries: 0 } }],
    ['localCopy.maxAge', { client, localCopy: { maxAge: 0 } }],
    ['size', { client, localCopy: { size: 5 } }],
    ['client', { client: createClient({ keyPrefix: 'x:' }) }],
    ['client', { client: createClient({ RESP: 3, clientSideCache: {} }) }],
    ['client', { client: createCluster({ rootNodes: [], useReplicas: true }) }],
    ['timeout', { client, timeout: 2 ** 31 }],
    ['linkInterval', { client, linkInterval: 2 ** 31 }],
    ['clock', { client, clock: 5 }],
    ['url', { client, url: 'redis://x' }],
  ])('a TypeError names "%s" when it is wrong (%#)', (name, options) => {
    expect(() => new RedisTokenStore(options as never)).toThrow(TypeError);
    expect(() => new RedisTokenStore(options as never)).toThrow(`"${name}"`);
  });

  it('takes a client that says nothing of its settings', async () => {
    const store = new RedisTokenStore({ client: ownClient as unknown as RedisConnection });
    await store.close();
  });

  it('is unavailable while nobody has connected its client', async () => {
    const store = new RedisTokenStore({ client: createClient(), timeout: 100 });
    expect(await rejection(store.find('at'))).toMatchObject({ name: 'StoreUnavailableError' });
    await store.close();
  });
});

describeWith(REDIS, 'RedisTokenStore on a server', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.kill());

  const open = (options: object = {}) => openRedis({ urls: [server.url], prefix: newPrefix(), ...options });
  const keysOf = (prefix: string): Promise<Map<string, number>> => server.keysOf(prefix);

  it('has the server drop a record when its retention is over, and what it is found by later', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, retainExpiredFor: 2000 });
    const expiresAt = Date.now() + 200;
    await store.save(access('at', { expiresAt, grantId: 'g', subject: 'alice' }));
    expect(await store.sweep()).toBe(0);
    await pause(250);
    expect(await store.find('at')).toMatchObject({ status: 'approved' });
    await eventually(async () => (await store.find('at')) === undefined);
    expect(Date.now()).toBeGreaterThanOrEqual(expiresAt + 2000);
    expect([await store.revokeAll({ subject: 'alice' }), await store.revokeGrant('g')]).toStrictEqual([0, 0]);
    const left = await keysOf(prefix);
    expect(left.size).toBe(2);
    for (const end of left.values()) expect(Math.abs(end - HOUR)).toBeLessThan(30_000);
    // The next token of the client clears its index of what has gone, but only once that is over.
    await store.save(access('at', { grantId: 'g' }));
    expect(await store.find('at')).toMatchObject({ status: 'approved' });
    await store.close();
  });

  it('keeps an endless token for ever, until it is revoked', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, retainExpiredFor: HOUR });
    await store.save(access('at', { grantId: 'g', subject: 'alice' }));
    await store.save(access('ends', { grantId: 'g', subject: 'alice', expiresAt: Date.now() + HOUR }));
    const before = await keysOf(prefix);
    const token = (name: string): string => `token:${tokenDigest(name)}`;
    expect(before.get(token('at'))).toBe(-1);
    expect(Math.abs((before.get(token('ends')) as number) - 2 * HOUR)).toBeLessThan(30_000);
    for (const [key, end] of before)
      if (!key.startsWith('token:') && key.includes(':generation')) expect(end).toBe(-1);
    await store.revoke('at');
    expect(Math.abs(((await keysOf(prefix)).get(token('at')) as number) - HOUR)).toBeLessThan(30_000);
    await store.revoke('ends');
    expect(Math.abs(((await keysOf(prefix)).get(token('ends')) as number) - 2 * HOUR)).toBeLessThan(30_000);
    expect(await store.find('at')).toMatchObject({ status: 'revoked' });
    // Nothing is left of them in the indexes.
    expect([...(await keysOf(prefix)).keys()].filter((key) => key.endsWith(':tokens'))).toStrictEqual([]);
    await store.close();
  });

  it('goes by the expiry that an update has set, for what a token is found by too', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, retainExpiredFor: 0 });
    const now = Date.now();
    for (const name of ['longer', 'shorter', 'endless'])
      await store.save(access(name, { expiresAt: now + HOUR, grantId: `g-${name}` }));
    await store.update('longer', { expiresAt: now + 9 * HOUR });
    await store.update('shorter', { expiresAt: now + HOUR / 2 });
    await store.update('endless', { expiresAt: null });
    const ends = await keysOf(prefix);
    const end = (name: string): number => ends.get(`token:${tokenDigest(name)}`) as number;
    expect(Math.abs(end('longer') - 9 * HOUR)).toBeLessThan(30_000);
    expect(Math.abs(end('shorter') - HOUR / 2)).toBeLessThan(30_000);
    expect(end('endless')).toBe(-1);
    const { generation } = new Keys('').grant('g-longer');
    expect(Math.abs((ends.get(generation) as number) - 10 * HOUR)).toBeLessThan(30_000);
    expect(ends.get(new Keys('').grant('g-endless').generation)).toBe(-1);
    for (const name of ['longer', 'shorter', 'endless']) expect(await store.revokeGrant(`g-${name}`)).toBe(1);
    await store.close();
  });

  it('keeps what ends later than a server can count, and drops at once what has ended long ago', async () => {
    const store = await open({ retainExpiredFor: 1000 });
    await store.save(access('far', { expiresAt: 1e300 }));
    await store.save(access('past', { issuedAt: 1_600_000_000_000, expiresAt: 1_600_000_001_000 }));
    expect(await store.find('far')).toMatchObject({ expiresAt: 1e300 });
    expect(await store.find('past')).toBeUndefined();
    await store.close();
  });

  it('ends all tokens of a grant by its first step, whatever becomes of the next ones', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    const other = await open({ prefix });
    const told: string[] = [];
    let links = 0;
    other.onRevoked(
      (digest) => told.push(digest),
      () => {
        links += 1;
      },
    );
    await eventually(() => links > 0);
    for (const name of ['a', 'b', 'c']) await store.save(access(name, { grantId: 'g' }));
    const client = await connect(server.url);
    const tokens = new RedisTokens({
      redis: client,
      copies: () => undefined,
      keys: new Keys(prefix),
      retainExpiredFor: 0,
    });
    // As a process that dies after it.
    expect((await tokens.endGrant('g', 'event')).digests).toHaveLength(3);
    for (const name of ['a', 'b', 'c']) expect(await other.find(name)).toMatchObject({ status: 'revoked' });
    await eventually(() => told.length === 3);
    expect([await store.revokeGrant('g'), await store.revoke('a')]).toStrictEqual([0, 0]);
    expect(await store.revokeAll({ clientId: 'app' })).toBe(0);
    expect(await store.update('a', { refreshCount: 3 })).toMatchObject({
      status: 'revoked',
      refreshCount: 3,
    });
    // A new token of the same grant is no matter of the old ones.
    await store.save(access('d', { grantId: 'g' }));
    expect((await store.find('d'))?.status).toBe('approved');
    expect((await store.find('b'))?.status).toBe('revoked');
    expect(await store.revokeGrant('g')).toBe(1);
    client.destroy();
    await Promise.all([store.close(), other.close()]);
  });

  it('revokes no token of another owner that a refused save has left in an index', async () => {
    const store = await open();
    await store.save(access('at', { grantId: 'mine', subject: 'me' }));
    const error = await rejection(
      store.save(access('at', { grantId: 'yours', subject: 'you', clientId: 'other' })),
    );
    expect(error).toMatchObject({ name: 'ConflictError' });
    expect(await store.revokeGrant('yours')).toBe(0);
    expect(await store.revokeAll({ subject: 'you' })).toBe(0);
    expect(await store.revokeAll({ clientId: 'other' })).toBe(0);
    expect(await store.find('at')).toMatchObject({ status: 'approved', subject: 'me' });
    await store.close();
  });

  it('reads at the server what the connection with the local copies fails to read', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    await store.save(access('at'));
    const client = await connect(server.url);
    const failing = Object.assign(Object.create(client) as typeof client, {
      get: () => Promise.reject(new Error('closed')),
    });
    const tokens = new RedisTokens({
      redis: client,
      copies: () => ({ copy: new LocalCopy({ maxEntries: 10, maxAge: 1000 }), reader: failing }),
      keys: new Keys(prefix),
      retainExpiredFor: 0,
    });
    expect((await tokens.find(tokenDigest('at')))?.record).toMatchObject({ status: 'approved' });
    client.destroy();
    await store.close();
  });

  it('heeds no message that tells nothing', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    const told: string[] = [];
    store.onRevoked(
      (digest) => told.push(digest),
      () => told.push('missed'),
    );
    await eventually(() => told.length === 1);
    for (const message of ['', ' ', 'event', 'event ', 'event ?', `event ${tokenDigest('at')}`])
      await server.command('PUBLISH', new Keys(prefix).channel, message);
    await eventually(() => told.length > 1);
    expect(told).toStrictEqual(['missed', tokenDigest('at')]);
    await store.close();
  });

  it('R-07 tells a revocation that follows soon on another message about the same token', async () => {
    const prefix = newPrefix();
    const [store, other] = [await open({ prefix }), await open({ prefix })];
    const caches = [store, other].map((each) =>
      cachingIntrospector(storeIntrospector(each), { maxAge: 600_000 }),
    );
    let links = 0;
    for (const each of [store, other]) {
      each.onRevoked(
        () => {},
        () => {
          links += 1;
        },
      );
    }
    await eventually(() => links >= 2);
    await store.save(access('at', { grantId: 'mine' }));
    await rejection(store.save(access('at', { grantId: 'yours' })));
    expect(await store.revokeGrant('yours')).toBe(0);
    for (const cache of caches) expect(await cache.introspect('at')).toMatchObject({ active: true });
    expect(await store.revoke('at')).toBe(1);
    for (const cache of caches) await eventually(async () => !(await cache.introspect('at')).active);
    await Promise.all([store.close(), other.close()]);
  });

  it('R-07 tells the revocation of a token that was saved again', async () => {
    const store = await open({ retainExpiredFor: 0 });
    const cache = cachingIntrospector(storeIntrospector(store), { maxAge: 600_000, negativeMaxAge: 0 });
    for (let i = 0; i < 3; i++) {
      await eventually(async () => (await store.find('at')) === undefined);
      await store.save(access('at', { grantId: 'g' }));
      expect(await cache.introspect('at')).toMatchObject({ active: true });
      expect(await store.revoke('at')).toBe(1);
      expect(await cache.introspect('at')).toStrictEqual({ active: false });
    }
    await store.close();
  });

  it('ends a grant of 6,000 tokens in a moment, and has everybody forget everything', async () => {
    const prefix = newPrefix();
    const [store, other] = [await open({ prefix, timeout: 20_000 }), await open({ prefix })];
    const told: string[] = [];
    const heard: string[] = [];
    other.onRevoked(
      (digest) => told.push(digest),
      () => told.push('missed'),
    );
    store.onRevoked(
      (digest) => heard.push(digest),
      () => heard.push('missed'),
    );
    await eventually(() => told.length > 0 && heard.length > 0);
    const names = Array.from({ length: 6000 }, (_, i) => `at-${i}`);
    for (let first = 0; first < names.length; first += 500)
      await Promise.all(
        names.slice(first, first + 500).map((name) => store.save(access(name, { grantId: 'g' }))),
      );
    const before = heard.length;
    expect(await store.revokeGrant('g')).toBe(6000);
    expect(heard.length).toBeGreaterThan(before);
    await eventually(() => told.length > 1);
    expect(new Set([...told, ...heard])).toStrictEqual(new Set(['missed']));
    expect((await other.find('at-5999'))?.status).toBe('revoked');
    // All of it is written down, and nothing is left of the grant.
    const keys = [...(await keysOf(prefix)).keys()].filter((key) => !key.startsWith('token:'));
    expect(keys).toStrictEqual([]);
    expect(await store.revokeAll({ clientId: 'app' })).toBe(0);
    await Promise.all([store.close(), other.close()]);
  }, 120_000);

  it('revokes all of a subject with 2,000 tokens', async () => {
    const store = await open({ timeout: 20_000 });
    const names = Array.from({ length: 2000 }, (_, i) => `at-${i}`);
    await Promise.all(
      names.map((name) => store.save(access(name, { subject: 'alice', clientId: `c-${name.length}` }))),
    );
    expect(await store.revokeAll({ subject: 'alice', clientId: 'c-6' })).toBe(900);
    expect(await store.revokeAll({ subject: 'alice' })).toBe(1100);
    await store.close();
  }, 60_000);

  it('keeps grants and subjects of one name apart', async () => {
    const store = await open();
    await store.save(access('at', { subject: 'x', grantId: 'y' }));
    await store.save(access('other', { subject: 'y', grantId: 'x' }));
    expect(await store.revokeGrant('y')).toBe(1);
    expect(await store.find('other')).toMatchObject({ status: 'approved' });
    expect(await store.revokeAll({ subject: 'y' })).toBe(1);
    await store.close();
  });

  it('keeps a grant as long as its longest token', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, retainExpiredFor: 0 });
    await store.save(access('long', { grantId: 'g', expiresAt: Date.now() + 9 * HOUR }));
    await store.save(access('short', { grantId: 'g', expiresAt: Date.now() + HOUR }));
    const end = (await keysOf(prefix)).get(new Keys('').grant('g').generation) as number;
    expect(Math.abs(end - 10 * HOUR)).toBeLessThan(30_000);
    await store.close();
  });

  it('says when a token was revoked, and keeps that for its retention, however long', async () => {
    let now = Date.now();
    const store = await open({ clock: () => now, retainExpiredFor: Number.MAX_VALUE });
    await store.save(access('at', { grantId: 'g' }));
    now += 0.5;
    expect(await store.revoke('at')).toBe(1);
    expect((await store.find('at'))?.lastModifiedAt).toBe(now);
    await store.save(access('other'));
    now = Number.NaN;
    expect(await rejection(store.revoke('other'))).toMatchObject({ name: 'StoreUnavailableError' });
    await store.close();
  });

  it('revokes a token though it cannot leave its indexes', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    await store.save(access('at', { subject: 'alice' }));
    const index = new Keys(prefix).subject('alice');
    await server.command('DEL', index);
    await server.command('SET', index, 'of another type');
    expect(await store.revoke('at')).toBe(1);
    await store.close();
  });

  it('sends its scripts again when the server has forgotten them', async () => {
    const store = await open();
    await store.save(access('at'));
    await server.command('SCRIPT', 'FLUSH');
    expect(await store.revoke('at')).toBe(1);
    await store.close();
  });

  it('gives up an update that others overtake again and again', async () => {
    const client = await connect(server.url);
    const store = new RedisTokenStore({ client: overtaken(client), prefix: newPrefix() });
    expect(await rejection(store.save(access('at')))).toBeUndefined();
    expect(await rejection(store.update('at', { refreshCount: 1 }))).toMatchObject({ name: 'ConflictError' });
    client.destroy();
  });

  it('reads with a client whose replies are bytes', async () => {
    const client = await connect(server.url, {
      commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    });
    const store = new RedisTokenStore({ client, prefix: newPrefix(), localCopy: true });
    await store.save(access('at', { grantId: 'g', refreshToken: 'rt' }));
    for (let i = 0; i < 20; i++) {
      expect(await store.find('at')).toMatchObject({ status: 'approved', refreshToken: 'rt' });
      await pause(5);
    }
    expect(await store.revokeGrant('g')).toBe(1);
    await store.close();
    client.destroy();
  });

  it.each([
    ['is damaged', ['SET', 'not an entry']],
    ['is damaged', ['SET', 'approved||||{']],
    ['is of another type', ['LPUSH', 'x']],
  ])('is unavailable, not without the token, where its entry %s (%#)', async (_how, [command, value]) => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    await server.command(command as string, `${prefix}token:${tokenDigest('at')}`, value as string);
    for (const asked of [store.find('at'), store.update('at', { refreshCount: 1 })]) {
      expect(await rejection(asked)).toMatchObject({
        name: 'StoreUnavailableError',
        cause: expect.anything(),
      });
    }
    await store.close();
  });

  it('is unavailable where a proxy answers no text', async () => {
    const client = await connect(server.url);
    const odd: RedisConnection = Object.assign(Object.create(client) as typeof client, {
      withCommandOptions: () => Object.assign(Object.create(client) as typeof client, { get: async () => 5 }),
    });
    const store = new RedisTokenStore({ client: odd, prefix: newPrefix() });
    expect(await rejection(store.find('at'))).toBeInstanceOf(StoreUnavailableError);
    client.destroy();
  });

  it('takes no TypeError of its driver for one about what it was given', async () => {
    const client = await connect(server.url);
    const odd: RedisConnection = Object.assign(Object.create(client) as typeof client, {
      withCommandOptions: () =>
        Object.assign(Object.create(client) as typeof client, {
          get: () =>
            Promise.reject(new TypeError("Cannot read properties of undefined (reading 'replicas')")),
        }),
    });
    const store = new RedisTokenStore({ client: odd, prefix: newPrefix() });
    for (const asked of [store.find('at'), store.update('at', { refreshCount: 1 })])
      expect(await rejection(asked)).toMatchObject({ name: 'StoreUnavailableError' });
    client.destroy();
  });

  it('refuses changes as unavailable where the server has no room, and answers on', async () => {
    const small = await RedisServer.start({ settings: { 'maxmemory-policy': 'noeviction' } });
    const store = await openRedis({ urls: [small.url] });
    await store.save(access('at'));
    await small.command('CONFIG', 'SET', 'maxmemory', '1mb');
    expect(await rejection(store.save(access('more')))).toMatchObject({ name: 'StoreUnavailableError' });
    expect(await store.find('at')).toMatchObject({ status: 'approved' });
    await small.command('CONFIG', 'SET', 'maxmemory', '0');
    await store.save(access('more'));
    await store.close();
    await small.kill();
  });

  it('refuses changes as unavailable on a replica, and answers on', async () => {
    const prefix = newPrefix();
    const master = await open({ prefix });
    await master.save(access('at'));
    await server.command('CONFIG', 'SET', 'repl-diskless-sync-delay', '0');
    const replica = await RedisServer.start({ settings: { replicaof: `127.0.0.1 ${server.port}` } });
    const store = await openRedis({ urls: [replica.url], prefix });
    await eventually(async () => (await store.find('at').catch(() => undefined)) !== undefined);
    for (const asked of [store.save(access('more')), store.revoke('at')])
      expect(await rejection(asked)).toMatchObject({ name: 'StoreUnavailableError' });
    expect(await store.find('at')).toMatchObject({ status: 'approved' });
    await Promise.all([store.close(), master.close()]);
    await replica.kill();
  });

  it('revokes a grant of 1,200 tokens and tells others of each', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, timeout: 5000 });
    const other = await open({ prefix });
    const told = new Set<string>();
    let links = 0;
    other.onRevoked(
      (digest) => told.add(digest),
      () => {
        links += 1;
      },
    );
    await eventually(() => links > 0);
    const names = Array.from({ length: 1200 }, (_, i) => `at-${i}`);
    await Promise.all(names.map((name) => store.save(access(name, { grantId: 'g' }))));
    expect(await store.revokeGrant('g')).toBe(1200);
    await eventually(() => told.size === 1200);
    await Promise.all([store.close(), other.close()]);
  });

  it('tells nobody any more when it is closed', async () => {
    const store = await open();
    const told: string[] = [];
    store.onRevoked((digest) => told.push(digest));
    await store.save(access('at'));
    await RedisTokenStore.prototype.close.call(store);
    const clients = async (): Promise<number> =>
      String(await server.command('CLIENT', 'LIST')).split('cmd=subscribe').length - 1;
    await eventually(async () => (await clients()) === 0);
    await store.close();
  });
});

describeWith(REDIS, 'RedisTokenStore and the end of a process', () => {
  it.each([1, 3])('keeps no process alive whose client is closed (%d nodes)', async (nodes) => {
    const servers = nodes === 1 ? [await RedisServer.start()] : await startCluster();
    const urls = servers.map(({ url }) => url);
    const program = `
      import { createClient, createCluster } from 'redis';
      import { RedisTokenStore } from ${JSON.stringify(resolve('dist/esm/stores/redis/index.js'))};
      const urls = ${JSON.stringify(urls)};
      const client = urls.length === 1 ? createClient({ url: urls[0] }) : createCluster({ rootNodes: urls.map((url) => ({ url })) });
      await client.connect();
      const store = new RedisTokenStore({ client, localCopy: true, linkInterval: 100 });
      let links = 0;
      store.onRevoked(() => {}, () => { links += 1; });
      await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
      for (let i = 0; i < 400 && links === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
      await new Promise((resolve) => setTimeout(resolve, 300));
      await client.close();
      console.log('links', links);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 20_000,
    });
    expect(stdout).toBe('links 1\n');
    await Promise.all(servers.map((server) => server.kill()));
  });
});
