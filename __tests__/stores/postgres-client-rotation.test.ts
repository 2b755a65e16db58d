import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type Client, generateClientSecret, hashClientSecret } from '../../lib/index.js';
import type { PostgresClientStore, RotatedSecret } from '../../lib/stores/postgres/index.js';
import { ClientDatabase, watched } from '../support/client-database.js';
import { describeWith, POSTGRES } from '../support/services.js';
import { verifierFor, verifyHeader } from '../support/verifying.js';
import { basic, HOUR, NOW, postToken, world } from '../support/world.js';

const DAY = 24 * HOUR;
const CONFLICT = { code: 'ERR_STORE_CONFLICT' };
const NOT_FOUND = { code: 'ERR_STORE_NOT_FOUND' };

describeWith(POSTGRES, 'PostgresClientStore rotates secrets', () => {
  let database: ClientDatabase;
  let now = NOW;
  const clock = (): number => now;

  beforeAll(async () => {
    database = await ClientDatabase.start();
  });
  afterAll(() => database.stop());

  /** A store with one client, and its secret. */
  async function withApp(more: Partial<Client> = {}): Promise<{ store: PostgresClientStore; old: string }> {
    const store = await database.open({ clock });
    const { secret: old, hash } = generateClientSecret();
    await store.save({ clientId: 'app', secret: hash, ...more });
    return { store, old };
  }

  /** Which of some secrets let the client in, asked anew. */
  async function good(
    store: PostgresClientStore,
    ...secrets: readonly string[]
  ): Promise<readonly boolean[]> {
    const verifier = verifierFor(store, clock);
    return Promise.all(
      secrets.map(async (secret) => (await verifyHeader(verifier, basic('app', secret))) === 'app'),
    );
  }

  it('with an overlap that ends by itself, after 24 hours', async () => {
    const { store, old } = await withApp({ audiences: ['x'] });
    const { secret, previousSecretUntil } = await store.rotateSecret('app');
    expect(previousSecretUntil).toBe(now + DAY);
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(await store.find('app')).toMatchObject({ audiences: ['x'], previousSecretUntil });
    now += DAY - 1;
    expect(await good(store, secret, old)).toStrictEqual([true, true]);
    now += 1;
    expect(await good(store, secret, old)).toStrictEqual([true, false]);
    await expect(store.restorePreviousSecret('app')).rejects.toMatchObject(CONFLICT);
    const next = await store.rotateSecret('app', { keepPreviousFor: 1000 });
    expect(next.previousSecretUntil).toBe(now + 1000);
    expect(await good(store, next.secret, secret, old)).toStrictEqual([true, true, false]);
  });

  it('with an overlap that is ended before', async () => {
    const { store, old } = await withApp();
    const { secret } = await store.rotateSecret('app');
    await store.dropPreviousSecret('app');
    expect(await good(store, secret, old)).toStrictEqual([true, false]);
    expect(Object.keys((await store.find('app')) as Client)).toStrictEqual(['clientId', 'secret']);
    await store.dropPreviousSecret('app');
    expect(await good(store, secret)).toStrictEqual([true]);
    await expect(store.dropPreviousSecret('unknown')).rejects.toMatchObject(NOT_FOUND);
  });

  it('back, when the new one was lost', async () => {
    const { store, old } = await withApp();
    const { secret: lost } = await store.rotateSecret('app');
    await store.restorePreviousSecret('app');
    expect(await good(store, old, lost)).toStrictEqual([true, false]);
    await expect(store.restorePreviousSecret('app')).rejects.toMatchObject(CONFLICT);
    const { secret } = await store.rotateSecret('app');
    expect(await good(store, old, lost, secret)).toStrictEqual([true, false, true]);
    await expect(store.restorePreviousSecret('unknown')).rejects.toMatchObject(NOT_FOUND);
  });

  it('that were chosen, too', async () => {
    const { store } = await withApp({ secret: await hashClientSecret('chosen') });
    const { secret } = await store.rotateSecret('app');
    expect(await good(store, secret, 'chosen', 'x')).toStrictEqual([true, true, false]);
  });

  it('that others have got hold of, with no overlap, and in the middle of another rotation', async () => {
    const { store, old } = await withApp();
    const { secret: leaked } = await store.rotateSecret('app');
    const { secret, ...more } = await store.rotateSecret('app', { keepPreviousFor: 0 });
    expect(more).toStrictEqual({});
    expect(await good(store, secret, leaked, old)).toStrictEqual([true, false, false]);
  });

  it('of confidential clients that are there, and of no other', async () => {
    const store = await database.open();
    await store.save({ clientId: 'public' });
    await expect(store.rotateSecret('public')).rejects.toMatchObject(CONFLICT);
    await expect(store.rotateSecret('public', { keepPreviousFor: 0 })).rejects.toMatchObject(CONFLICT);
    await expect(store.rotateSecret('unknown')).rejects.toMatchObject(NOT_FOUND);
    expect(await store.find('public')).toStrictEqual({ clientId: 'public' });
  });

  it('once, when several nodes do so at once or after each other: nobody is given a secret that is not good', async () => {
    const { store, old } = await withApp();
    const nodes = [store, database.beside(store, { clock }), database.beside(store, { clock })];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) => (nodes[i % 3] as PostgresClientStore).rotateSecret('app')),
    );
    const given = outcomes.filter(({ status }) => status === 'fulfilled');
    const [{ value }] = given as [PromiseFulfilledResult<RotatedSecret>];
    expect(given).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(CONFLICT);
    }
    await expect(store.rotateSecret('app')).rejects.toMatchObject(CONFLICT);
    expect(await good(store, value.secret, old)).toStrictEqual([true, true]);
  });

  it.each([
    ['without an overlap', { keepPreviousFor: 0 }],
    ['with one that is over at once', { keepPreviousFor: 1 }],
  ])('and takes back none, %s, that another node gives meanwhile', async (_what, options) => {
    const { store, old } = await withApp();
    const given: RotatedSecret[] = [];
    const pool = watched(database.pool(), async (text) => {
      if (text.includes('UPDATE')) given.push(await store.rotateSecret('app', options));
      now += 10;
    });
    const slow = database.beside(store, { pool, clock });
    await expect(slow.rotateSecret('app', options)).rejects.toMatchObject(CONFLICT);
    expect(given).toHaveLength(1);
    expect(await good(store, given[0]?.secret as string, old)).toStrictEqual([true, false]);
  });

  it('of a client that is changed otherwise meanwhile', async () => {
    const { store, old } = await withApp();
    let isFirst = true;
    const pool = watched(database.pool(), async (text) => {
      if (!text.includes('UPDATE') || !isFirst) return;
      isFirst = false;
      await store.update('app', { audiences: ['x'] });
    });
    const { secret } = await database.beside(store, { pool, clock }).rotateSecret('app');
    expect(await store.find('app')).toMatchObject({ audiences: ['x'] });
    expect(await good(store, secret, old)).toStrictEqual([true, true]);
  });

  it('under callers who change over one by one, of whom none is refused', async () => {
    const { store, old } = await withApp();
    const nodes = [store, database.beside(store, { clock })].map((clients) => verifierFor(clients, clock));
    let [secret, isOver] = [old, false];
    let calls = 0;
    const caller = async (i: number): Promise<void> => {
      let mine = secret;
      for (let call = i; !isOver; call++) {
        expect(await verifyHeader(nodes[call % 2] as (typeof nodes)[0], basic('app', mine))).toBe('app');
        calls += 1;
        if (call % 7 === 0) mine = secret;
      }
    };
    const callers = Array.from({ length: 8 }, (_, i) => caller(i));
    const served = async (): Promise<void> => {
      const enough = calls + 200;
      while (calls < enough) await Promise.race([...callers, new Promise((done) => setTimeout(done, 5))]);
    };
    for (let turn = 0; turn < 3; turn++) {
      await served();
      ({ secret } = await store.rotateSecret('app'));
      await served();
      await store.dropPreviousSecret('app');
    }
    isOver = true;
    await Promise.all(callers);
  });

  it('for the APIs, from the next call on', async () => {
    const { store, old } = await withApp();
    const { app } = await world({ clients: store, clock });
    const status = async (secret: string): Promise<number> =>
      (await postToken(app, '/v1/oauth/introspect', basic('app', secret), 't')).status;
    expect(await status(old)).toBe(200);
    const { secret } = await store.rotateSecret('app');
    expect([await status(old), await status(secret)]).toStrictEqual([200, 200]);
    await store.dropPreviousSecret('app');
    expect([await status(old), await status(secret)]).toStrictEqual([401, 200]);
    await store.update('app', { disabled: true });
    expect(await status(secret)).toBe(401);
  });
});
