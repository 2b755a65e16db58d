import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installed, type Packed, pack, run } from '../support/packed.js';

/** The least version that the README names. */
const OLDEST = '5.0.4';

const NODENEXT = { module: 'nodenext', moduleResolution: 'nodenext' };
const MODULES = [
  ['an ES module', 'module', { ...NODENEXT, target: 'ES2022' }],
  ['CommonJS', 'commonjs', { ...NODENEXT, target: 'ES2022' }],
  ['CommonJS for ES2020', 'commonjs', { ...NODENEXT, target: 'ES2020', lib: ['ES2020'] }],
  ['for a bundler', 'module', { module: 'esnext', moduleResolution: 'bundler', target: 'ES2022' }],
] as const;
/** Which TypeScript 7 does not have any longer. */
const NODE10 = [
  'CommonJS by the old rules',
  'commonjs',
  { module: 'commonjs', moduleResolution: 'node', target: 'ES2020', lib: ['ES2020'] },
] as const;

describe('the types of the packed package', () => {
  let folder: string;
  let packed: Packed;
  let consumer: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'types-'));
    packed = await pack(folder);
    consumer = join(folder, 'consumer');
    await installed(consumer, [
      ...[packed.tarball, 'express@5', '@types/express@5', '@types/node@20'],
      // By another name, and no dependency of ours: its `tsc` would take the place of the current one.
      `typescript-oldest@npm:typescript@${OLDEST}`,
    ]);
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What the compiler says of the app and of us: not all that others publish compiles everywhere. */
  async function errorsOf(tsc: string, type: string, options: object): Promise<readonly string[]> {
    const app = await mkdtemp(join(consumer, 'app-'));
    await writeFile(join(app, 'package.json'), JSON.stringify({ type }));
    await writeFile(join(app, 'app.ts'), await readFile(join(consumer, 'consumer.ts')));
    const compilerOptions = {
      strict: true,
      noEmit: true,
      esModuleInterop: true,
      types: ['node'],
      ...options,
    };
    await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }));
    const done = run(process.execPath, [tsc, '-p', app, '--pretty', 'false'], { cwd: consumer });
    const { stdout } = await done.catch((error: unknown) => error as { stdout: string });
    return stdout
      .split('\n')
      .filter((line) => /error TS/.test(line))
      .filter((line) => !/node_modules[\\/](?!express-token-introspection)/.test(line));
  }

  const oldest = (): string => join(consumer, 'node_modules/typescript-oldest/bin/tsc');
  const current = (): string => resolve('node_modules/typescript/bin/tsc');

  it.each([...MODULES, NODE10])(
    'ecosystem/06 compile with the oldest TypeScript: %s',
    async (_, type, options) => {
      expect(await errorsOf(oldest(), type, options)).toStrictEqual([]);
    },
  );

  it.each(MODULES)('ecosystem/06 compile with the current TypeScript: %s', async (_, type, options) => {
    expect(await errorsOf(current(), type, options)).toStrictEqual([]);
  });

  it('are of a package whose README names the oldest TypeScript that was tried', () => {
    const [major, minor] = OLDEST.split('.');
    expect(readFileSync('README.md', 'utf8')).toContain(`TypeScript ${major}.${minor} or later`);
  });

  it('ecosystem/06 have nothing in them that an old compiler or a CommonJS app cannot read', () => {
    const unreadable =
      /resolution-mode|\b(?:with|assert)\s*\{|\bErrorOptions\b|(?:from|import\()\s*['"](?:jose|oauth4webapi)\b/;
    const declarations = packed.files.filter((file) => file.endsWith('.d.ts'));
    expect(declarations.length).toBeGreaterThan(200);
    const found = declarations.flatMap((file) =>
      readFileSync(file, 'utf8')
        .replace(/\/\*[\s\S]*?\*\//g, '')
        .split('\n')
        .filter((line) => unreadable.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(found).toStrictEqual([]);
  });
});
