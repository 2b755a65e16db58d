import assert from 'node:assert/strict';
import { storeErrorKind } from '../tokens/store-errors.js';
import { access, type ContractTest, eventually, rejection } from './suite.js';

/** What a store says while it cannot reach its engine, and afterwards. */
export const connectionTests: readonly ContractTest[] = [
  {
    name: 'fails with StoreUnavailableError, never "no such token", and soon; then works again by itself',
    needs: ['disconnect'],
    async run({ store, capabilities }) {
      const { disconnect } = capabilities as Required<typeof capabilities>;
      await store.save(access('at', { grantId: 'g' }));
      const reconnect = await disconnect(store);
      const asked: readonly (readonly [string, () => unknown])[] = [
        ['find', () => store.find('at')],
        ['find of an unknown token', () => store.find('unknown')],
        ['save', () => store.save(access('new'))],
        ['update', () => store.update('at', { refreshCount: 1 })],
        ['revoke', () => store.revoke('at')],
        ['revokeGrant', () => store.revokeGrant('g')],
        ['revokeAll', () => store.revokeAll({ clientId: 'app' })],
        ['sweep', () => store.sweep()],
      ];
      for (const [what, ask] of asked) {
        const began = performance.now();
        const error = await rejection((async () => ask())());
        assert.equal(storeErrorKind(error), 'unavailable', `${what}: ${String(error)}`);
        assert.ok((error as Error).cause !== undefined, `${what} has no cause`);
        assert.ok(performance.now() - began < 5000, `${what} took too long`);
      }
      await reconnect();
      await eventually(async () => (await rejection((async () => store.find('at'))())) === undefined, 15_000);
      assert.equal((await store.find('at'))?.status, 'approved');
      assert.equal(await store.revoke('at'), 1);
      await store.save(access('after'));
      assert.equal((await store.find('after'))?.status, 'approved');
    },
  },
];
