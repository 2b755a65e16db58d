import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { LmdbTokenStore } from '../../lib/stores/lmdb/index.js';

const folder = mkdtempSync(join(tmpdir(), 'lmdb-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * The number of the last transaction, and of the last one that is on disk for certain. The first two pages
 * of the file say the first; half a page in, the driver writes the second when it has flushed it.
 */
function transactionsOf(path: string): { readonly last: number; readonly flushed: number } {
  const file = readFileSync(join(path, 'data.mdb'));
  const pageSize = file.readUInt32LE(48);
  const numberAt = (start: number): number => Number(file.readBigUInt64LE(start + 152));
  return { last: Math.max(numberAt(0), numberAt(pageSize)), flushed: numberAt(pageSize / 2) };
}

// Windows has neither these modes nor the driver's way of flushing.
const describeHere = process.platform === 'win32' ? describe.skip : describe;

describeHere('The files of an LmdbTokenStore', () => {
  it('are for their owner only, in a folder that others may enter too', async () => {
    const path = join(folder, 'open');
    mkdirSync(path);
    chmodSync(path, 0o755);
    const store = new LmdbTokenStore({ path });
    await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    const modes = readdirSync(path).map((name) => [name, statSync(join(path, name)).mode & 0o777]);
    expect(Object.fromEntries(modes)).toStrictEqual({ 'data.mdb': 0o600, 'lock.mdb': 0o600 });
    await store.close();
  });

  it('have a change on disk when its promise resolves', async () => {
    const path = join(folder, 'durable');
    const store = new LmdbTokenStore({ path, timeout: 10_000 });
    let before = 0;
    for (let i = 0; i < 10; i++) {
      const token = `at-${i}`;
      for (const change of [
        () => store.save({ token, kind: 'access_token', clientId: 'app' }),
        () => store.update(token, { refreshCount: i }),
        () => store.revoke(token),
      ]) {
        await change();
        const { last, flushed } = transactionsOf(path);
        expect([last > before, flushed]).toStrictEqual([true, last]);
        before = last;
      }
    }
    await store.close();
  });
});
