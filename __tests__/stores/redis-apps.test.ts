import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { tokenDigest } from '../../lib/index.js';
import { RedisTokenStore } from '../../lib/stores/redis/index.js';
import { Keys } from '../../lib/stores/redis/keys.js';
import { RedisTokens } from '../../lib/stores/redis/redis-tokens.js';
import { LEAVE } from '../../lib/stores/redis/scripts.js';
import { eventually, rejection } from '../../lib/testing/suite.js';
import { RedisServer } from '../support/redis.js';
import { connect, openRedis, overtaken, withScripts } from '../support/redis-stores.js';
import { describeWith, REDIS } from '../support/services.js';

const HOUR = 3_600_000;
let prefixes = 0;
const newPrefix = (): string => {
  prefixes += 1;
  return `test-${prefixes}:`;
};

const access = (token: string, more: object = {}) =>
  ({ token, kind: 'access_token', clientId: 'app', ...more }) as const;

describeWith(REDIS, 'RedisTokenStore and the apps of tokens', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.kill());

  const open = (options: object = {}) => openRedis({ urls: [server.url], prefix: newPrefix(), ...options });

  it('finds by its app what the version before has saved, by looking at every token until all are indexed', async () => {
    // Characters that mean something else in a pattern.
    const prefix = `[*?\\\\]${newPrefix()}`;
    const store = await open({ prefix });
    const neighbour = await open();
    const of = { appId: 'shop', organization: 'acme' };
    const old = ['old-1', 'old-2', 'old-endless', 'old-other'];
    for (const name of old)
      await store.save(
        access(name, {
          ...of,
          ...(name === 'old-other' && { appId: 'bank' }),
          ...(name !== 'old-endless' && { expiresAt: Date.now() + HOUR }),
        }),
      );
    await store.save(access('none'));
    await neighbour.save(access('neighbour', of));
    // As that version: in no index of an app.
    const indexes = ['shop', 'bank'].flatMap((appId) => new Keys(prefix).allOfApp(appId));
    const forget = (): Promise<unknown> => server.command('DEL', ...indexes);
    await forget();
    await store.save(access('new', of));
    expect(await store.revokeMatching({ appId: 'shop', organization: 'globex' })).toBe(0);
    expect(await store.revokeMatching(of)).toBe(4);
    await store.save(access('late', of));
    await store.approve('old-1');
    await store.approve('old-endless');
    await forget();
    expect(await store.indexApps()).toBe(6);
    expect([await store.revokeMatching(of), await store.revokeMatching(of)]).toStrictEqual([3, 0]);
    expect(await store.find('old-other')).toMatchObject({ status: 'approved' });
    expect(await neighbour.find('neighbour')).toMatchObject({ status: 'approved' });
    // From here on nobody looks at every token.
    await store.approve('late');
    await forget();
    expect(await store.revokeMatching(of)).toBe(0);
    expect(await store.indexApps()).toBe(6);
    expect(await store.revokeMatching(of)).toBe(1);
    await Promise.all([store.close(), neighbour.close()]);
  });

  it('indexes no app of a token that is gone by the time it is looked at', async () => {
    const keys = new Keys(newPrefix());
    const redis = await connect(server.url);
    const tokens = new RedisTokens({ redis, copies: () => undefined, keys, retainExpiredFor: HOUR });
    expect(await tokens.enterApps([tokenDigest('gone')])).toBe(0);
    await redis.close();
  });

  it('leaves nothing of a token in the indexes of the apps that it was of', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    await store.indexApps();
    const indexes = async (): Promise<number> =>
      [...(await server.keysOf(prefix)).keys()].filter((key) => key.endsWith(':tokens')).length;
    await store.save(access('at', { appId: 'one', grantId: 'g', subject: 'alice' }));
    expect(await indexes()).toBe(4);
    for (const appId of ['two', 'three', null, 'four']) await store.update('at', { appId });
    expect(await indexes()).toBe(4);
    for (const appId of ['one', 'two', 'three']) expect(await store.revokeMatching({ appId })).toBe(0);
    expect(await store.revoke('at')).toBe(1);
    expect(await indexes()).toBe(0);
    await store.close();
  });

  it('has the index of an app live as long as its longest token, whichever an update has brought there', async () => {
    const prefix = newPrefix();
    const store = await open({ prefix, retainExpiredFor: 0 });
    await store.save(access('at', { expiresAt: Date.now() + 9 * HOUR }));
    await store.update('at', { appId: 'shop' });
    const index = new Keys('').app('shop', tokenDigest('at'));
    expect(Math.abs(((await server.keysOf(prefix)).get(index) as number) - 10 * HOUR)).toBeLessThan(30_000);
    await store.update('at', { expiresAt: Date.now() + 20 * HOUR });
    expect(Math.abs(((await server.keysOf(prefix)).get(index) as number) - 21 * HOUR)).toBeLessThan(30_000);
    await store.close();
  });

  it('finds a token by the app to which it has come back, though the update that took it away is not done yet', async () => {
    const client = await connect(server.url);
    const prefix = newPrefix();
    let [release, isHeld] = [(): void => {}, false];
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = withScripts(client, async (run, digest, input) => {
      isHeld ||= digest === LEAVE.digest;
      if (isHeld) await released;
      return run(digest, input);
    });
    const [first, second] = [new RedisTokenStore({ client: slow, prefix }), await open({ prefix })];
    await second.indexApps();
    await second.save(access('at', { appId: 'one' }));
    const leaving = first.update('at', { appId: 'two' });
    await eventually(() => isHeld);
    await second.update('at', { appId: 'one' });
    release();
    await leaving;
    expect(await second.revokeMatching({ appId: 'one' })).toBe(1);
    await second.close();
    client.destroy();
  });

  it('takes a token that an update could not move to another app out of its index again', async () => {
    const client = await connect(server.url);
    const prefix = newPrefix();
    const store = new RedisTokenStore({ client: overtaken(client), prefix });
    await store.save(access('at', { appId: 'one' }));
    expect(await rejection(store.update('at', { appId: 'two' }))).toMatchObject({ name: 'ConflictError' });
    const left = [...(await server.keysOf(prefix)).keys()];
    expect(left).toContain(new Keys('').app('one', tokenDigest('at')));
    expect(left).not.toContain(new Keys('').app('two', tokenDigest('at')));
    client.destroy();
  });
});
