import assert from 'node:assert/strict';
import { storeErrorKind } from '../tokens/store-errors.js';
import {
  access,
  type ContractTest,
  changeTogether,
  eventually,
  manyNames,
  membersOf,
  rejection,
  same,
  saveMany,
  told,
} from './suite.js';

const MANY = 20;

/** What holds when callers do not wait for one another. */
export const racingTests: readonly ContractTest[] = [
  {
    name: 'lets one of many save the same token',
    async run({ store }) {
      const saved = await Promise.allSettled(
        Array.from({ length: MANY }, (_, i) => store.save(access('at', { subject: `subject-${i}` }))),
      );
      const won = saved.flatMap((one) => (one.status === 'fulfilled' ? [one.value.subject] : []));
      assert.equal(won.length, 1);
      for (const one of saved) {
        if (one.status === 'rejected') assert.ok(storeErrorKind(one.reason) === 'conflict');
      }
      assert.equal((await store.find('at'))?.subject, won[0]);
    },
  },
  {
    name: 'counts and tells a revocation once, however many ask for it',
    async run({ store }) {
      const digests = told(store);
      await store.save(access('at', { grantId: 'g', subject: 'alice' }));
      const counts = await Promise.all([
        ...Array.from({ length: MANY }, () => store.revoke('at')),
        ...Array.from({ length: MANY }, () => store.revokeGrant('g')),
        store.revokeAll({ subject: 'alice' }),
      ]);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        1,
      );
      await eventually(() => digests.length > 0);
      await store.save(access('later'));
      await store.revoke('later');
      await eventually(() => digests.length > 1);
      assert.equal(digests.length, 2);
    },
  },
  {
    name: 'lets no update bring a revoked token back',
    async run({ store }) {
      for (let round = 0; round < MANY; round++) {
        const name = `at-${round}`;
        await store.save(access(name, { refreshCount: 0 }));
        const updates = Array.from({ length: 4 }, (_, i) =>
          rejection(store.update(name, { refreshCount: i + 1 })),
        );
        await Promise.all([...updates.slice(0, 2), store.revoke(name), ...updates.slice(2)]);
        assert.equal((await store.find(name))?.status, 'revoked');
      }
    },
  },
  {
    name: 'loses none of several updates of one token, save those that it refuses with ConflictError',
    async run({ store }) {
      for (const name of manyNames(MANY)) {
        await store.save(access(name, { brand: 'blue' }));
        const expected = await changeTogether([store], name);
        same(await membersOf(store, name, Object.keys(expected)), expected);
      }
    },
  },
  {
    name: 'keeps each of many updates of different tokens',
    async run({ store }) {
      const names = manyNames(100);
      await saveMany(store, names);
      await Promise.all(names.map((name, i) => store.update(name, { refreshCount: i })));
      for (const [i, name] of names.entries()) assert.equal((await store.find(name))?.refreshCount, i);
    },
  },
  {
    name: 'loses no token that is saved while its neighbours are revoked',
    async run({ store }) {
      const names = manyNames(100);
      await Promise.all(
        names.map(async (name, i) => {
          await store.save(access(name, { grantId: `g-${i % 2}` }));
          if (i % 2 === 0) await store.revoke(name);
        }),
      );
      for (const [i, name] of names.entries()) {
        assert.equal((await store.find(name))?.status, i % 2 === 0 ? 'revoked' : 'approved');
      }
      assert.equal(await store.revokeGrant('g-1'), 50);
    },
  },
];
