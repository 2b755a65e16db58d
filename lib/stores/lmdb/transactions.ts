import { setTimeout as pause } from 'node:timers/promises';
import type { RootDatabase } from 'lmdb';
import { operation } from '../operation.js';
import { ExitWatch } from './exit-watch.js';

/** How often (ms) `close` looks whether all is done. */
const CLOSE_CHECK = 5;

/** The changes of an open database: each is on disk, or has failed, within its time. */
export class Transactions {
  readonly #root: RootDatabase;
  readonly #timeout: number;
  readonly #exit = new ExitWatch();
  /** Those of this database that are under way. */
  #pending = 0;
  #isClosed = false;

  constructor(root: RootDatabase, timeout: number) {
    this.#root = root;
    this.#timeout = timeout;
  }

  /** The driver does not survive a look into a database that was closed. */
  demandOpen(): void {
    if (this.#isClosed) throw new Error('The database was closed');
  }

  /** One transaction, which is on disk when it resolves. `work` throws before its first change, or not at all. */
  async run<T>(name: string, work: () => T): Promise<T> {
    return operation(name, this.#timeout, async () => {
      this.demandOpen();
      this.#pending += 1;
      this.#exit.began();
      try {
        return await this.#commit(work);
      } finally {
        this.#pending -= 1;
        this.#exit.ended();
      }
    });
  }

  /** Closes the database when what is under way is done, or its time is up. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (let i = 0; this.#pending > 0 && i < this.#timeout / CLOSE_CHECK; i++) await pause(CLOSE_CHECK);
    // After a failed write the driver waits for ever.
    const closed = new AbortController();
    const late = pause(this.#timeout, undefined, { signal: closed.signal }).catch(() => {});
    try {
      await Promise.race([this.#root.close(), late]);
    } finally {
      closed.abort();
      this.#exit.closed();
    }
  }

  async #commit<T>(work: () => T): Promise<T> {
    // Others' work may share the transaction, so what is thrown must not get out of it.
    const outcome = await this.#root
      .transaction((): { value: T } | { thrown: unknown } => {
        try {
          return { value: work() };
        } catch (thrown) {
          return { thrown };
        }
      })
      .catch(rethrow);
    if ('thrown' in outcome) throw outcome.thrown;
    // What is committed need not be on disk, as the driver has it. (The one of today does not tell before it is.)
    await this.#root.flushed;
    return outcome.value;
  }
}

/** A failed transaction rejects a second promise of the driver's, where nobody listens: that would end the process. */
export function rethrow(error: { readonly commitError?: Promise<unknown> | undefined }): never {
  error.commitError?.catch(() => {});
  throw error;
}
