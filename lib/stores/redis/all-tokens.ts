import type { Keys } from './keys.js';
import { BATCH, type Step } from './owner-indexes.js';
import { type RedisCommands, type RedisConnection, serversOf } from './redis-client.js';
import { run, SAVE, SCAN } from './scripts.js';

interface AllTokensOptions {
  readonly client: RedisConnection;
  readonly redis: RedisCommands;
  readonly keys: Keys;
  /** How long (ms) a command may wait. */
  readonly timeout: number;
}

/** All tokens of a store, for what no index finds: those of an app that a version has saved which had no index of apps. */
export class AllTokens {
  readonly #options: AllTokensOptions;

  constructor(options: AllTokensOptions) {
    this.#options = options;
  }

  /** Whether every token is in the index of its app. */
  async areInApps(): Promise<boolean> {
    const { redis, keys } = this.#options;
    return (await redis.get(keys.appsIndexed)) !== null;
  }

  /** Notes that they are. */
  async noteApps(): Promise<void> {
    const { redis, keys } = this.#options;
    await run(redis, SAVE, { keys: [keys.appsIndexed], arguments: ['1', ''] });
  }

  /** The servers that have tokens, each with the same settings for its commands. */
  async servers(): Promise<readonly RedisCommands[]> {
    const { client, timeout } = this.#options;
    const settings = { timeout, typeMapping: {} };
    return (await serversOf(client)).map((server) => server.withCommandOptions(settings));
  }

  /** One step of a walk over all tokens of a server. One that is there all the while comes once or more. */
  async walk(server: RedisCommands, cursor: string): Promise<Step> {
    const { keys } = this.#options;
    const args = [cursor, keys.allTokens, String(BATCH)];
    const [next, found] = (await run(server, SCAN, { keys: [], arguments: args })) as [string, string[]];
    return { next, digests: found.map((key) => keys.digestOf(key)) };
  }
}
