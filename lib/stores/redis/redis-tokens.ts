import { randomBytes } from 'node:crypto';
import { approvedRecord } from '../../tokens/new-record.js';
import { keptUntil } from '../../tokens/retention.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import { type Entry, endedWithGrant, entryText, readEntry } from './entry.js';
import { EVENT_LENGTH, idAtOtherApp, type Keys, type Place } from './keys.js';
import type { LocalCopy } from './local-copy.js';
import type { RedisCommands } from './redis-client.js';
import {
  DIGEST_LENGTH,
  DROP,
  END_GENERATION,
  ENTER,
  LEAVE,
  REMOVE,
  REPLACE,
  REVOKE,
  run,
  SAVE,
  type Script,
  WALK,
} from './scripts.js';

/** Longer (ms) than the clocks of two nodes of a cluster may differ: an index outlives its tokens. */
const SLACK = 60 * 60 * 1000;
/** What ends later (ms since 1970) is kept for ever: the server counts no further. */
const LAST_END = 1e16;
/** How many tokens are asked for in one step. */
export const BATCH = 500;
/** How many tokens of a grant are told one by one; more would take the server's time from everybody else. */
const TOLD_AT_ONCE = 5000;

/** Where copies are kept, and what is read for them; `undefined` where nothing may be remembered now. */
export type Copies = () => { readonly copy: LocalCopy; readonly reader: RedisCommands } | undefined;

interface TokensOptions {
  readonly redis: RedisCommands;
  readonly copies: Copies;
  readonly keys: Keys;
  readonly retainExpiredFor: number;
}

/** What the places of a token in the indexes depend on. */
type Identified = Pick<Entry, 'id' | 'record'>;

/** What one step of a walk has seen, and where the next one begins; '0' after the last. */
export interface Step {
  readonly next: string;
  readonly digests: readonly string[];
}

/** What came of the end of a grant. */
interface EndedGrant {
  /** '' where there was none. */
  readonly generation: string;
  /** The index of its tokens, in which they are to be written down. */
  readonly index: string;
  /** Its tokens; `undefined` where they are too many to be told. */
  readonly digests: readonly string[] | undefined;
}

/** Tells one revocation from another, and one saving of a token from another. */
export function newEvent(): string {
  return randomBytes((EVENT_LENGTH * 3) / 4).toString('base64url');
}

/**
 * The tokens in Redis. A token is one key; that of its grant's generation and the indexes of its
 * owners are others, in slots of their own. A grant ends by one step in its own slot: a token is
 * live only while its grant has the generation that the token was saved in.
 */
export class RedisTokens {
  readonly #redis: RedisCommands;
  readonly #copies: Copies;
  readonly #keys: Keys;
  readonly #retainExpiredFor: number;

  constructor({ redis, copies, keys, retainExpiredFor }: TokensOptions) {
    this.#redis = redis;
    this.#copies = copies;
    this.#keys = keys;
    this.#retainExpiredFor = retainExpiredFor;
  }

  async find(digest: string): Promise<Entry | undefined> {
    return this.#find(digest, (key) => this.#recall(key));
  }

  /** Resolves to whether it was saved: not where the token is there already. */
  async save(digest: string, record: TokenRecord, sealed: Uint8Array | undefined): Promise<boolean> {
    const id = newEvent();
    const generation = await this.#enter(digest, { id, record });
    const text = entryText({ record, sealed, generation, id });
    const isSaved = (await this.#run(SAVE, [this.#keys.token(digest)], [text, this.#end(record)])) === 1;
    if (!isSaved) await this.#leave(digest, { id, record });
    return isSaved;
  }

  /**
   * Puts what `change` makes of a record in its place. Resolves to `'missing'` where there is none,
   * to `'overtaken'` where somebody else has changed it meanwhile.
   */
  async change(
    digest: string,
    change: (record: TokenRecord) => TokenRecord,
  ): Promise<Entry | 'missing' | 'overtaken'> {
    const key = this.#keys.token(digest);
    const before = await this.#read(key);
    if (before === undefined) return 'missing';
    const entry = await this.#judged(readEntry(before), (other) => this.#read(other));
    const record = change(entry.record);
    const movesApp = record.appId !== entry.record.appId;
    const changed = { ...entry, record, ...(movesApp && { id: idAtOtherApp(entry.id, newEvent()) }) };
    const end = this.#end(changed.record);
    const placesOfApp = ({ record, id }: Entry): readonly Place[] =>
      this.#keys.placesOfApp(record, digest, id);
    // What it is found by must live as long.
    if (end !== this.#end(entry.record)) await this.#enter(digest, changed);
    else if (movesApp) await this.#enterAll(placesOfApp(changed), this.#end(record, SLACK));
    const told = `${newEvent()} ${this.#keys.changed(digest)}`;
    const args = [before, entryText(changed), end, this.#keys.channel, told];
    const isReplaced = (await this.#run(REPLACE, [key], args)) === 1;
    if (movesApp) await this.#leaveAll(placesOfApp(isReplaced ? entry : changed));
    return isReplaced ? changed : 'overtaken';
  }

  /**
   * Takes the revocation of a token back. Resolves to whether it did, to `'ended'` where the grant has been revoked
   * since, to `'overtaken'` where somebody else has changed the token meanwhile.
   */
  async approve(digest: string, now: number): Promise<boolean | 'ended' | 'overtaken'> {
    const key = this.#keys.token(digest);
    const before = await this.#read(key);
    if (before === undefined) return false;
    const entry = readEntry(before);
    const { grantId, status } = entry.record;
    if (
      grantId !== undefined &&
      (await this.#read(this.#keys.grant(grantId).generation)) !== entry.generation
    )
      return 'ended';
    if (status !== 'revoked') return false;
    // Of its own, since whoever has revoked it may still be taking it out of its indexes.
    const id = newEvent();
    const approved = { ...entry, id, record: approvedRecord(entry.record, now) };
    // It must be found before it is live. Where its grant ends from here on, it stays dead.
    const generation = await this.#enter(digest, approved);
    const told = `${newEvent()} ${this.#keys.changed(digest)}`;
    const args = [before, entryText(approved), this.#end(approved.record), this.#keys.channel, told];
    const isOfGrant = generation === entry.generation;
    if (isOfGrant && (await this.#run(REPLACE, [key], args)) === 1) return true;
    await this.#leave(digest, approved);
    return isOfGrant ? 'overtaken' : 'ended';
  }

  /** Resolves to whether there was one. */
  async remove(digest: string, event: string): Promise<boolean> {
    const args = [this.#keys.channel, `${event} ${digest}`];
    const before = String(await this.#run(REMOVE, [this.#keys.token(digest)], args));
    if (before === '') return false;
    await this.#leave(digest, readEntry(before));
    return true;
  }

  /** Revokes tokens that are `meant` and not dead with their grant, each in one step; resolves to their digests. */
  async revoke(
    digests: readonly string[],
    now: number,
    event: string,
    isMeant: (record: TokenRecord) => boolean,
  ): Promise<readonly string[]> {
    const revoked = await Promise.all(
      digests.map(async (digest) => {
        const entry = await this.#find(digest, (key) => this.#read(key));
        if (!entry || entry.record.status === 'revoked' || !isMeant(entry.record)) return [];
        return this.#revoke(digest, now, entry.generation, `${event} ${digest}`);
      }),
    );
    return revoked.flat();
  }

  /** Ends a grant: none of its tokens is live any more, and all who listen are told. */
  async endGrant(grantId: string, event: string): Promise<EndedGrant> {
    const { generation: key, index, ended, mark } = this.#keys.grant(grantId);
    const keys = [key, index, ended(event)];
    const args = [this.#keys.channel, event, mark, String(TOLD_AT_ONCE)];
    const [generation, isFew, members] = (await this.#run(END_GENERATION, keys, args)) as [
      string,
      number,
      string[],
    ];
    return { generation, index: ended(event), digests: isFew === 1 ? members.map(digestOf) : undefined };
  }

  /** Writes down in tokens that their grant has ended; resolves to how many of them it has ended. */
  async writeDown(digests: readonly string[], now: number, generation: string): Promise<number> {
    const revoked = await Promise.all(digests.map((digest) => this.#revoke(digest, now, generation, '')));
    return revoked.flat().length;
  }

  /** The digests in an index, some at a time. One that is there all the while comes once or more. */
  async walk(index: string, cursor: string): Promise<Step> {
    const walked = await this.#run(WALK, [index], [cursor, String(BATCH)]);
    const [next, pairs] = walked as [string, string[]];
    return { next, digests: pairs.filter((_value, i) => i % 2 === 0).map(digestOf) };
  }

  /** Enters tokens in the indexes of their apps; resolves to how many have one. */
  async enterApps(digests: readonly string[]): Promise<number> {
    const entered = await Promise.all(
      digests.map(async (digest) => {
        const entry = await this.#find(digest, (key) => this.#read(key));
        const places = entry ? this.#keys.placesOfApp(entry.record, digest, entry.id) : [];
        if (entry?.record.status === 'approved') await this.#enterAll(places, this.#end(entry.record, SLACK));
        return places.length;
      }),
    );
    return entered.reduce((sum, count) => sum + count, 0);
  }

  /** Drops the index of what was written down. */
  async drop(index: string): Promise<void> {
    await this.#run(DROP, [index], []);
  }

  async #find(
    digest: string,
    read: (key: string) => Promise<string | undefined>,
  ): Promise<Entry | undefined> {
    const text = await read(this.#keys.token(digest));
    return text === undefined ? undefined : this.#judged(readEntry(text), read);
  }

  async #judged(entry: Entry, read: (key: string) => Promise<string | undefined>): Promise<Entry> {
    const { grantId, status } = entry.record;
    if (grantId === undefined || status === 'revoked') return entry;
    const generation = await read(this.#keys.grant(grantId).generation);
    return generation === entry.generation ? entry : endedWithGrant(entry);
  }

  async #revoke(digest: string, now: number, generation: string, told: string): Promise<readonly string[]> {
    const until = now + this.#retainExpiredFor;
    const args = [String(now), instant(until), generation, this.#keys.channel, told];
    const before = String(await this.#run(REVOKE, [this.#keys.token(digest)], args));
    if (before === '') return [];
    await this.#leave(digest, readEntry(before));
    return [digest];
  }

  /** Enters a token in the indexes of its owners; resolves to the generation of its grant, '' without one. */
  async #enter(digest: string, { id, record }: Identified): Promise<string> {
    const places = this.#keys.placesOf(record, digest, id);
    return this.#enterAll(places, this.#end(record, SLACK));
  }

  async #enterAll(places: readonly Place[], end: string): Promise<string> {
    const fresh = randomBytes(16).toString('base64url');
    const generations = await Promise.all(
      places.map(({ keys, member }) => this.#run(ENTER, keys, [member, end, fresh])),
    );
    // That of the grant is the last one.
    return String(generations.at(-1));
  }

  /** Takes a token that is not live out of its indexes. */
  async #leave(digest: string, { id, record }: Identified): Promise<void> {
    await this.#leaveAll(this.#keys.placesOf(record, digest, id));
  }

  /** That it stays there would harm nobody. */
  async #leaveAll(places: readonly Place[]): Promise<void> {
    const kept = instant(this.#retainExpiredFor + SLACK);
    await Promise.allSettled(places.map(({ keys, member }) => this.#run(LEAVE, keys, [member, kept])));
  }

  /** Until when a record is kept, as a script takes it. */
  #end(record: TokenRecord, slack = 0): string {
    return instant(keptUntil(record, this.#retainExpiredFor) + slack);
  }

  async #run(script: Script, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    try {
      return await run(this.#redis, script, { keys: [...keys], arguments: [...args] });
    } finally {
      // What tells of it comes on another connection, and may be later.
      const copy = this.#copies()?.copy;
      if (copy) for (const key of keys) copy.forget(key);
    }
  }

  /** Reads what is remembered, and at the server where nothing may be. */
  async #recall(key: string): Promise<string | undefined> {
    const copies = this.#copies();
    if (!copies) return this.#read(key);
    try {
      return await copies.copy.get(key, async (asked) => textOf(await copies.reader.get(asked)));
    } catch {
      return this.#read(key);
    }
  }

  async #read(key: string): Promise<string | undefined> {
    return textOf(await this.#redis.get(key));
  }
}

function digestOf(member: string): string {
  return member.slice(0, DIGEST_LENGTH);
}

/** A time (ms) until or for which something is kept, as a script takes it: '' for ever. */
function instant(time: number): string {
  return time < LAST_END ? String(Math.ceil(time)) : '';
}

function textOf(reply: unknown): string | undefined {
  if (reply === null) return undefined;
  if (typeof reply !== 'string') throw new Error('The server answered no text');
  return reply;
}
