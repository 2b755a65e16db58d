import type { TokenRecord } from './token-record.js';

/** The most bytes that the attributes of one token may have together, as JSON in UTF-8: every response about it has them all. */
const MAX_ATTRIBUTES = 64 * 1024;

/** Whether attributes keep that bound. */
export function isWithinBound(attributes: NonNullable<TokenRecord['attributes']>): boolean {
  return Buffer.byteLength(JSON.stringify(attributes)) <= MAX_ATTRIBUTES;
}
