import { frozenShallow } from '../../frozen-copy.js';
import { isObject } from '../../options.js';
import { INACTIVE, inactive } from '../inactivity.js';
import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import type { ActiveResponse, IntrospectionResponse } from '../introspector.js';
import { isImplausible, leniently } from '../times.js';

type Normal = (value: unknown, member: string) => unknown;

/** What each member is in the end. Times are rounded so that nobody who trusts one uses the token too late, or too early. */
const MEMBERS: readonly (readonly [member: string, normal: Normal])[] = [
  ...['sub', 'client_id', 'token_type', 'username', 'iss', 'jti', 'acr'].map((name) => [name, text] as const),
  ['exp', expiry],
  ['nbf', (value, member) => Math.ceil(seconds(value, member))],
  ['iat', wholeSeconds],
  ['auth_time', wholeSeconds],
  ['scope', scope],
  ['aud', audience],
  ['cnf', confirmation],
  // Nothing is demanded of these here, but that `null` is no value.
  ...['act', 'authorization_details', 'brand', 'scp', 'token_use'].map((name) => [name, as] as const),
];

/** Nobody nests claims deeper; what walks over them must not run out of stack. */
const MAX_DEPTH = 32;

/**
 * The answer in parsed JSON, in the form of RFC 7662 §2.2 whatever form the server gave it.
 *
 * Only boolean `true` is active and only boolean `false` inactive; of an inactive token
 * nothing else is passed on. The given object is changed, and frozen all the way down.
 *
 * @param now milliseconds
 * @throws IntrospectionUnavailableError for anything else: what is not understood is no answer
 */
export function introspectionResponse(json: unknown, now: number): IntrospectionResponse {
  if (!isObject(json)) throw malformed('is no JSON object');
  if (json.active === false) return INACTIVE;
  if (json.active !== true) throw malformed('has no boolean "active"');
  if (json.scp !== undefined) json.scope ??= json.scp;
  for (const [member, normal] of MEMBERS) normalize(json, member, normal);
  if (typeof json.exp === 'number' && isImplausible(json.exp, now)) return inactive('implausible_exp');
  harden(json, 0);
  return frozenShallow(json) as unknown as ActiveResponse;
}

export function malformed(problem: string): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError(
    'malformed_answer',
    `The answer of the authorization server ${problem}`,
  );
}

/** `null` is how some servers write that there is none. */
function normalize(json: Record<string, unknown>, member: string, normal: Normal): void {
  const value = json[member];
  if (value === undefined) return;
  const changed = value === null ? undefined : normal(value, member);
  if (changed === undefined) delete json[member];
  else if (changed !== value) json[member] = changed;
}

function as(value: unknown): unknown {
  return value;
}

function text(value: unknown, member: string): string {
  if (typeof value === 'string') return value;
  // Row ids of a database, as `sub` or `client_id`.
  if (Number.isSafeInteger(value)) return String(value);
  throw malformed(`has a "${member}" that is no string`);
}

function seconds(value: unknown, member: string): number {
  // JSON's 1e999 is Infinity.
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw malformed(`has a "${member}" that is no number of seconds`);
  }
  return value;
}

/** 0, and what is below, is how some servers write that a token never expires. */
function expiry(value: unknown, member: string): number | undefined {
  const exp = seconds(value, member);
  // The first second of 1970 is past as well, and must not be rounded to none.
  return exp > 0 ? Math.max(Math.floor(exp), 1) : undefined;
}

/** Little depends on these: one in the wrong form is no value, and whoever needs it must refuse. */
function wholeSeconds(value: unknown, member: string): number | undefined {
  const time = leniently(value);
  return time === undefined ? undefined : Math.floor(seconds(time, member));
}

/** What binds a token to a key is never dropped: a token must not become less bound by a mistake. */
function confirmation(value: unknown): object {
  if (!isObject(value)) throw malformed('has a "cnf" that is no object');
  return Object.fromEntries(Object.entries(value).filter(([, key]) => key !== null));
}

function scope(value: unknown): string | undefined {
  const joined = Array.isArray(value) && value.every(isString) ? value.join(' ') : value;
  if (typeof joined !== 'string')
    throw malformed('has a "scope" that is neither a string nor an array of them');
  const values = joined.split(/\s+/).filter((part) => part !== '');
  return values.length > 0 ? values.join(' ') : undefined;
}

function audience(value: unknown): unknown {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value) || !value.every(isString)) {
    throw malformed('has an "aud" that is neither a string nor an array of them');
  }
  return value.length > 1 ? value : value[0];
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

/** Freezes all that is in a value, and drops the one name that turns into a prototype when somebody copies it. */
function harden(value: object, depth: number): void {
  if (depth > MAX_DEPTH) throw malformed('is nested too deeply');
  for (const [name, inner] of Object.entries(value)) {
    if (name === '__proto__') Reflect.deleteProperty(value, name);
    else if (typeof inner === 'object' && inner !== null) {
      harden(inner, depth + 1);
      Object.freeze(inner);
    }
  }
}
