import assert from 'node:assert/strict';
import { tokenDigest } from '../tokens/token-digest.js';
import type { ManagedTokenStore } from '../tokens/token-store.js';
import {
  access,
  type ContractTest,
  DAY,
  eventually,
  NOW,
  rejection,
  type StoreUnderTest,
  same,
  shared,
  told,
} from './suite.js';

type Removing = Required<Pick<ManagedTokenStore, 'remove'>>;

function remove(store: StoreUnderTest, token: string): Promise<number> {
  return (store as StoreUnderTest & Removing).remove(token);
}

/** `remove`. */
export const removingTests: readonly ContractTest[] = [
  {
    name: 'removes a token once, whatever its state, and no other',
    needs: ['remove'],
    async run({ store }) {
      for (const name of ['live', 'revoked', 'expired', 'ended', 'other'])
        await store.save(
          access(name, {
            ...(name === 'expired' && { issuedAt: NOW - 2, expiresAt: NOW - 1 }),
            ...(name === 'ended' && { grantId: 'g' }),
          }),
        );
      await store.revoke('revoked');
      await store.revokeGrant('g');
      for (const name of ['live', 'revoked', 'ended']) {
        assert.equal(await remove(store, name), 1, name);
        assert.equal((await store.find(name)) ?? undefined, undefined, name);
        same([await remove(store, name), await store.revoke(name)], [0, 0]);
      }
      // One that goes by the time of its engine may keep nothing that has expired.
      await remove(store, 'expired');
      assert.equal((await store.find('expired')) ?? undefined, undefined);
      assert.equal((await store.find('other'))?.status, 'approved');
    },
  },
  {
    name: 'tells of a token that it removes, at once',
    needs: ['remove'],
    async run({ store }) {
      const digests = told(store);
      await store.save(access('at'));
      await remove(store, 'not there');
      await remove(store, 'at');
      same(digests, [tokenDigest('at')]);
    },
  },
  {
    name: 'finds nothing of a removed token by its owners',
    needs: ['remove'],
    async run({ store }) {
      const owners = { grantId: 'g', subject: 'alice', clientId: 'one' };
      for (const name of ['a', 'b', 'c']) await store.save(access(name, owners));
      await remove(store, 'a');
      assert.equal(await store.revokeGrant('g'), 2);
      await remove(store, 'b');
      same([await store.revokeAll({ subject: 'alice' }), await store.revokeAll({ clientId: 'one' })], [0, 0]);
      assert.equal((await store.find('c'))?.status, 'revoked');
    },
  },
  {
    name: 'saves a removed token anew, of which nothing is left',
    needs: ['remove'],
    async run({ store }) {
      await store.save(access('at', { subject: 'alice', grantId: 'g', refreshToken: 'rt' }));
      await store.revokeGrant('g');
      await remove(store, 'at');
      await store.save(access('at', { subject: 'bob', grantId: 'g' }));
      const found = await store.find('at');
      same([found?.status, found?.subject, found?.refreshToken], ['approved', 'bob', undefined]);
      assert.equal(await store.revokeAll({ subject: 'alice' }), 0);
      assert.equal(await store.revokeGrant('g'), 1);
    },
  },
  {
    name: 'sweeps no removed token',
    needs: ['remove', 'clock'],
    async run({ store, clock }) {
      for (const name of ['a', 'b']) await store.save(access(name, { expiresAt: NOW + 1000 }));
      await remove(store, 'a');
      clock.now = NOW + 2 * DAY;
      assert.equal(await store.sweep(), 1);
    },
  },
  {
    name: 'lets no update bring back what is removed',
    needs: ['remove'],
    async run({ store }) {
      for (let round = 0; round < 10; round++) {
        const name = `at-${round}`;
        await store.save(access(name));
        await Promise.all([
          rejection(store.update(name, { refreshCount: 1 })),
          remove(store, name),
          rejection(store.update(name, { refreshCount: 2 })),
          rejection(store.revoke(name)),
        ]);
        assert.equal((await store.find(name)) ?? undefined, undefined);
      }
    },
  },
  {
    name: 'shows and tells each what the other has removed',
    needs: ['remove', 'share'],
    async run(bench) {
      const { store } = bench;
      const other = await shared(bench);
      const heard: unknown[] = [];
      store.onRevoked(
        (digest) => heard.push(digest),
        () => heard.push('missed'),
      );
      let removed = 0;
      // It may need a while until it hears of the other; what was removed before it tells as missed.
      await eventually(async () => {
        const name = `at-${removed}`;
        removed += 1;
        await store.save(access(name));
        await eventually(async () => (await other.find(name)) !== undefined);
        await remove(other, name);
        await eventually(async () => (await store.find(name)) === undefined);
        await new Promise((resolve) => setTimeout(resolve, 30));
        return heard.includes(tokenDigest(name));
      });
    },
  },
];
