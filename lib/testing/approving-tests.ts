import assert from 'node:assert/strict';
import { storeErrorKind } from '../tokens/store-errors.js';
import { tokenDigest } from '../tokens/token-digest.js';
import type { ManagedTokenStore } from '../tokens/token-store.js';
import {
  access,
  type ContractTest,
  DAY,
  eventually,
  HOUR,
  NOW,
  rejection,
  type StoreUnderTest,
  same,
  shared,
  told,
} from './suite.js';

type Approving = Required<Pick<ManagedTokenStore, 'approve'>>;

/** Takes a revocation back. */
function approve(store: StoreUnderTest, token: string): Promise<number> {
  return (store as StoreUnderTest & Approving).approve(token);
}

/** What a store says when it does not approve a token; `undefined` where it does. */
async function refusal(store: StoreUnderTest, token: string): Promise<string | undefined> {
  return storeErrorKind(await rejection(approve(store, token)));
}

const ROUNDS = 10;

/** `approve`. */
export const approvingTests: readonly ContractTest[] = [
  {
    name: 'takes a revocation back once, changes nothing else, and says when',
    needs: ['approve'],
    async run({ store, clock, capabilities }) {
      const more = { subject: 'alice', scope: ['read'], refreshToken: 'rt', expiresAt: NOW + HOUR };
      await store.save(access('at', more));
      const { lastModifiedAt: _at, ...before } = { ...(await store.find('at')) };
      await store.revoke('at');
      clock.now += 1000;
      same([await approve(store, 'at'), await approve(store, 'at'), await approve(store, 'x')], [1, 0, 0]);
      const { lastModifiedAt, ...after } = { ...(await store.find('at')) };
      same(after, before);
      assert.equal(after.status, 'approved');
      if (capabilities.clock) assert.equal(lastModifiedAt, NOW + 1000);
    },
  },
  {
    name: 'approves what was saved as revoked',
    needs: ['approve'],
    async run({ store }) {
      await store.save(access('at', { status: 'revoked', grantId: 'g' }));
      assert.equal(await approve(store, 'at'), 1);
      assert.equal((await store.find('at'))?.status, 'approved');
    },
  },
  {
    name: 'revokes again what was approved, in each way, and tells of it each time',
    needs: ['approve'],
    async run({ store }) {
      const digests = told(store);
      await store.save(access('at', { grantId: 'g', subject: 'alice', clientId: 'one' }));
      const ways = [
        () => store.revoke('at'),
        () => store.revokeAll({ subject: 'alice' }),
        () => store.revokeAll({ clientId: 'one' }),
        () => store.revoke('at'),
        () => store.revokeGrant('g'),
      ];
      for (const [i, revoke] of ways.entries()) {
        if (i > 0) assert.equal(await approve(store, 'at'), 1);
        assert.equal((await store.find('at'))?.status, 'approved');
        assert.equal(await revoke(), 1);
        assert.equal((await store.find('at'))?.status, 'revoked');
        await eventually(() => digests.length > i);
        same(digests, Array(i + 1).fill(tokenDigest('at')));
      }
    },
  },
  {
    name: 'approves no token of a grant that was revoked since it was saved, whatever became of the token before',
    needs: ['approve'],
    async run({ store }) {
      for (const name of ['live', 'revoked', 'last']) await store.save(access(name, { grantId: 'g' }));
      await store.revoke('revoked');
      await store.revokeGrant('g');
      // All tokens of this one are revoked already.
      await store.save(access('alone', { grantId: 'other' }));
      await store.revoke('alone');
      await store.revokeGrant('other');
      for (const name of ['live', 'revoked', 'last', 'alone']) {
        assert.equal(await refusal(store, name), 'conflict', name);
        assert.equal((await store.find(name))?.status, 'revoked', name);
      }
      for (const grantId of ['g', 'other']) {
        await store.save(access(`next of ${grantId}`, { grantId }));
        await store.revoke(`next of ${grantId}`);
        assert.equal(await approve(store, `next of ${grantId}`), 1);
        assert.equal((await store.find(`next of ${grantId}`))?.status, 'approved');
      }
      for (const name of ['live', 'revoked', 'last', 'alone'])
        assert.equal(await refusal(store, name), 'conflict', name);
      same([await store.revokeGrant('g'), await store.revokeGrant('other')], [1, 1]);
    },
  },
  {
    name: 'approves one of several tokens of a grant, which ends with the others then',
    needs: ['approve'],
    async run({ store }) {
      for (const name of ['a', 'b', 'c']) await store.save(access(name, { grantId: 'g' }));
      for (const name of ['a', 'b']) await store.revoke(name);
      assert.equal(await approve(store, 'a'), 1);
      const found = [];
      for (const name of ['a', 'b', 'c']) found.push((await store.find(name))?.status);
      same(found, ['approved', 'revoked', 'approved']);
      assert.equal(await store.revokeGrant('g'), 2);
      assert.equal((await store.find('a'))?.status, 'revoked');
    },
  },
  {
    name: 'changes what was approved as any other, and brings back no change',
    needs: ['approve'],
    async run({ store }) {
      await store.save(access('at', { refreshCount: 1, scope: ['read', 'write'] }));
      await store.revoke('at');
      await store.update('at', { scope: ['read'] });
      await approve(store, 'at');
      await store.update('at', { refreshCount: 2 });
      const found = await store.find('at');
      same([found?.status, found?.refreshCount, found?.scope], ['approved', 2, ['read']]);
    },
  },
  {
    name: 'keeps what was approved for as long as it lives, and as any other after that',
    needs: ['approve', 'clock'],
    async run({ store, clock }) {
      await store.save(access('endless'));
      await store.save(access('ends', { expiresAt: NOW + 10 * DAY }));
      await store.save(access('expired', { expiresAt: NOW + HOUR }));
      for (const name of ['endless', 'ends', 'expired']) await store.revoke(name);
      clock.now = NOW + 2 * HOUR;
      for (const name of ['endless', 'ends', 'expired']) assert.equal(await approve(store, name), 1);
      same((await store.find('expired'))?.expiresAt, NOW + HOUR);
      clock.now = NOW + 2 * DAY;
      assert.equal(await store.sweep(), 1);
      for (const name of ['endless', 'ends']) assert.equal((await store.find(name))?.status, 'approved');
      clock.now = NOW + 12 * DAY;
      assert.equal(await store.sweep(), 1);
      assert.equal((await store.find('endless'))?.status, 'approved');
    },
  },
  {
    name: 'lets the end of a grant win, whatever is approved meanwhile',
    needs: ['approve'],
    async run({ store }) {
      for (let round = 0; round < ROUNDS; round++) {
        const [name, grantId] = [`at-${round}`, `g-${round}`];
        await store.save(access(name, { grantId }));
        await store.revoke(name);
        await Promise.all([
          rejection(approve(store, name)),
          store.revokeGrant(grantId),
          rejection(approve(store, name)),
        ]);
        assert.equal((await store.find(name))?.status, 'revoked');
        assert.equal(await refusal(store, name), 'conflict');
      }
    },
  },
  {
    name: 'still finds by its owners what is revoked and approved by turns',
    needs: ['approve'],
    async run({ store }) {
      for (let round = 0; round < ROUNDS; round++) {
        const [name, subject] = [`at-${round}`, `subject-${round}`];
        await store.save(access(name, { subject, grantId: `g-${round}` }));
        await Promise.all([
          store.revoke(name),
          approve(store, name),
          store.revoke(name),
          approve(store, name),
        ]);
        await store.revokeAll({ subject });
        assert.equal((await store.find(name))?.status, 'revoked');
      }
    },
  },
  {
    name: 'shows each what the other has approved',
    needs: ['approve', 'share'],
    async run(bench) {
      const { store } = bench;
      const other = await shared(bench);
      await store.save(access('at', { grantId: 'g' }));
      await other.revoke('at');
      await eventually(async () => (await store.find('at'))?.status === 'revoked');
      assert.equal(await approve(other, 'at'), 1);
      await eventually(async () => (await store.find('at'))?.status === 'approved');
      assert.equal(await store.revokeGrant('g'), 1);
      await eventually(async () => (await other.find('at'))?.status === 'revoked');
      assert.equal(await refusal(other, 'at'), 'conflict');
    },
  },
];
