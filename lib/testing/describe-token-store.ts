import { isFunction, isNonEmptyString, isObject, knownOptions, must } from '../options.js';
import { appTests } from './app-tests.js';
import { approvingTests } from './approving-tests.js';
import { connectionTests } from './connection-tests.js';
import { endingTests } from './ending-tests.js';
import { identityTests } from './identity-tests.js';
import { keepingTests } from './keeping-tests.js';
import { matchingTests } from './matching-tests.js';
import { racingTests } from './racing-tests.js';
import { removingTests } from './removing-tests.js';
import { sharingTests } from './sharing-tests.js';
import { stateTests } from './state-tests.js';
import {
  type Bench,
  type ContractTest,
  DAY,
  NOW,
  type OpenStore,
  type StoreCapabilities,
  type StoreUnderTest,
  type TestRunner,
} from './suite.js';

export interface DescribeTokenStoreOptions {
  readonly capabilities?: StoreCapabilities;
  /** Default: the global `describe` and `it`, as jest and vitest (with `globals`) have them. */
  readonly runner?: TestRunner;
}

const FACTORY = 'describeTokenStore';
/** Longer (ms) than what a test waits for. */
const TEST_TIMEOUT = 60_000;
const CAPABILITIES: readonly (keyof StoreCapabilities)[] = [
  'clock',
  'approve',
  'remove',
  'revokeMatching',
  'share',
  'reopen',
  'disconnect',
];
const SECTIONS: readonly (readonly [string, readonly ContractTest[]])[] = [
  ['keeps tokens', keepingTests],
  ['tells tokens apart', identityTests],
  ['ends tokens', endingTests],
  ['ends tokens by what they have', [...matchingTests, ...appTests]],
  ['approves tokens again', approvingTests],
  ['removes tokens', removingTests],
  ['knows tokens in every state', stateTests],
  ['with many at once', racingTests],
  ['shared by processes', sharingTests],
  ['without its connection', connectionTests],
];

/**
 * Declares the tests that every {@link ManagedTokenStore} has to pass, in the runner at hand:
 *
 *     describeTokenStore('MyTokenStore', () => new MyTokenStore(database));
 *
 * `open` is called for each test, and must give an empty store. A test that needs a capability
 * which is not given is skipped, by a name that says so.
 *
 * @throws TypeError that names a bad argument
 */
export function describeTokenStore(
  name: string,
  open: OpenStore,
  options: DescribeTokenStoreOptions = {},
): void {
  must(isNonEmptyString(name), FACTORY, 'name', 'a non-empty string');
  must(isFunction(open), FACTORY, 'open', 'a function that opens a store');
  knownOptions(FACTORY, options, ['capabilities', 'runner']);
  const { capabilities = {}, runner = globalRunner() } = options;
  knownOptions(FACTORY, capabilities, CAPABILITIES);
  must(
    isObject(runner) && isFunction(runner.describe) && isFunction(runner.it),
    FACTORY,
    'runner',
    'an object with describe and it',
  );
  const { describe, it } = runner;
  describe(`${name}: the contract of a token store`, () => {
    for (const [section, tests] of SECTIONS) {
      describe(section, () => {
        for (const test of tests) {
          const missing = test.needs?.filter((capability) => !capabilities[capability]) ?? [];
          if (missing.length > 0) {
            it.skip(`${test.name} (skipped: no capability "${missing.join('", "')}")`, async () => {});
          } else {
            it(test.name, () => runTest(test, open, capabilities), TEST_TIMEOUT);
          }
        }
      });
    }
  });
}

function globalRunner(): TestRunner {
  const { describe, it } = globalThis as unknown as TestRunner;
  return { describe, it };
}

async function runTest(test: ContractTest, open: OpenStore, capabilities: StoreCapabilities): Promise<void> {
  const clock = { now: NOW };
  const options = { clock: () => clock.now, retainExpiredFor: DAY };
  const opened: StoreUnderTest[] = [];
  const keep = (store: StoreUnderTest): StoreUnderTest => {
    opened.push(store);
    return store;
  };
  try {
    // One after the other: a test begins when its store is open.
    const store = keep(await open(options));
    const bench: Bench = { store, clock, options, capabilities, keep };
    await test.run(bench);
  } finally {
    for (const store of opened) await store.close?.();
  }
}
