import type { ClientStore } from '../clients/client.js';
import { findClient } from '../clients/client-verifier.js';
import { frozenJson } from '../frozen-copy.js';
import { isNonEmptyString, isObject } from '../options.js';
import { attempt, onRejection, type Soon, whenKnown } from '../thenable.js';
import { misnamedMember, plainRecord, recordProblem } from '../tokens/check-token-record.js';
import { soundRecords } from '../tokens/sound-records.js';
import { StoreUnavailableError, storeErrorKind, UnusableAnswerError } from '../tokens/store-errors.js';
import { isTokenSyntax } from '../tokens/token-digest.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { type TokenState, tokenState } from '../tokens/token-state.js';
import type { TokenStore } from '../tokens/token-store.js';

/** Where a token is looked up. Without `clients` a token does not end with its client. */
export interface TokenSource {
  readonly tokens: TokenStore;
  readonly clients: ClientStore | undefined;
  readonly clock: () => number;
}

/** A token that is there, in whatever state. */
export interface FoundToken {
  /** Plain data, checked; without the linked refresh token. */
  readonly record: TokenRecord;
  /** Opens the linked refresh token. @throws StoreUnavailableError when that fails */
  refreshToken(): string | undefined;
}

/**
 * Finds a token; `undefined` when there is none.
 *
 * @throws StoreUnavailableError for whatever the store throws, save its own `NotFoundError` and
 *   `ConflictError`, and for an answer that is no sound record: what cannot be understood is not shown as live
 */
export function findToken({ tokens, clock }: TokenSource, token: string): Soon<FoundToken | undefined> {
  // No token has such characters, and a database might choke on them.
  if (!isTokenSyntax(token)) return undefined;
  return attempt(
    () => tokens.find(token),
    storeFault,
    (found) => {
      if (found === undefined || found === null) return undefined;
      const record = soundRecords.of(found) ?? checkedRecord(found, clock());
      return { record, refreshToken: () => linkedRefreshToken(found as TokenRecord) };
    },
  );
}

/** What somebody else's store answered, as a record that is sound and our own. */
function checkedRecord(found: unknown, now: number): TokenRecord {
  let record = found;
  let misnamed: string | undefined;
  if (isObject(found)) {
    try {
      record = plainRecord(found);
      misnamed = misnamedMember(found);
    } catch (cause) {
      // Getters of the store's own objects may fail as well as its `find`.
      throw storeFault(cause);
    }
  }
  const problem = misnamed ?? recordProblem(record, now);
  if (problem !== undefined) {
    throw new UnusableAnswerError(`The token store answered no usable record: ${problem}`);
  }
  return ownRecord(record as TokenRecord);
}

/** A frozen copy: a policy that writes into what it is shown must not decide about life, nor change the store's own. */
function ownRecord(record: TokenRecord): TokenRecord {
  try {
    // A store in plain JavaScript may leave out what has nothing in it.
    return frozenJson({
      ...record,
      scope: record.scope ?? [],
      audience: record.audience ?? [],
    }) as TokenRecord;
  } catch {
    throw new UnusableAnswerError('The token store answered no usable record: it must hold JSON values only');
  }
}

/** Judges a token, which ends with the client that it was issued to. @throws StoreUnavailableError as {@link findToken} */
export function judgeToken({ clients, clock }: TokenSource, record: TokenRecord): Soon<TokenState> {
  if (!clients) return tokenState(record, clock());
  return whenKnown(findClient(clients, record.clientId), (client) =>
    tokenState(record, clock(), client !== undefined && !client.disabled),
  );
}

function storeFault(cause: unknown): unknown {
  return storeErrorKind(cause)
    ? cause
    : new StoreUnavailableError('The token store is unavailable', { cause });
}

function linkedRefreshToken(found: TokenRecord): string | undefined {
  let value: unknown;
  try {
    value = found.refreshToken;
  } catch (cause) {
    throw new StoreUnavailableError('The refresh token cannot be opened', { cause });
  }
  if (value === undefined || isNonEmptyString(value)) return value;
  onRejection(value, () => {});
  throw new UnusableAnswerError(
    'The token store answered no usable record: "refreshToken" must be a non-empty string',
  );
}
