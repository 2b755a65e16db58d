import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { transform } from '@swc/core';
import type { Pool } from 'pg';
import type { ManagedTokenStore } from '../../lib/index.js';
import { DocumentCollection } from '../support/document-collection.js';
import { PostgresServer } from '../support/postgres.js';
import { RedisServer } from '../support/redis.js';
import { describeWith, POSTGRES, REDIS } from '../support/services.js';

const guide = await readFile('docs/stores.md', 'utf8');
const blocks = [...guide.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, language, code = '']) => ({
  language,
  code,
}));

function block(part: string, language = 'ts'): string {
  const found = blocks.find((one) => one.language === language && one.code.includes(part));
  if (!found) throw new Error(`The guide has no block with ${part}`);
  return found.code;
}

/** Runs code of the guide against the built package, as a user would have it in a file. */
async function load<T>(name: string, typed: string): Promise<T> {
  const { code } = await transform(typed, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'es6' },
  });
  const folder = join('dist', 'guide');
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.mjs`);
  await writeFile(file, code);
  return (await import(pathToFileURL(file).href)) as T;
}

/** The whole of what a store is used for, so that nothing is left that it might not be allowed to do. */
async function useAll(tokens: ManagedTokenStore): Promise<void> {
  const told: string[] = [];
  // Called as soon as the link stands, which takes rights of its own.
  await new Promise<void>((resolve) => {
    tokens.onRevoked((digest) => told.push(digest), resolve);
  });
  for (const token of ['a', 'b', 'c', 'd'])
    await tokens.save({
      token,
      kind: 'access_token',
      clientId: 'app',
      subject: token === 'd' ? 'bob' : 'alice',
      expiresAt: Date.now() + 60_000,
      ...(token === 'b' && { grantId: 'g' }),
    });
  await tokens.update('a', { expiresAt: null });
  expect(await tokens.revoke('a')).toBe(1);
  expect(await tokens.revokeGrant('g')).toBe(1);
  expect(await tokens.revokeAll({ subject: 'alice' })).toBe(1);
  expect(await tokens.revokeAll({ clientId: 'app' })).toBe(1);
  for (const token of ['a', 'b', 'c', 'd']) expect((await tokens.find(token))?.status).toBe('revoked');
  expect(await tokens.approve?.('a')).toBe(1);
  const of = { clientId: 'app', appId: 'shop', organization: 'acme' };
  await tokens.save({ ...of, token: 'e', kind: 'access_token', expiresAt: Date.now() + 60_000 });
  await tokens.update('e', { appId: 'bank' });
  expect(await tokens.revokeMatching?.({ appId: 'bank', organization: 'acme' })).toBe(1);
  expect(await tokens.remove?.('a')).toBe(1);
  expect(await tokens.sweep()).toBe(0);
  expect(told).toHaveLength(6);
}

describe('the guide to the stores', () => {
  it('has a memory store and an LMDB store that work as they stand', async () => {
    const memory = await load<{ tokens: ManagedTokenStore }>(
      'memory',
      `${block('new MemoryTokenStore')}\nexport { tokens };`,
    );
    await memory.tokens.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    const path = join(tmpdir(), `guide-lmdb-${process.pid}`);
    const code = block('/lmdb').replace("'./tokens'", `'${path}'`).replace('process.once', 'const once = ');
    const { tokens } = await load<{ tokens: ManagedTokenStore & { close(): Promise<void> } }>(
      'lmdb',
      `${code}\nexport { tokens };`,
    );
    await tokens.save({ token: 'at', kind: 'access_token', clientId: 'app' });
    expect(await tokens.find('at')).toMatchObject({ clientId: 'app', status: 'approved' });
    await tokens.close();
    await rm(path, { recursive: true });
  });

  it.each([
    ['MemoryTokenStore', ['tokens/memory-token-store.ts', 'MemoryTokenStoreOptions']],
    ['LmdbTokenStore', ['stores/lmdb/lmdb-token-store.ts', 'LmdbTokenStoreOptions']],
    [
      'RedisTokenStore',
      ['stores/redis/redis-options.ts', 'RedisTokenStoreOptions'],
      ['stores/redis/redis-options.ts', 'LocalCopyOptions'],
    ],
    [
      'PostgresTokenStore',
      ['stores/postgres/database.ts', 'DatabaseOptions'],
      ['stores/postgres/postgres-token-store.ts', 'PostgresTokenStoreOptions'],
    ],
  ])('lists every option of %s, and no other', async (heading, ...interfaces) => {
    const members: string[] = [];
    for (const [file = '', name = ''] of interfaces) {
      const source = await readFile(join('lib', file), 'utf8');
      const body = source.split(new RegExp(`interface ${name}\\b[^{]*\\{`))[1]?.split(/^\}/m)[0] ?? '';
      members.push(...[...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = '']) => member));
    }
    const section = guide.split(`## ${heading}\n`)[1]?.split(/^## /m)[0] ?? '';
    const listed = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
    expect(listed.toSorted()).toStrictEqual(members.toSorted());
    expect(listed.length).toBeGreaterThan(2);
  });
});

describeWith(REDIS, 'the guide to the stores: Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    const settings = Object.fromEntries(
      block('appendonly', 'conf')
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
    server = await RedisServer.start({ settings });
    await server.command(...(block('ACL', 'acl').trim().split(' ') as [string, ...string[]]));
  });
  afterAll(() => server.kill());

  it.each(['', ', localCopy: true'])(
    'has a store that works as it stands, with the rights that it lists%s',
    async (more) => {
      const url = server.url.replace('//', '//tokens:secret@');
      const code = block('/redis')
        .replace('redis://localhost:6379', url)
        .replace('{ client }', `{ client, prefix: 'token-introspection:'${more} }`);
      const { client, tokens } = await load<{
        client: { destroy(): void };
        tokens: ManagedTokenStore & { close(): Promise<void>; indexApps(): Promise<number> };
      }>(`redis-${more.length}`, `${code}\nexport { client, tokens };`);
      await useAll(tokens);
      expect(await tokens.indexApps()).toBe(1);
      await tokens.close();
      client.destroy();
      expect(await server.command('ACL', 'LOG')).toStrictEqual([]);
      await server.command('FLUSHALL');
    },
  );
});

describeWith(POSTGRES, 'the guide to the stores: PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  afterAll(() => server.stop());

  it('has a store that works as it stands, with the rights that it lists', async () => {
    const setUp = block('/postgres').replace('process.once', 'const once = ');
    const at = (user: string): string =>
      setUp.replace('postgres://tokens@localhost/issuer', server.url.replace('//postgres@', `//${user}@`));
    type Made = { pool: Pool; tokens: ManagedTokenStore & { close(): Promise<void> } };
    const admin = await load<Made>('postgres-admin', `${at('postgres')}\nexport { pool, tokens };`);
    await server.query('CREATE ROLE tokens LOGIN');
    await server.query('REVOKE ALL ON DATABASE postgres FROM PUBLIC');
    await server.query('GRANT CONNECT ON DATABASE postgres TO tokens');
    await server.query(block('GRANT', 'sql'));
    const { pool, tokens } = await load<Made>('postgres', `${at('tokens')}\nexport { pool, tokens };`);
    await useAll(tokens);
    for (const made of [admin, { pool, tokens }]) {
      await made.tokens.close();
      await made.pool.end();
    }
  });
});

// Last: it declares the tests of the contract.
Object.assign(globalThis, { emptyCollection: () => new DocumentCollection() });
await load(
  'own',
  `${block('class DocumentTokenStore')}\n${block("describeTokenStore('DocumentTokenStore'")}`,
);
