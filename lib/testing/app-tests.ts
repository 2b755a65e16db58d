import assert from 'node:assert/strict';
import { matchingTest, revokeMatching } from './matching-tests.js';
import {
  access,
  type ContractTest,
  DAY,
  eventually,
  HOUR,
  inBatches,
  manyNames,
  NOW,
  rejection,
  same,
  saveMany,
  shared,
} from './suite.js';

/** `revokeMatching` by an app, which a token may be given, lose and change while it is there. */
export const appTests: readonly ContractTest[] = [
  matchingTest('goes by the app that an update has set', async ({ store }) => {
    await store.save(access('moves', { appId: 'shop', grantId: 'g', subject: 'alice' }));
    await store.save(access('leaves', { appId: 'shop' }));
    await store.save(access('comes'));
    await store.save(access('returns', { appId: 'shop', expiresAt: NOW + DAY }));
    await store.update('moves', { appId: 'bank' });
    await store.update('leaves', { appId: null });
    await store.update('comes', { appId: 'bank', expiresAt: NOW + DAY });
    for (const appId of ['bank', null, 'shop']) await store.update('returns', { appId });
    assert.equal(await revokeMatching(store, { appId: 'shop' }), 1);
    assert.equal((await store.find('returns'))?.status, 'revoked');
    assert.equal(await revokeMatching(store, { appId: 'bank' }), 2);
    assert.equal((await store.find('leaves'))?.status, 'approved');
    // What else it is found by is as before.
    await store.save(access('again', { appId: 'shop', grantId: 'h', subject: 'carol' }));
    await store.update('again', { appId: 'bank' });
    same([await store.revokeGrant('h'), await store.revokeAll({ subject: 'carol' })], [1, 0]);
  }),
  matchingTest('loses no token whose app is changed by several at once', async ({ store }) => {
    const names = manyNames(20);
    await saveMany(store, names, { appId: 'app-0' });
    await inBatches(names, (name) =>
      Promise.all(
        ['app-1', 'app-0', 'app-2', 'app-0'].map(async (appId) => {
          const refusal = await rejection(store.update(name, { appId }));
          assert.match(String(refusal), /^undefined$|Conflict/);
        }),
      ),
    );
    let revoked = 0;
    for (const appId of ['app-0', 'app-1', 'app-2']) revoked += await revokeMatching(store, { appId });
    assert.equal(revoked, names.length);
  }),
  matchingTest(
    'finds by its app what was approved again',
    async ({ store }) => {
      await store.save(access('at', { appId: 'shop', organization: 'acme' }));
      for (let round = 0; round < 3; round++) {
        assert.equal(await revokeMatching(store, { appId: 'shop' }), 1);
        assert.equal(await store.approve?.('at'), 1);
      }
      await store.update('at', { appId: 'bank' });
      assert.equal(await revokeMatching(store, { appId: 'bank' }), 1);
      assert.equal((await store.find('at'))?.status, 'revoked');
    },
    'approve',
  ),
  matchingTest(
    'finds nothing of a removed token by its app',
    async ({ store }) => {
      await store.save(access('at', { appId: 'shop' }));
      await store.remove?.('at');
      assert.equal(await revokeMatching(store, { appId: 'shop' }), 0);
      await store.save(access('at', { appId: 'bank' }));
      same(
        [await revokeMatching(store, { appId: 'shop' }), await revokeMatching(store, { appId: 'bank' })],
        [0, 1],
      );
    },
    'remove',
  ),
  matchingTest(
    'finds nothing by its app of a token that was swept',
    async ({ store, clock }) => {
      await store.save(access('short', { appId: 'shop', expiresAt: NOW + HOUR }));
      await store.save(access('long', { appId: 'shop', expiresAt: NOW + 10 * DAY }));
      clock.now = NOW + 3 * DAY;
      assert.equal(await store.sweep(), 1);
      assert.equal(await revokeMatching(store, { appId: 'shop' }), 1);
    },
    'clock',
  ),
  matchingTest(
    'revokes by its app what another process has saved and changed, and tells that one',
    async (bench) => {
      const { store } = bench;
      const other = await shared(bench);
      await other.save(access('a', { appId: 'shop', organization: 'acme' }));
      await other.save(access('b', { appId: 'bank', organization: 'acme' }));
      await eventually(async () => (await store.find('b')) !== undefined);
      await other.update('b', { appId: 'shop' });
      await eventually(async () => (await store.find('b'))?.appId === 'shop');
      const heard: unknown[] = [];
      other.onRevoked(
        (digest) => heard.push(digest),
        () => heard.push('missed'),
      );
      assert.equal(await revokeMatching(store, { appId: 'shop', organization: 'acme' }), 2);
      for (const name of ['a', 'b'])
        await eventually(async () => (await other.find(name))?.status === 'revoked');
      await eventually(() => heard.length > 0);
    },
    'share',
  ),
];
