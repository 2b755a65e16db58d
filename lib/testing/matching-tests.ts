import assert from 'node:assert/strict';
import { tokenDigest } from '../tokens/token-digest.js';
import type { ManagedTokenStore, NewToken, TokenSelector } from '../tokens/token-store.js';
import { ALIKE } from './identity-tests.js';
import {
  access,
  type Bench,
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
  shared,
  told,
} from './suite.js';

type Matching = Required<Pick<ManagedTokenStore, 'revokeMatching'>>;

function revoke(store: StoreUnderTest, of: TokenSelector): Promise<number> {
  return (store as StoreUnderTest & Matching).revokeMatching(of);
}

/** A test of a store that has the method. */
function test(
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

/** `revokeMatching`. */
export const matchingTests: readonly ContractTest[] = [
  ...SELECTORS.map((of) =>
    test(`revokes all that has ${JSON.stringify(of)}, and nothing else`, async ({ store }) => {
      await inBatches(ALL, (token) => store.save(token));
      const meant = ALL.filter((token) => isMeant(token, of)).map(({ token }) => token);
      same([await revoke(store, of), await revoke(store, of)], [meant.length, 0]);
      const revoked: string[] = [];
      await inBatches(ALL, async ({ token }) => {
        if ((await store.find(token))?.status === 'revoked') revoked.push(token);
      });
      same(revoked.toSorted(), meant.toSorted());
    }),
  ),
  test('refuses a selector without an owner, and one that is wrong, with a TypeError, and revokes nothing', async ({
    store,
  }) => {
    await store.save(access('at', { appId: 'shop', subject: 'alice', organization: 'acme' }));
    for (const of of WRONG) {
      const error = await rejection(revoke(store, of as TokenSelector));
      assert.ok(isTypeError(error), `${JSON.stringify(of)}: ${String(error)}`);
    }
    assert.equal((await store.find('at'))?.status, 'approved');
  }),
  ...(
    [
      ['an app', { appId: 'shop' }],
      ['a subject at an app in an organization', { subject: 'alice', appId: 'shop', organization: 'acme' }],
      ['a client in an organization', { clientId: 'app', organization: 'acme' }],
    ] as const
  ).map(([what, of]) =>
    test(`revokes ${what} of 1,200 tokens whole`, async ({ store }) => {
      const names = manyNames(1200);
      await saveMany(store, names, { appId: 'shop', subject: 'alice', organization: 'acme' });
      await store.save(access('other', { appId: 'bank', subject: 'alice', organization: 'globex' }));
      assert.equal(await revoke(store, of), names.length);
      await inBatches(names, async (name) => assert.equal((await store.find(name))?.status, 'revoked', name));
      assert.equal((await store.find('other'))?.status, 'approved');
    }),
  ),
  test('tells the digest of each token that it revokes by what it has, once, and of no other', async ({
    store,
  }) => {
    const digests = told(store);
    for (const name of ['a', 'b']) await store.save(access(name, { appId: 'shop', organization: 'acme' }));
    await store.save(access('c', { appId: 'shop', organization: 'globex' }));
    await revoke(store, { appId: 'shop', organization: 'acme' });
    // Here at once: whoever has revoked a token must not meet it in a cache of the same process.
    same(digests.toSorted(), ['a', 'b'].map(tokenDigest).toSorted());
    await revoke(store, { appId: 'shop', organization: 'acme' });
    await store.revoke('c');
    await eventually(() => digests.length > 2);
    assert.equal(digests.length, 3);
  }),
  test('leaves the record of what it revokes, which it counts once, whatever has revoked it before', async ({
    store,
  }) => {
    for (const name of ['a', 'b', 'c'])
      await store.save(access(name, { appId: 'shop', grantId: `g-${name}` }));
    await store.revoke('a');
    await store.revokeGrant('g-b');
    same([await revoke(store, { appId: 'shop' }), await revoke(store, { appId: 'shop' })], [1, 0]);
    for (const name of ['a', 'b', 'c']) {
      const found = await store.find(name);
      same([found?.status, found?.appId], ['revoked', 'shop'], name);
    }
  }),
  ...(
    [
      ['appId', (id: string) => ({ appId: id })],
      ['organization', (id: string) => ({ appId: 'shop', organization: id })],
    ] as const
  ).map(([member, selector]) =>
    test(`takes no ${member} for one that looks like it`, async ({ store }) => {
      await inBatches([...ALIKE.entries()], ([i, id]) =>
        store.save(access(`at-${i}`, { appId: 'shop', [member]: id })),
      );
      for (const [i, id] of ALIKE.entries()) {
        assert.equal(await revoke(store, selector(id)), 1, JSON.stringify(id));
        assert.equal((await store.find(`at-${i}`))?.status, 'revoked');
      }
    }),
  ),
  test('goes by the app that a token has, not by what else says the same', async ({ store }) => {
    const elsewhere = {
      app: 'shop',
      apiProducts: ['shop'],
      claims: { appId: 'shop', 'appId":"shop"': 'shop' },
      attributes: [{ name: 'appId', value: 'shop' }],
    };
    await store.save(access('none', elsewhere));
    await store.save(access('other', { ...elsewhere, appId: 'bank', username: '"appId":"shop"\u0000' }));
    await store.save(access('odd', { appId: 'shop', claims: { appId: 'bank', nul: '\u0000' } }));
    assert.equal(await revoke(store, { appId: 'shop' }), 1);
    assert.equal((await store.find('odd'))?.status, 'revoked');
    assert.equal(await revoke(store, { appId: 'bank' }), 1);
  }),
  test('goes by the app that an update has set', async ({ store }) => {
    await store.save(access('moves', { appId: 'shop', grantId: 'g', subject: 'alice' }));
    await store.save(access('leaves', { appId: 'shop' }));
    await store.save(access('comes'));
    await store.save(access('returns', { appId: 'shop', expiresAt: NOW + DAY }));
    await store.update('moves', { appId: 'bank' });
    await store.update('leaves', { appId: null });
    await store.update('comes', { appId: 'bank', expiresAt: NOW + DAY });
    for (const appId of ['bank', null, 'shop']) await store.update('returns', { appId });
    assert.equal(await revoke(store, { appId: 'shop' }), 1);
    assert.equal((await store.find('returns'))?.status, 'revoked');
    assert.equal(await revoke(store, { appId: 'bank' }), 2);
    assert.equal((await store.find('leaves'))?.status, 'approved');
    // What else it is found by is as before.
    await store.save(access('again', { appId: 'shop', grantId: 'h', subject: 'carol' }));
    await store.update('again', { appId: 'bank' });
    same([await store.revokeGrant('h'), await store.revokeAll({ subject: 'carol' })], [1, 0]);
  }),
  test('loses no token whose app is changed by several at once', async ({ store }) => {
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
    for (const appId of ['app-0', 'app-1', 'app-2']) revoked += await revoke(store, { appId });
    assert.equal(revoked, names.length);
  }),
  test('revokes every token that was saved before, while others are saved, revoked and changed', async ({
    store,
  }) => {
    const of = { appId: 'shop', organization: 'acme' } as const;
    const names = manyNames(100);
    await saveMany(store, names, of);
    const counts = await Promise.all([
      revoke(store, of),
      ...names.slice(0, 20).map((name) => store.revoke(name)),
      ...names.slice(20, 40).map(async (name) => {
        await rejection(store.update(name, { refreshCount: 1 }));
        return 0;
      }),
      ...names.map(async (name) => {
        await store.save(access(`new-${name}`, of));
        return 0;
      }),
      revoke(store, of),
    ]);
    for (const name of names) assert.equal((await store.find(name))?.status, 'revoked', name);
    const later = await revoke(store, of);
    assert.equal(later + counts.reduce((sum, count) => sum + count, 0), 200);
    for (const name of names) assert.equal((await store.find(`new-${name}`))?.status, 'revoked', name);
  }),
  test('goes by what it was given to revoke by, whatever becomes of that meanwhile', async ({ store }) => {
    await store.save(access('at', { appId: 'shop' }));
    const of = { appId: 'nobody' };
    const revoking = revoke(store, of);
    of.appId = 'shop';
    assert.equal(await revoking, 0);
    assert.equal((await store.find('at'))?.status, 'approved');
  }),
  test(
    'finds by its app what was approved again',
    async ({ store }) => {
      await store.save(access('at', { appId: 'shop', organization: 'acme' }));
      for (let round = 0; round < 3; round++) {
        assert.equal(await revoke(store, { appId: 'shop' }), 1);
        assert.equal(await store.approve?.('at'), 1);
      }
      await store.update('at', { appId: 'bank' });
      assert.equal(await revoke(store, { appId: 'bank' }), 1);
      assert.equal((await store.find('at'))?.status, 'revoked');
    },
    'approve',
  ),
  test(
    'finds nothing of a removed token by its app',
    async ({ store }) => {
      await store.save(access('at', { appId: 'shop' }));
      await store.remove?.('at');
      assert.equal(await revoke(store, { appId: 'shop' }), 0);
      await store.save(access('at', { appId: 'bank' }));
      same([await revoke(store, { appId: 'shop' }), await revoke(store, { appId: 'bank' })], [0, 1]);
    },
    'remove',
  ),
  test(
    'finds nothing by its app of a token that was swept',
    async ({ store, clock }) => {
      await store.save(access('short', { appId: 'shop', expiresAt: NOW + HOUR }));
      await store.save(access('long', { appId: 'shop', expiresAt: NOW + 10 * DAY }));
      clock.now = NOW + 3 * DAY;
      assert.equal(await store.sweep(), 1);
      assert.equal(await revoke(store, { appId: 'shop' }), 1);
    },
    'clock',
  ),
  test(
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
      assert.equal(await revoke(store, { appId: 'shop', organization: 'acme' }), 2);
      for (const name of ['a', 'b'])
        await eventually(async () => (await other.find(name))?.status === 'revoked');
      await eventually(() => heard.length > 0);
    },
    'share',
  ),
];
