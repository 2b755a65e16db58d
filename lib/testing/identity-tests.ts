import assert from 'node:assert/strict';
import { isTokenSyntax } from '../tokens/token-digest.js';
import { access, type ContractTest, inBatches, type StoreUnderTest } from './suite.js';

/**
 * Identifiers that an engine may take for one another: by case, blanks, normal forms, accents,
 * widths, as numbers or patterns, or where it cuts them off.
 */
const ALIKE: readonly string[] = [
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
];
