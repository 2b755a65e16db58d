import assert from 'node:assert/strict';
import { storeErrorKind } from '../tokens/store-errors.js';
import { tokenDigest } from '../tokens/token-digest.js';
import {
  access,
  type ContractTest,
  changeTogether,
  DAY,
  eventually,
  HOUR,
  manyNames,
  membersOf,
  rejection,
  type StoreUnderTest,
  same,
  saveMany,
  shared,
  told,
} from './suite.js';

let probes = 0;

/** Whether somebody who is told of revocations hears within a moment of one that `revoker` makes. */
async function hears(digests: readonly string[], revoker: StoreUnderTest): Promise<boolean> {
  probes += 1;
  const token = `probe-${probes}`;
  await revoker.save(access(token));
  await revoker.revoke(token);
  const digest = tokenDigest(token);
  for (let i = 0; i < 10 && !digests.includes(digest); i++)
    await new Promise((passed) => setTimeout(passed, 10));
  return digests.includes(digest);
}

/** What a second process sees, and what is there after the first has ended. */
export const sharingTests: readonly ContractTest[] = [
  {
    name: 'shows each what the other has saved, changed and revoked',
    needs: ['share'],
    async run(bench) {
      const { store } = bench;
      const other = await shared(bench);
      await store.save(access('at', { refreshToken: 'rt', grantId: 'g' }));
      await eventually(async () => (await other.find('at')) !== undefined);
      assert.equal((await other.find('at'))?.refreshToken, 'rt');
      await other.update('at', { refreshCount: 5 });
      await eventually(async () => (await store.find('at'))?.refreshCount === 5);
      assert.ok(storeErrorKind(await rejection(other.save(access('at')))) === 'conflict');
      assert.equal(await other.revokeGrant('g'), 1);
      await eventually(async () => (await store.find('at'))?.status === 'revoked');
      assert.equal(await store.revoke('at'), 0);
    },
  },
  {
    name: 'tells each what the other has revoked, once',
    needs: ['share'],
    async run(bench) {
      const { store } = bench;
      const other = await shared(bench);
      const [here, there] = [told(store), told(other)];
      // Each may need a while until it hears of the other; what was revoked before it tells as missed.
      await eventually(() => hears(here, other));
      await eventually(() => hears(there, store));
      here.length = 0;
      there.length = 0;
      for (const name of ['a', 'b', 'c']) await store.save(access(name, { grantId: 'g' }));
      await store.revoke('a');
      await other.revokeGrant('g');
      await eventually(() => here.length >= 3 && there.length >= 3);
      const digests = ['a', 'b', 'c'].map(tokenDigest).toSorted();
      same([here.toSorted(), there.toSorted()], [digests, digests]);
    },
  },
  {
    name: 'lets one of two save the same token',
    needs: ['share'],
    async run(bench) {
      const { store } = bench;
      const other = await shared(bench);
      for (let round = 0; round < 10; round++) {
        const name = `at-${round}`;
        // Now the one begins, and now the other.
        const savers = round % 2 === 0 ? [store, other] : [other, store];
        const saved = await Promise.allSettled(
          savers.map((saver, i) => saver.save(access(name, { subject: `saver-${i}` }))),
        );
        const subjects = saved.flatMap((one) => (one.status === 'fulfilled' ? [one.value.subject] : []));
        const errors = saved.flatMap((one) =>
          one.status === 'rejected' ? [storeErrorKind(one.reason)] : [],
        );
        same([subjects.length, errors], [1, ['conflict']]);
        const [subject] = subjects;
        await eventually(async () => (await store.find(name))?.subject === subject);
        await eventually(async () => (await other.find(name))?.subject === subject);
      }
    },
  },
  {
    name: 'lets no update of one bring back what the other revokes',
    needs: ['share'],
    async run(bench) {
      const { store } = bench;
      const other = await shared(bench);
      for (let round = 0; round < 10; round++) {
        const name = `at-${round}`;
        await store.save(access(name));
        await Promise.all([
          rejection(store.update(name, { refreshCount: 1 })),
          other.revoke(name),
          rejection(store.update(name, { refreshCount: 2 })),
        ]);
        await eventually(async () => (await store.find(name))?.status === 'revoked');
        assert.equal((await other.find(name))?.status, 'revoked');
      }
    },
  },
  {
    name: 'loses no update of one token, when both change it',
    needs: ['share'],
    async run(bench) {
      const { store } = bench;
      const other = await shared(bench);
      for (const name of manyNames(10)) {
        await store.save(access(name, { brand: 'blue' }));
        await eventually(async () => (await other.find(name)) !== undefined);
        const expected = await changeTogether([store, other], name);
        const text = JSON.stringify(expected);
        for (const one of [store, other]) {
          await eventually(
            async () => JSON.stringify(await membersOf(one, name, Object.keys(expected))) === text,
          );
        }
      }
    },
  },
  {
    name: 'sweeps each record once, when two sweep together',
    needs: ['share', 'clock'],
    async run(bench) {
      const { store, clock } = bench;
      const other = await shared(bench);
      await saveMany(store, manyNames(300), { expiresAt: clock.now + 1000 });
      await store.save(access('live'));
      clock.now += 1000 + bench.options.retainExpiredFor;
      const dropped = await Promise.all([store.sweep(), other.sweep()]);
      assert.equal((dropped[0] as number) + (dropped[1] as number), 300);
      assert.equal((await other.find('live'))?.status, 'approved');
    },
  },
  {
    name: 'has every token still when it is opened again',
    needs: ['reopen'],
    async run({ store, options, capabilities, keep }) {
      const { reopen } = capabilities as Required<typeof capabilities>;
      await store.save(access('live', { refreshToken: 'rt', claims: { a: [1] }, grantId: 'g' }));
      await store.save(access('revoked'));
      await store.revoke('revoked');
      const before = { ...(await store.find('live')) };
      const again = keep(await reopen(store, options));
      same({ ...(await again.find('live')) }, before);
      assert.equal((await again.find('revoked'))?.status, 'revoked');
      assert.equal(await again.revokeGrant('g'), 1);
    },
  },
  ...(
    [
      ['a shorter', HOUR],
      ['a longer', 3 * DAY],
    ] as const
  ).map(
    ([what, retention]): ContractTest => ({
      name: `keeps what is alive, and what died lately, when it is opened again with ${what} retention`,
      needs: ['reopen', 'clock'],
      async run({ store, clock, options, capabilities, keep }) {
        const { reopen } = capabilities as Required<typeof capabilities>;
        const end = clock.now + HOUR;
        for (const name of ['live', 'dead']) await store.save(access(name, { expiresAt: end }));
        await store.save(access('endless'));
        const again = keep(await reopen(store, { ...options, retainExpiredFor: retention }));
        await again.update('live', { expiresAt: end + 100 * DAY });
        // Whether the new retention holds for what was there before is the store's affair.
        clock.now = end + Math.min(options.retainExpiredFor, retention) - 1;
        await again.sweep();
        assert.equal((await again.find('dead'))?.expiresAt, end);
        clock.now = end + Math.max(options.retainExpiredFor, retention);
        await again.sweep();
        assert.equal((await again.find('dead')) ?? undefined, undefined);
        for (const name of ['live', 'endless'])
          assert.equal((await again.find(name))?.status, 'approved', name);
      },
    }),
  ),
];
