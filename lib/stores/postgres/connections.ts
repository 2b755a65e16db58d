import { storeErrorKind, UnusableAnswerError } from '../../tokens/store-errors.js';
import { LateError, operation } from '../operation.js';
import { cancel } from './cancel.js';
import type { PooledPostgresClient, PostgresPool } from './pool.js';

/** Somebody who needs a connection. */
interface Waiter {
  /** How many had been asked for when it came. */
  readonly since: number;
  client: PooledPostgresClient | undefined;
  take(client: PooledPostgresClient): void;
  fail(error: unknown): void;
}

/** How many connections a pool has where nobody says otherwise. */
const DEFAULT_PLACES = 10;

/** The pools to whose errors we listen. */
const heard = new WeakSet<PostgresPool>();

/**
 * The connections of a caller's pool, each for one thing that must be done in time. Of one that
 * did not answer in time nobody knows what it will answer next: it is ended, and the pool opens another.
 */
export class Connections {
  readonly #pool: PostgresPool;
  readonly #places: number;
  readonly #waiting = new Set<Waiter>();
  /** The connections that the pool was asked for and has not given yet, and of all times. */
  #pending = 0;
  #asked = 0;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
    this.#places = pool.options?.max ?? DEFAULT_PLACES;
    // A pool tells an "error" when the server ends an idle connection. Where nobody listens that ends
    // the process; of a store, an outage must not be the end. Whoever else listens is told as before.
    if (!heard.has(pool)) pool.on('error', ignore);
    heard.add(pool);
  }

  /** Whether the caller has ended the pool. */
  get isEnding(): boolean {
    return this.#pool.ending === true;
  }

  /** Runs `work` on a connection: waiting for one and the work together within `timeout` (ms). */
  async use<T>(
    name: string,
    timeout: number,
    work: (client: PooledPostgresClient) => Promise<T>,
  ): Promise<T> {
    const { client, value } = await this.take(name, timeout, work);
    giveBack(client);
    return value;
  }

  /** The same, but the connection stays taken until the caller releases it. */
  async take<T>(
    name: string,
    timeout: number,
    work: (client: PooledPostgresClient) => Promise<T>,
  ): Promise<{ readonly client: PooledPostgresClient; readonly value: T }> {
    const { waiter, given } = this.#wait();
    try {
      return await operation(name, timeout, async () => {
        const client = await given;
        return { client, value: await work(client) };
      });
    } catch (error) {
      this.#waiting.delete(waiter);
      if (waiter.client) giveBack(waiter.client, error);
      throw error;
    }
  }

  #wait(): { readonly waiter: Waiter; readonly given: Promise<PooledPostgresClient> } {
    const { promise: given, resolve, reject } = deferred<PooledPostgresClient>();
    const waiter: Waiter = {
      since: this.#asked,
      client: undefined,
      take(client) {
        waiter.client = client;
        client.on('error', ignore);
        resolve(client);
      },
      fail: reject,
    };
    // It may fail when nobody waits for it any more.
    given.catch(ignore);
    this.#waiting.add(waiter);
    // What somebody has asked for who could not wait any longer is as good, once there is as much of it as the pool
    // has places: else all that is asked in vain while a server hangs would queue up there.
    if (this.#pending < this.#waiting.size + this.#places) void this.#ask();
    return { waiter, given };
  }

  async #ask(): Promise<void> {
    this.#pending += 1;
    const number = this.#asked;
    this.#asked += 1;
    let client: PooledPostgresClient | undefined;
    let failure: unknown;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      failure = error;
    }
    this.#pending -= 1;
    const [waiter] = this.#waiting;
    if (!waiter) {
      client?.release();
      return;
    }
    // That an older attempt has failed says nothing of what is now.
    if (!client && number < waiter.since) return this.#ask();
    this.#waiting.delete(waiter);
    if (client) waiter.take(client);
    else waiter.fail(failure);
  }
}

/** Gives a connection back to its pool; one on which something went wrong is ended. */
export function giveBack(client: PooledPostgresClient, error?: unknown): void {
  if (error === undefined || isAnswer(error)) {
    client.removeListener('error', ignore);
    client.release();
    return;
  }
  if (error instanceof Error && error.cause instanceof LateError) cancel(client);
  client.release(true);
  // A driver that sends several statements at once would wait for the answers before it closes.
  client.connection?.stream?.destroy();
}

/** Whether an error is one that we threw about what the server answered. */
function isAnswer(error: unknown): boolean {
  const kind = storeErrorKind(error);
  return (
    kind === 'conflict' ||
    kind === 'not_found' ||
    error instanceof TypeError ||
    error instanceof UnusableAnswerError
  );
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = ignore;
  let reject: (error: unknown) => void = ignore;
  const promise = new Promise<T>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
}

function ignore(): void {}
