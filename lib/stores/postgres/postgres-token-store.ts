import { setTimeout as pause } from 'node:timers/promises';
import { checkClock, isDuration, isFunction, isTimer, knownOptions, must, TIMER } from '../../options.js';
import { noteSystem } from '../../telemetry/store-system.js';
import { sweepInBackground } from '../../tokens/background-sweep.js';
import { approvedRecord, changedRecord, newRecord, readChanges } from '../../tokens/new-record.js';
import { RETAIN_EXPIRED_FOR } from '../../tokens/retention.js';
import { readGrantId, readOwners } from '../../tokens/revoke-all.js';
import { readSelector } from '../../tokens/revoke-matching.js';
import { seal } from '../../tokens/sealed-value.js';
import { shownRecord } from '../../tokens/shown-record.js';
import { ConflictError, grantHasEnded, NotFoundError } from '../../tokens/store-errors.js';
import { tokenDigest } from '../../tokens/token-digest.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import type { ManagedTokenStore, NewToken, TokenChanges, TokenSelector } from '../../tokens/token-store.js';
import { storeFault } from '../operation.js';
import { RevocationFeed } from '../revocation-feed.js';
import { DATABASE_OPTIONS, Database, type DatabaseOptions, type MigrateOptions } from './database.js';
import { type DueTokens, digestsOf, dueOfOwners, dueOfSelector } from './due-tokens.js';
import type { PostgresPool, UnpooledPostgresClient } from './pool.js';
import { lockKey, type Prepared, query, type Value } from './query.js';
import { channelOf, newEvent, openOwnLink, openPooledLink, toldDigests } from './revocation-link.js';
import { changedColumns, digestBytes, ownerColumns, ownerUuid, recordOf, sealedOf } from './token-row.js';
import { SWEPT_AT_ONCE, type TokenStatements, tokenStatements } from './token-statements.js';

export interface PostgresTokenStoreOptions extends DatabaseOptions {
  /** How long (ms) a dead token's record is kept, so that the details API can say `expired`. Default 24 hours. */
  readonly retainExpiredFor?: number;
  /**
   * How often (ms) the connection on which others tell of revocations is tried, and how long after its loss a new one
   * is opened. Default 1,000.
   */
  readonly linkInterval?: number;
  /**
   * Makes the connection (a `Client` of `pg`, not connected) on which others tell of revocations: `() => new Client(…)`.
   * For a pool of one connection, or one that leads to a PgBouncer that pools transactions. Default: one connection of the
   * pool is kept for it as long as anybody listens.
   */
  readonly listenOn?: () => UnpooledPostgresClient;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
}

const FACTORY = 'PostgresTokenStore';
const OPTIONS = [...DATABASE_OPTIONS, 'retainExpiredFor', 'linkInterval', 'listenOn', 'clock'];
const LINK_INTERVAL = 1000;
/** How many tokens one statement revokes, where it need not be all of them. */
const REVOKED_AT_ONCE = 500;

/**
 * Tokens in PostgreSQL 13 or later: durable, and shared by the processes of many machines. Call
 * {@link PostgresTokenStore.migrate} before it is used, and `close` before the pool is ended.
 *
 * Holds SHA-256 digests, never a token; the linked refresh token is sealed under its access token.
 */
export class PostgresTokenStore implements ManagedTokenStore {
  readonly #pool: PostgresPool;
  readonly #database: Database;
  readonly #statements: TokenStatements;
  readonly #feed: RevocationFeed;
  readonly #channel: string;
  readonly #sweepLock: string;
  readonly #listenOn: (() => UnpooledPostgresClient) | undefined;
  readonly #retainExpiredFor: number;
  readonly #clock: () => number;
  readonly #sweeping: NodeJS.Timeout;

  /** Does not connect. @throws TypeError that names a bad option */
  constructor(options: PostgresTokenStoreOptions) {
    knownOptions(FACTORY, options, OPTIONS);
    const {
      pool,
      retainExpiredFor = RETAIN_EXPIRED_FOR,
      linkInterval = LINK_INTERVAL,
      listenOn,
      clock = Date.now,
    } = options;
    const database = new Database(FACTORY, options);
    must(isDuration(retainExpiredFor), FACTORY, 'retainExpiredFor', 'milliseconds, 0 or more');
    must(isTimer(linkInterval), FACTORY, 'linkInterval', TIMER);
    must(
      listenOn === undefined || isFunction(listenOn),
      FACTORY,
      'listenOn',
      'a function that makes a Client of pg',
    );
    checkClock(FACTORY, clock);
    this.#pool = pool;
    this.#database = database;
    this.#statements = tokenStatements(database.schema);
    this.#channel = channelOf(database.schema);
    this.#sweepLock = lockKey(`sweep ${database.schema}`);
    this.#listenOn = listenOn;
    this.#retainExpiredFor = retainExpiredFor;
    this.#clock = clock;
    this.#feed = new RevocationFeed({
      open: (events) =>
        listenOn ? openOwnLink(database, listenOn, events) : openPooledLink(database, events),
      interval: linkInterval,
      timeout: database.timeout,
    });
    this.#sweeping = sweepInBackground(this);
    noteSystem(this, 'postgresql');
  }

  /**
   * Creates the schema and its tables, or brings them up to date. To be called before the store is used, by one
   * node or by all at once; does nothing where there is nothing to do.
   */
  async migrate(options?: MigrateOptions): Promise<void> {
    await this.#database.migrate(options);
  }

  async find(token: string): Promise<TokenRecord | undefined> {
    const digest = digestBytes(tokenDigest(token));
    return this.#database.run('find', async (client) => {
      const [row] = await query(client, this.#statements.find, [digest]);
      return row && shownRecord(recordOf(row), sealedOf(row), token);
    });
  }

  async save(token: NewToken): Promise<TokenRecord> {
    const { value, refreshToken, record } = newRecord(token, this.#clock());
    const sealed = refreshToken === undefined ? undefined : seal(refreshToken, value);
    const digest = digestBytes(tokenDigest(value));
    const columns = [digest, ...ownerColumns(record), sealed ?? null, ...changedColumns(record)];
    await this.#database.run('save', async (client) => {
      const saved = await query(client, this.#statements.save, columns);
      if (saved.length === 0) throw new ConflictError('save: this token exists');
    });
    return shownRecord({ ...record }, sealed, value);
  }

  async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
    const digest = digestBytes(tokenDigest(token));
    const given = readChanges(changes);
    return this.#database.run('update', async (client) => {
      // By version and not by a lock, for which others would have to wait when this process stands still.
      for (;;) {
        const [before] = await query(client, this.#statements.findVersion, [digest]);
        if (!before) throw new NotFoundError('update: there is no such token');
        const changed = changedRecord(recordOf(before), given, this.#clock());
        const columns = [digest, before.version as string, ...changedColumns(changed)];
        const updated = await query(client, this.#statements.update, columns);
        if (updated.length > 0) return shownRecord({ ...changed }, sealedOf(before), token);
      }
    });
  }

  async revoke(token: string): Promise<number> {
    return this.#revoke('revoke', this.#statements.revoke, digestBytes(tokenDigest(token)));
  }

  async revokeGrant(grantId: string): Promise<number> {
    const grant = ownerUuid('grant', readGrantId(grantId));
    return this.#revoke('revokeGrant', this.#statements.revokeGrant, grant);
  }

  async approve(token: string): Promise<number> {
    const digest = digestBytes(tokenDigest(token));
    const now = this.#clock();
    return this.#database.run('approve', async (client) => {
      for (;;) {
        const [before] = await query(client, this.#statements.findVersion, [digest]);
        if (before?.revoked_at == null) return 0;
        if (before.grant_ended != null) throw grantHasEnded();
        const columns = changedColumns(approvedRecord(recordOf(before), now));
        const approved = await query(client, this.#statements.update, [
          digest,
          before.version as string,
          ...columns,
        ]);
        if (approved.length > 0) return 1;
      }
    });
  }

  async remove(token: string): Promise<number> {
    const digest = digestBytes(tokenDigest(token));
    const event = newEvent();
    const values = [digest, this.#channel, event];
    return this.#told(event, 'remove', this.#statements.remove, values);
  }

  async revokeAll(of: { readonly clientId?: string; readonly subject?: string }): Promise<number> {
    return this.#revokeDue('revokeAll', dueOfOwners(this.#statements, readOwners(of)));
  }

  async revokeMatching(of: TokenSelector): Promise<number> {
    return this.#revokeDue('revokeMatching', dueOfSelector(this.#statements, readSelector(of)));
  }

  async sweep(): Promise<number> {
    const end = this.#clock() - this.#retainExpiredFor;
    let dropped = 0;
    let from = '-Infinity';
    for (;;) {
      const began = performance.now();
      const [batch] = await this.#database.run('sweep', (client) =>
        query(client, this.#statements.sweep, [this.#sweepLock, from, end]),
      );
      dropped += Number(batch?.dropped);
      // Either another node sweeps, who will do all of it, or this was the last of it.
      if (!(Number(batch?.seen) >= SWEPT_AT_ONCE)) return dropped;
      from = batch?.last as string;
      // What is dropped at a stretch, after an outage say, must not take the disk from those who save and revoke.
      await pause(performance.now() - began);
    }
  }

  /** @throws TypeError where the pool has no connection to spare for it */
  onRevoked(listener: (digest: string) => void, onMissed?: () => void): () => void {
    if (this.#database.isClosed) throw storeFault('onRevoked', new Error('The store was closed'));
    must(
      this.#listenOn !== undefined || this.#pool.options?.max !== 1,
      FACTORY,
      'listenOn',
      'given where the pool has one connection only (max: 1)',
    );
    return this.#feed.add(listener, onMissed);
  }

  /** Stops listening and sweeping, and gives the connections back. Whoever asks afterwards gets a `StoreUnavailableError`. */
  async close(): Promise<void> {
    this.#database.close();
    clearInterval(this.#sweeping);
    this.#feed.stop();
  }

  async #revokeDue(name: string, due: DueTokens): Promise<number> {
    const digests = await digestsOf(this.#database, name, due);
    let revoked = 0;
    for (let i = 0; i < digests.length; i += REVOKED_AT_ONCE) {
      const some = digests.slice(i, i + REVOKED_AT_ONCE);
      revoked += await this.#revoke(name, this.#statements.revokeMany, some);
    }
    return revoked;
  }

  /** Revokes in one statement, all or nothing, and tells the listeners of this process and of others. */
  async #revoke(name: string, statement: Prepared, which: Value): Promise<number> {
    const event = newEvent();
    return this.#told(event, name, statement, [this.#clock(), this.#channel, which, event]);
  }

  /** Does something of which others are told; tells the listeners of this process too, and resolves to how many tokens it was. */
  async #told(event: string, name: string, statement: Prepared, values: readonly Value[]): Promise<number> {
    const parts = await this.#database.run(name, (client) => query(client, statement, values));
    const digests = parts.flatMap(({ told }) => toldDigests(told));
    for (const digest of digests) this.#feed.tell(digest, event);
    return digests.length;
  }
}
