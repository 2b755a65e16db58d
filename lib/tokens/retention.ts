import type { TokenRecord } from './token-record.js';

/** How long (ms) a dead token's record is kept where nobody says otherwise: long enough for the details API to say `expired`. */
export const RETAIN_EXPIRED_FOR: number = 24 * 60 * 60 * 1000;

/** The part of a record that its end depends on. */
interface Ending extends Pick<TokenRecord, 'status'> {
  readonly expiresAt?: number | undefined;
  readonly lastModifiedAt?: number;
}

/** From when on a record is dead, which is kept for a while then; `undefined` where that is never. */
export function endOf({ expiresAt, status, lastModifiedAt }: Ending): number | undefined {
  if (expiresAt !== undefined) return expiresAt;
  return status === 'revoked' ? lastModifiedAt : undefined;
}

/** Until when a record is kept: a live one for ever, a dead one for its retention (ms). */
export function keptUntil(record: Ending, retainExpiredFor: number): number {
  return (endOf(record) ?? Number.POSITIVE_INFINITY) + retainExpiredFor;
}
