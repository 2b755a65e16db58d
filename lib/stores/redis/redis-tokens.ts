import { randomBytes } from 'node:crypto';
import { keptUntil } from '../../tokens/retention.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import { type Entry, endedWithGrant, entryText, readEntry } from './entry.js';
import type { Keys } from './keys.js';
import type { RedisCommands, RedisDuplicate } from './redis-client.js';
import { END_GENERATION, ENTER, LEAVE, REPLACE, REVOKE, run, SAVE, type Script, WALK } from './scripts.js';

/** Longer (ms) than the clocks of two nodes of a cluster may differ: an index outlives its tokens. */
const SLACK = 60 * 60 * 1000;
/** What ends later (ms since 1970) is kept for ever: the server counts no further. */
const LAST_END = 1e16;
/** How many tokens are asked for in one step. */
export const BATCH = 500;

/** Which tokens a revocation is meant for, and who is told. */
interface Revocation {
  /** Only those of this generation of their grant. Default any. */
  readonly generation?: string;
  /** Whether the server tells the other processes. */
  readonly tells: boolean;
}

/**
 * The tokens in Redis. A token is one key; that of its grant's generation and the indexes of its
 * owners are others, in slots of their own. A grant ends by one step in its own slot: a token is
 * live only while its grant has the generation that the token was saved in.
 */
export class RedisTokens {
  readonly #redis: RedisCommands;
  readonly #reader: () => RedisDuplicate | undefined;
  readonly #keys: Keys;
  readonly #retainExpiredFor: number;

  /** `reader` gives the connection whose server voids what it has remembered, as long as there is one. */
  constructor(
    redis: RedisCommands,
    reader: () => RedisDuplicate | undefined,
    keys: Keys,
    retainExpiredFor: number,
  ) {
    this.#redis = redis;
    this.#reader = reader;
    this.#keys = keys;
    this.#retainExpiredFor = retainExpiredFor;
  }

  async find(digest: string): Promise<Entry | undefined> {
    const read = (key: string): Promise<string | undefined> => this.#recall(key);
    const text = await read(this.#keys.token(digest));
    return text === undefined ? undefined : this.#judged(readEntry(text), read);
  }

  /** Resolves to whether it was saved: not where the token is there already. */
  async save(digest: string, record: TokenRecord, sealed: Uint8Array | undefined): Promise<boolean> {
    const generation = await this.#enter(digest, record);
    const text = entryText({ record, sealed, generation });
    return (await this.#run(SAVE, [this.#keys.token(digest)], [text, this.#end(record)])) === 1;
  }

  /**
   * Puts what `change` makes of a record in its place. Resolves to `'missing'` where there is none,
   * to `'overtaken'` where somebody else has changed it meanwhile.
   */
  async change(
    digest: string,
    change: (record: TokenRecord) => TokenRecord,
  ): Promise<Entry | 'missing' | 'overtaken'> {
    const read = (key: string): Promise<string | undefined> => this.#read(key);
    const key = this.#keys.token(digest);
    const before = await read(key);
    if (before === undefined) return 'missing';
    const entry = await this.#judged(readEntry(before), read);
    const changed = { ...entry, record: change(entry.record) };
    const end = this.#end(changed.record);
    // What it is found by must live as long.
    if (end !== this.#end(entry.record)) await this.#enter(digest, changed.record);
    const replaced = await this.#run(REPLACE, [key], [before, entryText(changed), end]);
    return replaced === 1 ? changed : 'overtaken';
  }

  /** Revokes tokens, each in one step; resolves to the digests of those that were not revoked. */
  async revoke(
    digests: readonly string[],
    now: number,
    { generation = '*', tells }: Revocation,
  ): Promise<readonly string[]> {
    const channel = tells ? this.#keys.channel : '';
    const until = String(Math.ceil(now + this.#retainExpiredFor));
    const revoked = await Promise.all(
      digests.map(async (digest) => {
        const args = [String(now), until, generation, digest, channel];
        const before = String(await this.#run(REVOKE, [this.#keys.token(digest)], args));
        if (before === '') return [];
        await this.#leave(digest, readEntry(before).record);
        return [digest];
      }),
    );
    return revoked.flat();
  }

  /** Ends a grant: none of its tokens is live any more. Resolves to its generation and its tokens. */
  async endGrant(
    grantId: string,
  ): Promise<{ readonly generation: string; readonly digests: readonly string[] }> {
    const { generation: key, index, mark } = this.#keys.grant(grantId);
    const ended = await this.#run(END_GENERATION, [key, index], [this.#keys.channel, mark]);
    const [generation, digests] = ended as [string, string[]];
    return { generation, digests };
  }

  /** The digests in an index, some at a time. One that is there all the while comes once or more. */
  async walk(
    index: string,
    cursor: string,
  ): Promise<{ readonly next: string; readonly digests: readonly string[] }> {
    const walked = await this.#run(WALK, [index], [cursor, String(BATCH)]);
    const [next, pairs] = walked as [string, string[]];
    return { next, digests: pairs.filter((_value, i) => i % 2 === 0) };
  }

  /** The records of tokens as they were written, without a look at their grants. */
  async records(digests: readonly string[]): Promise<readonly (readonly [digest: string, TokenRecord])[]> {
    const read = await Promise.all(
      digests.map(async (digest): Promise<readonly (readonly [string, TokenRecord])[]> => {
        const text = await this.#read(this.#keys.token(digest));
        return text === undefined ? [] : [[digest, readEntry(text).record]];
      }),
    );
    return read.flat();
  }

  async #judged(entry: Entry, read: (key: string) => Promise<string | undefined>): Promise<Entry> {
    const { grantId, status } = entry.record;
    if (grantId === undefined || status === 'revoked') return entry;
    const generation = await read(this.#keys.grant(grantId).generation);
    return generation === entry.generation ? entry : endedWithGrant(entry);
  }

  /** Enters a token in the indexes of its owners; resolves to the generation of its grant, '' without one. */
  async #enter(digest: string, record: TokenRecord): Promise<string> {
    const end = this.#end(record, SLACK);
    const fresh = randomBytes(16).toString('base64url');
    const generations = await Promise.all(
      this.#keys.indexesOf(record, digest).map((keys) => this.#run(ENTER, keys, [digest, end, fresh])),
    );
    // That of the grant is the last one.
    return String(generations.at(-1));
  }

  /** Takes a revoked token out of its indexes. That it stays there would harm nobody. */
  async #leave(digest: string, record: TokenRecord): Promise<void> {
    const left = this.#keys.indexesOf(record, digest).map(([index]) => this.#run(LEAVE, [index], [digest]));
    await Promise.allSettled(left);
  }

  /** Until when a record is kept, as a script takes it. */
  #end(record: TokenRecord, slack = 0): string {
    const end = keptUntil(record, this.#retainExpiredFor) + slack;
    return end < LAST_END ? String(Math.ceil(end)) : '';
  }

  async #run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await run(this.#redis, script, { keys: [...keys], arguments: [...args] });
    } finally {
      // The server tells the reader on another connection: what this process has changed it must not read there still.
      const copies = this.#reader()?.clientSideCache;
      if (copies) for (const key of keys) copies.invalidate(key);
    }
  }

  /** Reads where copies are remembered, and at the server where there is no such connection. */
  async #recall(key: string): Promise<string | undefined> {
    const reader = this.#reader();
    if (!reader) return this.#read(key);
    try {
      return textOf(await reader.get(key));
    } catch {
      return this.#read(key);
    }
  }

  async #read(key: string): Promise<string | undefined> {
    return textOf(await this.#redis.get(key));
  }
}

function textOf(reply: unknown): string | undefined {
  if (reply === null) return undefined;
  if (typeof reply !== 'string') throw new Error('The server answered no text');
  return reply;
}
