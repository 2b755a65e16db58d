import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { ConflictError, tokenDigest } from '../../lib/index.js';
import { Connections } from '../../lib/stores/postgres/connections.js';
import type { Database } from '../../lib/stores/postgres/database.js';
import { PostgresTokenStore } from '../../lib/stores/postgres/index.js';
import type { PooledPostgresClient, PostgresPool } from '../../lib/stores/postgres/pool.js';
import { openOwnLink, toldDigests } from '../../lib/stores/postgres/revocation-link.js';

/** A pool whose connections come when the test says so. */
function scripted(options?: { max: number }) {
  const attempts: { give(): FakeClient; fail(message: string): void }[] = [];
  const pool = Object.assign(new EventEmitter(), {
    ...(options && { options }),
    connect: () =>
      new Promise<PooledPostgresClient>((resolve, reject) => {
        attempts.push({
          give() {
            const client = new FakeClient();
            resolve(client);
            return client;
          },
          fail: (message) => reject(new Error(message)),
        });
      }),
  });
  return { pool, attempts, connections: new Connections(pool as PostgresPool) };
}

class FakeClient extends EventEmitter implements PooledPostgresClient {
  readonly released: unknown[] = [];
  async query() {
    return { rows: [], rowCount: 0 };
  }
  release(error?: unknown): void {
    this.released.push(error);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const done = async (): Promise<string> => 'done';

describe('Connections', () => {
  it('gives a connection back that did its work, or whose answer we did not like, and no other', async () => {
    const { attempts, connections } = scripted();
    const ends = [
      async () => 'done',
      async () => Promise.reject(new ConflictError()),
      async () => Promise.reject(new TypeError('find: "x" must be another')),
      async () => Promise.reject(new Error('broken')),
      () => new Promise(() => {}),
    ];
    const released: unknown[] = [];
    for (const [i, work] of ends.entries()) {
      const used = connections.use('find', 30, work).catch((error: Error) => error.name);
      const client = attempts[i]?.give();
      await used;
      released.push(client?.released, client?.listenerCount('error'));
    }
    // One that is ended may still fail, and nobody else listens.
    expect(released).toStrictEqual([[undefined], 0, [undefined], 0, [undefined], 0, [true], 1, [true], 1]);
  });

  it('lets an error of a connection that is used end no process', async () => {
    const { attempts, connections } = scripted();
    const used = connections.use('find', 100, async (client) => {
      (client as FakeClient).emit('error', new Error('lost'));
      throw new Error('lost');
    });
    attempts[0]?.give();
    await expect(used).rejects.toMatchObject({ name: 'StoreUnavailableError', cause: { message: 'lost' } });
  });

  it('waits for none that hangs while it is opened, as long as the pool has a place for another', async () => {
    const { attempts, connections } = scripted();
    for (let i = 0; i < 5; i++) {
      const used = connections.use('find', 20, done);
      expect(attempts).toHaveLength(i + 1);
      if (i % 2 === 0) await expect(used).rejects.toMatchObject({ name: 'StoreUnavailableError' });
      else attempts[i]?.give();
      if (i % 2 === 1) expect(await used).toBe('done');
    }
  });

  it('asks for no more than can come of it, and gives what comes too late to whoever waits then, or back', async () => {
    const { attempts, connections } = scripted({ max: 2 });
    for (let i = 0; i < 6; i++)
      await expect(connections.use('find', 5, done)).rejects.toMatchObject({ name: 'StoreUnavailableError' });
    expect(attempts).toHaveLength(3);
    const used = connections.use('find', 1000, done);
    expect(attempts).toHaveLength(3);
    attempts[0]?.give();
    expect(await used).toBe('done');
    const late = attempts[1]?.give();
    await pause(1);
    expect(late?.released).toStrictEqual([undefined]);
  });

  it('fails with an attempt of its own, and not with an older one', async () => {
    const { attempts, connections } = scripted({ max: 1 });
    for (let i = 0; i < 2; i++) await expect(connections.use('find', 5, done)).rejects.toThrow();
    const used = connections.use('find', 1000, done);
    expect(attempts).toHaveLength(2);
    attempts[0]?.fail('an old story');
    await pause(1);
    expect(attempts).toHaveLength(3);
    attempts[2]?.fail('refused');
    await expect(used).rejects.toMatchObject({
      name: 'StoreUnavailableError',
      cause: { message: 'refused' },
    });
    attempts[1]?.fail('nobody cares');
    await pause(1);
    expect(attempts).toHaveLength(3);
  });

  it('listens once to a pool that several stores have, whose idle connections may be lost', () => {
    const { pool } = scripted();
    new Connections(pool as PostgresPool);
    expect(pool.listenerCount('error')).toBe(1);
    expect(() => pool.emit('error', new Error('lost'))).not.toThrow();
  });
});

describe('PostgresTokenStore', () => {
  const pool = scripted().pool as PostgresPool;
  it.each([
    ['pool', {}],
    ['pool', { pool: 'postgres://localhost' }],
    ['pool', { pool: { connect() {} } }],
    ['schema', { pool, schema: '' }],
    ['schema', { pool, schema: 'a"b' }],
    ['schema', { pool, schema: 'a\n' }],
    ['schema', { pool, schema: 'pg_own' }],
    ['schema', { pool, schema: '1a' }],
    ['schema', { pool, schema: 'a'.repeat(51) }],
    ['schema', { pool, schema: 5 }],
    ['retainExpiredFor', { pool, retainExpiredFor: -1 }],
    ['timeout', { pool, timeout: 0 }],
    ['linkInterval', { pool, linkInterval: 0 }],
    ['listenOn', { pool, listenOn: 'x' }],
    ['clock', { pool, clock: 5 }],
    ['url', { pool, url: 'x' }],
  ])('a TypeError names "%s" when the options are wrong (%#)', (name, options) => {
    expect(() => new PostgresTokenStore(options as never)).toThrow(TypeError);
    expect(() => new PostgresTokenStore(options as never)).toThrow(`"${name}"`);
  });

  it('refuses what cannot be looked for with a TypeError, without asking', async () => {
    const { pool: unused, attempts } = scripted();
    const store = new PostgresTokenStore({ pool: unused as PostgresPool });
    for (const asked of [
      store.find(5 as never),
      store.save({ token: 'ä' } as never),
      store.update('at', { clientId: 'x' } as never),
      store.revoke(undefined as never),
      store.revokeGrant(''),
      store.revokeAll({}),
    ])
      await expect(asked).rejects.toThrow(TypeError);
    expect(attempts).toHaveLength(0);
    await store.close();
  });

  it('reads the digests of a notification, and nothing that is none', () => {
    const digests = ['a', 'b'].map(tokenDigest);
    const told = Buffer.concat(digests.map((digest) => Buffer.from(digest, 'base64url')));
    expect(toldDigests(told.toString('base64'))).toStrictEqual(digests);
    for (const junk of [undefined, null, '', '{}', told.subarray(0, 31).toString('base64')])
      expect(toldDigests(junk)).toStrictEqual([]);
  });

  it('tells of a connection of its own that fails or ends, and of no error with which it is closed', async () => {
    const client = Object.assign(new FakeClient(), {
      connect: done,
      end: () => Promise.reject(new Error('gone already')),
    });
    const closing = new AbortController();
    let lost = 0;
    const count = (): void => {
      lost += 1;
    };
    const database = { schema: 'own', timeout: 1000 } as Database;
    const events = { revoked() {}, missed() {}, lost: count, signal: closing.signal };
    await openOwnLink(database, () => client, events);
    client.emit('error', new Error('reset'));
    client.emit('end');
    closing.abort();
    await pause(10);
    expect(lost).toBe(2);
  });
});
