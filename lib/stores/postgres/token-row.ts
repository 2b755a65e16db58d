import { isObject } from '../../options.js';
import { recordProblem } from '../../tokens/check-token-record.js';
import { endOf } from '../../tokens/retention.js';
import { isSelected, type Selector } from '../../tokens/revoke-matching.js';
import { UnusableAnswerError } from '../../tokens/store-errors.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import { ownerKey } from '../owners.js';
import type { Row, Value } from './query.js';

const NONE: readonly never[] = Object.freeze([]);

/** `ends_at`, `revoked_at`, `record` and `app_key`: what an update writes. */
export function changedColumns(record: TokenRecord): readonly Value[] {
  const { status, attributes, ...rest } = record;
  // As JSON text: a type for JSON of the server's cannot hold U+0000, nor every number.
  const json = JSON.stringify(attributes?.length ? { ...rest, attributes } : rest);
  const revokedAt = status === 'revoked' ? (record.lastModifiedAt as number) : null;
  const app = record.appId ? ownerUuid('app', record.appId) : null;
  return [endOf(record) ?? null, revokedAt, json, app];
}

/** `client_key`, `subject_key` and `grant_key`, which never change. */
export function ownerColumns({ clientId, subject, grantId }: TokenRecord): readonly Value[] {
  return [
    ownerUuid('client', clientId),
    subject === undefined ? null : ownerUuid('subject', subject),
    grantId === undefined ? null : ownerUuid('grant', grantId),
  ];
}

/** The first half of the key of an owner, in the form of a UUID. */
export function ownerUuid(...owner: Parameters<typeof ownerKey>): string {
  return Buffer.from(ownerKey(...owner), 'base64url').toString('hex', 0, 16);
}

export function digestBytes(digest: string): Buffer {
  return Buffer.from(digest, 'base64url');
}

/**
 * The record of a row with `record`, `revoked_at` and `ends_at`; a new one, frozen but for its own members.
 *
 * @throws UnusableAnswerError for a row that somebody else has changed into no sound record, or one that lives for longer
 */
export function recordOf(row: Row): TokenRecord {
  const given = jsonOf(row);
  const { revoked_at: revokedAt, ends_at: endsAt } = row;
  const record: Partial<TokenRecord> =
    revokedAt == null
      ? { attributes: NONE, ...given, status: 'approved' }
      : { attributes: NONE, ...given, status: 'revoked', lastModifiedAt: Number(revokedAt) };
  const problem = recordProblem(record, 0);
  if (problem !== undefined) throw unusable(problem);
  const end = endsAt == null ? undefined : Number(endsAt);
  // One without an expiry ends when it is revoked.
  if (record.status === 'approved' && endOf(record as TokenRecord) !== end)
    throw unusable('"expiresAt" contradicts "ends_at"');
  return record as TokenRecord;
}

function jsonOf({ record }: Row): Partial<TokenRecord> {
  try {
    const parsed: unknown = JSON.parse(record as string, (_key, inner: unknown) => Object.freeze(inner));
    if (isObject(parsed)) return parsed;
  } catch {
    // The error would quote what stands there.
  }
  throw unusable('"record" must be an object in JSON');
}

function unusable(problem: string): Error {
  return new UnusableAnswerError(`The row of a token cannot be used: ${problem}`);
}

/** Whether a selector means the token of a row. One whose record nobody can read is never live: there is nothing to revoke. */
export function isRowSelected(record: string, selector: Selector): boolean {
  try {
    return isSelected(JSON.parse(record) as Partial<TokenRecord>, selector);
  } catch {
    return false;
  }
}

/** What stands in the record of every token with this app, though perhaps not as its app. */
export function appInRecord(appId: string): string {
  return JSON.stringify(appId);
}

/** The sealed refresh token of a row, of which `sealed` was read in base64. */
export function sealedOf({ sealed }: Row): Buffer | undefined {
  return sealed == null ? undefined : Buffer.from(sealed, 'base64');
}
