import type { TokenRecord } from './token-record.js';

/** What a known token is at a moment. Only `active` lets anybody in. */
export type TokenState = 'active' | 'revoked' | 'expired' | 'not_yet_valid' | 'client_disabled';

type Life = Pick<TokenRecord, 'status'> & {
  readonly [Time in 'expiresAt' | 'notBefore']?: number | undefined;
};

/**
 * The one place that decides whether a token is alive (RFC 7662 §4).
 *
 * A token whose `expiresAt` is now is expired. `clientUsable` is false when the
 * client that the token was issued to is disabled or gone.
 */
export function tokenState(record: Life, now: number, clientUsable = true): TokenState {
  if (record.status !== 'approved') return 'revoked';
  // Written so that a time that is no number never keeps a token alive.
  if (record.expiresAt !== undefined && !(now < record.expiresAt)) return 'expired';
  if (record.notBefore !== undefined && !(now >= record.notBefore)) return 'not_yet_valid';
  return clientUsable ? 'active' : 'client_disabled';
}
