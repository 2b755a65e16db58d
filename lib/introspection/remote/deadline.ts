import { IntrospectionUnavailableError } from '../introspection-unavailable.js';

/** A step under way that can be ended from outside. */
export interface Cancellable {
  cancel(reason: unknown): void;
}

/**
 * The one deadline of a question, whatever its steps are: it ends the step under way
 * when the time is up or the asker has gone. One timer and, with a signal, one
 * listener; `release` takes both back.
 */
export class Deadline {
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort: (() => void) | undefined;
  #step: Cancellable | undefined;
  #over: { readonly reason: unknown } | undefined;

  /** @param timeout milliseconds */
  constructor(timeout: number, signal?: AbortSignal) {
    // Not unref'd: a question that hangs has to end with an error, not with the end of the process.
    this.#timer = setTimeout(expire, timeout, this);
    if (signal === undefined) return;
    this.#signal = signal;
    this.#onAbort = () => this.end(signal.reason);
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** Whether the asker has gone. */
  get isCancelled(): boolean {
    return this.#signal?.aborted === true;
  }

  /** Watches over `step` in place of the one before; cancels it at once where the time is up already. */
  watch(step: Cancellable): void {
    this.#step = step;
    if (this.#over) step.cancel(this.#over.reason);
  }

  /** Waits for `step`, but not beyond the end. What it comes to later is dropped. */
  race<T>(step: Promise<T>, cancelled?: (reason: unknown) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      step.then(resolve, reject);
      this.watch({
        cancel(reason) {
          reject(reason);
          cancelled?.(reason);
        },
      });
    });
  }

  end(reason: unknown): void {
    this.#over ??= { reason };
    this.#step?.cancel(reason);
  }

  release(): void {
    clearTimeout(this.#timer);
    this.#step = undefined;
    if (this.#onAbort) this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

function expire(deadline: Deadline): void {
  deadline.end(
    new IntrospectionUnavailableError('timeout', 'The authorization server did not answer in time'),
  );
}
