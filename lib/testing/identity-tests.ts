import assert from 'node:assert/strict';
import { isTokenSyntax } from '../tokens/token-digest.js';
import {
  access,
  type ContractTest,
  inBatches,
  isTypeError,
  rejection,
  type StoreUnderTest,
  same,
} from './suite.js';

/**
 * Identifiers that an engine may take for one another: by case, blanks, normal forms, accents,
 * widths, as numbers or patterns, or where it cuts them off.
 */
export const ALIKE: readonly string[] = [
  ...['id', 'ID', 'Id', '\uff29\uff24', 'i\u200dd', 'id\u0000'],
  ...[' id', 'id ', 'id  ', 'id\t', 'id\n', 'id\u00a0'],
  ...['e', '\u00e9', 'e\u0301', '\u212b', '\u00c5', 'A\u030a', 'ss', '\u00df', 'fi', '\ufb01', '\u0131d'],
  ...['1', '01', '1.0', '1e0', '%', 'i%', '_d', 'i_', '*', '?d', '[i]d', 'i\\d', '{id}'],
  ...['a', 'b'].map((end) => 'x'.repeat(300) + end),
];

interface Identifier {
  readonly what: string;
  readonly member: 'grantId' | 'clientId' | 'subject';
  readonly revoke: (store: StoreUnderTest, id: string) => Promise<number>;
}

const IDENTIFIERS: readonly Identifier[] = [
  { what: 'grant', member: 'grantId', revoke: (store, id) => store.revokeGrant(id) },
  { what: 'client', member: 'clientId', revoke: (store, clientId) => store.revokeAll({ clientId }) },
  { what: 'subject', member: 'subject', revoke: (store, subject) => store.revokeAll({ subject }) },
];

/** Half of a character, which UTF-8 cannot write: an engine makes U+FFFD of it, and of every other half. */
const LONE = 'x\ud800';

/** It in every member that has text. */
const NO_UNICODE: readonly (readonly [string, unknown])[] = [
  ...['clientId', 'subject', 'username', 'organization', 'issuer', 'jti', 'brand', 'app', 'appId'].map(lone),
  ...['grantType', 'grantId', 'refreshToken', 'createdBy', 'lastModifiedBy', 'acr'].map(lone),
  ['subject', '\udc00x'],
  ['subject', '\udc00\ud800'],
  ['audience', ['x', LONE]],
  ['apiProducts', [LONE]],
  ['attributes', [{ name: LONE, value: 'x' }]],
  ['attributes', [{ name: 'x', value: LONE }]],
  ['claims', { [LONE]: 1 }],
  ['claims', { list: [1, null, { deep: LONE }] }],
  ['confirmation', { jkt: LONE }],
  ['actor', { sub: LONE }],
  ['authorizationDetails', [{ type: 'x', [LONE]: true }]],
];

function lone(member: string): readonly [string, unknown] {
  return [member, LONE];
}

/** Those of them that an update may change. */
const UPDATABLE: readonly string[] = [
  ...['app', 'appId', 'apiProducts', 'brand', 'claims', 'authorizationDetails'],
  ...['audience', 'attributes', 'lastModifiedBy'],
];

/** Identifiers are compared byte for byte, whatever an engine makes of text. */
export const identityTests: readonly ContractTest[] = [
  {
    name: 'takes no token for one that looks like it',
    async run({ store }) {
      const tokens = ALIKE.filter(isTokenSyntax);
      await inBatches(tokens, (token) => store.save(access(token, { subject: `the subject of ${token}` })));
      for (const token of tokens) {
        const found = await store.find(token);
        assert.deepEqual([found?.subject, found?.status], [`the subject of ${token}`, 'approved']);
        assert.equal(await store.revoke(token), 1);
      }
    },
  },
  ...IDENTIFIERS.map(
    ({ what, member, revoke }): ContractTest => ({
      name: `takes no ${what} for one that looks like it`,
      async run({ store }) {
        await inBatches([...ALIKE.entries()], ([i, id]) => store.save(access(`at-${i}`, { [member]: id })));
        for (const [i, id] of ALIKE.entries()) {
          assert.equal((await store.find(`at-${i}`))?.[member], id);
          assert.equal(await revoke(store, id), 1, JSON.stringify(id));
          assert.equal((await store.find(`at-${i}`))?.status, 'revoked');
        }
      },
    }),
  ),
  {
    name: 'refuses text that is no well-formed Unicode, which would become other text, with a TypeError that names it',
    async run({ store }) {
      for (const [member, value] of NO_UNICODE) {
        const error = await rejection(store.save(access('at', { [member]: value })));
        assert.ok(isTypeError(error) && String(error).includes(`"${member}"`), `${member}: ${String(error)}`);
      }
      assert.equal((await store.find('at')) ?? undefined, undefined);
      await store.save(access('at', { claims: { '\u{1d11e}': '\u{1d11e}' } }));
      const before = { ...(await store.find('at')) };
      for (const [member, value] of NO_UNICODE.filter(([name]) => UPDATABLE.includes(name))) {
        const error = await rejection(store.update('at', { [member]: value }));
        assert.ok(isTypeError(error) && String(error).includes(`"${member}"`), `${member}: ${String(error)}`);
      }
      same({ ...(await store.find('at')) }, before);
      for (const { what, revoke } of IDENTIFIERS)
        assert.ok(isTypeError(await rejection(revoke(store, LONE))), what);
    },
  },
];
