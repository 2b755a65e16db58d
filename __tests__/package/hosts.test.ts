import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installed, type Packed, pack, run } from '../support/packed.js';
import { IS_LONG } from '../support/store-faults.js';

/** What hosts without `require` of ES modules run Node with: AWS Lambda, for one. */
const NO_REQUIRE_ESM = '--no-experimental-require-module';
/** 22.11 cannot `require` an ES module without a flag. `FAULTS=long`: the oldest and the newest, too. */
const VERSIONS: readonly string[] = ['22.11.0', '24', ...(IS_LONG ? ['20.19.0', '26'] : [])];
const NODES = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const JEST = resolve('node_modules/jest/bin/jest.js');

const LOADERS = {
  'features.main.cjs': `
    const lib = require('express-token-introspection');
    require('./features.cjs')(require('express'), lib).then((used) => console.log(JSON.stringify(used)));`,
  'features.main.mjs': `
    import express from 'express';
    import * as lib from 'express-token-introspection';
    import features from './features.cjs';
    features(express, lib).then((used) => console.log(JSON.stringify(used)));`,
  'unchanged.main.cjs': `
    require('./unchanged.cjs')(() => require('express-token-introspection'));`,
  'unchanged.main.mjs': `
    // Itself loads Node's \`fetch\` from Node 22 on, imported by a module: that is no change of ours.
    import 'node:http';
    import unchanged from './unchanged.cjs';
    await unchanged(() => import('express-token-introspection'));`,
};

const JEST_FILES = {
  'jest.config.cjs': "module.exports = { testEnvironment: 'node', transform: {} };",
  'features.test.js': `
    const lib = require('express-token-introspection');
    test('CommonJS', async () => {
      const { failed } = await require('../features.cjs')(require('express'), lib);
      expect(failed).toStrictEqual({});
    });`,
  'features.test.mjs': `
    import express from 'express';
    import * as lib from 'express-token-introspection';
    import features from '../features.cjs';
    test('ES module', async () => {
      const { failed } = await features(express, lib);
      expect(failed).toStrictEqual({});
    });`,
};

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

describe('the packed package in the processes that there are', () => {
  let folder: string;
  let packed: Packed;
  let consumer: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hosts-'));
    packed = await pack(folder);
    consumer = join(folder, 'consumer');
    const nodes = VERSIONS.map((version) => `node${version}@npm:${NODES}@${version}`);
    await installed(consumer, [packed.tarball, 'express@5', 'esbuild@0.28', '@yarnpkg/cli-dist@4', ...nodes]);
    await write(consumer, LOADERS);
    await write(join(consumer, 'jest'), JEST_FILES);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const nodeOf = (version: string): string =>
    version === 'this' ? process.execPath : join(consumer, `node_modules/node${version}/bin/node`);
  const usedBy = async (version: string, args: readonly string[], cwd = consumer): Promise<unknown> =>
    JSON.parse((await run(nodeOf(version), args, { cwd })).stdout);
  const ALL = { used: 11, failed: {} };

  describe.each(['this', ...VERSIONS])('on Node %s', (version) => {
    it.each(['cjs', 'mjs'])('ecosystem/02 works in each part, without flags (%s)', async (kind) => {
      expect(await usedBy(version, [`features.main.${kind}`])).toStrictEqual(ALL);
    });

    it.each(['cjs', 'mjs'])('ecosystem/02 works where no ES module can be required (%s)', async (kind) => {
      expect(await usedBy(version, [NO_REQUIRE_ESM, `features.main.${kind}`])).toStrictEqual(ALL);
    });

    it('ecosystem/01 works in Jest as it comes, in CommonJS', async () => {
      const { stderr } = await run(nodeOf(version), [JEST, 'features.test.js'], {
        cwd: join(consumer, 'jest'),
      });
      expect(stderr).toContain('1 passed, 1 total');
    });

    it('ecosystem/01 works in Jest with ES modules', async () => {
      const args = ['--experimental-vm-modules', JEST];
      const { stderr } = await run(nodeOf(version), args, { cwd: join(consumer, 'jest') });
      expect(stderr).toContain('2 passed, 2 total');
    });

    describe.each(['cjs', 'mjs'])('imported and used (%s)', (kind) => {
      let report: Readonly<Record<string, unknown>>;
      let stderr: string;
      beforeAll(async () => {
        const args = ['--import', './loaded.mjs', `unchanged.main.${kind}`];
        const done = await run(nodeOf(version), args, { cwd: consumer });
        report = JSON.parse(done.stdout);
        stderr = done.stderr;
      }, 60_000);

      it('ecosystem/03 changes nothing in the process by being imported', () => {
        expect(report.imported).toStrictEqual([]);
      });

      it('ecosystem/03 changes nothing in the process by being used, and warns of nothing', () => {
        const { failed, used, warnings } = report;
        expect({ failed, used, warnings }).toStrictEqual({ failed: {}, used: [], warnings: [] });
      });

      it('loads nothing that is needed later, and no driver', () => {
        const [early = '', late = ''] = stderr.split('\nimported\n');
        const modules = /^loaded .*\/node_modules\/(?:jose|lmdb|redis|@redis|pg)\//m;
        expect(early).not.toMatch(modules);
        expect(report.early).toStrictEqual([]);
        // Signs with the app's own `jose` where it can be loaded, and with the copy where it cannot.
        expect(modules.test(late)).toBe(kind === 'mjs');
        expect((report.late as string[]).includes('vendor/jose')).toBe(kind === 'cjs');
      });
    });
  });

  it.each(['cjs', 'mjs'])(
    'ecosystem/02 works in one file made by esbuild, with nothing beside it (%s)',
    async (kind) => {
      const alone = join(folder, `bundled-${kind}`);
      await mkdir(alone);
      const options = ['--bundle', '--platform=node', '--format=cjs', '--log-level=warning'];
      // Its own program, as npm need not have run what installs it.
      const esbuild = join(
        consumer,
        'node_modules',
        `@esbuild/${process.platform}-${process.arch}/bin/esbuild`,
      );
      const outfile = join(alone, 'app.cjs');
      const { stderr } = await run(esbuild, [`features.main.${kind}`, ...options, `--outfile=${outfile}`], {
        cwd: consumer,
      });
      expect(stderr).toBe('');
      expect(await usedBy('this', [NO_REQUIRE_ESM, outfile], alone)).toStrictEqual(ALL);
    },
  );

  it("ecosystem/02 works under Yarn's Plug'n'Play", async () => {
    const app = join(folder, 'pnp');
    await cp(join(consumer, 'features.cjs'), join(app, 'features.cjs'));
    const { stdout: registry } = await run('npm', ['config', 'get', 'registry'], { cwd: consumer });
    const dependencies = { express: '^5', 'express-token-introspection': `file:${packed.tarball}` };
    await write(app, {
      ...LOADERS,
      'package.json': JSON.stringify({ private: true, dependencies }),
      'yarn.lock': '',
    });
    const yarn = join(consumer, 'node_modules/@yarnpkg/cli-dist/bin/yarn.js');
    const env = {
      ...process.env,
      YARN_NODE_LINKER: 'pnp',
      YARN_ENABLE_TELEMETRY: '0',
      YARN_ENABLE_IMMUTABLE_INSTALLS: 'false',
      YARN_GLOBAL_FOLDER: join(folder, 'yarn'),
      YARN_NPM_REGISTRY_SERVER: registry.trim(),
    };
    await run(process.execPath, [yarn, 'install'], { cwd: app, env });
    const { stdout } = await run(process.execPath, [yarn, 'node', 'features.main.cjs'], { cwd: app, env });
    expect(JSON.parse(stdout)).toStrictEqual(ALL);
  }, 240_000);

  it('has a copy of the version of jose that was tested, with its licence', async () => {
    const vendored = join(consumer, 'node_modules/express-token-introspection/dist/cjs/vendor/jose');
    const { name, version, license } = JSON.parse(await readFile(join(vendored, 'package.json'), 'utf8'));
    const tested = JSON.parse(await readFile('node_modules/jose/package.json', 'utf8'));
    expect({ name, version, license }).toStrictEqual({
      name: 'jose',
      version: tested.version,
      license: 'MIT',
    });
    expect(await readFile(join(vendored, 'LICENSE.md'), 'utf8')).toBe(
      await readFile('node_modules/jose/LICENSE.md', 'utf8'),
    );
  });
});
