import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { transform } from '@swc/core';
import type { Express } from 'express';
import { serving } from '../support/http.js';
import { basic } from '../support/world.js';

const guide = await readFile('docs/management.md', 'utf8');
const block = (language: string): string =>
  new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(guide)?.[1] ?? '';

/** The app of the guide, from the built package, as a user would have it in a file. */
async function load(): Promise<Express> {
  const typed = `${block('ts').replace('app.listen(4000);', '')}\nexport { app };`;
  const { code } = await transform(typed, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'es6' },
  });
  const folder = join('dist', 'guide');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'management.mjs');
  await writeFile(file, code);
  return ((await import(pathToFileURL(file).href)) as { app: Express }).app;
}

/** What `curl` makes of a line: `-u`, `-X`, `-H`, `-d` and a URL. */
function requestOf(line: string): readonly [url: string, init: RequestInit] {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const [, ...rest] = words;
  const headers: Record<string, string> = {};
  let [url, method, body]: (string | undefined)[] = ['', undefined, undefined];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const value = word.startsWith('-') ? (rest.shift() as string) : word;
    if (word === '-u') headers.authorization = basic(...(value.split(':') as [string, string]));
    else if (word === '-X') method = value;
    else if (word === '-d') body = value;
    else if (word === '-H') headers[value.split(': ')[0] as string] = value.split(': ')[1] as string;
    else url = word;
  }
  return [url as string, { method: method ?? (body ? 'POST' : 'GET'), headers, body: body ?? null }];
}

describe('the guide to management', () => {
  it('has an app and calls that work as they stand', async () => {
    expect(block('ts')).toContain('app.listen(4000);');
    const lines = block('sh').trim().split('\n');
    expect(lines.length).toBeGreaterThan(15);
    await serving(await load(), async (origin) => {
      for (let i = 0; i < lines.length; i += 2) {
        const [call = '', said = ''] = lines.slice(i, i + 2);
        const [, status, text = ''] = /^# (\d{3}) (.+)$/.exec(said) ?? [];
        const [url, init] = requestOf(call.replace('http://localhost:4000', origin));
        const answer = await fetch(url, init);
        expect([call, answer.status]).toStrictEqual([call, Number(status)]);
        expect(await answer.text()).toContain(text);
      }
    });
  });

  it('lists every option, in the order of the interface', async () => {
    const source = await readFile('lib/apis/management-options.ts', 'utf8');
    const options = [...source.matchAll(/^ {2}readonly (\w+)\?:/gm)].map(([, name]) => name);
    const listed = [...guide.matchAll(/^\| `(\w+)` \| `/gm)].map(([, name]) => name);
    expect(listed).toStrictEqual(options);
    expect(options.length).toBe(5);
  });
});
