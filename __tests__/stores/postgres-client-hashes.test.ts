import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { hash as bcrypt, compare } from 'bcryptjs';
import { type Client, generateClientSecret, hashClientSecret } from '../../lib/index.js';
import type { PostgresClientStore } from '../../lib/stores/postgres/index.js';
import { ClientDatabase, watched } from '../support/client-database.js';
import { describeWith, POSTGRES } from '../support/services.js';
import { A, basic, HOUR, NOW, postToken, world } from '../support/world.js';

const SECRET = 'a chosen secret';

describeWith(POSTGRES, 'issuer/10 PostgresClientStore with secrets that others have hashed', () => {
  let database: ClientDatabase;
  let theirs: string;

  beforeAll(async () => {
    database = await ClientDatabase.start();
    theirs = await bcrypt(SECRET, 4);
  });
  afterAll(() => database.stop());

  const withHook = (): Promise<PostgresClientStore> => database.open({ verifySecret: compare });

  /** The client, once its secret is another one. */
  async function moved(store: PostgresClientStore, before: string): Promise<Client> {
    for (const began = Date.now(); Date.now() - began < 10_000; ) {
      const client = (await store.find('app')) as Client;
      if (client.secret !== before) return client;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error('not moved');
  }

  it('keeps, finds and changes such clients with the hook, and none without it', async () => {
    const store = await withHook();
    await store.save({ clientId: 'app', secret: theirs });
    expect(await store.find('app')).toStrictEqual({ clientId: 'app', secret: theirs });
    await store.update('app', { audiences: ['x'] });
    const other = await bcrypt('another', 4);
    expect((await store.update('app', { secret: other })).secret).toBe(other);
    const without = database.beside(store);
    await expect(without.find('app')).rejects.toThrow('"verifySecret"');
    await expect(without.save({ clientId: 'more', secret: theirs })).rejects.toThrow('"verifySecret"');
    await expect(without.update('app', { secret: theirs })).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
    for (const secret of ['', null] as never[])
      await expect(store.save({ clientId: 'none', secret })).rejects.toThrow('"secret" must be a hash');
  });

  it('moves a secret to a hash of ours when it is first used, which needs no hook any more', async () => {
    const store = await withHook();
    await store.save({ clientId: 'app', secret: theirs, audiences: ['x'] });
    const { app } = await world({ clients: store });
    expect((await postToken(app, A, basic('app', 'wrong'), 't')).status).toBe(401);
    expect((await postToken(app, A, basic('app', SECRET), 't')).status).toBe(200);
    const client = await moved(store, theirs);
    expect(client).toStrictEqual({
      clientId: 'app',
      secret: expect.stringMatching(/^\$scrypt\$/),
      audiences: ['x'],
    });
    const without = await world({ clients: database.beside(store) });
    expect((await postToken(without.app, A, basic('app', SECRET), 't')).status).toBe(200);
    expect((await postToken(without.app, A, basic('app', 'wrong'), 't')).status).toBe(401);
    expect((await postToken(app, A, basic('app', SECRET), 't')).status).toBe(200);
  });

  it('moves the previous secret too, in a rotation, and keeps when that ends', async () => {
    const store = await withHook();
    const [{ hash }, ours] = [generateClientSecret(), await hashClientSecret(SECRET)];
    const rotated = { clientId: 'app', secret: hash, previousSecretUntil: NOW + HOUR };
    await store.save({ ...rotated, previousSecret: theirs });
    expect(await store.replaceSecret('app', ours, theirs)).toBe(true);
    expect(await store.find('app')).toStrictEqual({ ...rotated, previousSecret: ours });
  });

  it('moves nothing where somebody else has changed the secret, or removed the client', async () => {
    const store = await withHook();
    const ours = await hashClientSecret(SECRET);
    await store.save({ clientId: 'app', secret: theirs });
    expect(await store.replaceSecret('nobody', ours, theirs)).toBe(false);
    await store.rotateSecret('app', { keepPreviousFor: 0 });
    const after = await store.find('app');
    expect(await store.replaceSecret('app', ours, theirs)).toBe(false);
    expect(await store.find('app')).toStrictEqual(after);
  });

  it('lets a rotation win that comes between reading and writing', async () => {
    const store = await withHook();
    const ours = await hashClientSecret(SECRET);
    await store.save({ clientId: 'app', secret: theirs });
    let isFirst = true;
    const pool = watched(database.pool(), async (text) => {
      if (!text.includes('UPDATE') || !isFirst) return;
      isFirst = false;
      await store.rotateSecret('app', { keepPreviousFor: 0 });
    });
    const slow = database.beside(store, { pool, verifySecret: compare });
    expect(await slow.replaceSecret('app', ours, theirs)).toBe(false);
    expect((await store.find('app'))?.secret).toMatch(/^\$sha256\$/);
  });

  it('rejects where it cannot know', async () => {
    const store = await withHook();
    await store.save({ clientId: 'app', secret: theirs });
    const pool = watched(database.pool(), () => Promise.reject(new Error('down')));
    const failing = database.beside(store, { pool, verifySecret: compare });
    await expect(failing.replaceSecret('app', 'x', theirs)).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
  });
});
