import config from '../../../jest.config.js';

const ROOMS = '{apis,clients,guard,http,introspection,signing,tokens}';

/** What asks the build, compares times, or takes minutes: under a mutation run it would fail, or tell of the machine. */
const LEFT_OUT = [
  'guard/outage',
  'http/late-responses',
  'http/plain-form',
  'introspection/remote-introspector-transport',
];

const [{ testMatch: _testMatch, ...project }] = config.projects;

/** The tests of the rooms that decide, in one project: a mutation run knows no other. */
export default {
  ...project,
  rootDir: new URL('../../../', import.meta.url).pathname,
  testMatch: [
    `<rootDir>/__tests__/${ROOMS}/**/*.test.ts`,
    '<rootDir>/__tests__/{frozen-copy,replay-memory,sound}.test.ts',
    ...LEFT_OUT.map((name) => `!**/__tests__/${name}.test.ts`),
  ],
  testTimeout: 60_000,
};
