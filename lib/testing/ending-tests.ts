import assert from 'node:assert/strict';
import { tokenDigest } from '../tokens/token-digest.js';
import {
  access,
  type ContractTest,
  DAY,
  eventually,
  HOUR,
  inBatches,
  isTypeError,
  manyNames,
  NOW,
  rejection,
  type StoreUnderTest,
  same,
  saveMany,
  told,
} from './suite.js';

/** What may be large. */
const WHOLE: readonly (readonly [string, (store: StoreUnderTest) => Promise<number>])[] = [
  ['a grant', (store) => store.revokeGrant('g')],
  ['a client', (store) => store.revokeAll({ clientId: 'one' })],
  ['a subject', (store) => store.revokeAll({ subject: 'alice' })],
  ['a subject at a client', (store) => store.revokeAll({ clientId: 'one', subject: 'alice' })],
];

/** `revoke`, `revokeGrant`, `revokeAll`, `onRevoked` and `sweep`. */
export const endingTests: readonly ContractTest[] = [
  {
    name: 'revokes a token once, and leaves its record',
    async run({ store, clock, capabilities }) {
      await store.save(access('at', { subject: 'alice' }));
      await store.save(access('other'));
      clock.now += 1000;
      same([await store.revoke('at'), await store.revoke('at'), await store.revoke('x')], [1, 0, 0]);
      const found = await store.find('at');
      same([found?.status, found?.subject], ['revoked', 'alice']);
      if (capabilities.clock) assert.equal(found?.lastModifiedAt, NOW + 1000);
      assert.equal((await store.find('other'))?.status, 'approved');
    },
  },
  {
    name: 'never takes a revocation back',
    async run({ store }) {
      await store.save(access('at', { grantId: 'g' }));
      await store.revoke('at');
      await rejection(store.update('at', { refreshCount: 9 }));
      await rejection(store.save(access('at')));
      assert.equal((await store.find('at'))?.status, 'revoked');
      assert.equal(await store.revokeGrant('g'), 0);
    },
  },
  {
    name: 'revokes the tokens of a grant together, and no others',
    async run({ store }) {
      await store.save(access('at', { grantId: 'g' }));
      await store.save({ token: 'rt', kind: 'refresh_token', clientId: 'app', grantId: 'g' });
      await store.save(access('gone', { grantId: 'g' }));
      await store.save(access('other', { grantId: 'g2' }));
      await store.save(access('none'));
      await store.revoke('gone');
      same(
        [await store.revokeGrant('g'), await store.revokeGrant('g'), await store.revokeGrant('x')],
        [2, 0, 0],
      );
      const states = [];
      for (const token of ['at', 'rt', 'other', 'none']) states.push((await store.find(token))?.status);
      same(states, ['revoked', 'revoked', 'approved', 'approved']);
      assert.ok(isTypeError(await rejection(store.revokeGrant(''))));
    },
  },
  ...WHOLE.map(
    ([what, revoke]): ContractTest => ({
      name: `revokes ${what} of 1,200 tokens whole`,
      async run({ store }) {
        const names = manyNames(1200);
        await saveMany(store, names, { grantId: 'g', clientId: 'one', subject: 'alice' });
        await store.save(access('other', { clientId: 'two', subject: 'bob' }));
        assert.equal(await revoke(store), names.length);
        await inBatches(names, async (name) =>
          assert.equal((await store.find(name))?.status, 'revoked', name),
        );
        assert.equal((await store.find('other'))?.status, 'approved');
      },
    }),
  ),
  {
    name: 'revokes everything of a client, of a subject, and of a subject at a client',
    async run({ store }) {
      const saveAll = async (run: string): Promise<void> => {
        for (const clientId of ['one', 'two']) {
          for (const subject of ['alice', 'bob'])
            await store.save(access(`${run}-${clientId}-${subject}`, { clientId, subject }));
          await store.save(access(`${run}-${clientId}-nobody`, { clientId }));
        }
      };
      await saveAll('a');
      assert.equal(await store.revokeAll({ clientId: 'one', subject: 'alice' }), 1);
      assert.equal((await store.find('a-one-alice'))?.status, 'revoked');
      assert.equal(await store.revokeAll({ subject: 'alice' }), 1);
      assert.equal(await store.revokeAll({ clientId: 'one' }), 2);
      assert.equal(await store.revokeAll({ clientId: 'nobody' }), 0);
      assert.equal((await store.find('a-two-bob'))?.status, 'approved');
      await saveAll('b');
      assert.equal(await store.revokeAll({ clientId: 'two', subject: 'bob' }), 2);
      for (const wrong of [{}, { clientId: '' }, { subject: '' }, { client: 'one' }]) {
        assert.ok(isTypeError(await rejection(store.revokeAll(wrong))));
      }
    },
  },
  {
    name: 'tells the digest of each token that it revokes, once, until it is asked no more',
    async run({ store }) {
      const digests = told(store);
      const others: string[] = [];
      const stop = store.onRevoked((digest) => others.push(digest));
      for (const name of ['a', 'b', 'c', 'd'])
        await store.save(access(name, { grantId: `g-${name}`, subject: name }));
      await store.revoke('a');
      // Here at once: whoever has revoked a token must not meet it in a cache of the same process.
      same(digests, [tokenDigest('a')]);
      await store.revoke('a');
      await store.revoke('not there');
      await store.revokeGrant('g-b');
      await eventually(() => others.length === 2);
      stop();
      await store.revokeAll({ subject: 'c' });
      await eventually(() => digests.length === 3);
      same(digests.toSorted(), ['a', 'b', 'c'].map(tokenDigest).toSorted());
      assert.equal(others.length, 2);
    },
  },
  {
    name: 'goes on when a listener throws',
    async run({ store }) {
      store.onRevoked(() => {
        throw new Error('a bug of the listener');
      });
      const digests = told(store);
      await store.save(access('at'));
      assert.equal(await store.revoke('at'), 1);
      await eventually(() => digests.length === 1);
    },
  },
  {
    name: 'answers an expired token as long as its record is kept, then drops it in a sweep',
    needs: ['clock'],
    async run({ store, clock }) {
      await store.save(access('short', { expiresAt: NOW + HOUR, grantId: 'g', subject: 'alice' }));
      await store.save(access('long', { expiresAt: NOW + 10 * DAY }));
      await store.save(access('eternal'));
      await store.save(access('revoked'));
      await store.revoke('revoked');
      clock.now = NOW + HOUR + DAY - 1;
      assert.equal(await store.sweep(), 1);
      assert.equal((await store.find('short'))?.expiresAt, NOW + HOUR);
      assert.equal((await store.find('revoked')) ?? undefined, undefined);
      clock.now += 1;
      assert.equal(await store.sweep(), 1);
      assert.equal((await store.find('short')) ?? undefined, undefined);
      same([await store.revokeGrant('g'), await store.revokeAll({ subject: 'alice' })], [0, 0]);
      for (const name of ['long', 'eternal']) assert.equal((await store.find(name))?.status, 'approved');
      assert.equal(await store.sweep(), 0);
    },
  },
  {
    name: 'still knows which tokens of a grant are new, when those that ended with it are swept',
    needs: ['clock'],
    async run({ store, clock }) {
      await store.save(access('old', { expiresAt: NOW + HOUR, grantId: 'g' }));
      await store.revokeGrant('g');
      await store.save(access('new', { grantId: 'g' }));
      clock.now = NOW + 2 * DAY;
      assert.equal(await store.sweep(), 1);
      assert.equal(await store.revokeGrant('g'), 1);
      assert.equal((await store.find('new'))?.status, 'revoked');
    },
  },
  {
    name: 'goes by the expiry that an update has set',
    needs: ['clock'],
    async run({ store, clock }) {
      await store.save(access('longer', { expiresAt: NOW + HOUR }));
      await store.save(access('shorter', { expiresAt: NOW + 100 * DAY }));
      await store.save(access('endless', { expiresAt: NOW + HOUR }));
      await store.update('longer', { expiresAt: NOW + 10 * DAY });
      await store.update('shorter', { expiresAt: NOW + HOUR });
      await store.update('endless', { expiresAt: null });
      clock.now = NOW + 2 * DAY;
      assert.equal(await store.sweep(), 1);
      const found = [];
      for (const name of ['longer', 'shorter', 'endless']) found.push((await store.find(name))?.status);
      same(found, ['approved', undefined, 'approved']);
    },
  },
  {
    name: 'sweeps 2,000 records at once',
    needs: ['clock'],
    async run({ store, clock }) {
      await saveMany(store, manyNames(2000), { expiresAt: NOW + HOUR });
      await store.save(access('live'));
      clock.now = NOW + 2 * DAY;
      assert.equal(await store.sweep(), 2000);
      assert.equal((await store.find('live'))?.status, 'approved');
    },
  },
];
