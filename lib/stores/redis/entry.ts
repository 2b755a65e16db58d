import type { TokenRecord } from '../../tokens/token-record.js';
import { recordOf, stored } from '../stored-record.js';

/** A token as Redis has it. */
export interface Entry {
  readonly record: TokenRecord;
  readonly sealed: Uint8Array | undefined;
  /** Of its grant: the token is live only as long as the grant still has it. '' without a grant. */
  readonly generation: string;
  /** Of this saving of the token: what another one has entered in an index, after this one has expired say, is not its own. */
  readonly id: string;
}

/**
 * `status|generation|id|revoked at|record`: what scripts change stands before the record, so that
 * they need not read it. A record revoked by a script has its old members, and the time here.
 */
export function entryText({ record, sealed, generation, id }: Entry): string {
  const { sealed: bytes, ...kept } = stored(record, sealed);
  const text = JSON.stringify(bytes ? { ...kept, sealed: Buffer.from(bytes).toString('base64') } : kept);
  return `${record.status}|${generation}|${id}||${text}`;
}

const ENTRY = /^(approved|revoked)\|([\w-]*)\|([\w-]*)\|([\d.e+]*)\|(.*)$/s;

/** @throws Error for what is no entry of ours */
export function readEntry(text: string): Entry {
  const [, status, generation = '', id = '', revokedAt, json] = ENTRY.exec(text) ?? [];
  if (json === undefined) throw new Error('The entry of a token is damaged');
  const { sealed, ...kept } = JSON.parse(json);
  const record = recordOf({ ...kept, status, ...(revokedAt && { lastModifiedAt: Number(revokedAt) }) });
  return { record, sealed: sealed && Buffer.from(sealed, 'base64'), generation, id };
}

/** A token as it is once its grant has ended, though nobody has written it down yet. */
export function endedWithGrant(entry: Entry): Entry {
  return { ...entry, record: { ...entry.record, status: 'revoked' } };
}
