import { describe, expect, it } from '@jest/globals';
import { ConflictError, MemoryTokenStore } from '../../lib/index.js';
import { describeTokenStore, type OpenStore, type StoreCapabilities } from '../../lib/testing/index.js';
import { eventually } from '../../lib/testing/suite.js';
import { CONNECTED, ConnectedStore } from '../support/delegating-store.js';
import { busy, hiding, remote } from '../support/mistaken-stores.js';
import { WRONG_CONNECTIONS } from '../support/wrong-connections.js';
import { WRONG_MATCHING } from '../support/wrong-matching.js';
import { WRONG_METHODS } from '../support/wrong-methods.js';
import { WRONG_STORES } from '../support/wrong-stores.js';

interface Collected {
  readonly name: string;
  readonly isSkipped: boolean;
  readonly run: () => Promise<void>;
}

/** The tests that the suite declares. */
function declared(open: OpenStore, capabilities: StoreCapabilities): readonly Collected[] {
  const tests: Collected[] = [];
  const add =
    (isSkipped: boolean) =>
    (name: string, run: () => Promise<void>): void => {
      tests.push({ name, isSkipped, run });
    };
  const runner = {
    describe: (_name: string, define: () => void) => define(),
    it: Object.assign(add(false), { skip: add(true) }),
  };
  describeTokenStore('AStore', open, { capabilities, runner });
  return tests;
}

interface Outcome {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/** Runs the tests of a store, or those of some names. */
async function outcome(
  open: OpenStore,
  capabilities: StoreCapabilities = { clock: true },
  names = /./,
): Promise<Outcome> {
  const [passed, failed]: [string[], string[]] = [[], []];
  const tests = declared(open, capabilities).filter(({ name, isSkipped }) => !isSkipped && names.test(name));
  // Together, since some wait for long until they give up.
  await Promise.all(
    tests.map(async ({ name, run }) => {
      await run().then(
        () => passed.push(name),
        () => failed.push(name),
      );
    }),
  );
  return { passed, failed };
}

describe('describeTokenStore', () => {
  it('is passed by a store that does everything, and closes what it opens', async () => {
    let [opened, closed] = [0, 0];
    const open: OpenStore = (options) => {
      opened += 1;
      const close = (): void => {
        closed += 1;
      };
      return Object.assign(new ConnectedStore(options), { close });
    };
    const methods = { approve: true, remove: true, revokeMatching: true };
    const capabilities = { clock: true, ...methods, reopen: <T>(store: T): T => store, ...CONNECTED };
    expect(declared(open, capabilities).filter(({ isSkipped }) => isSkipped)).toStrictEqual([]);
    expect((await outcome(open, capabilities)).failed).toStrictEqual([]);
    expect(opened).toBeGreaterThan(30);
    expect(closed).toBeGreaterThanOrEqual(opened);
  });

  it.each<[string, OpenStore]>([
    ['', () => new MemoryTokenStore()],
    [
      ', and keeps nothing that has expired',
      () => hiding({}, ({ expiresAt = Number.POSITIVE_INFINITY }) => expiresAt <= Date.now()),
    ],
  ])('is passed by a store that goes by a time of its own%s', async (_what, open) => {
    expect((await outcome(open, {})).failed).toStrictEqual([]);
  });

  it('is passed by a store that answers later', async () => {
    expect((await outcome(remote)).failed).toStrictEqual([]);
  });

  it('is passed, where one token is changed at once, by a store that refuses some of it', async () => {
    const { passed } = await outcome(
      busy(() => new ConflictError()),
      {},
      /^loses none of several/,
    );
    expect(passed).toHaveLength(1);
  });

  it.each(
    [...WRONG_STORES, ...WRONG_METHODS, ...WRONG_MATCHING].map((wrong) => [wrong.mistake, wrong] as const),
  )('notices a store that %s', async (_mistake, { open, capabilities, noticedBy }) => {
    const { passed, failed } = await outcome(open, { clock: true, ...capabilities }, noticedBy);
    expect(passed).toStrictEqual([]);
    expect(failed).not.toStrictEqual([]);
  });

  it('notices a store that does not get over an outage', async () => {
    // Each takes as long as the suite has patience: all at once.
    const outcomes = await Promise.all(
      WRONG_CONNECTIONS.map(async ({ mistake, open, noticedBy }) => ({
        mistake,
        ...(await outcome(open, CONNECTED, noticedBy)),
      })),
    );
    for (const { mistake, passed, failed } of outcomes) {
      expect([mistake, passed]).toStrictEqual([mistake, []]);
      expect([mistake, failed]).not.toStrictEqual([mistake, []]);
    }
  }, 120_000);

  it('notices a store that knows of no outage, or does not say why', async () => {
    const name = /StoreUnavailableError/;
    const silent: OpenStore = (options) => new MemoryTokenStore(options);
    const disconnect = async () => async () => {};
    expect((await outcome(silent, { disconnect }, name)).failed).toHaveLength(1);
    const mute: OpenStore = (options) => new ConnectedStore(options, {});
    expect((await outcome(mute, CONNECTED, name)).failed).toHaveLength(1);
    const deaf: OpenStore = (options) =>
      Object.assign(new ConnectedStore(options), { remove: async () => 0 });
    expect((await outcome(deaf, CONNECTED, name)).failed).toHaveLength(0);
    expect((await outcome(deaf, { ...CONNECTED, remove: true }, name)).failed).toHaveLength(1);
    const deafToSelectors: OpenStore = (options) =>
      Object.assign(new ConnectedStore(options), { revokeMatching: async () => 0 });
    expect((await outcome(deafToSelectors, CONNECTED, name)).failed).toHaveLength(0);
    const matching = { ...CONNECTED, revokeMatching: true };
    expect((await outcome(deafToSelectors, matching, name)).failed).toHaveLength(1);
  });

  it('says which capability a skipped test would need', async () => {
    const skipped = declared(() => new MemoryTokenStore(), {}).filter(({ isSkipped }) => isSkipped);
    expect(skipped.length).toBeGreaterThan(5);
    for (const { name, run } of skipped) {
      expect(name).toMatch(
        /\(skipped: no capability "(?:clock|approve|remove|revokeMatching|share|reopen|disconnect)/,
      );
      await run();
    }
  });

  it.each([
    ['name', ['', () => new MemoryTokenStore()]],
    ['open', ['AStore', new MemoryTokenStore()]],
    ['capability', ['AStore', () => new MemoryTokenStore(), { capabilities: { capability: true } }]],
    ['runner', ['AStore', () => new MemoryTokenStore(), { runner: {} }]],
  ])('a TypeError names "%s"', (name, given) => {
    expect(() => describeTokenStore(...(given as Parameters<typeof describeTokenStore>))).toThrow(TypeError);
    expect(() => describeTokenStore(...(given as Parameters<typeof describeTokenStore>))).toThrow(
      `"${name}"`,
    );
  });

  it('waits for what is to become so, but not for ever', async () => {
    await expect(eventually(() => false, 10)).rejects.toThrow(/not so/);
  });
});
