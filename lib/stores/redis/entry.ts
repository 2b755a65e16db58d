import type { TokenRecord } from '../../tokens/token-record.js';
import { recordOf, stored } from '../stored-record.js';

/** A token as Redis has it. */
export interface Entry {
  readonly record: TokenRecord;
  readonly sealed: Uint8Array | undefined;
  /** Of its grant: the token is live only as long as the grant still has it. '' without a grant. */
  readonly generation: string;
}

/**
 * `status|generation|revoked at|record`: what scripts change stands before the record, so that
 * they need not read it. A record revoked by a script has its old members, and the time here.
 */
export function entryText({ record, sealed, generation }: Entry): string {
  const { sealed: bytes, ...kept } = stored(record, sealed);
  const text = JSON.stringify(bytes ? { ...kept, sealed: Buffer.from(bytes).toString('base64') } : kept);
  return `${record.status}|${generation}||${text}`;
}

const ENTRY = /^(approved|revoked)\|([\w-]*)\|([\d.e+]*)\|(.*)$/s;

/** @throws Error for what is no entry of ours */
export function readEntry(text: string): Entry {
  const [, status, generation, revokedAt, json] = ENTRY.exec(text) ?? [];
  if (json === undefined || generation === undefined) throw new Error('The entry of a token is damaged');
  const { sealed, ...kept } = JSON.parse(json);
  const record = recordOf({ ...kept, status, ...(revokedAt && { lastModifiedAt: Number(revokedAt) }) });
  return { record, sealed: sealed && Buffer.from(sealed, 'base64'), generation };
}

/** A token as it is once its grant has ended, though nobody has written it down yet. */
export function endedWithGrant(entry: Entry): Entry {
  return { ...entry, record: { ...entry.record, status: 'revoked' } };
}
