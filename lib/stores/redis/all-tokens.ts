import type { Keys } from './keys.js';
import { type RedisCommands, type RedisConnection, serversOf } from './redis-client.js';
import { BATCH, type Step } from './redis-tokens.js';
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
  readonly #client: RedisConnection;
  readonly #redis: RedisCommands;
  readonly #keys: Keys;
  readonly #timeout: number;

  constructor({ client, redis, keys, timeout }: AllTokensOptions) {
    this.#client = client;
    this.#redis = redis;
    this.#keys = keys;
    this.#timeout = timeout;
  }

  /** Whether every token is in the index of its app. */
  async areInApps(): Promise<boolean> {
    return (await this.#redis.get(this.#keys.appsIndexed)) !== null;
  }

  /** Notes that they are. */
  async noteApps(): Promise<void> {
    await run(this.#redis, SAVE, { keys: [this.#keys.appsIndexed], arguments: ['1', ''] });
  }

  /** The servers that have tokens, each with the same settings for its commands. */
  async servers(): Promise<readonly RedisCommands[]> {
    const settings = { timeout: this.#timeout, typeMapping: {} };
    return (await serversOf(this.#client)).map((server) => server.withCommandOptions(settings));
  }

  /** One step of a walk over all tokens of a server. One that is there all the while comes once or more. */
  async walk(server: RedisCommands, cursor: string): Promise<Step> {
    const args = [cursor, this.#keys.allTokens, String(BATCH)];
    const [next, keys] = (await run(server, SCAN, { keys: [], arguments: args })) as [string, string[]];
    return { next, digests: keys.map((key) => this.#keys.digestOf(key)) };
  }
}
