import { onRejection } from '../thenable.js';

/** Those who want to know of revocations. */
export class RevocationListeners {
  readonly #listeners = new Set<(digest: string) => void>();

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns a function that ends the telling. */
  add(listener: (digest: string) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** A listener that throws or rejects must not keep the others, or the revocation, from going on. */
  tell(digest: string): void {
    for (const listener of this.#listeners) {
      try {
        onRejection(listener(digest), warn);
      } catch (error) {
        warn(error);
      }
    }
  }
}

function warn(error: unknown): void {
  const name = error instanceof Error ? error.name : typeof error;
  process.emitWarning(`A revocation listener failed: ${name}`, 'ExpressTokenIntrospection');
}
