import type { LocalCopy } from './local-copy.js';
import type { RedisCommands } from './redis-client.js';
import { run, type Script } from './scripts.js';

/** Where copies are kept, and what is read for them; `undefined` where nothing may be remembered now. */
export type Copies = () => { readonly copy: LocalCopy; readonly reader: RedisCommands } | undefined;

/** What is sent about tokens: reads at the server or of a copy, and scripts, after which no copy of their keys is any good. */
export class TokenCommands {
  readonly #redis: RedisCommands;
  readonly #copies: Copies;

  constructor(redis: RedisCommands, copies: Copies) {
    this.#redis = redis;
    this.#copies = copies;
  }

  async run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await run(this.#redis, script, { keys: [...keys], arguments: [...args] });
    } finally {
      // What tells of it comes on another connection, and may be later.
      const copy = this.#copies()?.copy;
      if (copy) for (const key of keys) copy.forget(key);
    }
  }

  /** Reads what is remembered, and at the server where nothing may be. */
  async recall(key: string): Promise<string | undefined> {
    const copies = this.#copies();
    if (!copies) return this.read(key);
    try {
      return await copies.copy.get(key, async (asked) => textOf(await copies.reader.get(asked)));
    } catch {
      return this.read(key);
    }
  }

  async read(key: string): Promise<string | undefined> {
    return textOf(await this.#redis.get(key));
  }
}

function textOf(reply: unknown): string | undefined {
  if (reply === null) return undefined;
  if (typeof reply !== 'string') throw new Error('The server answered no text');
  return reply;
}
