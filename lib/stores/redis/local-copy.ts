import { LRUCache } from 'lru-cache';
import type { LocalCopyOptions } from './redis-options.js';

/**
 * What was read of a server, until it has changed. That a key is not there is not remembered:
 * whoever asks for tokens that do not exist must not push out those that do.
 *
 * Not the driver's own cache, which keeps the names of all keys it ever had.
 */
export class LocalCopy {
  readonly #values: LRUCache<string, string>;
  /** The last question about a key that is under way. */
  readonly #asking = new Map<string, Promise<string | undefined>>();

  constructor({ maxEntries, maxAge }: Required<LocalCopyOptions>) {
    this.#values = new LRUCache({ max: maxEntries, ttl: maxAge });
  }

  /** The value of a key; asks for it where there is no copy. Questions about one key are one. */
  async get(key: string, ask: (key: string) => Promise<string | undefined>): Promise<string | undefined> {
    return this.#values.get(key) ?? this.#asking.get(key) ?? this.#ask(key, ask);
  }

  /** A key has changed: neither a copy nor the answer to a question under way is any good. */
  forget(key: string): void {
    this.#values.delete(key);
    this.#asking.delete(key);
  }

  forgetAll(): void {
    this.#values.clear();
    this.#asking.clear();
  }

  #ask(key: string, ask: (key: string) => Promise<string | undefined>): Promise<string | undefined> {
    const answer = ask(key);
    this.#asking.set(key, answer);
    const settle = (value?: string): void => {
      // Else it was forgotten meanwhile.
      if (this.#asking.get(key) !== answer) return;
      this.#asking.delete(key);
      if (value !== undefined) this.#values.set(key, value);
    };
    answer.then(settle, () => settle());
    return answer;
  }
}
