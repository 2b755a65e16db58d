import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { isPinned } from './child.js';

/** Whose versions are told with a result. */
const PACKAGES = [
  'express',
  'passport',
  'body-parser',
  'undici',
  'lru-cache',
  'fastify',
  'oidc-provider',
  'autocannon',
];

/** Where a result comes from. */
export function machine(node, packages = PACKAGES) {
  const version = (name) => JSON.parse(readFileSync(new URL(locate(name), import.meta.url))).version;
  return {
    date: new Date().toISOString().slice(0, 10),
    node: execFileSync(node, ['--version'], { encoding: 'utf8' }).trim(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    pinned: isPinned,
    versions: Object.fromEntries(packages.map((name) => [name, version(name)])),
  };
}

/** Next to the benchmark, or next to the library. */
function locate(name) {
  for (const folder of ['./node_modules', '../node_modules']) {
    const file = `${folder}/${name}/package.json`;
    try {
      readFileSync(new URL(file, import.meta.url));
      return file;
    } catch {}
  }
  throw new Error(`${name} is not installed`);
}
