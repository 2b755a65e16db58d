import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { tokenDigest } from '../../lib/index.js';
import { type RedisConnection, RedisTokenStore } from '../../lib/stores/redis/index.js';
import { Keys } from '../../lib/stores/redis/keys.js';
import type { ScriptInput } from '../../lib/stores/redis/redis-client.js';
import { RedisTokens } from '../../lib/stores/redis/redis-tokens.js';
import { ENTER, LEAVE, REPLACE, type Script } from '../../lib/stores/redis/scripts.js';
import { eventually, rejection } from '../../lib/testing/suite.js';
import { RedisServer } from '../support/redis.js';
import { connect, openRedis } from '../support/redis-stores.js';
import { describeWith, REDIS } from '../support/services.js';

const HOUR = 3_600_000;
const access = (token: string, more: object = {}) =>
  ({ token, kind: 'access_token', clientId: 'app', ...more }) as const;

describeWith(REDIS, 'RedisTokenStore.approve', () => {
  let server: RedisServer;
  let prefixes = 0;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.kill());

  const newPrefix = (): string => {
    prefixes += 1;
    return `test-${prefixes}:`;
  };
  const open = (options: object) => openRedis({ urls: [server.url], ...options });
  const endOf = async (key: string): Promise<number> => Number(await server.command('PTTL', key));
  const keysOf = async (prefix: string): Promise<readonly string[]> =>
    ((await server.command('KEYS', `${prefix}*`)) as string[]).map((key) => key.slice(prefix.length));

  /** A store, of whose scripts one is run when `before` has resolved. */
  async function hindered(
    prefix: string,
    script: Script,
    before: (input: ScriptInput) => unknown,
  ): Promise<RedisTokenStore> {
    const client = await connect(server.url);
    const redis = client.withCommandOptions({ timeout: 5000, typeMapping: {} });
    const odd: RedisConnection = Object.assign(Object.create(client) as typeof client, {
      withCommandOptions: () => ({
        get: (key: string) => redis.get(key),
        eval: redis.eval.bind(redis),
        publish: redis.publish.bind(redis),
        evalSha: async (digest: string, input: ScriptInput) => {
          const answer = digest === script.digest ? await before(input) : undefined;
          return answer ?? redis.evalSha(digest, input);
        },
      }),
    });
    return new RedisTokenStore({ client: odd, prefix, timeout: 5000 });
  }

  it('has the server keep what tells that a grant lives as long as one of its tokens may be approved', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, retainExpiredFor: 2 * HOUR });
    const generation = (grantId: string): string => new Keys(prefix).grant(grantId).generation;
    await store.save(access('endless', { grantId: 'g' }));
    await store.save(access('ends', { grantId: 'h', expiresAt: Date.now() + 5 * HOUR }));
    for (const name of ['endless', 'ends']) await store.revoke(name);
    // An hour longer than the token, for clocks that differ.
    expect(Math.abs((await endOf(generation('g'))) - 3 * HOUR)).toBeLessThan(30_000);
    expect(Math.abs((await endOf(generation('h'))) - 8 * HOUR)).toBeLessThan(30_000);
    for (const name of ['endless', 'ends']) expect(await store.approve(name)).toBe(1);
    for (const end of [await endOf(generation('g')), await endOf(`${prefix}token:${tokenDigest('endless')}`)])
      expect(end).toBe(-1);
    expect(Math.abs((await endOf(`${prefix}token:${tokenDigest('ends')}`)) - 7 * HOUR)).toBeLessThan(30_000);
    for (const grantId of ['g', 'h']) expect(await store.revokeGrant(grantId)).toBe(1);
    expect((await keysOf(prefix)).filter((key) => !key.startsWith('token:'))).toStrictEqual([]);
    await store.close();
  });

  it('has it kept for ever where tokens are', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, retainExpiredFor: Number.MAX_VALUE });
    await store.save(access('at', { grantId: 'g' }));
    await store.revoke('at');
    expect(await endOf(new Keys(prefix).grant('g').generation)).toBe(-1);
    expect(await store.approve('at')).toBe(1);
    await store.close();
  });

  it('is not undone by a revocation before it that is late in taking the token out of its indexes', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isLeaving = false;
    const slow = await hindered(prefix, LEAVE, async () => {
      isLeaving = true;
      await released;
    });
    await store.save(access('at', { subject: 'alice', grantId: 'g' }));
    const revoked = slow.revoke('at');
    await eventually(() => isLeaving);
    expect(await store.approve('at')).toBe(1);
    release();
    expect(await revoked).toBe(1);
    expect(await store.revokeAll({ subject: 'alice' })).toBe(1);
    expect(await store.approve('at')).toBe(1);
    expect(await store.revokeAll({ clientId: 'app' })).toBe(1);
    expect(await store.approve('at')).toBe(1);
    expect(await store.revokeGrant('g')).toBe(1);
    await store.close();
  });

  it('refuses a token whose grant ends while it is entered in its indexes, and leaves it in none', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    const slow = await hindered(prefix, ENTER, () => store.revokeGrant('g'));
    await store.save(access('at', { grantId: 'g', expiresAt: Date.now() + HOUR }));
    await store.revoke('at');
    expect(await rejection(slow.approve('at'))).toMatchObject({ name: 'ConflictError' });
    expect(await store.find('at')).toMatchObject({ status: 'revoked' });
    expect((await keysOf(prefix)).filter((key) => key.endsWith(':tokens'))).toStrictEqual([]);
    await store.close();
  });

  it('leaves a token dead whose grant ends in the last moment', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    const slow = await hindered(prefix, REPLACE, () => store.revokeGrant('g').then(() => undefined));
    await store.save(access('at', { grantId: 'g' }));
    await store.revoke('at');
    expect(await slow.approve('at')).toBe(1);
    expect(await store.find('at')).toMatchObject({ status: 'revoked' });
    expect(await rejection(store.approve('at'))).toMatchObject({ name: 'ConflictError' });
    await store.close();
  });

  it('refuses a token whose grant has ended though nobody has written it down', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    await store.save(access('at', { grantId: 'g' }));
    const redis = await connect(server.url);
    const tokens = new RedisTokens({
      redis,
      copies: () => undefined,
      keys: new Keys(prefix),
      retainExpiredFor: 0,
    });
    await tokens.endGrant('g', 'event');
    expect(await rejection(store.approve('at'))).toMatchObject({ name: 'ConflictError' });
    expect(await store.remove('at')).toBe(1);
    expect(await store.find('at')).toBeUndefined();
    redis.destroy();
    await store.close();
  });

  it('gives up where others overtake it again and again, and leaves the token in no index', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    let attempts = 0;
    const overtaken = await hindered(prefix, REPLACE, () => {
      attempts += 1;
      return 0;
    });
    await store.save(access('at', { subject: 'alice' }));
    await store.revoke('at');
    expect(await rejection(overtaken.approve('at'))).toMatchObject({ name: 'ConflictError' });
    expect(attempts).toBeGreaterThan(10);
    expect((await keysOf(prefix)).filter((key) => key.endsWith(':tokens'))).toStrictEqual([]);
    expect(await store.approve('at')).toBe(1);
    await store.close();
  });

  it('leaves nothing of what it removes', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, retainExpiredFor: 0 });
    await store.save(access('at', { subject: 'alice', grantId: 'g', expiresAt: Date.now() + HOUR }));
    expect(await store.remove('at')).toBe(1);
    // That the grant lives, the server forgets by itself.
    const left = (await keysOf(prefix)).filter((key) => key !== new Keys('').grant('g').generation);
    expect(left).toStrictEqual([]);
    await store.close();
  });
});
