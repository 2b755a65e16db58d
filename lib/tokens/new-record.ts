import { isObject } from '../options.js';
import { RECORD_MEMBERS, recordProblem } from './check-token-record.js';
import { isTokenSyntax } from './token-digest.js';
import type { TokenRecord } from './token-record.js';
import type { NewToken, TokenChanges, UpdatableMember } from './token-store.js';

/** One for all, since most records have some empty list. */
const NONE = Object.freeze([]);

const UPDATABLE: readonly UpdatableMember[] = [
  'scope',
  'audience',
  'attributes',
  'expiresAt',
  'notBefore',
  'app',
  'appId',
  'apiProducts',
  'brand',
  'claims',
  'authorizationDetails',
  'refreshCount',
  'lastModifiedBy',
];

/**
 * The record of a new token with all defaults filled in: a frozen copy, so that
 * nothing the caller does later changes what is stored.
 *
 * @throws TypeError that names the first bad or unknown member
 */
export function newRecord(token: NewToken, now: number): TokenRecord {
  if (!isObject(token)) throw new TypeError('save: the token must be an object');
  const { token: value, ...members } = token;
  if (typeof value !== 'string' || !isTokenSyntax(value)) {
    throw new TypeError(
      'save: "token" must be a string of printable ASCII characters (RFC 6749, Appendix A.12)',
    );
  }
  const { kind, clientId } = members;
  const issuedAt = members.issuedAt ?? now;
  const createdAt = members.createdAt ?? issuedAt;
  const createdBy = members.createdBy ?? clientId;
  return soundRecord('save', RECORD_MEMBERS, members, now, {
    status: 'approved',
    issuedAt,
    scope: NONE,
    audience: NONE,
    attributes: NONE,
    refreshCount: 0,
    createdAt,
    createdBy,
    lastModifiedAt: createdAt,
    lastModifiedBy: createdBy,
    ...(kind === 'access_token' && { tokenType: members.confirmation?.jkt ? 'DPoP' : 'Bearer' }),
  });
}

/** `record` with `changes` made; `null` takes a member away. @throws TypeError as {@link newRecord} */
export function changedRecord(record: TokenRecord, changes: TokenChanges, now: number): TokenRecord {
  if (!isObject(changes)) throw new TypeError('update: the changes must be an object');
  return soundRecord('update', UPDATABLE, changes, now, { ...record, lastModifiedAt: now });
}

/** `record` revoked now. */
export function revokedRecord(record: TokenRecord, now: number): TokenRecord {
  return Object.freeze({ ...record, status: 'revoked', lastModifiedAt: now });
}

function soundRecord(
  method: 'save' | 'update',
  allowed: readonly string[],
  members: Readonly<Record<string, unknown>>,
  now: number,
  base: Readonly<Record<string, unknown>>,
): TokenRecord {
  const record: Record<string, unknown> = { ...base };
  for (const [member, given] of Object.entries(members)) {
    if (!allowed.includes(member)) throw new TypeError(`${method}: unknown or fixed member "${member}"`);
    if (given === null && method === 'update') delete record[member];
    else if (given !== undefined) record[member] = frozenCopy(method, member, given);
  }
  const problem = recordProblem(record, now);
  if (problem !== undefined) throw new TypeError(`${method}: ${problem}`);
  return Object.freeze(record) as unknown as TokenRecord;
}

/** A deep copy as JSON sees it: it can be answered as JSON, and is the store's own. */
function frozenCopy(method: string, member: string, value: unknown): unknown {
  if (typeof value !== 'object') return value;
  try {
    return JSON.parse(JSON.stringify(value), (_key, inner: unknown) => Object.freeze(inner));
  } catch (cause) {
    throw new TypeError(`${method}: "${member}" must hold JSON values only`, { cause });
  }
}
