import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { open } from 'lmdb';
import { tokenDigest } from '../../lib/index.js';
import { endIfChanging } from '../../lib/stores/lmdb/exit-watch.js';
import { LmdbTokenStore, type LmdbTokenStoreOptions } from '../../lib/stores/lmdb/index.js';
import { rethrow } from '../../lib/stores/lmdb/transactions.js';
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
    ['timeout', { path: 'x', timeout: 2 ** 31 }],
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

  it('leaves nothing of what is swept or removed', async () => {
    const path = newPath();
    const clock = { now: 1_790_000_000_000 };
    const store = new LmdbTokenStore({ path, clock: () => clock.now, retainExpiredFor: 0 });
    for (let i = 0; i < 5; i++) {
      const more = { subject: 'alice', grantId: `g-${i}`, expiresAt: clock.now + 1000 };
      await store.save({ token: `at-${i}`, kind: 'access_token', clientId: 'app', ...more });
    }
    await store.update('at-0', { expiresAt: clock.now + 500 });
    await store.revoke('at-1');
    await store.save({
      token: 'removed',
      kind: 'access_token',
      clientId: 'app',
      subject: 'alice',
      grantId: 'g-1',
    });
    await store.revoke('removed');
    expect(await store.remove('removed')).toBe(1);
    clock.now += 1000;
    expect(await store.sweep()).toBe(5);
    await store.close();
    const root = open({ path, noSubdir: false });
    const left = ['tokens', 'owned', 'ends'].map((name) => root.openDB({ name }).getCount());
    // What processes share of the form of records stays.
    expect(left.slice(1)).toStrictEqual([0, 0]);
    expect(left[0]).toBeLessThanOrEqual(1);
    await root.close();
  });

  it('drops no live token when the retention is another one after a restart', async () => {
    const path = newPath();
    const clock = { now: 1_790_000_000_000 };
    const hour = 3_600_000;
    const options = { path, clock: () => clock.now };
    const before = new LmdbTokenStore({ ...options, retainExpiredFor: 24 * hour });
    await before.save({ token: 'at', kind: 'access_token', clientId: 'app', expiresAt: clock.now + hour });
    await before.save({ token: 'dead', kind: 'access_token', clientId: 'app', expiresAt: clock.now + hour });
    await before.close();
    const store = new LmdbTokenStore({ ...options, retainExpiredFor: hour });
    await store.update('at', { expiresAt: clock.now + 1000 * hour });
    clock.now += 25 * hour;
    expect([await store.sweep(), await store.sweep()]).toStrictEqual([1, 0]);
    expect(store.find('at')).toMatchObject({ status: 'approved' });
    await store.close();
  });

  it('drops nothing by an index that is out of date', async () => {
    const path = newPath();
    const clock = { now: 1_790_000_000_000 };
    const store = new LmdbTokenStore({ path, clock: () => clock.now, retainExpiredFor: 0 });
    await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    const root = open({ path, noSubdir: false });
    await root.openDB({ name: 'ends' }).put([1, tokenDigest('at')], true);
    await root.openDB({ name: 'ends' }).put([2, tokenDigest('gone')], true);
    await root.close();
    expect(await store.sweep()).toBe(0);
    expect(store.find('at')).toMatchObject({ status: 'approved' });
    await store.close();
  });

  it('goes by what it was given, whatever becomes of that while it waits for the lock', async () => {
    const store = new LmdbTokenStore({ path: newPath() });
    await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    const changes = { scope: ['read'] };
    const updated = store.update('at', changes);
    changes.scope.push('admin');
    expect([(await updated).scope, store.find('at')?.scope]).toEqual([['read'], ['read']]);
    await store.close();
  });

  it('says that it has missed some when it stood still for so long that the log was pruned', async () => {
    const path = newPath();
    const store = new LmdbTokenStore({ path });
    const told: string[] = [];
    const stop = store.onRevoked(
      (digest) => told.push(digest),
      () => told.push('missed'),
    );
    const root = open({ path, noSubdir: false });
    const log = root.openDB<string, number>({ name: 'revocations', encoding: 'string' });
    await log.put(7, 'g');
    for (let i = 0; i < 400 && told.length < 2; i++) await new Promise((passed) => setTimeout(passed, 5));
    await log.put(8, 'h');
    for (let i = 0; i < 400 && told.length < 3; i++) await new Promise((passed) => setTimeout(passed, 5));
    expect(told).toStrictEqual(['missed', 'g', 'h']);
    stop();
    await root.close();
    await store.close();
  });

  it('takes a folder with a dot in its name', async () => {
    const store = new LmdbTokenStore({ path: `${newPath()}.lmdb` });
    await store.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    await store.close();
  });

  it('ends a process at once where a change is under way, and only there', () => {
    const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
    endIfChanging({ writes: 0 });
    expect(kill).not.toHaveBeenCalled();
    endIfChanging({ writes: 1 });
    expect(kill).toHaveBeenCalledWith(process.pid, 'SIGKILL');
  });

  it('leaves no rejection of the driver without a listener', async () => {
    const error = Object.assign(new Error('Commit failed'), {
      commitError: Promise.reject(new Error('disk')),
    });
    for (const failed of [error, Object.assign(new Error('other'), { commitError: undefined })])
      expect(() => rethrow(failed)).toThrow(failed);
    // A rejection without a listener would end the tests here.
    await new Promise((passed) => setImmediate(passed));
  });

  it('finishes what is under way before it closes', async () => {
    const path = newPath();
    const store = new LmdbTokenStore({ path });
    const saved = Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.save({ token: `at-${i}`, kind: 'access_token', clientId: 'app' }),
      ),
    );
    await store.close();
    expect(await saved).toHaveLength(20);
    expect(() => store.onRevoked(() => {})).toThrow(
      expect.objectContaining({ name: 'StoreUnavailableError' }),
    );
  });

  it.each(process.platform === 'linux' ? ['StoreUnavailableError'] : [])(
    'a full disk is a %s, and not the end of the process',
    async (name) => {
      const path = newPath();
      // A limit on the size of files stands for the disk.
      const program = `
      import { LmdbTokenStore } from ${JSON.stringify(resolve('dist/esm/stores/lmdb/index.js'))};
      const store = new LmdbTokenStore({ path: ${JSON.stringify(path)}, timeout: 5000 });
      const names = new Set();
      for (let i = 0; i < 400; i++) {
        const claims = { pad: 'x'.repeat(20000) };
        await store.save({ token: 'at-' + i, kind: 'access_token', clientId: 'app', claims }).catch((error) => names.add(error.name));
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      console.log(JSON.stringify([[...names], store.find('at-0')?.clientId]));
      await store.close();
      process.exit();`;
      const script = `trap '' XFSZ; ulimit -f 2048; exec "$0" --input-type=module -e "$1"`;
      const { stdout } = await promisify(execFile)('bash', ['-c', script, process.execPath, program], {
        maxBuffer: 2 ** 26,
      });
      expect(JSON.parse(stdout)).toStrictEqual([[name], 'app']);
    },
    60_000,
  );

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
