import { onRejection } from '../thenable.js';

interface Listener {
  readonly revoked: (digest: string) => void;
  readonly missed: (() => void) | undefined;
}

/** Those who want to know of revocations. */
export class RevocationListeners {
  readonly #listeners = new Set<Listener>();

  get size(): number {
    return this.#listeners.size;
  }

  /** Returns a function that ends the telling. */
  add(revoked: (digest: string) => void, missed?: () => void): () => void {
    const listener = { revoked, missed };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(digest: string): void {
    for (const { revoked } of this.#listeners) call(() => revoked(digest));
  }

  /** Tells that there may have been revocations of which nobody was told. */
  tellMissed(): void {
    for (const { missed } of this.#listeners) if (missed) call(missed);
  }
}

/** A listener that throws or rejects must not keep the others, or the revocation, from going on. */
function call(listener: () => void): void {
  try {
    onRejection(listener(), warn);
  } catch (error) {
    warn(error);
  }
}

function warn(error: unknown): void {
  const name = error instanceof Error ? error.name : typeof error;
  process.emitWarning(`A revocation listener failed: ${name}`, 'ExpressTokenIntrospection');
}
