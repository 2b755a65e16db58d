import { StoreUnavailableError, storeErrorKind } from '../tokens/store-errors.js';

/** How long (ms) an operation of a store may take, where nobody says otherwise. */
export const OPERATION_TIMEOUT = 1000;

/** Nobody has answered in time. */
export class LateError extends Error {}

/**
 * Runs one operation of an engine within its time (ms).
 *
 * @throws whatever of ours it throws (`TypeError`, `ConflictError`, `NotFoundError`), and
 *   StoreUnavailableError with the cause for everything else. After one of these a change may have been made or not.
 */
export async function operation<T>(name: string, timeout: number, start: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new LateError(`No answer within ${timeout} ms`)), timeout);
  });
  try {
    return await Promise.race([start(), late]);
  } catch (error) {
    throw storeFault(name, error);
  } finally {
    clearTimeout(timer);
  }
}

/** What an operation rejects with. */
export function storeFault(name: string, error: unknown): unknown {
  // Ours say what they are about; one of a driver's is a fault of its own.
  const isOurs = error instanceof TypeError && error.message.startsWith(`${name}: `);
  if (isOurs || storeErrorKind(error) !== undefined) return error;
  return new StoreUnavailableError(`${name}: the store is unavailable`, { cause: error });
}
