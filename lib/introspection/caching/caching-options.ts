import {
  checkClock,
  hasMethods,
  isDuration,
  isNonEmptyString,
  isObject,
  knownOptions,
  must,
} from '../../options.js';
import { type Telemetry, type TelemetryOptions, telemetryOf } from '../../telemetry/telemetry.js';
import type { Introspector } from '../introspector.js';
import { isSharedSecrets, SHARED_SECRETS } from './answer-seal.js';
import type { SharedCache } from './shared-answers.js';

/**
 * When to stop asking a server that is away or overloaded: one that cannot be reached or does not respond in time, or that
 * responds with 429, 502, 503 or 504. Any other failure is about one token, and counts as a response.
 */
export interface BreakerOptions {
  /**
   * So many failures in a row open the circuit, if they are of several different tokens: of three, or of as many as this says
   * if that is less. Default 5.
   */
  readonly failures?: number;
  /**
   * After so long (ms) requests about up to three different tokens are let through again. The first response closes the
   * circuit. A server's `Retry-After` makes it neither longer nor shorter. Default 10 seconds.
   */
  readonly resetAfter?: number;
}

export interface CachingIntrospectorOptions {
  /**
   * How long (ms) after its question an active answer may be given again, and so how late a
   * revocation that nobody tells may be felt; never past `exp`. 0: not at all. Default 30 seconds.
   */
  readonly maxAge?: number;
  /** The same for an inactive answer. Default 5 seconds. */
  readonly negativeMaxAge?: number;
  /** The most active answers to remember, up to 10,000,000; the least recently used goes first. Default 100,000. */
  readonly maxEntries?: number;
  /**
   * For how long (ms) after `maxAge` the last active answer is given, with `stale: true`, when
   * the question fails; never past `exp`. At most 5 minutes. Default 0: it is not.
   */
  readonly staleIfError?: number;
  /** When to stop asking a server that is away. `false`: never. */
  readonly breaker?: BreakerOptions | false;
  /** A cache that processes share, asked before the introspector. Default none. */
  readonly shared?: SharedCache;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /** Where measurements and spans go; `false`: nowhere. Default: the global providers of OpenTelemetry, whenever the app registers them. */
  readonly telemetry?: TelemetryOptions | false;
}

/** The options, checked and with their defaults. */
export interface CachingSettings {
  readonly maxAge: number;
  readonly negativeMaxAge: number;
  readonly maxEntries: number;
  readonly staleIfError: number;
  readonly breaker: (Required<BreakerOptions> & { readonly tokens: number }) | undefined;
  readonly shared: SharedCache | undefined;
  readonly clock: () => number;
  readonly telemetry: Telemetry;
}

const FACTORY = 'cachingIntrospector';
const KNOWN = [
  'maxAge',
  'negativeMaxAge',
  'maxEntries',
  'staleIfError',
  'breaker',
  'shared',
  'clock',
  'telemetry',
];
/** So many different tokens must have failed: fewer could be one caller's. */
const MOST_TOKENS = 3;
const DURATION = 'milliseconds, 0 or more';
/** Whoever was locked out meanwhile would be let in for as long. */
const LONGEST_STALE = 5 * 60 * 1000;
/** What a `Map` can hold, with some to spare. */
const MOST_ENTRIES = 10_000_000;

/** @throws TypeError that names the bad option */
export function cachingSettings(inner: Introspector, options: CachingIntrospectorOptions): CachingSettings {
  must(hasMethods(inner, 'introspect'), FACTORY, 'inner', 'an object with an introspect method');
  knownOptions(FACTORY, options, KNOWN);
  const { maxAge = 30_000, negativeMaxAge = 5000, maxEntries = 100_000, staleIfError = 0 } = options;
  const { breaker = {}, shared, clock = Date.now } = options;
  must(isDuration(maxAge), FACTORY, 'maxAge', DURATION);
  must(isDuration(negativeMaxAge), FACTORY, 'negativeMaxAge', DURATION);
  must(
    isCount(maxEntries) && maxEntries <= MOST_ENTRIES,
    FACTORY,
    'maxEntries',
    'a whole number from 1 to 10,000,000',
  );
  must(
    isDuration(staleIfError) && staleIfError <= LONGEST_STALE,
    FACTORY,
    'staleIfError',
    'milliseconds from 0 to 300,000 (5 minutes)',
  );
  // Where nothing is remembered, these would silently do nothing.
  must(maxAge > 0 || staleIfError === 0, FACTORY, 'staleIfError', 'left out where "maxAge" is 0');
  must(maxAge > 0 || shared === undefined, FACTORY, 'shared', 'left out where "maxAge" is 0');
  checkShared(shared);
  checkClock(FACTORY, clock);
  return {
    maxAge,
    negativeMaxAge,
    maxEntries,
    staleIfError,
    breaker: breakerSettings(breaker),
    shared,
    clock,
    telemetry: telemetryOf(FACTORY, options.telemetry),
  };
}

function breakerSettings(breaker: BreakerOptions | false): CachingSettings['breaker'] {
  if (breaker === false) return undefined;
  must(isObject(breaker), FACTORY, 'breaker', 'an object or false');
  knownOptions(`${FACTORY}: "breaker"`, breaker, ['failures', 'resetAfter']);
  const { failures = 5, resetAfter = 10_000 } = breaker;
  must(isCount(failures), FACTORY, 'breaker.failures', 'a whole number above 0');
  must(isDuration(resetAfter) && resetAfter > 0, FACTORY, 'breaker.resetAfter', 'milliseconds above 0');
  return { failures, resetAfter, tokens: Math.min(failures, MOST_TOKENS) };
}

function checkShared(shared: SharedCache | undefined): void {
  if (shared === undefined) return;
  must(
    hasMethods(shared, 'get', 'set', 'delete'),
    FACTORY,
    'shared',
    'an object with the methods get, set and delete',
  );
  must(isNonEmptyString(shared.identity), FACTORY, 'shared.identity', 'a non-empty string');
  // One that is there but undefined is a setting that could not be read, and not the wish to have none.
  must(!('secret' in shared) || isSharedSecrets(shared.secret), FACTORY, 'shared.secret', SHARED_SECRETS);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
