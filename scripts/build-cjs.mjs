// Builds dist/cjs, which loads no ES module: not every host can `require` one (AWS Lambda, Node 22.0 to
// 22.11, Yarn Plug'n'Play, Jest). Of a dependency that is nothing but ES modules it has a copy in CommonJS.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { ledToCopies, packagesOf } from './vendored.mjs';

/** The dependencies that have no CommonJS of their own, and need nothing else themselves. */
const VENDORED = ['jose'];

const root = resolve(import.meta.dirname, '..');
const out = join(root, 'dist/cjs');

const node = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
const tsc = (...args) => node(join(root, 'node_modules/typescript/bin/tsc'), ...args);
const json = (file, value) => writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
const scripts = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((file) => file.endsWith('.js'))
    .map((file) => file.split(sep).join('/'));

/** The installed version in CommonJS, with its licence and its version beside it, where scanners look for them. */
function vendor(name) {
  const from = join(root, 'node_modules', name);
  const { version, license, homepage, exports } = JSON.parse(
    readFileSync(join(from, 'package.json'), 'utf8'),
  );
  const to = join(out, 'vendor', name);
  // Not from within node_modules: what is in there the compiler does not emit.
  const source = mkdtempSync(join(tmpdir(), 'vendored-'));
  try {
    cpSync(dirname(join(from, exports['.'].default)), source, { recursive: true });
    const options = ['--module', 'commonjs', '--moduleResolution', 'bundler', '--target', 'es2022'];
    tsc(
      ...['--ignoreConfig', '--allowJs', '--noCheck', '--types', '', ...options],
      ...['--rootDir', source, '--outDir', to, join(source, 'index.js')],
    );
  } finally {
    rmSync(source, { recursive: true });
  }
  copyFileSync(join(from, 'LICENSE.md'), join(to, 'LICENSE.md'));
  json(join(to, 'package.json'), { name, version, license, homepage, type: 'commonjs', sideEffects: false });
}

tsc('-p', 'tsconfig.cjs.json');
json(join(out, 'package.json'), { type: 'commonjs' });
for (const name of VENDORED) vendor(name);

const packages = new Set();
for (const file of scripts(out)) {
  const code = readFileSync(join(out, file), 'utf8');
  const led = ledToCopies(code, file, VENDORED);
  writeFileSync(join(out, file), led);
  for (const name of packagesOf(led)) packages.add(name);
}

// Each file and each package, also those that are loaded at their first use only: the build fails with the first ES module.
const all = [...scripts(out).map((file) => join(out, file)), ...packages];
node('--no-experimental-require-module', '-e', `for (const each of ${JSON.stringify(all)}) require(each)`);
