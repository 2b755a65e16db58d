/** The changes of this process that are under way, in all its databases. */
export const underWay: { writes: number } = { writes: 0 };

let isWatched = false;

/**
 * Makes a process that ends in the middle of a change end at once. The driver would wait in its
 * exit hook for a callback that never comes, and keep the lock for changes from every other
 * process, for good; of one that is killed, the system takes the lock back.
 */
export function endWithoutHarm(): void {
  if (isWatched) return;
  isWatched = true;
  process.prependListener('exit', endAtOnce);
}

export function endAtOnce(): void {
  if (underWay.writes > 0) process.kill(process.pid, 'SIGKILL');
}

/** A failed transaction rejects a second promise of the driver's, where nobody listens: that would end the process. */
export function rethrow(error: { readonly commitError?: Promise<unknown> | undefined }): never {
  error.commitError?.catch(() => {});
  throw error;
}
