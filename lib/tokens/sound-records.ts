import { type Brand, brand } from '../sound.js';
import type { TokenRecord } from './token-record.js';

/**
 * The records of our own stores: checked when they were saved, holding plain frozen data
 * only, so that nobody need check or copy them again. What stands for one is the same
 * record without its linked refresh token.
 */
export const soundRecords: Brand<TokenRecord> = brand<TokenRecord>();
