import type { ClientStore } from '../clients/client.js';
import { findClient } from '../clients/client-verifier.js';
import { frozenJson } from '../frozen-copy.js';
import { isNonEmptyString, isObject } from '../options.js';
import { watchedFind } from '../telemetry/store-probe.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { attempt, onRejection, whenKnown } from '../thenable.js';
import { misnamedMember, plainRecord, recordProblem } from '../tokens/check-token-record.js';
import { soundRecords } from '../tokens/sound-records.js';
import { StoreUnavailableError, storeErrorKind, UnusableAnswerError } from '../tokens/store-errors.js';
import { isTokenSyntax } from '../tokens/token-digest.js';
import type { TokenTest } from '../tokens/token-format.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { tokenState } from '../tokens/token-state.js';
import type { TokenStore } from '../tokens/token-store.js';
import type { FoundToken, TokenSource } from './token-source.js';

interface StoredTokensOptions {
  readonly tokens: TokenStore;
  /** Must know every client that has tokens. Without it a token does not end with its client. */
  readonly clients: ClientStore | undefined;
  readonly clock: () => number;
  /** Which tokens the store is asked about. Default: those that have a token's syntax. */
  readonly isToken?: TokenTest | undefined;
  readonly telemetry: Telemetry;
}

/**
 * The tokens of a store. Whatever the store throws, save its own `NotFoundError` and
 * `ConflictError`, and an answer that is no sound record, is a StoreUnavailableError.
 */
export function storedTokens({
  tokens,
  clients,
  clock,
  isToken = isTokenSyntax,
  telemetry,
}: StoredTokensOptions): TokenSource {
  const store = watchedFind(telemetry, 'tokens', tokens);
  const found = (stored: unknown): FoundToken | undefined => {
    if (stored === undefined || stored === null) return undefined;
    const record = soundRecords.of(stored) ?? checkedRecord(stored, clock());
    return { record, stored: stored as TokenRecord };
  };
  return {
    find(token) {
      // There is none, and a database might choke on its characters.
      if (!isToken(token)) return undefined;
      return attempt(() => store.find(token), storeFault, found);
    },
    judge(record) {
      if (!clients) return tokenState(record, clock());
      return whenKnown(findClient(clients, record.clientId), (client) =>
        tokenState(record, clock(), client !== undefined && !client.disabled),
      );
    },
  };
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

/** What a token store threw, which is an outage unless it is one of our own errors. */
export function storeFault(cause: unknown): unknown {
  return storeErrorKind(cause)
    ? cause
    : new StoreUnavailableError('The token store is unavailable', { cause });
}

/** The refresh token that was issued with an access token. @throws StoreUnavailableError when it cannot be opened */
export function linkedRefreshToken({ stored }: FoundToken): string | undefined {
  let value: unknown;
  try {
    value = stored.refreshToken;
  } catch (cause) {
    throw new StoreUnavailableError('The refresh token cannot be opened', { cause });
  }
  if (value === undefined || isNonEmptyString(value)) return value;
  onRejection(value, () => {});
  throw new UnusableAnswerError(
    'The token store answered no usable record: "refreshToken" must be a non-empty string',
  );
}
