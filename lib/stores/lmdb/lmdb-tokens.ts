import type { Database, RootDatabase } from 'lmdb';
import { endOf } from '../../tokens/retention.js';
import { ownerKey, ownersOf } from '../owners.js';
import type { StoredRecord } from '../stored-record.js';

/** Sorts after every digest, as `!` sorts before all that one has. */
const AFTER_DIGESTS = '~';

/** The tokens of a database, and what they are found by. To be changed in transactions only. */
export class LmdbTokens {
  readonly #records: Database<StoredRecord, string>;
  /**
   * The digests of each client and subject, and of each grant those that were saved since it was last revoked: [owner, digest].
   * No `dupSort`, whose values the driver cannot list in a transaction.
   */
  readonly #owned: Database<true, [owner: string, digest: string]>;
  /** The digests by the time at which they end: [end, digest]. How long they are kept then is no matter of the index. */
  readonly #ends: Database<true, [end: number, digest: string]>;

  constructor(root: RootDatabase) {
    this.#records = root.openDB({ name: 'tokens', sharedStructuresKey: Symbol.for('structures') });
    this.#owned = root.openDB({ name: 'owned' });
    this.#ends = root.openDB({ name: 'ends' });
  }

  /** The driver reads one state of the database for all of a turn; what another process has revoked must be seen at once. */
  readAnew(): void {
    this.#records.resetReadTxn();
  }

  get(digest: string): StoredRecord | undefined {
    return this.#records.get(digest);
  }

  /** Keeps a new record, so that it is found by its owners too. */
  add(digest: string, record: StoredRecord): void {
    this.put(digest, record);
    for (const owner of ownersOf(record)) void this.#owned.put([owner, digest], true);
  }

  /** Keeps a record in place of the one before. */
  put(digest: string, record: StoredRecord, before?: StoredRecord): void {
    void this.#records.put(digest, record);
    const end = endOf(record);
    const endBefore = before && endOf(before);
    if (end === endBefore) return;
    if (endBefore !== undefined) void this.#ends.remove([endBefore, digest]);
    if (end !== undefined) void this.#ends.put([end, digest], true);
  }

  remove(digest: string, record: StoredRecord): void {
    const end = endOf(record);
    if (end !== undefined) void this.#ends.remove([end, digest]);
    this.#drop(digest, record);
  }

  #drop(digest: string, record: StoredRecord): void {
    for (const owner of ownersOf(record)) this.leave(owner, digest);
    void this.#records.remove(digest);
  }

  /** The digests of an owner in their order, from the one after `last` on. */
  ownedBy(owner: string, last: string = '', limit: number = Number.POSITIVE_INFINITY): readonly string[] {
    const range = { start: [owner, `${last}!`], end: [owner, AFTER_DIGESTS], limit };
    return [...this.#owned.getKeys(range)].map(([, digest]) => digest);
  }

  /** The digests of all tokens in their order, from the one after `last` on. */
  all(last: string, limit: number): readonly string[] {
    return [...this.#records.getKeys({ start: `${last}!`, limit })];
  }

  /** Whether a token is of no grant, or of one that was not revoked since it was saved. */
  isOfLivingGrant({ grantId }: StoredRecord, digest: string): boolean {
    return grantId === undefined || this.#owned.get([ownerKey('grant', grantId), digest]) === true;
  }

  leave(owner: string, digest: string): void {
    void this.#owned.remove([owner, digest]);
  }

  /** Removes some that have ended by `last`; resolves to how many were looked at, and how many of them removed. */
  removeSome(last: number, limit: number): { readonly seen: number; readonly removed: number } {
    const over = [...this.#ends.getKeys({ end: [last, AFTER_DIGESTS], limit })];
    let removed = 0;
    for (const [end, digest] of over) {
      void this.#ends.remove([end, digest]);
      const record = this.#records.get(digest);
      // A hint only: what the record itself says decides.
      if (!record || endOf(record) !== end) continue;
      this.#drop(digest, record);
      removed += 1;
    }
    return { seen: over.length, removed };
  }
}
