import { unseal } from './sealed-value.js';
import { soundRecords } from './sound-records.js';
import type { TokenRecord } from './token-record.js';

/**
 * A record of one of our own stores, as `find` answers it: the linked refresh token is opened
 * when somebody reads it. `record` is the store's to give away, and all that is in it is frozen.
 */
export function shownRecord(record: TokenRecord, sealed: Uint8Array | undefined, token: string): TokenRecord {
  const plain = soundRecords.mark(record);
  if (!sealed) return plain;
  const opened = Object.defineProperty({ ...plain }, 'refreshToken', {
    enumerable: true,
    get: () => unseal(Buffer.from(sealed), token),
  });
  return soundRecords.mark(opened, plain);
}
