import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { StoreUnavailableError } from '../../lib/index.js';
import { ExitWatch } from '../../lib/stores/lmdb/exit-watch.js';
import { LmdbTokenStore } from '../../lib/stores/lmdb/index.js';

const folder = mkdtempSync(join(tmpdir(), 'lmdb-exit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const OURS = Symbol.for('express-token-introspection.lmdb-exit.1');
let paths = 0;
const newStore = (): LmdbTokenStore => new LmdbTokenStore({ path: join(folder, String(++paths)) });
const ours = (): number => process.listeners('exit').filter((listener) => OURS in listener).length;

describe('what an LmdbTokenStore leaves with the process', () => {
  it('ecosystem/12 is nothing of ours once all stores are closed', async () => {
    const [one, other] = [newStore(), newStore()];
    await one.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    expect(ours()).toBe(1);
    await one.close();
    expect(ours()).toBe(1);
    await other.close();
    expect(ours()).toBe(0);
    await one.close();
    const third = newStore();
    expect(ours()).toBe(1);
    await third.close();
    expect(ours()).toBe(0);
  });

  it('ecosystem/12 is nothing, not even of the driver, for each store', async () => {
    const first = newStore();
    const before = process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const stores = [newStore(), newStore(), newStore()];
    for (const store of stores) store.onRevoked(() => {});
    expect(process.eventNames().map((name) => [name, process.listenerCount(name)])).toStrictEqual(before);
    for (const store of [first, ...stores]) await store.close();
    expect(ours()).toBe(0);
  });

  it('ecosystem/12 is one listener of all copies of the package, before that of the driver', async () => {
    const first = newStore();
    jest.resetModules();
    const copy = await import('../../lib/stores/lmdb/exit-watch.js');
    expect(copy.ExitWatch).not.toBe(ExitWatch);
    const watch = new copy.ExitWatch();
    const listeners = process.listeners('exit');
    expect(listeners.map((listener) => OURS in listener)).toStrictEqual([
      true,
      ...listeners.slice(1).map(() => false),
    ]);
    await first.close();
    expect(ours()).toBe(1);
    watch.closed();
    expect(ours()).toBe(0);
  });

  it('stays while a change is under way, of a copy that is closed as well', async () => {
    const kill = jest.spyOn(process, 'kill').mockReturnValue(true);
    const watch = new ExitWatch();
    watch.began();
    watch.closed();
    const listener = process.listeners('exit').find((each) => OURS in each);
    listener?.(0);
    expect(kill).toHaveBeenCalledTimes(1);
    watch.ended();
    expect(ours()).toBe(0);
    listener?.(0);
    expect(kill).toHaveBeenCalledTimes(1);
  });

  it('is nothing for a store that could not be opened', () => {
    expect(() => new LmdbTokenStore({ path: '/dev/null/x' })).toThrow(StoreUnavailableError);
    expect(ours()).toBe(0);
  });
});
