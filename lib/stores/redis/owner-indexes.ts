import { randomBytes } from 'node:crypto';
import { keptUntil } from '../../tokens/retention.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import type { Entry } from './entry.js';
import { digestOfMember, type Keys, type Place } from './keys.js';
import { DROP, ENTER, instant, LEAVE, WALK } from './scripts.js';
import type { TokenCommands } from './token-commands.js';

/** Longer (ms) than the clocks of two nodes of a cluster may differ: an index outlives its tokens. */
const SLACK = 60 * 60 * 1000;
/** How many tokens are asked for in one step. */
export const BATCH = 500;

/** What the places of a token in the indexes depend on. */
type Identified = Pick<Entry, 'id' | 'record'>;

/** What one step of a walk has seen, and where the next one begins; '0' after the last. */
export interface Step {
  readonly next: string;
  readonly digests: readonly string[];
}

/** By what tokens are found other than by themselves: their client, subject, app and grant. */
export class OwnerIndexes {
  readonly #commands: TokenCommands;
  readonly #keys: Keys;
  readonly #retainExpiredFor: number;

  constructor(commands: TokenCommands, keys: Keys, retainExpiredFor: number) {
    this.#commands = commands;
    this.#keys = keys;
    this.#retainExpiredFor = retainExpiredFor;
  }

  /** Enters a token in the indexes of its owners; resolves to the generation of its grant, '' without one. */
  async enter(digest: string, { id, record }: Identified): Promise<string> {
    return this.#enter(this.#keys.placesOf(record, digest, id), record);
  }

  /** Enters a token in the index of its app alone, where it has one. */
  async enterApp(digest: string, { id, record }: Identified): Promise<void> {
    await this.#enter(this.#keys.placesOfApp(record, digest, id), record);
  }

  /** Takes a token that is not live out of its indexes. */
  async leave(digest: string, { id, record }: Identified): Promise<void> {
    await this.#leave(this.#keys.placesOf(record, digest, id));
  }

  /** Takes a token out of the index of an app that it is not of. */
  async leaveApp(digest: string, { id, record }: Identified): Promise<void> {
    await this.#leave(this.#keys.placesOfApp(record, digest, id));
  }

  /** The digests in an index, some at a time. One that is there all the while comes once or more. */
  async walk(index: string, cursor: string): Promise<Step> {
    const walked = await this.#commands.run(WALK, [index], [cursor, String(BATCH)]);
    const [next, pairs] = walked as [string, string[]];
    return { next, digests: pairs.filter((_value, i) => i % 2 === 0).map(digestOfMember) };
  }

  /** Drops the index of what was written down. */
  async drop(index: string): Promise<void> {
    await this.#commands.run(DROP, [index], []);
  }

  async #enter(places: readonly Place[], record: TokenRecord): Promise<string> {
    const end = instant(keptUntil(record, this.#retainExpiredFor) + SLACK);
    const fresh = randomBytes(16).toString('base64url');
    const generations = await Promise.all(
      places.map(({ keys, member }) => this.#commands.run(ENTER, keys, [member, end, fresh])),
    );
    // That of the grant is the last one.
    return String(generations.at(-1));
  }

  /** That it stays there would harm nobody. */
  async #leave(places: readonly Place[]): Promise<void> {
    const kept = instant(this.#retainExpiredFor + SLACK);
    await Promise.allSettled(
      places.map(({ keys, member }) => this.#commands.run(LEAVE, keys, [member, kept])),
    );
  }
}
