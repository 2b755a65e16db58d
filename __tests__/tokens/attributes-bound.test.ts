import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type ManagedTokenStore, MemoryTokenStore, type TokenRecord } from '../../lib/index.js';
import { LmdbTokenStore } from '../../lib/stores/lmdb/index.js';
import { changedRecord } from '../../lib/tokens/new-record.js';
import { error, managed } from '../support/managers.js';
import { C, NOW, ORG, postToken, world } from '../support/world.js';

/** One attribute that has so many bytes as JSON in an array. */
const ofBytes = (bytes: number) => [{ name: 'a', value: 'x'.repeat(bytes - 25) }];
const BOUND = 64 * 1024;
const TOKEN = { token: 't', kind: 'access_token', clientId: 'app' } as const;

async function withStores(use: (store: ManagedTokenStore) => Promise<void>): Promise<void> {
  await use(new MemoryTokenStore({ clock: () => NOW }));
  const path = await mkdtemp(join(tmpdir(), 'attributes-'));
  const lmdb = new LmdbTokenStore({ path, clock: () => NOW });
  try {
    await use(lmdb);
  } finally {
    await lmdb.close();
    await rm(path, { recursive: true, force: true });
  }
}

describe('the attributes of a token', () => {
  it('1.7 have 64 KiB together at most: save and update name the member', async () => {
    expect(Buffer.byteLength(JSON.stringify(ofBytes(BOUND)))).toBe(BOUND);
    await withStores(async (store) => {
      for (const attributes of [
        ofBytes(BOUND + 1),
        [{ name: 'a', value: '\u20ac'.repeat(BOUND / 3) }],
        Array.from({ length: 4000 }, (_, i) => ({ name: String(i), value: '' })),
      ]) {
        await expect(store.save({ ...TOKEN, attributes })).rejects.toThrow(
          new TypeError('save: "attributes" must have 64 KiB together at most, as JSON'),
        );
      }
      expect(await store.find('t')).toBeUndefined();
      await store.save({ ...TOKEN, attributes: ofBytes(BOUND) });
      expect((await store.find('t'))?.attributes).toHaveLength(1);
      await expect(store.update('t', { attributes: ofBytes(BOUND + 1) })).rejects.toThrow(
        new TypeError('update: "attributes" must have 64 KiB together at most, as JSON'),
      );
      await store.update('t', { scope: ['read'] });
      expect(await store.find('t')).toMatchObject({ scope: ['read'] });
    });
  });

  it('1.7 an update that would exceed it is 400, and changes nothing', async () => {
    const made = await managed();
    const update = (name: string, bytes: number) =>
      made.call('post', `${C}/at-grant`).send({ attributes: [{ name, value: 'x'.repeat(bytes) }] });
    expect((await update('big', 60_000)).status).toBe(200);
    const before = made.tokens.find('at-grant');
    const answer = await update('small', 6_000);
    expect([answer.status, answer.body]).toStrictEqual([
      400,
      error('invalid_request', 'attributes must have 64 KiB together at most'),
    ]);
    expect(made.tokens.find('at-grant')).toStrictEqual(before);
    expect(made.events.at(-1)).toMatchObject({ outcome: 'refused', error: 'invalid_request', status: 400 });
    // The same name once more, with less.
    expect((await update('big', 50_000)).status).toBe(200);
    expect((await update('small', 6_000)).status).toBe(200);
  });

  it('1.7 of a record that is stored already are read, and its other members can be changed', async () => {
    const record: TokenRecord = {
      kind: 'access_token',
      clientId: 'app',
      status: 'approved',
      issuedAt: NOW,
      organization: ORG,
      scope: [],
      audience: [],
      attributes: ofBytes(2 * BOUND),
    };
    const asked: unknown[] = [];
    const tokens = {
      find: () => record,
      update: async (_token: string, changes: unknown) => void asked.push(changes),
    };
    const made = await managed({ tokens: tokens as never, management: { update: true } });
    expect(changedRecord(record, { scope: ['read'] }, NOW).attributes).toStrictEqual(record.attributes);
    expect((await made.call('get', `${C}/t`)).body.attributes).toStrictEqual(record.attributes);
    expect((await made.call('post', `${C}/t`).send({ scope: 'read' })).status).toBe(200);
    expect((await made.call('post', `${C}/t`).send({ attributes: [{ name: 'b', value: '' }] })).status).toBe(
      400,
    );
    expect(asked).toStrictEqual([{ lastModifiedBy: 'manager', scope: ['read'] }]);
    const { app, as } = await world({ tokens });
    expect((await postToken(app, '/v1/oauth/introspect', as('app'), 't')).body.active).toBe(true);
  });
});
