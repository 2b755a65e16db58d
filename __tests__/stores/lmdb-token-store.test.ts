import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { LmdbTokenStore } from '../../lib/stores/lmdb/index.js';
import { describeTokenStore, type StoreUnderTest } from '../../lib/testing/index.js';

const folder = mkdtempSync(join(tmpdir(), 'lmdb-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const paths = new WeakMap<StoreUnderTest, string>();
let opened = 0;

describeTokenStore(
  'LmdbTokenStore',
  (options) => {
    opened += 1;
    const path = join(folder, String(opened));
    const store = new LmdbTokenStore({ path, ...options });
    paths.set(store, path);
    return store;
  },
  {
    capabilities: {
      clock: true,
      approve: true,
      remove: true,
      revokeMatching: true,
      share: (store, options) => new LmdbTokenStore({ path: paths.get(store) as string, ...options }),
      async reopen(store, options) {
        await store.close?.();
        return new LmdbTokenStore({ path: paths.get(store) as string, ...options });
      },
    },
  },
);
