import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installed, type Packed, pack, run } from './support/packed.js';

const root = process.cwd();

describe('the packed package', () => {
  let folder: string;
  let packed: Packed;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'packed-'));
    packed = await pack(folder);
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds the two builds, their types and the papers, and nothing else', () => {
    expect(packed.files).toEqual(
      expect.arrayContaining([
        'dist/esm/index.js',
        'dist/cjs/index.js',
        'dist/cjs/package.json',
        'dist/esm/index.d.ts',
        'dist/cjs/index.d.ts',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'docs/operations.md',
        'docs/alerts.yml',
      ]),
    );
    expect(
      packed.files.filter(
        (file) => !/^(?:dist\/(?:esm|cjs)\/|package\.json$|[A-Z]+\.md$|LICENSE$|docs\/)/.test(file),
      ),
    ).toStrictEqual([]);
  });

  describe.each([
    ['4', '4.21.2', '4.17.21'],
    ['5', '5', '5'],
  ])('on Express %s', (major, express, types) => {
    let consumer: string;
    beforeAll(async () => {
      consumer = join(folder, `express-${major}`);
      await installed(consumer, [
        packed.tarball,
        `express@${express}`,
        `@types/express@${types}`,
        '@types/node@20',
      ]);
    }, 120_000);

    it('installs its runtime dependencies and no second Express', async () => {
      const { stdout } = await run('npm', ['ls', 'express', '--json', '--all'], { cwd: consumer });
      const versions = [...stdout.matchAll(/"express": \{\s+"version": "(\d+)/g)].map(([, found]) => found);
      expect(new Set(versions)).toStrictEqual(new Set([major]));
    });

    it.each([
      [
        'CommonJS',
        'main.cjs',
        "require('./check.cjs')(require('express'), require('express-token-introspection'));",
      ],
      [
        'ES modules',
        'main.mjs',
        "import express from 'express';\nimport * as lib from 'express-token-introspection';\nimport check from './check.cjs';\nawait check(express, lib);",
      ],
    ])('answers a consumer in %s', async (_kind, file, source) => {
      await writeFile(join(consumer, file), source);
      const { stdout, stderr } = await run(process.execPath, [join(consumer, file)], { cwd: consumer });
      expect([stdout, stderr]).toStrictEqual(['ok\n', '']);
    });

    it.each([
      ['an ES module', 'mts'],
      ['CommonJS', 'cts'],
    ])('has types for a consumer in TypeScript that is %s', async (_kind, extension) => {
      const source = await readFile(join(consumer, 'consumer.ts'), 'utf8');
      const file = `typed.${extension}`;
      // A CommonJS file imports Express, which exports by assignment, as its default.
      await writeFile(join(consumer, file), source);
      const options = [
        '--noEmit',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2022',
        '--types',
        'node',
        '--esModuleInterop',
        '--ignoreConfig',
      ];
      const checked = await run(
        process.execPath,
        [resolve(root, 'node_modules/typescript/bin/tsc'), ...options, file],
        { cwd: consumer },
      ).catch((error: unknown) => error as { stdout: string });
      expect(checked.stdout).toBe('');
    });
  });
});
