import type { Soon } from '../thenable.js';
import type { TokenRecord } from '../tokens/token-record.js';
import type { TokenState } from '../tokens/token-state.js';

/** A token that is there, in whatever state. */
export interface FoundToken {
  /** Plain frozen data, checked; without the linked refresh token. */
  readonly record: TokenRecord;
  /** What it was found as: the linked refresh token may open when it is read from this one. */
  readonly stored: TokenRecord;
}

/** Where the APIs find tokens: in a store, or by asking an introspector. */
export interface TokenSource {
  /**
   * Finds a token; `undefined` when there is none.
   *
   * @param hint `token_type_hint`; never a filter
   * @throws StoreUnavailableError, or HttpError 503, when that cannot be known, or the answer cannot be
   *   understood: then a token is not shown as live
   */
  find(token: string, hint?: string): Soon<FoundToken | undefined>;
  /** Judges a token by the clock, and by the client that it was issued to. @throws StoreUnavailableError */
  judge(record: TokenRecord): Soon<TokenState>;
}
