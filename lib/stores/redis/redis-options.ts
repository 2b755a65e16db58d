import {
  checkClock,
  hasMethods,
  isDuration,
  isNonEmptyString,
  isObject,
  isTimer,
  knownOptions,
  must,
  TIMER,
} from '../../options.js';
import { RETAIN_EXPIRED_FOR } from '../../tokens/retention.js';
import { OPERATION_TIMEOUT } from '../operation.js';
import { clientProblem, type RedisConnection } from './redis-client.js';

/** A copy of what was read, in the memory of this process. */
export interface LocalCopyOptions {
  /** The most values to keep; the least recently used goes first. Default 10,000. */
  readonly maxEntries?: number;
  /** How long (ms) a value may be kept, whatever the server tells or fails to tell. Default 30 seconds. */
  readonly maxAge?: number;
}

export interface RedisTokenStoreOptions {
  /**
   * A client (`createClient`) or cluster client (`createCluster`) of the package `redis`. Connect it, listen to its
   * `error` event and close it yourself. Redis 6.2 or later, or Valkey; never a replica, which is late. Without
   * `useReplicas`, `clientSideCache` and `keyPrefix`.
   */
  readonly client: RedisConnection;
  /** What all keys and channels begin with. Default `token-introspection:`. */
  readonly prefix?: string;
  /** How long (ms) a dead token's record is kept, so that the details API can say `expired`. Default 24 hours. */
  readonly retainExpiredFor?: number;
  /** How long (ms) a step may take, the wait for a connection included. Default 1,000. */
  readonly timeout?: number;
  /**
   * How often (ms) the connection on which others tell their revocations is tested. A cache in front of the store feels a
   * revocation at most this and `timeout` late when that connection is lost. Default 1,000.
   */
  readonly linkInterval?: number;
  /**
   * Keeps what was read in the memory of this process until it has changed: one server tells that itself (client-side
   * caching, RESP3), in a cluster the stores tell each other. A copy is late by that way. When the connection is lost it
   * is dropped, and what is read is read from the server until the connection is back. Default `false`: none.
   */
  readonly localCopy?: boolean | LocalCopyOptions;
  /** The time in milliseconds. Default `Date.now`. What is kept for how long goes by the clock of the server. */
  readonly clock?: () => number;
}

export interface RedisSettings {
  readonly client: RedisConnection;
  readonly prefix: string;
  readonly retainExpiredFor: number;
  readonly timeout: number;
  readonly linkInterval: number;
  readonly localCopy: Required<LocalCopyOptions> | undefined;
  readonly clock: () => number;
}

const FACTORY = 'RedisTokenStore';

/** @throws TypeError that names the bad option */
export function redisSettings(options: RedisTokenStoreOptions): RedisSettings {
  knownOptions(FACTORY, options, [
    'client',
    'prefix',
    'retainExpiredFor',
    'timeout',
    'linkInterval',
    'localCopy',
    'clock',
  ]);
  const {
    client,
    prefix = 'token-introspection:',
    retainExpiredFor = RETAIN_EXPIRED_FOR,
    timeout = OPERATION_TIMEOUT,
    linkInterval = 1000,
    localCopy = false,
    clock = Date.now,
  } = options;
  must(
    hasMethods(client, 'get', 'evalSha', 'duplicate', 'withCommandOptions'),
    FACTORY,
    'client',
    'a client or cluster client of the package redis',
  );
  // Braces would put all keys of a cluster into one slot.
  must(
    isNonEmptyString(prefix) && !/[{}]/.test(prefix),
    FACTORY,
    'prefix',
    'a non-empty string without braces',
  );
  const problem = clientProblem(client);
  must(problem === undefined, FACTORY, 'client', problem ?? '');
  must(isDuration(retainExpiredFor), FACTORY, 'retainExpiredFor', 'milliseconds, 0 or more');
  must(isTimer(timeout), FACTORY, 'timeout', TIMER);
  must(isTimer(linkInterval), FACTORY, 'linkInterval', TIMER);
  checkClock(FACTORY, clock);
  return {
    client,
    prefix,
    retainExpiredFor,
    timeout,
    linkInterval,
    localCopy: localCopySettings(localCopy),
    clock,
  };
}

function localCopySettings(localCopy: boolean | LocalCopyOptions): Required<LocalCopyOptions> | undefined {
  if (localCopy === false) return undefined;
  must(localCopy === true || isObject(localCopy), FACTORY, 'localCopy', 'a boolean or an object');
  const given: LocalCopyOptions = localCopy === true ? {} : localCopy;
  knownOptions(`${FACTORY}: "localCopy"`, given, ['maxEntries', 'maxAge']);
  const { maxEntries = 10_000, maxAge = 30_000 } = given;
  must(
    Number.isSafeInteger(maxEntries) && maxEntries > 0,
    FACTORY,
    'localCopy.maxEntries',
    'a whole number above 0',
  );
  must(isTimer(maxAge), FACTORY, 'localCopy.maxAge', TIMER);
  return { maxEntries, maxAge };
}
