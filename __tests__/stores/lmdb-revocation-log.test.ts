import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { open } from 'lmdb';
import { RevocationLog } from '../../lib/stores/lmdb/revocation-log.js';

it('RevocationLog keeps the last entries, and counts on', async () => {
  const path = mkdtempSync(join(tmpdir(), 'lmdb-'));
  const root = open({ path });
  const log = new RevocationLog(root.openDB({ name: 'log', encoding: 'string' }), 3);
  const append = (...digests: readonly string[]) => root.transaction(() => log.append(digests));
  const values = (after: number): string[] => [...log.after(after)].map(({ value }) => value);
  expect(log.last()).toBe(0);
  await append('a', 'b');
  await append('c', 'd', 'e');
  expect([log.last(), values(0), values(3)]).toStrictEqual([5, ['a', 'b', 'c', 'd', 'e'], ['d', 'e']]);
  await root.transaction(() => log.prune());
  expect(values(0)).toStrictEqual(['c', 'd', 'e']);
  await root.transaction(() => log.prune());
  await append('f');
  expect([log.last(), values(4)]).toStrictEqual([6, ['e', 'f']]);
  await root.close();
  rmSync(path, { recursive: true, force: true });
});
