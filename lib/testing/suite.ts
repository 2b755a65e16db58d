import assert from 'node:assert/strict';
import type { ManagedTokenStore, NewToken } from '../tokens/token-store.js';

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
  /** Opens the tokens of an open store a second time, as another process would. */
  readonly share?: (store: StoreUnderTest, options: StoreOptions) => StoreUnderTest | Promise<StoreUnderTest>;
  /** Closes a store, and opens its tokens again. */
  readonly reopen?: (
    store: StoreUnderTest,
    options: StoreOptions,
  ) => StoreUnderTest | Promise<StoreUnderTest>;
  /** Takes a store's connection away; resolves to what gives it back. */
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

/** An access token of the client `app`, with what a test adds. */
export function access(token: string, more: Partial<NewToken> = {}): NewToken {
  return { token, kind: 'access_token', clientId: 'app', ...more };
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
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
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
