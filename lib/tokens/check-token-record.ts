import { isNonEmptyString, isObject } from '../options.js';
import { onRejection } from '../thenable.js';
import type { TokenRecord } from './token-record.js';

interface Rule {
  readonly expected: string;
  readonly required?: true;
  holds(value: unknown): boolean;
}

const id: Rule = { expected: 'a non-empty string', holds: isNonEmptyString };
const text: Rule = { expected: 'a string', holds: (value) => typeof value === 'string' };
const instant: Rule = {
  expected: 'a time in milliseconds since 1970',
  holds: (value) => Number.isFinite(value) && (value as number) >= 0,
};
const object: Rule = { expected: 'an object', holds: isObject };

function oneOf(...values: readonly string[]): Rule {
  return {
    expected: `one of ${values.map((value) => `'${value}'`).join(', ')}`,
    holds: (value) => values.includes(value as string),
  };
}

function listOf(item: (value: unknown) => boolean, expected: string): Rule {
  return { expected, holds: (value) => Array.isArray(value) && value.every(item) };
}

/** One scope value: RFC 6749 §3.3 `scope-token`, which has no space, quote or backslash. */
export function isScopeValue(value: unknown): boolean {
  return typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value);
}

function isAttribute(value: unknown): boolean {
  return isObject(value) && typeof value.name === 'string' && typeof value.value === 'string';
}

const RULES: { readonly [Member in keyof TokenRecord]-?: Rule } = {
  kind: { ...oneOf('access_token', 'refresh_token'), required: true },
  clientId: { ...id, required: true },
  status: { ...oneOf('approved', 'revoked'), required: true },
  issuedAt: { ...instant, required: true },
  expiresAt: instant,
  notBefore: instant,
  subject: id,
  username: text,
  organization: id,
  scope: listOf(isScopeValue, 'an array of scope values, one each, without spaces'),
  audience: listOf(isNonEmptyString, 'an array of non-empty strings'),
  issuer: id,
  tokenType: id,
  jti: id,
  brand: text,
  app: text,
  appId: text,
  apiProducts: listOf(isNonEmptyString, 'an array of non-empty strings'),
  attributes: listOf(isAttribute, 'an array of { name, value } with strings'),
  grantType: text,
  grantId: id,
  refreshToken: id,
  refreshCount: {
    expected: 'a whole number, 0 or more',
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  },
  createdAt: instant,
  createdBy: text,
  lastModifiedAt: instant,
  lastModifiedBy: text,
  confirmation: object,
  actor: object,
  acr: text,
  authTime: instant,
  authorizationDetails: listOf(isObject, 'an array of objects'),
  claims: object,
};

const MEMBERS = Object.entries(RULES) as readonly [keyof TokenRecord, Rule][];

/** The names of all members of a record. */
export const RECORD_MEMBERS: readonly string[] = MEMBERS.map(([member]) => member);

/** Before 1973 in milliseconds, and every time of this century in seconds. */
const LOOKS_LIKE_SECONDS = 1e11;

/**
 * Says what is wrong with a record, naming the member and never its value;
 * `undefined` when it is sound. Absent optional members are sound, wrong ones never:
 * a token whose record cannot be understood is not shown as live.
 */
export function recordProblem(value: unknown, now: number): string | undefined {
  if (!isObject(value)) return 'it is not an object';
  for (const [member, rule] of MEMBERS) {
    const found = value[member];
    if (found === undefined) {
      if (rule.required) return `"${member}" is missing`;
      continue;
    }
    if (!rule.holds(found)) return `"${member}" must be ${rule.expected}`;
    if (
      rule.expected === instant.expected &&
      now > LOOKS_LIKE_SECONDS &&
      (found as number) < LOOKS_LIKE_SECONDS
    ) {
      return `"${member}" must be ${rule.expected}, not in seconds`;
    }
  }
  const { kind, tokenType } = value;
  if (kind === 'access_token' && tokenType !== undefined && tokenType !== 'Bearer' && tokenType !== 'DPoP') {
    return `"tokenType" of an access token must be 'Bearer' or 'DPoP'`;
  }
  return undefined;
}

/** Names from RFC 7662 and from tables; a record in which they stand for the right one would lose a check. */
const MISNAMED: Readonly<Record<string, keyof TokenRecord>> = {
  cnf: 'confirmation',
  exp: 'expiresAt',
  expires_at: 'expiresAt',
  nbf: 'notBefore',
  not_before: 'notBefore',
};

/** Says which member has a name that a record does not know, where its own name is missing. */
export function misnamedMember(value: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, member] of Object.entries(MISNAMED)) {
    if (value[name] !== undefined && value[member] === undefined)
      return `"${name}" must be named "${member}"`;
  }
  return undefined;
}

/**
 * A record as plain data: each member is read once, own or inherited, so that what is
 * checked is what is used, even where a store answers objects with getters. The linked
 * refresh token is left out: our own stores open it when it is read.
 */
export function plainRecord(value: object): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [member] of MEMBERS) {
    if (member === 'refreshToken') continue;
    const found = (value as Record<string, unknown>)[member];
    // A member that is a promise is refused; that it rejects as well must not end the process.
    onRejection(found, () => {});
    plain[member] = found;
  }
  return plain;
}
