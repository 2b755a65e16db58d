import { mkdirSync } from 'node:fs';
import { open } from 'lmdb';
import {
  checkClock,
  isDuration,
  isNonEmptyString,
  isTimer,
  knownOptions,
  must,
  TIMER,
} from '../../options.js';
import { noteSystem } from '../../telemetry/store-system.js';
import { repeatWeakly, sweepInBackground } from '../../tokens/background-sweep.js';
import {
  approvedRecord,
  changedRecord,
  newRecord,
  readChanges,
  revokedRecord,
} from '../../tokens/new-record.js';
import { RETAIN_EXPIRED_FOR } from '../../tokens/retention.js';
import { RevocationListeners } from '../../tokens/revocation-listeners.js';
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
import { OPERATION_TIMEOUT, storeFault } from '../operation.js';
import { ownerKey } from '../owners.js';
import { recordOf, stored } from '../stored-record.js';
import { LmdbTokens } from './lmdb-tokens.js';
import { RevocationLog } from './revocation-log.js';
import { Transactions } from './transactions.js';

export interface LmdbTokenStoreOptions {
  /** The folder of the database, made where it is missing, for its owner only, as are new files in it. */
  readonly path: string;
  /** How long (ms) a dead token's record is kept, so that the details API can say `expired`. Default 24 hours. */
  readonly retainExpiredFor?: number;
  /** How long (ms) a change may take until it is durable. Default 1,000. */
  readonly timeout?: number;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
}

const FACTORY = 'LmdbTokenStore';
const OPENING = {
  /** A path with a dot is a folder all the same. */
  noSubdir: false,
  /** A batch of the driver's own would reject where nobody listens. */
  eventTurnBatching: false,
  /** Of new files, for a folder that was there before may be open to others. The driver's types do not have it. */
  permissionsMode: 0o600,
};
/** How much one transaction does at most: others wait for it. */
const BATCH = 500;
/** How often (ms) a process looks for what others have revoked. */
const POLL_INTERVAL = 20;

/**
 * Tokens in an LMDB database: durable, embedded, and shared by the processes of one machine
 * (cluster, PM2). Reads are synchronous. A change is on disk when its promise resolves.
 *
 * Holds SHA-256 digests, never a token; the linked refresh token is sealed under its access token.
 */
export class LmdbTokenStore implements ManagedTokenStore {
  readonly #changes: Transactions;
  readonly #tokens: LmdbTokens;
  readonly #log: RevocationLog;
  readonly #listeners = new RevocationListeners();
  readonly #retainExpiredFor: number;
  readonly #clock: () => number;
  /** The last entry of the log that the listeners were told. */
  #told = 0;
  #watch: NodeJS.Timeout | undefined;
  readonly #sweeping: NodeJS.Timeout;

  /** @throws TypeError that names a bad option; StoreUnavailableError when the database cannot be opened */
  constructor(options: LmdbTokenStoreOptions) {
    knownOptions(FACTORY, options, ['path', 'retainExpiredFor', 'timeout', 'clock']);
    const {
      path,
      retainExpiredFor = RETAIN_EXPIRED_FOR,
      timeout = OPERATION_TIMEOUT,
      clock = Date.now,
    } = options;
    must(isNonEmptyString(path), FACTORY, 'path', 'a non-empty string');
    must(isDuration(retainExpiredFor), FACTORY, 'retainExpiredFor', 'milliseconds, 0 or more');
    must(isTimer(timeout), FACTORY, 'timeout', TIMER);
    checkClock(FACTORY, clock);
    noteSystem(this, 'lmdb');
    this.#retainExpiredFor = retainExpiredFor;
    this.#clock = clock;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const root = open({ path, ...OPENING });
      this.#tokens = new LmdbTokens(root);
      this.#log = new RevocationLog(root.openDB({ name: 'revocations', encoding: 'string' }));
      // Last: it counts as open from now on.
      this.#changes = new Transactions(root, timeout);
    } catch (cause) {
      throw new StoreUnavailableError(`${FACTORY}: the database cannot be opened`, { cause });
    }
    this.#sweeping = sweepInBackground(this);
  }

  find(token: string): TokenRecord | undefined {
    const digest = tokenDigest(token);
    try {
      this.#changes.demandOpen();
      this.#tokens.readAnew();
      const found = this.#tokens.get(digest);
      return found && shownRecord(recordOf(found), found.sealed, token);
    } catch (error) {
      throw storeFault('find', error);
    }
  }

  async save(token: NewToken): Promise<TokenRecord> {
    const { value, refreshToken, record } = newRecord(token, this.#clock());
    const digest = tokenDigest(value);
    const sealed = refreshToken === undefined ? undefined : seal(refreshToken, value);
    await this.#changes.run('save', () => {
      if (this.#tokens.get(digest)) throw new ConflictError('save: this token exists');
      this.#tokens.add(digest, stored(record, sealed));
    });
    return shownRecord({ ...record }, sealed, value);
  }

  async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
    const digest = tokenDigest(token);
    const given = readChanges(changes);
    const { record, sealed } = await this.#changes.run('update', () => {
      const before = this.#tokens.get(digest);
      if (!before) throw new NotFoundError('update: there is no such token');
      const changed = changedRecord(recordOf(before), given, this.#clock());
      this.#tokens.put(digest, stored(changed, before.sealed), before);
      return { record: changed, sealed: before.sealed };
    });
    return shownRecord({ ...record }, sealed, token);
  }

  async revoke(token: string): Promise<number> {
    return this.#revokeAllOf('revoke', () => [tokenDigest(token)]);
  }

  async revokeGrant(grantId: string): Promise<number> {
    const owner = ownerKey('grant', readGrantId(grantId));
    // In one transaction, however many they are: all or nothing. What has left its grant is never approved again.
    return this.#revokeAllOf(
      'revokeGrant',
      () => this.#tokens.ownedBy(owner),
      (digest) => this.#tokens.leave(owner, digest),
    );
  }

  async approve(token: string): Promise<number> {
    const digest = tokenDigest(token);
    const now = this.#clock();
    return this.#changes.run('approve', () => {
      const record = this.#tokens.get(digest);
      if (record?.status !== 'revoked') return 0;
      if (!this.#tokens.isOfLivingGrant(record, digest)) throw grantHasEnded();
      this.#tokens.put(digest, approvedRecord(record, now), record);
      return 1;
    });
  }

  async remove(token: string): Promise<number> {
    const digest = tokenDigest(token);
    const removed = await this.#changes.run('remove', () => {
      const record = this.#tokens.get(digest);
      if (!record) return 0;
      this.#tokens.remove(digest, record);
      this.#log.append([digest]);
      return 1;
    });
    this.#tellNews();
    return removed;
  }

  async revokeAll(of: { readonly clientId?: string; readonly subject?: string }): Promise<number> {
    return this.#revokeSelected('revokeAll', readOwners(of));
  }

  async revokeMatching(of: TokenSelector): Promise<number> {
    return this.#revokeSelected('revokeMatching', readSelector(of));
  }

  async sweep(): Promise<number> {
    const last = this.#clock() - this.#retainExpiredFor;
    let dropped = 0;
    for (;;) {
      const batch = await this.#changes.run('sweep', () => this.#tokens.removeSome(last, BATCH));
      dropped += batch.removed;
      if (batch.seen < BATCH) break;
    }
    await this.#changes.run('sweep', () => this.#log.prune());
    return dropped;
  }

  onRevoked(listener: (digest: string) => void, onMissed?: () => void): () => void {
    if (!this.#watch) this.#startWatching();
    const remove = this.#listeners.add(listener, onMissed);
    return () => {
      remove();
      if (this.#listeners.size === 0) this.#stopWatching();
    };
  }

  /**
   * Closes the database when what is under way is done, or its time is up. Whoever asks afterwards
   * gets a `StoreUnavailableError`. To be called before the process ends.
   */
  async close(): Promise<void> {
    this.#stopWatching();
    clearInterval(this.#sweeping);
    await this.#changes.close();
  }

  /** Revokes some at a time, so that other changes have their turn. */
  async #revokeSelected(name: string, selector: Selector): Promise<number> {
    const { clientId, subject } = selector;
    const owner =
      subject !== undefined
        ? ownerKey('subject', subject)
        : clientId !== undefined && ownerKey('client', clientId);
    let revoked = 0;
    let last = '';
    for (;;) {
      let digests: readonly string[] = [];
      revoked += await this.#revokeAllOf(name, () => {
        // No index has the apps: all that is there is looked at, whichever version has saved it.
        digests = owner ? this.#tokens.ownedBy(owner, last, BATCH) : this.#tokens.all(last, BATCH);
        return digests.filter((digest) => isSelected(this.#tokens.get(digest), selector));
      });
      if (digests.length < BATCH) return revoked;
      last = digests.at(-1) as string;
    }
  }

  /** Revokes tokens in one transaction, and tells the listeners of this process when they are. */
  async #revokeAllOf(
    name: string,
    digests: () => readonly string[],
    after?: (digest: string) => void,
  ): Promise<number> {
    const now = this.#clock();
    const revoked = await this.#changes.run(name, () => {
      const all = digests();
      const live = all.flatMap((digest) => {
        const record = this.#tokens.get(digest);
        return record && record.status !== 'revoked' ? [{ digest, record }] : [];
      });
      for (const { digest, record } of live) this.#tokens.put(digest, revokedRecord(record, now), record);
      this.#log.append(live.map(({ digest }) => digest));
      if (after) for (const digest of all) after(digest);
      return live.length;
    });
    this.#tellNews();
    return revoked;
  }

  #startWatching(): void {
    try {
      this.#changes.demandOpen();
      this.#tokens.readAnew();
      this.#told = this.#log.last();
    } catch (error) {
      throw storeFault('onRevoked', error);
    }
    this.#watch = repeatWeakly(this, POLL_INTERVAL, (store) => store.#tellNews());
  }

  #stopWatching(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  /** Tells what was revoked since, here and in other processes. */
  #tellNews(): void {
    if (!this.#watch) return;
    this.#tokens.readAnew();
    const news = [...this.#log.after(this.#told)];
    // A process that stood still for long finds the next entries pruned.
    if (news[0] && news[0].key > this.#told + 1) this.#listeners.tellMissed();
    for (const { key, value: digest } of news) {
      this.#told = key;
      this.#listeners.tell(digest);
    }
  }
}
