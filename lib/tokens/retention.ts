import type { TokenRecord } from './token-record.js';

/** How long (ms) a dead token's record is kept where nobody says otherwise: long enough for the details API to say `expired`. */
export const RETAIN_EXPIRED_FOR: number = 24 * 60 * 60 * 1000;

/** The part of a record that its end depends on. */
interface Ending extends Pick<TokenRecord, 'status'> {
  readonly expiresAt?: number | undefined;
  readonly lastModifiedAt?: number;
}

/** Until when a record is kept: a live one for ever, a dead one for its retention (ms). */
export function keptUntil({ expiresAt, status, lastModifiedAt }: Ending, retainExpiredFor: number): number {
  if (expiresAt !== undefined) return expiresAt + retainExpiredFor;
  if (status === 'approved') return Number.POSITIVE_INFINITY;
  // Every record of a store of ours has it.
  return (lastModifiedAt as number) + retainExpiredFor;
}
