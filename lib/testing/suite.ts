import assert from 'node:assert/strict';
import { storeErrorKind } from '../tokens/store-errors.js';
import type { ManagedTokenStore, NewToken, TokenChanges } from '../tokens/token-store.js';

/** A store under test. Where it has `close`, that is called at the end of each test. */
export type StoreUnderTest = ManagedTokenStore & { close?(): unknown };

/** What a suite opens its stores with. Pass on what your store understands. */
export interface StoreOptions {
  /** The time in milliseconds, which the tests move. */
  readonly clock: () => number;
  /** How long (ms) a dead token's record is kept. */
  readonly retainExpiredFor: number;
}

/** Opens a store; an empty one, save where `of` says whose tokens it has. */
export type OpenStore = (options: StoreOptions) => StoreUnderTest | Promise<StoreUnderTest>;

/** What a store can do beyond its methods, and how a test makes it do so. What is left out is not tested, and said so. */
export interface StoreCapabilities {
  /** The store goes by the `clock` that it is opened with, and by `retainExpiredFor`. Default false: it goes by the time of its engine. */
  readonly clock?: boolean;
  /** The store has `approve`. Default false. */
  readonly approve?: boolean;
  /** The store has `remove`. Default false. */
  readonly remove?: boolean;
  /** The store has `revokeMatching`. Default false. */
  readonly revokeMatching?: boolean;
  /** Opens the tokens of an open store a second time, as another process would. */
  readonly share?: (store: StoreUnderTest, options: StoreOptions) => StoreUnderTest | Promise<StoreUnderTest>;
  /** Closes a store, and opens its tokens again. */
  readonly reopen?: (
    store: StoreUnderTest,
    options: StoreOptions,
  ) => StoreUnderTest | Promise<StoreUnderTest>;
  /** Takes the connection of this one store away, and of none that shares its tokens; resolves to what gives it back. */
  readonly disconnect?: (store: StoreUnderTest) => Promise<() => Promise<void>>;
}

/** Where tests are declared: the globals of jest and vitest, or what `node:test` exports. */
export interface TestRunner {
  readonly describe: ((name: string, define: () => void) => unknown) & object;
  readonly it: ((name: string, run: () => Promise<void>, timeout?: number) => unknown) & {
    readonly skip: (name: string, run: () => Promise<void>) => unknown;
  };
}

/** The time at which each test begins: today's, for the stores that go by the time of their engine. */
export const NOW: number = Date.now();
export const HOUR: number = 60 * 60 * 1000;
export const DAY: number = 24 * HOUR;

/** What a test has. */
export interface Bench {
  readonly store: StoreUnderTest;
  readonly clock: { now: number };
  readonly options: StoreOptions;
  readonly capabilities: StoreCapabilities;
  /** Has a store closed at the end of the test. */
  readonly keep: (store: StoreUnderTest) => StoreUnderTest;
}

/** One test of the contract. */
export interface ContractTest {
  readonly name: string;
  /** The capabilities that it needs. */
  readonly needs?: readonly (keyof StoreCapabilities)[];
  run(bench: Bench): Promise<void>;
}

/** The tokens of a test a second time. */
export async function shared({ store, options, capabilities, keep }: Bench): Promise<StoreUnderTest> {
  const { share } = capabilities as Required<typeof capabilities>;
  return keep(await share(store, options));
}

/** An access token of the client `app`, with what a test adds. */
export function access(token: string, more: Partial<NewToken> = {}): NewToken {
  return { token, kind: 'access_token', clientId: 'app', ...more };
}

/** How much a test asks of a store at once: what its connections can do within its time. */
const BATCH = 100;

/** Does something with each, a batch of them at a time. */
export async function inBatches<T>(all: readonly T[], work: (one: T) => unknown): Promise<void> {
  for (let from = 0; from < all.length; from += BATCH)
    await Promise.all(all.slice(from, from + BATCH).map(async (one) => work(one)));
}

/** Saves many access tokens, with the same members beside their names. */
export async function saveMany(
  store: ManagedTokenStore,
  names: readonly string[],
  more: Partial<NewToken> = {},
): Promise<void> {
  await inBatches(names, (name) => store.save(access(name, more)));
}

/** `at-0`, `at-1`, … */
export function manyNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `at-${i}`);
}

/** What a store takes for the time. */
export function timeOf({ clock, capabilities }: Bench): number {
  return capabilities.clock ? clock.now : Date.now();
}

/** Lets time pass (ms): a few, for a store that goes by the time of its engine. */
export async function pass({ clock, capabilities }: Bench, time: number): Promise<void> {
  if (capabilities.clock) clock.now += time;
  else await new Promise((resolve) => setTimeout(resolve, time));
}

/** Changes of one token that have no member in common. */
const CHANGES: readonly TokenChanges[] = [
  { refreshCount: 7 },
  { scope: ['read'] },
  { app: 'An app' },
  { claims: { tenant: 'one' } },
  { audience: ['https://api.example.com'] },
  { brand: null },
];

/**
 * Changes a token in several ways at once, by turns in each of these stores. A store may refuse a
 * change that comes in the way of another. Returns what must be there then: `null` where a member was taken away.
 */
export async function changeTogether(
  stores: readonly ManagedTokenStore[],
  token: string,
): Promise<Readonly<Record<string, unknown>>> {
  const changed = await Promise.allSettled(
    CHANGES.map(async (changes, i) =>
      (stores[i % stores.length] as ManagedTokenStore).update(token, changes),
    ),
  );
  const made = CHANGES.filter((_, i) => changed[i]?.status === 'fulfilled');
  assert.ok(made.length > 0, 'every update was refused');
  for (const one of changed)
    if (one.status === 'rejected') assert.equal(storeErrorKind(one.reason), 'conflict', String(one.reason));
  return Object.assign({}, ...made) as Record<string, unknown>;
}

/** Members of what `find` answers, `null` for those that are not there. */
export async function membersOf(
  store: ManagedTokenStore,
  token: string,
  members: readonly string[],
): Promise<Record<string, unknown>> {
  const found = { ...(await store.find(token)) } as Record<string, unknown>;
  return Object.fromEntries(members.map((member) => [member, found[member] ?? null]));
}

/** The digests that a store tells of, as they come. */
export function told(store: ManagedTokenStore): string[] {
  const digests: string[] = [];
  store.onRevoked((digest) => digests.push(digest));
  return digests;
}

/** Whether two values are the same as JSON: what engines make of lists and objects may have other prototypes. */
export function same(actual: unknown, expected: unknown, what?: string): void {
  assert.deepEqual(asJson(actual), asJson(expected), what);
}

function asJson(value: unknown): unknown {
  // In a list, where `undefined` has a text too.
  return JSON.parse(JSON.stringify([value]));
}

/** What a promise was rejected with; `undefined` where it was not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** By its name: a runner may have a realm of its own, with another `TypeError`. */
export function isTypeError(error: unknown): boolean {
  return (error as Error | undefined)?.name === 'TypeError';
}

/** Waits (milliseconds of real time, at most) until something is so. */
export async function eventually(isSo: () => unknown, patience = 5000): Promise<void> {
  const end = performance.now() + patience;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`It is not so after ${patience} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
