import { setTimeout as pause } from 'node:timers/promises';
import { isDuration } from '../../options.js';
import { noteSystem } from '../../telemetry/store-system.js';
import { changedRecord, newRecord, readChanges } from '../../tokens/new-record.js';
import { readGrantId, readOwners } from '../../tokens/revoke-all.js';
import { isSelected, readSelector, type Selector } from '../../tokens/revoke-matching.js';
import { seal } from '../../tokens/sealed-value.js';
import { shownRecord } from '../../tokens/shown-record.js';
import {
  ConflictError,
  grantHasEnded,
  NotFoundError,
  StoreUnavailableError,
} from '../../tokens/store-errors.js';
import { tokenDigest } from '../../tokens/token-digest.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import type { ManagedTokenStore, NewToken, TokenChanges, TokenSelector } from '../../tokens/token-store.js';
import { operation } from '../operation.js';
import { RevocationFeed } from '../revocation-feed.js';
import { AllTokens } from './all-tokens.js';
import { Keys } from './keys.js';
import { LocalCopy } from './local-copy.js';
import { BATCH, type Step } from './owner-indexes.js';
import { RedisLink } from './redis-link.js';
import { type RedisSettings, type RedisTokenStoreOptions, redisSettings } from './redis-options.js';
import { newEvent, RedisTokens } from './redis-tokens.js';
import type { Copies } from './token-commands.js';

/** So often a change is tried again that others have overtaken. */
const MAX_ATTEMPTS = 50;
/** How long (ms) at most before the next attempt. */
const RETRY_WITHIN = 10;

/**
 * Tokens in Redis or Valkey, a single server or a cluster, for all processes of a fleet. The server
 * drops by itself what need not be kept any longer. What a change survives is the server's matter:
 * see its settings `appendonly` and `appendfsync`, and `maxmemory-policy noeviction`.
 *
 * Holds SHA-256 digests, never a token; the linked refresh token is sealed under its access token.
 */
export class RedisTokenStore implements ManagedTokenStore {
  readonly #settings: RedisSettings;
  readonly #keys: Keys;
  readonly #tokens: RedisTokens;
  readonly #all: AllTokens;
  readonly #feed: RevocationFeed;
  #link: RedisLink | undefined;

  /** @throws TypeError that names a bad option */
  constructor(options: RedisTokenStoreOptions) {
    const settings = redisSettings(options);
    const { client, prefix, timeout, linkInterval, localCopy, retainExpiredFor } = settings;
    // Whatever the client makes of replies elsewhere, here they are text.
    const redis = client.withCommandOptions({ timeout: Math.ceil(timeout), typeMapping: {} });
    const keys = new Keys(prefix);
    const copy = localCopy && new LocalCopy(localCopy);
    const copies: Copies = () =>
      copy && this.#link?.stands ? { copy, reader: this.#link.reader } : undefined;
    this.#settings = settings;
    this.#keys = keys;
    this.#tokens = new RedisTokens({ redis, copies, keys, retainExpiredFor });
    this.#all = new AllTokens({ client, redis, keys, timeout: Math.ceil(timeout) });
    this.#feed = new RevocationFeed({
      interval: linkInterval,
      timeout,
      open: async (events) => {
        this.#link = await RedisLink.open({ client, redis, copy, timeout: Math.ceil(timeout), keys }, events);
        // What the last link has not told.
        copy?.forgetAll();
        return this.#link;
      },
    });
    if (copy) this.#feed.add(() => {});
    noteSystem(this, 'redis');
  }

  async find(token: string): Promise<TokenRecord | undefined> {
    const digest = tokenDigest(token);
    const found = await this.#step('find', () => this.#tokens.find(digest));
    return found && shownRecord(found.record, found.sealed, token);
  }

  async save(token: NewToken): Promise<TokenRecord> {
    const { value, refreshToken, record } = newRecord(token, this.#now());
    const digest = tokenDigest(value);
    const sealed = refreshToken === undefined ? undefined : seal(refreshToken, value);
    const isSaved = await this.#step('save', () => this.#tokens.save(digest, record, sealed));
    if (!isSaved) throw new ConflictError('save: this token exists');
    return shownRecord({ ...record }, sealed, value);
  }

  async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
    const digest = tokenDigest(token);
    const given = readChanges(changes);
    const change = (record: TokenRecord): TokenRecord => changedRecord(record, given, this.#now());
    const changed = await this.#again('update', () => this.#tokens.change(digest, change));
    if (changed === 'missing') throw new NotFoundError('update: there is no such token');
    return shownRecord({ ...changed.record }, changed.sealed, token);
  }

  async revoke(token: string): Promise<number> {
    return this.#revoke('revoke', [tokenDigest(token)], () => true);
  }

  /** All or nothing, at one moment for all readers, however many there are and whatever happens in between. */
  async revokeGrant(grantId: string): Promise<number> {
    const grant = readGrantId(grantId);
    const now = this.#now();
    const event = newEvent();
    const ended = await this.#step('revokeGrant', () => this.#tokens.endGrant(grant, event));
    const { generation, index, digests } = ended;
    if (generation === '') return 0;
    if (digests) for (const digest of digests) this.#feed.tell(digest, event);
    else this.#feed.tellMissed();
    // The grant has ended. What follows writes it down in each token, and counts.
    let revoked = 0;
    await this.#walk('revokeGrant', index, async (some) => {
      revoked += await this.#step('revokeGrant', () => this.#tokens.writeDown(some, now, generation));
    });
    await this.#step('revokeGrant', () => this.#tokens.indexes.drop(index));
    return revoked;
  }

  async approve(token: string): Promise<number> {
    const digest = tokenDigest(token);
    const now = this.#now();
    const approved = await this.#again('approve', () => this.#tokens.approve(digest, now));
    if (approved === 'ended') throw grantHasEnded();
    return Number(approved);
  }

  async remove(token: string): Promise<number> {
    const digest = tokenDigest(token);
    const event = newEvent();
    const isRemoved = await this.#step('remove', () => this.#tokens.remove(digest, event));
    if (isRemoved) this.#feed.tell(digest, event);
    return Number(isRemoved);
  }

  async revokeAll(of: { readonly clientId?: string; readonly subject?: string }): Promise<number> {
    return this.#revokeSelected('revokeAll', readOwners(of));
  }

  /** By an app alone it looks at every token, until {@link RedisTokenStore.indexApps} has been called once. */
  async revokeMatching(of: TokenSelector): Promise<number> {
    const name = 'revokeMatching';
    const selector = readSelector(of);
    const { clientId, subject } = selector;
    if (
      clientId !== undefined ||
      subject !== undefined ||
      (await this.#step(name, () => this.#all.areInApps()))
    )
      return this.#revokeSelected(name, selector);
    let revoked = 0;
    await this.#walkAll(name, async (some) => {
      revoked += await this.#revoke(name, some, (record) => isSelected(record, selector));
    });
    return revoked;
  }

  /**
   * Enters every token in the index of its app, also those that a version without `revokeMatching` has saved; resolves to
   * how many have an app. From then on `revokeMatching` finds the tokens of an app without looking at all others. Call it
   * once, when no process of such a version saves tokens any more; on a new database, too. It may be called again.
   */
  async indexApps(): Promise<number> {
    const name = 'indexApps';
    let entered = 0;
    await this.#walkAll(name, async (some) => {
      entered += await this.#step(name, () => this.#tokens.enterApps(some));
    });
    await this.#step(name, () => this.#all.noteApps());
    return entered;
  }

  /** Resolves to 0: the server drops records by itself. Rejects where it cannot be reached. */
  async sweep(): Promise<number> {
    await this.#step('sweep', () => this.#tokens.find(''));
    return 0;
  }

  onRevoked(listener: (digest: string) => void, onMissed?: () => void): () => void {
    return this.#feed.add(listener, onMissed);
  }

  /** Closes what the store has opened itself; the client stays open. Nobody is told of revocations then. */
  async close(): Promise<void> {
    this.#feed.stop();
  }

  async #revokeSelected(name: string, selector: Selector): Promise<number> {
    let revoked = 0;
    // An index may have a token that is another owner's: for a moment, while a save is refused, and one whose app has changed.
    const isMeant = (record: TokenRecord): boolean => isSelected(record, selector);
    for (const index of this.#indexesOf(selector)) {
      await this.#walk(name, index, async (some) => {
        revoked += await this.#revoke(name, some, isMeant);
      });
    }
    return revoked;
  }

  /** Where all the tokens are that a selector may mean: the fewest first, and the index of an app where nothing else is given. */
  #indexesOf({ clientId, subject, appId }: Selector): readonly string[] {
    if (subject !== undefined) return [this.#keys.subject(subject)];
    return clientId === undefined ? this.#keys.allOfApp(appId as string) : this.#keys.allOfClient(clientId);
  }

  async #revoke(
    name: string,
    digests: readonly string[],
    isMeant: (record: TokenRecord) => boolean,
  ): Promise<number> {
    const now = this.#now();
    const event = newEvent();
    const revoked = await this.#step(name, () => this.#tokens.revoke(digests, now, event, isMeant));
    for (const digest of revoked) this.#feed.tell(digest, event);
    return revoked.length;
  }

  /** Does something with all the digests in an index, some at a time. */
  #walk(name: string, index: string, work: (digests: readonly string[]) => Promise<void>): Promise<void> {
    return this.#each(name, (cursor) => this.#tokens.indexes.walk(index, cursor), work);
  }

  /** The same with those of all tokens. */
  async #walkAll(name: string, work: (digests: readonly string[]) => Promise<void>): Promise<void> {
    const servers = await this.#step(name, () => this.#all.servers());
    for (const server of servers) await this.#each(name, (cursor) => this.#all.walk(server, cursor), work);
  }

  async #each(
    name: string,
    next: (cursor: string) => Promise<Step>,
    work: (digests: readonly string[]) => Promise<void>,
  ): Promise<void> {
    let cursor = '0';
    do {
      const seen = await this.#step(name, () => next(cursor));
      // A small index comes as a whole.
      for (let first = 0; first < seen.digests.length; first += BATCH)
        await work(seen.digests.slice(first, first + BATCH));
      cursor = seen.next;
    } while (cursor !== '0');
  }

  /** @throws StoreUnavailableError when the clock tells no time, which would be kept for good */
  #now(): number {
    const now = this.#settings.clock();
    if (isDuration(now)) return now;
    throw new StoreUnavailableError('The clock tells no time');
  }

  /** Makes a change that others may overtake, until they do not. */
  async #again<T>(name: string, change: () => Promise<T | 'overtaken'>): Promise<T> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const changed = await this.#step(name, change);
      if (changed !== 'overtaken') return changed;
      await pause(Math.random() * RETRY_WITHIN);
    }
    throw new ConflictError(`${name}: the token is changed by others again and again`);
  }

  #step<T>(name: string, work: () => Promise<T>): Promise<T> {
    return operation(name, this.#settings.timeout, work);
  }
}
