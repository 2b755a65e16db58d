import assert from 'node:assert/strict';
import { storeErrorKind } from '../tokens/store-errors.js';
import { tokenDigest } from '../tokens/token-digest.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { access, type ContractTest, eventually, rejection, type StoreUnderTest, shared } from './suite.js';

/** How long (ms) a store may take to be back when its connection is. */
const PATIENCE = 15_000;

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
        ...(['approve', 'remove'] as const)
          .filter((method) => capabilities[method])
          .map((method) => [method, () => store[method]?.('at')] as const),
        ...[{ clientId: 'app' }, { subject: 'alice' }, { appId: 'shop' }]
          .filter(() => capabilities.revokeMatching)
          .map((of) => ['revokeMatching', () => store.revokeMatching?.(of)] as const),
      ];
      for (const [what, ask] of asked) {
        const began = performance.now();
        const error = await rejection((async () => ask())());
        assert.equal(storeErrorKind(error), 'unavailable', `${what}: ${String(error)}`);
        assert.ok((error as Error).cause !== undefined, `${what} has no cause`);
        assert.ok(performance.now() - began < 5000, `${what} took too long`);
      }
      await reconnect();
      await eventually(async () => (await found(store, 'at')) !== undefined, PATIENCE);
      assert.equal((await store.find('at'))?.status, 'approved');
      assert.equal(await store.revoke('at'), 1);
      await store.save(access('after'));
      assert.equal((await store.find('after'))?.status, 'approved');
    },
  },
  {
    name: 'says that revocations may have been missed, once its connection is back',
    needs: ['disconnect'],
    async run({ store, capabilities }) {
      const { disconnect } = capabilities as Required<typeof capabilities>;
      await store.save(access('at'));
      const heard: string[] = [];
      store.onRevoked(
        (digest) => heard.push(digest),
        () => heard.push('missed'),
      );
      const reconnect = await disconnect(store);
      await eventually(async () => (await found(store, 'at')) === undefined, PATIENCE);
      const before = heard.length;
      await reconnect();
      await eventually(() => heard.length > before, PATIENCE);
      await eventually(async () => (await found(store, 'at')) !== undefined, PATIENCE);
      await store.revoke('at');
      await eventually(() => heard.includes(tokenDigest('at')));
    },
  },
  {
    name: 'knows once its connection is back what was revoked meanwhile, and leaves nobody who listens in the dark',
    needs: ['disconnect', 'share'],
    async run(bench) {
      const { store, capabilities } = bench;
      const { disconnect } = capabilities as Required<typeof capabilities>;
      const other = await shared(bench);
      await store.save(access('at'));
      await eventually(async () => (await other.find('at')) !== undefined);
      const heard: unknown[] = [];
      store.onRevoked(
        (digest) => heard.push(digest),
        () => heard.push('missed'),
      );
      const reconnect = await disconnect(store);
      assert.equal(await other.revoke('at'), 1);
      const before = heard.length;
      await reconnect();
      await eventually(() => heard.length > before, PATIENCE);
      await eventually(async () => (await found(store, 'at'))?.status === 'revoked', PATIENCE);
      // The telling may be back later than the rest; what is revoked from then on is told one by one.
      const later = new Set<unknown>();
      await eventually(async () => {
        const name = `later-${later.size}`;
        later.add(tokenDigest(name));
        await store.save(access(name));
        await other.revoke(name);
        await new Promise((resolve) => setTimeout(resolve, 50));
        return heard.some((digest) => later.has(digest));
      }, PATIENCE);
    },
  },
];

/** What a store finds; `undefined` too while it cannot. */
async function found(store: StoreUnderTest, token: string): Promise<TokenRecord | undefined> {
  try {
    return await store.find(token);
  } catch {
    return undefined;
  }
}
