import assert from 'node:assert/strict';
import { storeErrorKind } from '../tokens/store-errors.js';
import { access, type ContractTest, HOUR, membersOf, NOW, pass, rejection, same, timeOf } from './suite.js';

/** A store knows a token whatever its state: whether it is alive is for others to judge. */
export const stateTests: readonly ContractTest[] = [
  {
    name: 'finds, changes and revokes a token that is not valid yet',
    async run({ store }) {
      const notBefore = NOW + HOUR;
      for (const name of ['a', 'b']) await store.save(access(name, { notBefore, grantId: 'g' }));
      same(await membersOf(store, 'a', ['status', 'notBefore']), { status: 'approved', notBefore });
      await store.update('a', { refreshCount: 1 });
      same([await store.revoke('a'), await store.revokeGrant('g')], [1, 1]);
      same(await membersOf(store, 'b', ['status', 'notBefore']), { status: 'revoked', notBefore });
    },
  },
  {
    name: 'finds, changes and revokes an expired token, and refuses to save over it, while its record is kept',
    async run(bench) {
      const { store, capabilities } = bench;
      const expiresAt = timeOf(bench) + 50;
      for (const name of ['a', 'b', 'c'])
        await store.save(access(name, { expiresAt, grantId: `grant of ${name}`, subject: name }));
      await pass(bench, 100);
      // One that goes by the time of its engine may keep nothing that has expired.
      if (!capabilities.clock && !(await store.find('a'))) return;
      for (const name of ['a', 'b', 'c']) {
        same(await membersOf(store, name, ['status', 'expiresAt']), { status: 'approved', expiresAt });
        assert.equal(storeErrorKind(await rejection(store.save(access(name)))), 'conflict');
      }
      await store.update('a', { refreshCount: 1 });
      same(
        [
          await store.revoke('a'),
          await store.revoke('a'),
          await store.revokeGrant('grant of b'),
          await store.revokeAll({ subject: 'c' }),
        ],
        [1, 0, 1, 1],
      );
      for (const name of ['a', 'b', 'c']) {
        same(await membersOf(store, name, ['status', 'expiresAt']), { status: 'revoked', expiresAt });
        assert.equal(storeErrorKind(await rejection(store.save(access(name)))), 'conflict');
      }
    },
  },
];
