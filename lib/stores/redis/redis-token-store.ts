import { setTimeout as pause } from 'node:timers/promises';
import { changedRecord, newRecord, readChanges } from '../../tokens/new-record.js';
import { readGrantId, readOwners } from '../../tokens/revoke-all.js';
import { seal } from '../../tokens/sealed-value.js';
import { shownRecord } from '../../tokens/shown-record.js';
import { ConflictError, NotFoundError } from '../../tokens/store-errors.js';
import { tokenDigest } from '../../tokens/token-digest.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import type { ManagedTokenStore, NewToken, TokenChanges } from '../../tokens/token-store.js';
import { operation } from '../operation.js';
import { RevocationFeed } from '../revocation-feed.js';
import { Keys } from './keys.js';
import { RedisLink } from './redis-link.js';
import { type RedisSettings, type RedisTokenStoreOptions, redisSettings } from './redis-options.js';
import { BATCH, RedisTokens } from './redis-tokens.js';

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
  readonly #feed: RevocationFeed;
  #link: RedisLink | undefined;

  /** @throws TypeError that names a bad option */
  constructor(options: RedisTokenStoreOptions) {
    const settings = redisSettings(options);
    const { client, prefix, timeout, linkInterval, localCopy, retainExpiredFor } = settings;
    // Whatever the client makes of replies elsewhere, here they are text.
    const redis = client.withCommandOptions({ timeout, typeMapping: {} });
    this.#settings = settings;
    this.#keys = new Keys(prefix);
    this.#tokens = new RedisTokens(redis, () => this.#link?.reader, this.#keys, retainExpiredFor);
    const link = { client, redis, localCopy, timeout, keys: this.#keys };
    this.#feed = new RevocationFeed({
      interval: linkInterval,
      timeout,
      open: async (events) => {
        this.#link = await RedisLink.open(link, events);
        return this.#link;
      },
    });
    if (localCopy) this.#feed.add(() => {});
  }

  async find(token: string): Promise<TokenRecord | undefined> {
    const digest = tokenDigest(token);
    const found = await this.#step('find', () => this.#tokens.find(digest));
    return found && shownRecord(found.record, found.sealed, token);
  }

  async save(token: NewToken): Promise<TokenRecord> {
    const { value, refreshToken, record } = newRecord(token, this.#settings.clock());
    const digest = tokenDigest(value);
    const sealed = refreshToken === undefined ? undefined : seal(refreshToken, value);
    const isSaved = await this.#step('save', () => this.#tokens.save(digest, record, sealed));
    if (!isSaved) throw new ConflictError('save: this token exists');
    return shownRecord({ ...record }, sealed, value);
  }

  async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
    const digest = tokenDigest(token);
    const given = readChanges(changes);
    const change = (record: TokenRecord): TokenRecord => changedRecord(record, given, this.#settings.clock());
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const changed = await this.#step('update', () => this.#tokens.change(digest, change));
      if (changed === 'missing') throw new NotFoundError('update: there is no such token');
      if (changed !== 'overtaken') return shownRecord({ ...changed.record }, changed.sealed, token);
      await pause(Math.random() * RETRY_WITHIN);
    }
    throw new ConflictError('update: the token is changed by others again and again');
  }

  async revoke(token: string): Promise<number> {
    return this.#revoke('revoke', [tokenDigest(token)]);
  }

  /** All or nothing, at one moment for all readers, however many there are and whatever happens in between. */
  async revokeGrant(grantId: string): Promise<number> {
    const grant = readGrantId(grantId);
    const now = this.#settings.clock();
    const { generation, digests } = await this.#step('revokeGrant', () => this.#tokens.endGrant(grant));
    for (const digest of digests) this.#feed.tell(digest);
    let revoked = 0;
    // The grant has ended. What follows writes it down in each token, and counts.
    for (let first = 0; first < digests.length; first += BATCH) {
      const some = digests.slice(first, first + BATCH);
      const done = await this.#step('revokeGrant', () =>
        this.#tokens.revoke(some, now, { generation, tells: false }),
      );
      revoked += done.length;
    }
    return revoked;
  }

  async revokeAll(of: { readonly clientId?: string; readonly subject?: string }): Promise<number> {
    const { clientId, subject } = readOwners(of);
    const indexes =
      subject === undefined ? this.#keys.allOfClient(clientId as string) : [this.#keys.subject(subject)];
    const isMeant = (record: TokenRecord): boolean =>
      (clientId === undefined || record.clientId === clientId) &&
      (subject === undefined || record.subject === subject) &&
      record.status !== 'revoked';
    let revoked = 0;
    for (const index of indexes) {
      let cursor = '0';
      do {
        const { next, digests } = await this.#step('revokeAll', () => this.#tokens.walk(index, cursor));
        // An index may have a token that is another owner's, where a save was refused.
        const records = await this.#step('revokeAll', () => this.#tokens.records(digests));
        const meant = records.filter(([, record]) => isMeant(record)).map(([digest]) => digest);
        revoked += await this.#revoke('revokeAll', meant);
        cursor = next;
      } while (cursor !== '0');
    }
    return revoked;
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

  async #revoke(name: string, digests: readonly string[]): Promise<number> {
    const now = this.#settings.clock();
    const revoked = await this.#step(name, () => this.#tokens.revoke(digests, now, { tells: true }));
    for (const digest of revoked) this.#feed.tell(digest);
    return revoked.length;
  }

  #step<T>(name: string, work: () => Promise<T>): Promise<T> {
    return operation(name, this.#settings.timeout, work);
  }
}
