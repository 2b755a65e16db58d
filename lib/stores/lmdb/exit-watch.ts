/**
 * By this the copies of this package in a process (both builds, a second version, a module that
 * was loaded anew) find each other's listener, and are one. Nothing else of it is global. The
 * number is that of {@link Changes}, which must stay as it is while the number does.
 */
const SHARED: unique symbol = Symbol.for('express-token-introspection.lmdb-exit.1');

/** What is under way in a process, in all LMDB stores of all copies. */
interface Changes {
  /** How many stores are open. */
  stores: number;
  writes: number;
}

interface ExitListener {
  (): void;
  readonly [SHARED]: Changes;
}

/**
 * Makes a process that ends in the middle of a change end at once. The driver would wait in its
 * exit hook for a callback that never comes, and keep the lock for changes from every other
 * process, for good; of one that is killed, the system takes the lock back.
 *
 * There is one listener while a store is open or a change is under way, and none after.
 */
export class ExitWatch {
  readonly #listener: ExitListener = sharedListener();

  constructor() {
    this.#listener[SHARED].stores += 1;
  }

  began(): void {
    this.#listener[SHARED].writes += 1;
  }

  ended(): void {
    this.#listener[SHARED].writes -= 1;
    this.#leave();
  }

  /** Of this store: once. */
  closed(): void {
    this.#listener[SHARED].stores -= 1;
    this.#leave();
  }

  #leave(): void {
    const { stores, writes } = this.#listener[SHARED];
    if (stores === 0 && writes === 0) process.removeListener('exit', this.#listener);
  }
}

function sharedListener(): ExitListener {
  const there = process.listeners('exit').find(isShared);
  if (there) return there;
  const changes: Changes = { stores: 0, writes: 0 };
  const listener = Object.assign(() => endIfChanging(changes), { [SHARED]: changes });
  // Before the driver's.
  process.prependListener('exit', listener);
  return listener;
}

function isShared(listener: object): listener is ExitListener {
  return SHARED in listener;
}

export function endIfChanging({ writes }: Pick<Changes, 'writes'>): void {
  if (writes > 0) process.kill(process.pid, 'SIGKILL');
}
