import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import config from '../../../jest.config.js';

/** `MUTATION_TESTS`: the beginnings of the tests to run, in place of those of all rooms that decide. */
const TESTS = (
  process.env.MUTATION_TESTS ??
  'apis/,clients/,guard/,http/,introspection/,signing/,tokens/,frozen,replay,sound'
).split(',');

/** What asks the build, compares times, or takes minutes: under a mutation run it would fail, or tell of the machine. */
const LEFT_OUT = [
  'clients/client-verifier',
  'clients/two-secrets',
  'guard/outage',
  'http/late-responses',
  'http/plain-form',
  'introspection/remote-introspector-transport',
  'introspection/shared-fate-simulation',
  'tokens/memory-token-store',
].map((name) => `${name}.test.ts`);

const [{ testMatch: _testMatch, ...project }] = config.projects;
const rootDir = new URL('../../../', import.meta.url).pathname;

// One file for all of them, which loads the package once: a file for each would take most of the time.
const files = readdirSync(`${rootDir}__tests__`, { recursive: true })
  .map((file) => file.replaceAll('\\', '/'))
  .filter(
    (file) =>
      file.endsWith('.test.ts') && !LEFT_OUT.includes(file) && TESTS.some((start) => file.startsWith(start)),
  );
const imports = files.map((file) => `import '../__tests__/${file.replace(/\.ts$/, '.js')}';\n`);
mkdirSync(`${rootDir}coverage`, { recursive: true });
writeFileSync(`${rootDir}coverage/mutation.test.ts`, imports.join(''));

/** In one project: a mutation run knows no other. */
export default {
  ...project,
  rootDir,
  testMatch: ['<rootDir>/coverage/mutation.test.ts'],
  testEnvironment: `${rootDir}__tests__/support/jest/fail-fast.cjs`,
  testTimeout: 60_000,
};
