import { frozenJson } from '../frozen-copy.js';
import { isObject } from '../options.js';
import { isWithinBound } from './attributes-bound.js';
import { RECORD_MEMBERS, recordProblem } from './check-token-record.js';
import { isTokenSyntax } from './token-digest.js';
import type { TokenRecord } from './token-record.js';
import type { NewToken, RemovableMember, TokenChanges, UpdatableMember } from './token-store.js';
import { isWellFormed } from './well-formed.js';

/** A new token in the parts in which a store keeps it. */
export interface NewParts {
  readonly value: string;
  /** To be sealed; not part of the record. */
  readonly refreshToken: string | undefined;
  /** With all defaults; a frozen copy, so that nothing the caller does later changes what is stored. */
  readonly record: TokenRecord;
}

const REMOVABLE: readonly RemovableMember[] = [
  'expiresAt',
  'notBefore',
  'app',
  'appId',
  'apiProducts',
  'brand',
  'claims',
  'authorizationDetails',
];
const UPDATABLE: readonly UpdatableMember[] = [
  ...REMOVABLE,
  'scope',
  'audience',
  'attributes',
  'refreshCount',
  'lastModifiedBy',
];

/** One for all, since most records have some empty list. */
const NONE = Object.freeze([]);

/** Checks a new token and fills in the defaults. @throws TypeError that names the first bad or unknown member */
export function newRecord(token: NewToken, now: number): NewParts {
  if (!isObject(token)) throw new TypeError('save: the token must be an object');
  refuseOthers('save', token, [...RECORD_MEMBERS, 'token']);
  const value: unknown = token.token;
  if (typeof value !== 'string' || !isTokenSyntax(value)) {
    throw new TypeError(
      'save: "token" must be a string of printable ASCII characters (RFC 6749, Appendix A.12)',
    );
  }
  const given = copied('save', token, RECORD_MEMBERS);
  const issuedAt = given.issuedAt ?? now;
  const createdAt = given.createdAt ?? issuedAt;
  const createdBy = given.createdBy ?? given.clientId;
  const whole = {
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
    ...(given.kind === 'access_token' && { tokenType: isDpopBound(given) ? 'DPoP' : 'Bearer' }),
    ...given,
  } as Record<string, unknown>;
  check('save', whole, now);
  checkAttributes('save', given);
  const { refreshToken, ...record } = whole;
  return {
    value,
    refreshToken: refreshToken as string | undefined,
    record: Object.freeze(record) as unknown as TokenRecord,
  };
}

/** What an update changes, read once, so that nothing the caller does later matters. @throws TypeError as {@link newRecord} */
export function readChanges(changes: TokenChanges): TokenChanges {
  if (!isObject(changes)) throw new TypeError('update: the changes must be an object');
  refuseOthers('update', changes, UPDATABLE);
  return Object.freeze(copied('update', changes, UPDATABLE));
}

/** `record` with `changes` made; `null` takes an optional member away. @throws TypeError as {@link newRecord} */
export function changedRecord(record: TokenRecord, changes: TokenChanges, now: number): TokenRecord {
  const read = readChanges(changes);
  const changed: Record<string, unknown> = { ...record, lastModifiedAt: now, ...read };
  for (const member of REMOVABLE) if (changed[member] === null) delete changed[member];
  check('update', changed, now);
  // Those that a record has already are its own.
  checkAttributes('update', read);
  return Object.freeze(changed) as unknown as TokenRecord;
}

/** `record` revoked now, in whichever form a store has it. */
export function revokedRecord<T extends Pick<TokenRecord, 'status' | 'lastModifiedAt'>>(
  record: T,
  now: number,
): T {
  return Object.freeze({ ...record, status: 'revoked', lastModifiedAt: now });
}

/** The same with its revocation taken back now. */
export function approvedRecord<T extends Pick<TokenRecord, 'status' | 'lastModifiedAt'>>(
  record: T,
  now: number,
): T {
  return Object.freeze({ ...record, status: 'approved', lastModifiedAt: now });
}

function isDpopBound({ confirmation }: Record<string, unknown>): boolean {
  return isObject(confirmation) && confirmation.jkt !== undefined && confirmation.jkt !== null;
}

function refuseOthers(method: string, given: object, allowed: readonly string[]): void {
  const other = Object.keys(given).find((member) => !allowed.includes(member));
  if (other !== undefined) throw new TypeError(`${method}: unknown or fixed member "${other}"`);
}

function check(method: string, record: object, now: number): void {
  const problem = recordProblem(record, now);
  if (problem !== undefined) throw new TypeError(`${method}: ${problem}`);
}

/** Of sound records only: what is stored already is read, however large. */
function checkAttributes(method: string, { attributes }: Pick<Partial<TokenRecord>, 'attributes'>): void {
  if (attributes && !isWithinBound(attributes))
    throw new TypeError(`${method}: "attributes" must have 64 KiB together at most, as JSON`);
}

/** The given members, each read once, own or inherited. */
function copied(
  method: string,
  given: Readonly<Record<string, unknown>>,
  members: readonly string[],
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const member of members) {
    const value = given[member];
    if (value !== undefined) copy[member] = jsonCopy(method, member, value);
  }
  return copy;
}

/** A frozen copy as JSON sees it: it can be answered as JSON, and is the store's own. */
function jsonCopy(method: string, member: string, value: unknown): unknown {
  let copy: unknown;
  let isText: boolean;
  try {
    copy = typeof value === 'object' ? frozenJson(value) : value;
    isText = isWellFormed(copy);
  } catch (cause) {
    throw new TypeError(`${method}: "${member}" must hold JSON values only`, { cause });
  }
  // An invalid `Date`, say. To a change `null` means that the member is taken away.
  if (copy === null && value !== null)
    throw new TypeError(`${method}: "${member}" must hold JSON values only`);
  if (!isText) throw new TypeError(`${method}: "${member}" must be of well-formed Unicode`);
  return copy;
}
