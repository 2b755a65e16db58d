import type { ClientStore } from '../clients/client.js';
import { findClient } from '../clients/client-verifier.js';
import { recordProblem } from '../tokens/check-token-record.js';
import { isStoreError, StoreUnavailableError, UnusableAnswerError } from '../tokens/store-errors.js';
import { isTokenSyntax } from '../tokens/token-digest.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { type TokenState, tokenState } from '../tokens/token-state.js';
import type { TokenStore } from '../tokens/token-store.js';

/** What is known of a token. */
export interface FoundToken {
  readonly record: TokenRecord;
  readonly state: TokenState;
}

/** Where a token is looked up. Without `clients` a token does not end with its client. */
export interface TokenSource {
  readonly tokens: TokenStore;
  readonly clients: ClientStore | undefined;
  readonly clock: () => number;
}

/**
 * Finds a token and judges it; `undefined` when there is none.
 *
 * @throws StoreUnavailableError for whatever a store throws, save its own `NotFoundError` and
 *   `ConflictError`, and for an answer that is no sound record: what cannot be understood is not shown as live
 */
export async function lookUpToken(source: TokenSource, token: string): Promise<FoundToken | undefined> {
  // No token has such characters, and a database might choke on them.
  if (!isTokenSyntax(token)) return undefined;
  const record = await findRecord(source, token);
  if (!record) return undefined;
  return { record, state: tokenState(record, source.clock(), await isClientUsable(source, record.clientId)) };
}

async function findRecord({ tokens, clock }: TokenSource, token: string): Promise<TokenRecord | undefined> {
  let record: TokenRecord | undefined;
  try {
    record = (await tokens.find(token)) ?? undefined;
  } catch (cause) {
    if (isStoreError(cause)) throw cause;
    throw new StoreUnavailableError('The token store is unavailable', { cause });
  }
  if (record === undefined) return undefined;
  const problem = recordProblem(record, clock());
  if (problem !== undefined)
    throw new UnusableAnswerError(`The token store answered no usable record: ${problem}`);
  // A store in plain JavaScript may leave out what has nothing in it.
  return record.scope && record.audience
    ? record
    : { ...record, scope: record.scope ?? [], audience: record.audience ?? [] };
}

async function isClientUsable({ clients }: TokenSource, clientId: string): Promise<boolean> {
  if (!clients) return true;
  const client = await findClient(clients, clientId);
  return client !== undefined && !client.disabled;
}
