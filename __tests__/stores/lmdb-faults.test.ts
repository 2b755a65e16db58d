import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { open } from 'lmdb';
import { LmdbTokenStore, type LmdbTokenStoreOptions } from '../../lib/stores/lmdb/index.js';
import { StoreProcess } from '../support/other-process.js';
import { testFaults } from '../support/store-faults.js';

const folder = mkdtempSync(join(tmpdir(), 'lmdb-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;
const newPath = (): string => {
  folders += 1;
  return join(folder, String(folders));
};

describe('LmdbTokenStore among processes', () => {
  testFaults({
    kind: 'lmdb',
    options: () => ({ path: newPath() }),
    open: (options) => new LmdbTokenStore(options as LmdbTokenStoreOptions),
  });

  it('T-25 leaves no token and no refresh token in its files', async () => {
    const path = newPath();
    const store = new LmdbTokenStore({ path });
    const values = ['access-token-in-clear', 'refresh-token-in-clear', 'linked-refresh-in-clear'];
    const [token = '', refresh = '', refreshToken = ''] = values;
    await store.save({ token, kind: 'access_token', clientId: 'app', subject: 'alice', refreshToken });
    await store.save({ token: refresh, kind: 'refresh_token', clientId: 'app' });
    await store.update(token, { scope: ['read'] });
    await store.revoke(refresh);
    await store.close();
    const all = Buffer.concat(readdirSync(path).map((name) => readFileSync(join(path, name))));
    expect(all.includes('alice')).toBe(true);
    for (const value of values) expect([value, all.includes(value)]).toStrictEqual([value, false]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('tells of revocations from the moment on at which somebody listens', async () => {
    const path = newPath();
    const store = new LmdbTokenStore({ path });
    const other = await StoreProcess.start('lmdb', { path });
    await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    await other.call('revoke', 'at');
    const digests: string[] = [];
    const stop = store.onRevoked((digest) => digests.push(digest));
    expect(store.find('at')?.status).toBe('revoked');
    await store.save({ token: 'at-2', kind: 'access_token', clientId: 'app' });
    await other.call('revoke', 'at-2');
    for (let i = 0; i < 200 && digests.length === 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    stop();
    expect(digests).toHaveLength(1);
    await store.close();
  });
});

describe('LmdbTokenStore', () => {
  it.each([
    ['path', { path: '' }],
    ['path', {}],
    ['retainExpiredFor', { path: 'x', retainExpiredFor: -1 }],
    ['timeout', { path: 'x', timeout: 0 }],
    ['clock', { path: 'x', clock: 5 }],
    ['file', { path: 'x', file: 'x' }],
  ])('a TypeError names "%s" when the options are %j', (name, options) => {
    expect(() => new LmdbTokenStore(options as never)).toThrow(TypeError);
    expect(() => new LmdbTokenStore(options as never)).toThrow(`"${name}"`);
  });

  it('cannot be opened where there is a file: StoreUnavailableError with the cause', () => {
    const path = newPath();
    writeFileSync(path, 'a file');
    let error: unknown;
    try {
      new LmdbTokenStore({ path });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ name: 'StoreUnavailableError', cause: { code: 'EEXIST' } });
  });

  it('is unavailable once it is closed, which may be done twice', async () => {
    const store = new LmdbTokenStore({ path: newPath() });
    await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    const stop = store.onRevoked(() => {});
    await store.close();
    await store.close();
    stop();
    expect(() => store.find('at')).toThrow(expect.objectContaining({ name: 'StoreUnavailableError' }));
    for (const asked of [
      store.revoke('at'),
      store.update('at', {}),
      store.sweep(),
      store.revokeAll({ clientId: 'app' }),
    ]) {
      await expect(asked).rejects.toMatchObject({ name: 'StoreUnavailableError', cause: expect.any(Error) });
    }
  });

  it('says that it is unavailable when a change takes too long, and goes on when it can', async () => {
    const path = newPath();
    const store = new LmdbTokenStore({ path, timeout: 100 });
    await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    // Another process that has the lock for changes, and does not let go of it for a while.
    const hold = `
      const root = require('lmdb').open({ path: ${JSON.stringify(path)} });
      root.transactionSync(() => {
        require('node:fs').writeSync(1, 'held');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
      });
      process.exit();`;
    const holder = spawn(process.execPath, ['-e', hold], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(holder, 'exit');
    await once(holder.stdout, 'data');
    const began = performance.now();
    await expect(store.revoke('at')).rejects.toMatchObject({ name: 'StoreUnavailableError' });
    expect(performance.now() - began).toBeLessThan(500);
    expect(store.find('at')).toMatchObject({ status: 'approved' });
    await ended;
    await store.save({ token: 'later', kind: 'access_token', clientId: 'app' });
    expect(store.find('later')).toMatchObject({ status: 'approved' });
    await store.close();
  });

  it('leaves nothing of what is swept', async () => {
    const path = newPath();
    const clock = { now: 1_790_000_000_000 };
    const store = new LmdbTokenStore({ path, clock: () => clock.now, retainExpiredFor: 0 });
    for (let i = 0; i < 5; i++) {
      const more = { subject: 'alice', grantId: `g-${i}`, expiresAt: clock.now + 1000 };
      await store.save({ token: `at-${i}`, kind: 'access_token', clientId: 'app', ...more });
    }
    await store.update('at-0', { expiresAt: clock.now + 500 });
    await store.revoke('at-1');
    clock.now += 1000;
    expect(await store.sweep()).toBe(5);
    await store.close();
    const root = open({ path });
    const left = ['tokens', 'owned', 'ends'].map((name) => root.openDB({ name }).getCount());
    // What processes share of the form of records stays.
    expect(left.slice(1)).toStrictEqual([0, 0]);
    expect(left[0]).toBeLessThanOrEqual(1);
    await root.close();
  });

  it('revokes all of a client with thousands of tokens', async () => {
    const store = new LmdbTokenStore({ path: newPath(), timeout: 10_000 });
    const save = (i: number) =>
      store.save({ token: `at-${i}`, kind: 'access_token', clientId: 'app', subject: `user-${i % 2}` });
    await Promise.all(Array.from({ length: 1200 }, (_, i) => save(i)));
    expect(await store.revokeAll({ clientId: 'app', subject: 'user-1' })).toBe(600);
    expect(await store.revokeAll({ clientId: 'app' })).toBe(600);
    expect(await store.revokeAll({ clientId: 'app' })).toBe(0);
    await store.close();
  });
});
