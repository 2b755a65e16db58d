import assert from 'node:assert/strict';
import { tokenDigest } from '../tokens/token-digest.js';
import type { ManagedTokenStore, NewToken, TokenSelector } from '../tokens/token-store.js';
import { ALIKE } from './identity-tests.js';
import {
  access,
  type Bench,
  type ContractTest,
  eventually,
  inBatches,
  isTypeError,
  manyNames,
  rejection,
  type StoreUnderTest,
  same,
  saveMany,
  told,
} from './suite.js';

type Matching = Required<Pick<ManagedTokenStore, 'revokeMatching'>>;

export function revokeMatching(store: StoreUnderTest, of: TokenSelector): Promise<number> {
  return (store as StoreUnderTest & Matching).revokeMatching(of);
}

/** A test of a store that has the method. */
export function matchingTest(
  name: string,
  run: (bench: Bench) => Promise<void>,
  ...needs: NonNullable<ContractTest['needs']>
): ContractTest {
  return { name, needs: ['revokeMatching', ...needs], run };
}

/** Tokens of two clients, subjects, apps, organizations and kinds, and of none where that may be: 108, named after what they have. */
const ALL: readonly NewToken[] = ['one', 'two'].flatMap((clientId) =>
  ['alice', 'bob', ''].flatMap((subject) =>
    ['shop', 'bank', ''].flatMap((appId) =>
      ['acme', 'globex', ''].flatMap((organization) =>
        (['access_token', 'refresh_token'] as const).map((kind) => ({
          token: [clientId, subject, appId, organization, kind].join('.'),
          kind,
          clientId,
          ...(subject && { subject }),
          ...(appId && { appId }),
          ...(organization && { organization }),
        })),
      ),
    ),
  ),
);

/** What is meant, by one owner, several, and with what narrows it. */
const SELECTORS: readonly TokenSelector[] = [
  { clientId: 'one' },
  { subject: 'alice' },
  { appId: 'shop' },
  { clientId: 'one', subject: 'alice' },
  { clientId: 'one', appId: 'shop' },
  { subject: 'alice', appId: 'shop' },
  { clientId: 'one', subject: 'alice', appId: 'shop' },
  { appId: 'shop', organization: 'acme' },
  { subject: 'alice', organization: 'acme' },
  { clientId: 'one', organization: 'acme' },
  { appId: 'shop', kind: 'access_token' },
  { subject: 'alice', kind: 'refresh_token' },
  { clientId: 'one', kind: 'access_token' },
  { subject: 'alice', appId: 'shop', organization: 'acme' },
  { subject: 'alice', organization: 'acme', kind: 'access_token' },
  { appId: 'shop', organization: 'acme', kind: 'refresh_token' },
  { clientId: 'one', subject: 'alice', appId: 'shop', organization: 'acme', kind: 'access_token' },
  { appId: 'shop', organization: 'nobody' },
  { appId: 'nobody' },
];

function isMeant(token: NewToken, of: TokenSelector): boolean {
  return Object.entries(of).every(([member, value]) => token[member as keyof TokenSelector] === value);
}

const WRONG: readonly unknown[] = [
  {},
  { organization: 'acme' },
  { kind: 'access_token' },
  { organization: 'acme', kind: 'access_token' },
  { clientId: undefined, subject: undefined, appId: undefined, organization: 'acme' },
  { appId: '' },
  { appId: 'shop', organization: '' },
  { appId: 'shop', organization: null },
  { subject: 'alice', appId: '' },
  { appId: ['shop'] },
  { appId: 'shop', kind: 'id_token' },
  { appId: 'x\ud800' },
  { appId: 'shop', organization: 'x\ud800' },
  { appId: 'shop', app: 'shop' },
  { appId: 'shop', grantId: 'g' },
  undefined,
  'shop',
];

/** `revokeMatching`: what it revokes, and what it tells. */
export const matchingTests: readonly ContractTest[] = [
  ...SELECTORS.map((of) =>
    matchingTest(`revokes all that has ${JSON.stringify(of)}, and nothing else`, async ({ store }) => {
      await inBatches(ALL, (token) => store.save(token));
      const meant = ALL.filter((token) => isMeant(token, of)).map(({ token }) => token);
      same([await revokeMatching(store, of), await revokeMatching(store, of)], [meant.length, 0]);
      const revoked: string[] = [];
      await inBatches(ALL, async ({ token }) => {
        if ((await store.find(token))?.status === 'revoked') revoked.push(token);
      });
      same(revoked.toSorted(), meant.toSorted());
    }),
  ),
  matchingTest(
    'refuses a selector without an owner, and one that is wrong, with a TypeError, and revokes nothing',
    async ({ store }) => {
      await store.save(access('at', { appId: 'shop', subject: 'alice', organization: 'acme' }));
      for (const of of WRONG) {
        const error = await rejection(revokeMatching(store, of as TokenSelector));
        assert.ok(isTypeError(error), `${JSON.stringify(of)}: ${String(error)}`);
      }
      assert.equal((await store.find('at'))?.status, 'approved');
    },
  ),
  ...(
    [
      ['an app', { appId: 'shop' }],
      ['a subject at an app in an organization', { subject: 'alice', appId: 'shop', organization: 'acme' }],
      ['a client in an organization', { clientId: 'app', organization: 'acme' }],
    ] as const
  ).map(([what, of]) =>
    matchingTest(`revokes ${what} of 1,200 tokens whole`, async ({ store }) => {
      const names = manyNames(1200);
      await saveMany(store, names, { appId: 'shop', subject: 'alice', organization: 'acme' });
      await store.save(access('other', { appId: 'bank', subject: 'alice', organization: 'globex' }));
      assert.equal(await revokeMatching(store, of), names.length);
      await inBatches(names, async (name) => assert.equal((await store.find(name))?.status, 'revoked', name));
      assert.equal((await store.find('other'))?.status, 'approved');
    }),
  ),
  matchingTest(
    'tells the digest of each token that it revokes by what it has, once, and of no other',
    async ({ store }) => {
      const digests = told(store);
      for (const name of ['a', 'b']) await store.save(access(name, { appId: 'shop', organization: 'acme' }));
      await store.save(access('c', { appId: 'shop', organization: 'globex' }));
      await revokeMatching(store, { appId: 'shop', organization: 'acme' });
      // Here at once: whoever has revoked a token must not meet it in a cache of the same process.
      same(digests.toSorted(), ['a', 'b'].map(tokenDigest).toSorted());
      await revokeMatching(store, { appId: 'shop', organization: 'acme' });
      await store.revoke('c');
      await eventually(() => digests.length > 2);
      assert.equal(digests.length, 3);
    },
  ),
  matchingTest(
    'leaves the record of what it revokes, which it counts once, whatever has revoked it before',
    async ({ store }) => {
      for (const name of ['a', 'b', 'c'])
        await store.save(access(name, { appId: 'shop', grantId: `g-${name}` }));
      await store.revoke('a');
      await store.revokeGrant('g-b');
      same(
        [await revokeMatching(store, { appId: 'shop' }), await revokeMatching(store, { appId: 'shop' })],
        [1, 0],
      );
      for (const name of ['a', 'b', 'c']) {
        const found = await store.find(name);
        same([found?.status, found?.appId], ['revoked', 'shop'], name);
      }
    },
  ),
  ...(
    [
      ['appId', (id: string) => ({ appId: id })],
      ['organization', (id: string) => ({ appId: 'shop', organization: id })],
    ] as const
  ).map(([member, selector]) =>
    matchingTest(`takes no ${member} for one that looks like it`, async ({ store }) => {
      await inBatches([...ALIKE.entries()], ([i, id]) =>
        store.save(access(`at-${i}`, { appId: 'shop', [member]: id })),
      );
      for (const [i, id] of ALIKE.entries()) {
        assert.equal(await revokeMatching(store, selector(id)), 1, JSON.stringify(id));
        assert.equal((await store.find(`at-${i}`))?.status, 'revoked');
      }
    }),
  ),
  matchingTest('goes by the app that a token has, not by what else says the same', async ({ store }) => {
    const elsewhere = {
      app: 'shop',
      apiProducts: ['shop'],
      claims: { appId: 'shop', 'appId":"shop"': 'shop' },
      attributes: [{ name: 'appId', value: 'shop' }],
    };
    await store.save(access('none', elsewhere));
    await store.save(access('other', { ...elsewhere, appId: 'bank', username: '"appId":"shop"\u0000' }));
    await store.save(access('odd', { appId: 'shop', claims: { appId: 'bank', nul: '\u0000' } }));
    assert.equal(await revokeMatching(store, { appId: 'shop' }), 1);
    assert.equal((await store.find('odd'))?.status, 'revoked');
    assert.equal(await revokeMatching(store, { appId: 'bank' }), 1);
  }),
  matchingTest(
    'revokes every token that was saved before, while others are saved, revoked and changed',
    async ({ store }) => {
      const of = { appId: 'shop', organization: 'acme' } as const;
      const names = manyNames(100);
      await saveMany(store, names, of);
      const counts = await Promise.all([
        revokeMatching(store, of),
        ...names.slice(0, 20).map((name) => store.revoke(name)),
        ...names.slice(20, 40).map(async (name) => {
          await rejection(store.update(name, { refreshCount: 1 }));
          return 0;
        }),
        ...names.map(async (name) => {
          await store.save(access(`new-${name}`, of));
          return 0;
        }),
        revokeMatching(store, of),
      ]);
      for (const name of names) assert.equal((await store.find(name))?.status, 'revoked', name);
      const later = await revokeMatching(store, of);
      assert.equal(later + counts.reduce((sum, count) => sum + count, 0), 200);
      for (const name of names) assert.equal((await store.find(`new-${name}`))?.status, 'revoked', name);
    },
  ),
  matchingTest(
    'goes by what it was given to revoke by, whatever becomes of that meanwhile',
    async ({ store }) => {
      await store.save(access('at', { appId: 'shop' }));
      const of = { appId: 'nobody' };
      const revoking = revokeMatching(store, of);
      of.appId = 'shop';
      assert.equal(await revoking, 0);
      assert.equal((await store.find('at'))?.status, 'approved');
    },
  ),
];
