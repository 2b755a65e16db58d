import { setImmediate as nextTurn } from 'node:timers/promises';
import { checkClock, isDuration, knownOptions, must } from '../options.js';
import { sweepInBackground } from './background-sweep.js';
import { approvedRecord, changedRecord, newRecord, revokedRecord } from './new-record.js';
import { lifeOf, type PackedRecord, type RecordLife, RecordPacker } from './record-packer.js';
import { keptUntil, RETAIN_EXPIRED_FOR } from './retention.js';
import { RevocationListeners } from './revocation-listeners.js';
import { readGrantId, readOwners } from './revoke-all.js';
import { isSelected, readSelector, type Selector } from './revoke-matching.js';
import { seal } from './sealed-value.js';
import { ShardedMap } from './sharded-map.js';
import { shownRecord } from './shown-record.js';
import { ConflictError, grantHasEnded, NotFoundError, StoreUnavailableError } from './store-errors.js';
import { tokenDigest } from './token-digest.js';
import type { TokenRecord } from './token-record.js';
import { tokenState } from './token-state.js';
import type { ManagedTokenStore, NewToken, TokenChanges, TokenSelector } from './token-store.js';

export interface MemoryTokenStoreOptions {
  /** The most records to keep; saving more is refused with `StoreUnavailableError`. Default: no bound. */
  readonly maxTokens?: number;
  /** How long (ms) a dead token's record is kept, so that the details API can say `expired`. Default 24 hours. */
  readonly retainExpiredFor?: number;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
}

/** How long (ms) a walk over all records works before other work gets its turn. */
const SLICE = 5;
/** After how many records the walk looks at the time. */
const SLICE_CHECK = 64;
/** How long (ms) after finding no room the next search for room may begin. */
const ROOM_SEARCH_INTERVAL = 1000;

/**
 * Tokens in the memory of this process: for tests, trials and single-process
 * issuers that may forget at restart. Holds SHA-256 digests, never a token.
 */
export class MemoryTokenStore implements ManagedTokenStore {
  readonly #entries = new ShardedMap<PackedRecord>();
  readonly #packer = new RecordPacker();
  /** The digests of each grant that were saved since it was last revoked; a set only where there are several. */
  readonly #grants = new ShardedMap<string | Set<string>>();
  readonly #listeners = new RevocationListeners();
  readonly #maxTokens: number;
  readonly #retainExpiredFor: number;
  readonly #clock: () => number;
  #sweeping = false;
  #noRoomUntil = Number.NEGATIVE_INFINITY;
  #roomSearch: Promise<number> | undefined;

  /** @throws TypeError that names a bad option */
  constructor(options: MemoryTokenStoreOptions = {}) {
    knownOptions('MemoryTokenStore', options, ['maxTokens', 'retainExpiredFor', 'clock']);
    const {
      maxTokens = Number.POSITIVE_INFINITY,
      retainExpiredFor = RETAIN_EXPIRED_FOR,
      clock = Date.now,
    } = options;
    must(
      maxTokens === Number.POSITIVE_INFINITY || (Number.isSafeInteger(maxTokens) && maxTokens > 0),
      'MemoryTokenStore',
      'maxTokens',
      'a whole number above 0',
    );
    must(isDuration(retainExpiredFor), 'MemoryTokenStore', 'retainExpiredFor', 'milliseconds, 0 or more');
    checkClock('MemoryTokenStore', clock);
    this.#maxTokens = maxTokens;
    this.#retainExpiredFor = retainExpiredFor;
    this.#clock = clock;
  }

  /** How many records are kept, dead ones included. */
  get size(): number {
    return this.#entries.size;
  }

  find(token: string): TokenRecord | undefined {
    const entry = this.#entries.get(tokenDigest(token));
    return entry && this.#shown(entry, token);
  }

  async save(token: NewToken): Promise<TokenRecord> {
    const now = this.#clock();
    const { value, refreshToken, record } = newRecord(token, now);
    const digest = tokenDigest(value);
    if (this.#entries.get(digest)) throw new ConflictError('save: this token exists');
    // Others may have taken the room by the time it is made.
    while (this.#entries.size >= this.#maxTokens) await this.#makeRoom(now);
    if (this.#entries.get(digest)) throw new ConflictError('save: this token exists');
    const sealed = refreshToken === undefined ? undefined : seal(refreshToken, value);
    const entry = this.#packer.pack(record, sealed);
    this.#entries.set(digest, entry);
    if (record.grantId !== undefined) this.#joinGrant(record.grantId, digest);
    this.#startSweeping();
    return this.#shown(entry, value);
  }

  async update(token: string, changes: TokenChanges): Promise<TokenRecord> {
    const digest = tokenDigest(token);
    const entry = this.#entries.get(digest);
    if (!entry) throw new NotFoundError('update: there is no such token');
    const record = changedRecord(this.#packer.unpack(entry), changes, this.#clock());
    // A getter among the changes may have done anything, such as to revoke this token.
    if (this.#entries.get(digest) !== entry)
      throw new ConflictError('update: the token was changed meanwhile');
    return this.#shown(this.#replace(digest, entry, record), token);
  }

  async revoke(token: string): Promise<number> {
    return this.#revoke(tokenDigest(token), this.#clock());
  }

  async revokeGrant(grantId: string): Promise<number> {
    // A copy: a listener may save a token of this grant meanwhile.
    const digests = [...this.#digestsOf(readGrantId(grantId))];
    const now = this.#clock();
    // What is of no grant that lives is never approved again.
    this.#grants.delete(grantId);
    let revoked = 0;
    for (const digest of digests) revoked += this.#revoke(digest, now);
    return revoked;
  }

  async approve(token: string): Promise<number> {
    const digest = tokenDigest(token);
    const entry = this.#entries.get(digest);
    if (entry?.template.record.status !== 'revoked') return 0;
    const record = this.#packer.unpack(entry);
    if (record.grantId !== undefined && !this.#isOf(record.grantId, digest)) throw grantHasEnded();
    this.#replace(digest, entry, approvedRecord(record, this.#clock()));
    return 1;
  }

  async remove(token: string): Promise<number> {
    const digest = tokenDigest(token);
    const entry = this.#entries.get(digest);
    if (!entry) return 0;
    this.#delete(digest, entry);
    this.#noRoomUntil = Number.NEGATIVE_INFINITY;
    this.#listeners.tell(digest);
    return 1;
  }

  async revokeAll(of: { readonly clientId?: string; readonly subject?: string }): Promise<number> {
    return this.#revokeSelected(readOwners(of));
  }

  async revokeMatching(of: TokenSelector): Promise<number> {
    return this.#revokeSelected(readSelector(of));
  }

  async sweep(): Promise<number> {
    const now = this.#clock();
    return this.#drop((life) => now >= keptUntil(life, this.#retainExpiredFor));
  }

  onRevoked(listener: (digest: string) => void): () => void {
    return this.#listeners.add(listener);
  }

  #shown(entry: PackedRecord, token: string): TokenRecord {
    return shownRecord(this.#packer.unpack(entry), entry.sealed, token);
  }

  #replace(digest: string, entry: PackedRecord, record: TokenRecord): PackedRecord {
    const replacement = this.#packer.pack(record, entry.sealed);
    this.#packer.release(entry);
    this.#entries.set(digest, replacement);
    return replacement;
  }

  #revoke(digest: string, now: number): number {
    const entry = this.#entries.get(digest);
    if (!entry || entry.template.record.status === 'revoked') return 0;
    this.#replace(digest, entry, revokedRecord(this.#packer.unpack(entry), now));
    this.#noRoomUntil = Number.NEGATIVE_INFINITY;
    this.#listeners.tell(digest);
    return 1;
  }

  async #revokeSelected({ subject, ...shared }: Selector): Promise<number> {
    const now = this.#clock();
    let revoked = 0;
    await this.#walk((digest, entry) => {
      if (subject !== undefined && entry.subject !== subject) return;
      if (isSelected(entry.template.record, shared)) revoked += this.#revoke(digest, now);
    });
    return revoked;
  }

  #digestsOf(grantId: string): Iterable<string> {
    const digests = this.#grants.get(grantId) ?? [];
    return typeof digests === 'string' ? [digests] : digests;
  }

  #isOf(grantId: string, digest: string): boolean {
    const digests = this.#grants.get(grantId);
    return digests === digest || (digests instanceof Set && digests.has(digest));
  }

  #joinGrant(grantId: string, digest: string): void {
    const others = this.#grants.get(grantId);
    if (others === undefined) this.#grants.set(grantId, digest);
    else if (typeof others === 'string') this.#grants.set(grantId, new Set([others, digest]));
    else others.add(digest);
  }

  #leaveGrant(grantId: string, digest: string): void {
    const digests = this.#grants.get(grantId);
    if (digests instanceof Set) {
      digests.delete(digest);
      if (digests.size > 0) return;
    } else if (digests !== digest) return;
    this.#grants.delete(grantId);
  }

  /** Gives up dead records before their retention is over; a live one is never dropped. */
  async #makeRoom(now: number): Promise<void> {
    if (now >= this.#noRoomUntil) {
      // Savers that come together share one search.
      this.#roomSearch ??= this.#drop((life) => isOver(life, now)).finally(() => {
        this.#roomSearch = undefined;
      });
      await this.#roomSearch;
      if (this.#entries.size < this.#maxTokens) return;
      this.#noRoomUntil = now + ROOM_SEARCH_INTERVAL;
    }
    throw new StoreUnavailableError(`save: the store is full ("maxTokens" is ${this.#maxTokens})`);
  }

  async #drop(mayGo: (life: RecordLife) => boolean): Promise<number> {
    let dropped = 0;
    await this.#walk((digest, entry) => {
      if (!mayGo(lifeOf(entry))) return;
      this.#delete(digest, entry);
      dropped += 1;
    });
    return dropped;
  }

  #delete(digest: string, entry: PackedRecord): void {
    this.#entries.delete(digest);
    this.#packer.release(entry);
    const grantId = entry.more?.grantId;
    if (grantId !== undefined) this.#leaveGrant(grantId, digest);
  }

  /** Visits every entry, in slices of a few milliseconds between which other work goes on. */
  async #walk(visit: (digest: string, entry: PackedRecord) => void): Promise<void> {
    let sliceEnds = performance.now() + SLICE;
    let visited = 0;
    for (const shard of this.#entries.shards()) {
      // A map may change while it is walked, even between two turns.
      for (const [digest, entry] of shard) {
        visit(digest, entry);
        visited += 1;
        if (visited % SLICE_CHECK !== 0 || performance.now() < sliceEnds) continue;
        await nextTurn();
        sliceEnds = performance.now() + SLICE;
      }
    }
  }

  #startSweeping(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    sweepInBackground(this);
  }
}

/** Whether a record is dead for good. */
function isOver(life: RecordLife, now: number): boolean {
  const state = tokenState(life, now);
  return state === 'expired' || state === 'revoked';
}
