/** Runs `failed` when what a listener of the app's answered turns out to be a promise that rejects. */
export function onRejection(answered: unknown, failed: (error: unknown) => void): void {
  if (isThenable(answered)) Promise.resolve(answered).catch(failed);
}

/** A value, or a promise of it: what comes at once need not be waited for. */
export type Soon<T> = T | Promise<T>;

/** Gives a value to `use`, at once where it is there. */
export function whenKnown<T, R>(value: Soon<T>, use: (value: T) => Soon<R>): Soon<R> {
  return isThenable(value) ? Promise.resolve(value).then(use) : use(value as T);
}

/**
 * Starts something of the app's, which may answer at once or later, and gives its answer to
 * `use`. What it throws or rejects with, `fault` turns into what is thrown in its place.
 */
export function attempt<R>(
  start: () => unknown,
  fault: (cause: unknown) => unknown,
  use: (value: unknown) => Soon<R>,
): Soon<R> {
  let answered: unknown;
  let isLater: boolean;
  try {
    answered = start();
    isLater = isThenable(answered);
  } catch (cause) {
    throw fault(cause);
  }
  if (!isLater) return use(answered);
  return Promise.resolve(answered).then(use, (cause: unknown) => {
    throw fault(cause);
  });
}

/**
 * Whether `await` would wait for a value. Not `instanceof Promise`: an app may have put another
 * class in the place of the global one, and what is no promise by that would count as an answer.
 */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
