import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Express } from 'express';
import request from 'supertest';
import { MemoryClientStore, MemoryTokenStore } from '../../lib/index.js';

const guide = await readFile('docs/openapi.md', 'utf8');
const source = await readFile('lib/openapi/openapi-options.ts', 'utf8');

/** The members of an interface of the options. */
const membersOf = (name: string): readonly string[] => {
  const body = source.split(new RegExp(`interface ${name} \\{`))[1]?.split(/^\}/m)[0] ?? '';
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, member = '']) => member);
};

describe('docs/openapi.md', () => {
  it('has a router that serves the document, as it stands', async () => {
    const [, code = ''] = /```ts\n([\s\S]*?)```/.exec(guide) ?? [];
    const folder = join('dist', 'guide');
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'openapi.mjs');
    const made = code.replace(/^const router/m, 'export const make = (tokens, clients) => {\n$&');
    await writeFile(file, `${made}return app; };`);
    const { make } = (await import(pathToFileURL(file).href)) as {
      make: (tokens: object, clients: object) => Express;
    };
    const app = make(new MemoryTokenStore(), new MemoryClientStore([]));
    const [, path = ''] = /GET (\S+)/.exec(code) ?? [];
    expect((await request(app).get(path)).body).toMatchObject({
      openapi: '3.1.0',
      servers: [{ url: 'https://id.example.com' }],
    });
  });

  it('lists every option', () => {
    const rows = [...guide.matchAll(/^\| `(\w+)` \|.*\|$/gm)];
    expect(rows.map(([, name]) => name)).toStrictEqual(membersOf('OpenApiOptions'));
    const [row = ''] = rows.find(([, name]) => name === 'info') ?? [];
    const names = [...row.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(names.slice(1)).toStrictEqual(membersOf('OpenApiInfo'));
  });
});
