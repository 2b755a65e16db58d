import { endOf } from '../../tokens/retention.js';
import type { TokenRecord } from '../../tokens/token-record.js';
import { ownerKey } from '../owners.js';
import type { Row, Value } from './query.js';

const NONE: readonly never[] = Object.freeze([]);

/** `ends_at`, `revoked_at` and `record`: what an update writes. */
export function changedColumns(record: TokenRecord): readonly Value[] {
  const { status, attributes, ...rest } = record;
  // As JSON text: a type for JSON of the server's cannot hold U+0000, nor every number.
  const json = JSON.stringify(attributes?.length ? { ...rest, attributes } : rest);
  const revokedAt = status === 'revoked' ? (record.lastModifiedAt as number) : null;
  return [endOf(record) ?? null, revokedAt, json];
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

/** The record of a row with `record` and `revoked_at`; a new one, frozen but for its own members. */
export function recordOf(row: Row): TokenRecord {
  const record = JSON.parse(row.record as string, (_key, inner: unknown) =>
    Object.freeze(inner),
  ) as TokenRecord;
  const { revoked_at: revokedAt } = row;
  return revokedAt == null
    ? { attributes: NONE, ...record, status: 'approved' }
    : { attributes: NONE, ...record, status: 'revoked', lastModifiedAt: Number(revokedAt) };
}

/** The sealed refresh token of a row, of which `sealed` was read in base64. */
export function sealedOf({ sealed }: Row): Buffer | undefined {
  return sealed == null ? undefined : Buffer.from(sealed, 'base64');
}
