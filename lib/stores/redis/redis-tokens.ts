import { randomBytes } from 'node:crypto';
import { approvedRecord } from '../../tokens/new-record.js';
import { keptUntil } from '../../tokens/retention.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import { type Entry, endedWithGrant, entryText, readEntry } from './entry.js';
import { digestOfMember, EVENT_LENGTH, idAtOtherApp, type Keys } from './keys.js';
import { OwnerIndexes } from './owner-indexes.js';
import type { RedisCommands } from './redis-client.js';
import { END_GENERATION, instant, REMOVE, REPLACE, REVOKE, SAVE } from './scripts.js';
import { type Copies, TokenCommands } from './token-commands.js';

/** How many tokens of a grant are told one by one; more would take the server's time from everybody else. */
const TOLD_AT_ONCE = 5000;

interface TokensOptions {
  readonly redis: RedisCommands;
  readonly copies: Copies;
  readonly keys: Keys;
  readonly retainExpiredFor: number;
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
  /** By what the tokens are found. */
  readonly indexes: OwnerIndexes;
  readonly #commands: TokenCommands;
  readonly #keys: Keys;
  readonly #retainExpiredFor: number;

  constructor({ redis, copies, keys, retainExpiredFor }: TokensOptions) {
    this.#commands = new TokenCommands(redis, copies);
    this.indexes = new OwnerIndexes(this.#commands, keys, retainExpiredFor);
    this.#keys = keys;
    this.#retainExpiredFor = retainExpiredFor;
  }

  async find(digest: string): Promise<Entry | undefined> {
    return this.#find(digest, (key) => this.#commands.recall(key));
  }

  /** Resolves to whether it was saved: not where the token is there already. */
  async save(digest: string, record: TokenRecord, sealed: Uint8Array | undefined): Promise<boolean> {
    const id = newEvent();
    const generation = await this.indexes.enter(digest, { id, record });
    const text = entryText({ record, sealed, generation, id });
    const isSaved =
      (await this.#commands.run(SAVE, [this.#keys.token(digest)], [text, this.#end(record)])) === 1;
    if (!isSaved) await this.indexes.leave(digest, { id, record });
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
    const before = await this.#commands.read(key);
    if (before === undefined) return 'missing';
    const entry = await this.#judged(readEntry(before), (other) => this.#commands.read(other));
    const record = change(entry.record);
    const movesApp = record.appId !== entry.record.appId;
    const changed = { ...entry, record, ...(movesApp && { id: idAtOtherApp(entry.id, newEvent()) }) };
    const end = this.#end(changed.record);
    // What it is found by must live as long.
    if (end !== this.#end(entry.record)) await this.indexes.enter(digest, changed);
    else if (movesApp) await this.indexes.enterApp(digest, changed);
    const told = `${newEvent()} ${this.#keys.changed(digest)}`;
    const args = [before, entryText(changed), end, this.#keys.channel, told];
    const isReplaced = (await this.#commands.run(REPLACE, [key], args)) === 1;
    if (movesApp) await this.indexes.leaveApp(digest, isReplaced ? entry : changed);
    return isReplaced ? changed : 'overtaken';
  }

  /**
   * Takes the revocation of a token back. Resolves to whether it did, to `'ended'` where the grant has been revoked
   * since, to `'overtaken'` where somebody else has changed the token meanwhile.
   */
  async approve(digest: string, now: number): Promise<boolean | 'ended' | 'overtaken'> {
    const key = this.#keys.token(digest);
    const before = await this.#commands.read(key);
    if (before === undefined) return false;
    const entry = readEntry(before);
    const { grantId, status } = entry.record;
    if (
      grantId !== undefined &&
      (await this.#commands.read(this.#keys.grant(grantId).generation)) !== entry.generation
    )
      return 'ended';
    if (status !== 'revoked') return false;
    // Of its own, since whoever has revoked it may still be taking it out of its indexes.
    const id = newEvent();
    const approved = { ...entry, id, record: approvedRecord(entry.record, now) };
    // It must be found before it is live. Where its grant ends from here on, it stays dead.
    const generation = await this.indexes.enter(digest, approved);
    const told = `${newEvent()} ${this.#keys.changed(digest)}`;
    const args = [before, entryText(approved), this.#end(approved.record), this.#keys.channel, told];
    const isOfGrant = generation === entry.generation;
    if (isOfGrant && (await this.#commands.run(REPLACE, [key], args)) === 1) return true;
    await this.indexes.leave(digest, approved);
    return isOfGrant ? 'overtaken' : 'ended';
  }

  /** Resolves to whether there was one. */
  async remove(digest: string, event: string): Promise<boolean> {
    const args = [this.#keys.channel, `${event} ${digest}`];
    const before = String(await this.#commands.run(REMOVE, [this.#keys.token(digest)], args));
    if (before === '') return false;
    await this.indexes.leave(digest, readEntry(before));
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
        const entry = await this.#find(digest, (key) => this.#commands.read(key));
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
    const [generation, isFew, members] = (await this.#commands.run(END_GENERATION, keys, args)) as [
      string,
      number,
      string[],
    ];
    return {
      generation,
      index: ended(event),
      digests: isFew === 1 ? members.map(digestOfMember) : undefined,
    };
  }

  /** Writes down in tokens that their grant has ended; resolves to how many of them it has ended. */
  async writeDown(digests: readonly string[], now: number, generation: string): Promise<number> {
    const revoked = await Promise.all(digests.map((digest) => this.#revoke(digest, now, generation, '')));
    return revoked.flat().length;
  }

  /** Enters tokens in the indexes of their apps; resolves to how many have one. */
  async enterApps(digests: readonly string[]): Promise<number> {
    const areEntered = await Promise.all(
      digests.map(async (digest) => {
        const entry = await this.#find(digest, (key) => this.#commands.read(key));
        if (!entry?.record.appId) return false;
        if (entry.record.status === 'approved') await this.indexes.enterApp(digest, entry);
        return true;
      }),
    );
    return areEntered.filter(Boolean).length;
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
    const before = String(await this.#commands.run(REVOKE, [this.#keys.token(digest)], args));
    if (before === '') return [];
    await this.indexes.leave(digest, readEntry(before));
    return [digest];
  }

  /** Until when a record is kept, as a script takes it. */
  #end(record: TokenRecord): string {
    return instant(keptUntil(record, this.#retainExpiredFor));
  }
}
