import assert from 'node:assert/strict';
import { storeErrorKind } from '../tokens/store-errors.js';
import type { NewToken } from '../tokens/token-store.js';
import { access, type ContractTest, HOUR, isTypeError, membersOf, NOW, rejection, same } from './suite.js';

/** Every member that a record can have. */
const FULL: NewToken = {
  token: 'full',
  kind: 'access_token',
  clientId: 'app',
  status: 'approved',
  issuedAt: NOW - HOUR,
  expiresAt: NOW + HOUR,
  notBefore: NOW - HOUR,
  subject: 'alice',
  username: 'alice@example.com',
  organization: 'acme',
  scope: ['read', 'write'],
  audience: ['https://api.example.com', 'https://other.example.com'],
  issuer: 'https://id.example.com',
  tokenType: 'Bearer',
  jti: 'jti-1',
  brand: 'blue',
  app: 'An app',
  appId: 'app-1',
  apiProducts: ['orders'],
  attributes: [{ name: 'tier', value: 'gold' }],
  grantType: 'authorization_code',
  grantId: 'grant-1',
  refreshCount: 3,
  createdAt: NOW - HOUR,
  createdBy: 'somebody',
  lastModifiedAt: NOW - 1,
  lastModifiedBy: 'somebody else',
  confirmation: { 'x5t#S256': 'thumbprint' },
  actor: { sub: 'admin', act: { sub: 'root' } },
  acr: 'urn:strong',
  authTime: NOW - HOUR,
  authorizationDetails: [{ type: 'payment', amount: 12.5 }],
  claims: { tenant: 'one', nested: { list: [1, null, { deep: true }] } },
};

/** RFC 6749 Appendix A.12: a token may have any of these. */
const VSCHAR: string = Array.from({ length: 0x5f }, (_, i) => String.fromCharCode(0x20 + i)).join('');

const ODD: readonly (readonly [string, NewToken])[] = [
  ['an empty scope and no audience', access('odd', { scope: [], audience: [], attributes: [] })],
  ['10 KiB of claims', access('odd', { claims: { text: 'x'.repeat(10 * 1024) } })],
  ['text beyond ASCII', access('odd', { subject: 'Ωμέγα-€-𝄞', claims: { ключ: '密码\u0000\u2028' } })],
  ['a token of 8 KiB', access('t'.repeat(8 * 1024))],
  ['a token with every character that may be in one', access(VSCHAR)],
  ['a token of one character', access('t')],
  [
    'names of Object.prototype',
    access('odd', { subject: '__proto__', claims: { constructor: 1, toString: 'x' } }),
  ],
  ['identifiers with odd characters', access('odd', { grantId: "g'; --\n%{}:*\u0000", clientId: 'a:b/c d' })],
  ['a client and a grant of 2 KiB', access('odd', { clientId: 'c'.repeat(2048), grantId: 'g'.repeat(2048) })],
  ['times that are no whole numbers', access('odd', { issuedAt: NOW + 0.5, expiresAt: NOW + HOUR + 0.25 })],
  ['a time far ahead', access('odd', { expiresAt: 8_640_000_000_000_000 })],
];

/** `save`, `find` and `update`. */
export const keepingTests: readonly ContractTest[] = [
  {
    name: 'fills in the defaults',
    async run({ store, capabilities }) {
      await store.save(access('at'));
      const found = await store.find('at');
      assert.ok(found);
      const { issuedAt, createdAt, lastModifiedAt, ...rest } = found;
      if (capabilities.clock) assert.equal(issuedAt, NOW);
      same([createdAt, lastModifiedAt], [issuedAt, issuedAt]);
      same(
        { ...rest },
        {
          kind: 'access_token',
          clientId: 'app',
          status: 'approved',
          scope: [],
          audience: [],
          attributes: [],
          refreshCount: 0,
          tokenType: 'Bearer',
          createdBy: 'app',
          lastModifiedBy: 'app',
        },
      );
    },
  },
  {
    name: 'keeps every member, and answers what it keeps',
    async run({ store }) {
      const { token, ...members } = FULL;
      const saved = await store.save(FULL);
      same({ ...saved }, members);
      same({ ...(await store.find(token)) }, members);
    },
  },
  {
    name: 'knows no token that was not saved',
    async run({ store }) {
      await store.save(access('at'));
      for (const other of ['a', 'at ', 'AT', 'at2', 'x'.repeat(8 * 1024)]) {
        assert.equal((await store.find(other)) ?? undefined, undefined);
      }
    },
  },
  ...ODD.map(
    ([what, token]): ContractTest => ({
      name: `keeps ${what}`,
      async run({ store }) {
        const { token: value, ...members } = token;
        await store.save(token);
        const found = { ...(await store.find(value)) } as Record<string, unknown>;
        for (const [member, kept] of Object.entries(members)) same(found[member], kept, member);
        if (token.grantId !== undefined) assert.equal(await store.revokeGrant(token.grantId), 1);
        else assert.equal(await store.revoke(value), 1);
        assert.equal((await store.find(value))?.status, 'revoked');
      },
    }),
  ),
  {
    name: 'keeps what it was given, whatever becomes of that later',
    async run({ store }) {
      const claims = { list: [1] };
      const scope = ['read'];
      await store.save(access('at', { claims, scope }));
      claims.list.push(2);
      scope.push('write');
      const found = await store.find('at');
      same([found?.claims, found?.scope], [{ list: [1] }, ['read']]);
      try {
        (found?.scope as string[] | undefined)?.push('admin');
      } catch {
        // A frozen answer is as good as a copy.
      }
      same((await store.find('at'))?.scope, ['read']);
    },
  },
  {
    name: 'goes by what it was given when it was asked, whatever becomes of that meanwhile',
    async run({ store }) {
      const token = { scope: ['read'], claims: { list: [1] } };
      const saving = store.save(access('at', token));
      token.scope.push('admin');
      token.claims.list.push(2);
      await saving;
      same(await membersOf(store, 'at', ['scope', 'claims']), { scope: ['read'], claims: { list: [1] } });
      const changes = { scope: ['write'], claims: { list: [3] } };
      const updating = store.update('at', changes);
      changes.scope.push('admin');
      changes.claims.list.push(4);
      await updating;
      same(await membersOf(store, 'at', ['scope', 'claims']), { scope: ['write'], claims: { list: [3] } });
      const of = { clientId: 'nobody' };
      const revoking = store.revokeAll(of);
      of.clientId = 'app';
      assert.equal(await revoking, 0);
      assert.equal((await store.find('at'))?.status, 'approved');
    },
  },
  {
    name: 'opens the linked refresh token to whoever has the access token',
    async run({ store }) {
      await store.save(access('at', { refreshToken: 'rt-secret' }));
      assert.equal((await store.find('at'))?.refreshToken, 'rt-secret');
      await store.update('at', { refreshCount: 1 });
      assert.equal((await store.find('at'))?.refreshToken, 'rt-secret');
      await store.revoke('at');
      assert.equal((await store.find('at'))?.refreshToken, 'rt-secret');
    },
  },
  {
    name: 'refuses a token that exists, whatever its state, and loses nothing',
    async run({ store }) {
      await store.save(access('at', { subject: 'alice' }));
      assert.ok(storeErrorKind(await rejection(store.save(access('at')))) === 'conflict');
      await store.revoke('at');
      assert.ok(storeErrorKind(await rejection(store.save(access('at')))) === 'conflict');
      const found = await store.find('at');
      same([found?.subject, found?.status], ['alice', 'revoked']);
    },
  },
  {
    name: 'refuses what is no token with a TypeError, and keeps nothing of it',
    async run({ store }) {
      const bad = [
        { token: '' },
        { token: 'ä' },
        { kind: 'id_token' },
        { clientId: '' },
        { expiresAt: 1_790_000_000 },
        { scope: ['a b'] },
        { audience: 'x' },
        { claims: { big: 1n } },
        { exp: 5 },
      ];
      for (const members of bad) {
        const error = await rejection(store.save({ ...access('at'), ...members } as NewToken));
        assert.ok(isTypeError(error), JSON.stringify(Object.keys(members)));
      }
      assert.equal((await store.find('at')) ?? undefined, undefined);
    },
  },
  {
    name: 'changes a token, takes members away, and says when',
    async run({ store, clock, capabilities }) {
      await store.save(FULL);
      clock.now += 1000;
      const changed = await store.update('full', {
        scope: ['read'],
        expiresAt: NOW + 2 * HOUR,
        claims: { tenant: 'two' },
        app: null,
        brand: null,
        refreshCount: 4,
        lastModifiedBy: 'me',
      });
      const found = await store.find('full');
      same({ ...changed }, { ...found });
      const { token: _token, app: _app, brand: _brand, ...members } = FULL;
      const { lastModifiedAt, ...rest } = { ...found };
      if (capabilities.clock) assert.equal(lastModifiedAt, NOW + 1000);
      assert.notEqual(lastModifiedAt, FULL.lastModifiedAt);
      const { lastModifiedAt: _before, ...expected } = {
        ...members,
        scope: ['read'],
        expiresAt: NOW + 2 * HOUR,
        claims: { tenant: 'two' },
        refreshCount: 4,
        lastModifiedBy: 'me',
      };
      same(rest, expected);
      assert.equal(await store.revokeGrant('grant-1'), 1);
    },
  },
  {
    name: 'changes nothing that is fixed, or wrong, and no token that is not there',
    async run({ store }) {
      await store.save(FULL);
      const before = { ...(await store.find('full')) };
      for (const changes of [
        { clientId: 'thief' },
        { status: 'approved' },
        { scope: null },
        { expiresAt: 'x' },
        // JSON makes `null` of either, which would take the expiry away.
        { expiresAt: Number.NaN },
        { expiresAt: new Date(Number.NaN) },
      ]) {
        assert.ok(isTypeError(await rejection(store.update('full', changes as never))));
      }
      same({ ...(await store.find('full')) }, before);
      assert.ok(storeErrorKind(await rejection(store.update('other', { refreshCount: 1 }))) === 'not_found');
    },
  },
];
