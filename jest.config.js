// Compare times that are short: another file beside them would be measured with them.
const ALONE = [
  'clients/client-verifier',
  'clients/two-secrets',
  'guard/outage',
  'http/throttle',
  'introspection/jwt-introspector-keys',
  'introspection/remote-introspector-*',
  'stores/{lmdb,postgres,redis}-faults',
  'telemetry/cost',
  'timing',
  'tokens/memory-token-store',
].map((name) => `**/__tests__/${name}.test.ts`);

const project = {
  testEnvironment: 'node',
  testEnvironmentOptions: { globalsCleanup: 'on' },
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^express-token-introspection$': '<rootDir>/lib/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  restoreMocks: true,
};

export default {
  // Either set of files has the machine to itself.
  projects: [
    { ...project, testMatch: ['<rootDir>/__tests__/**/*.test.ts', ...ALONE.map((path) => `!${path}`)] },
    { ...project, testMatch: ALONE, runner: '<rootDir>/__tests__/support/jest/alone.js' },
  ],
  testTimeout: 60_000,
  // One for each processor: the main process only waits. By default one would stand idle.
  maxWorkers: '100%',
  // A process keeps the modules of every file that it has run: after a hundred of them it does little but collect garbage.
  workerIdleMemoryLimit: '700MB',
  testSequencer: '<rootDir>/__tests__/support/jest/slowest-first.js',
  collectCoverageFrom: ['lib/**/*.ts'],
  coverageThreshold: { global: { statements: 100, branches: 100, functions: 100, lines: 100 } },
};
