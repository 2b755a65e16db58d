import { frozenShallow } from '../../frozen-copy.js';
import { isObject } from '../../options.js';
import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import type { ActiveResponse, InactiveResponse, IntrospectionResponse } from '../introspector.js';

export const INACTIVE: InactiveResponse = Object.freeze({ active: false });

const STRINGS = ['sub', 'client_id', 'token_type', 'username', 'iss', 'jti', 'acr'] as const;

/** Rounded so that nobody who trusts a time uses the token too late, or too early. */
const TIMES = [
  ['exp', Math.floor],
  ['iat', Math.floor],
  ['auth_time', Math.floor],
  ['nbf', Math.ceil],
] as const;

/** Nobody nests claims deeper; what walks over them must not run out of stack. */
const MAX_DEPTH = 32;

/**
 * The answer in parsed JSON, in the form of RFC 7662 §2.2 whatever form the server gave it.
 *
 * Only boolean `true` is active and only boolean `false` inactive; of an inactive token
 * nothing else is passed on. The given object is changed, and frozen all the way down.
 *
 * @throws IntrospectionUnavailableError for anything else: what is not understood is no answer
 */
export function introspectionResponse(json: unknown): IntrospectionResponse {
  if (!isObject(json)) throw malformed('is no JSON object');
  if (json.active === false) return INACTIVE;
  if (json.active !== true) throw malformed('has no boolean "active"');
  for (const member of STRINGS) normalize(json, member, text);
  for (const [member, round] of TIMES) normalize(json, member, (value) => seconds(member, value, round));
  if (json.scp !== undefined) json.scope ??= json.scp;
  normalize(json, 'scope', scope);
  normalize(json, 'aud', audience);
  // What binds a token to a key is never dropped: a token must not become less bound by a mistake.
  if (json.cnf !== undefined && !isObject(json.cnf)) throw malformed('has a "cnf" that is no object');
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
function normalize(
  json: Record<string, unknown>,
  member: string,
  normal: (value: unknown, member: string) => unknown,
): void {
  const value = json[member];
  if (value === undefined) return;
  const changed = value === null ? undefined : normal(value, member);
  if (changed === undefined) delete json[member];
  else if (changed !== value) json[member] = changed;
}

function text(value: unknown, member: string): string {
  if (typeof value === 'string') return value;
  // Row ids of a database, as `sub` or `client_id`.
  if (Number.isSafeInteger(value)) return String(value);
  throw malformed(`has a "${member}" that is no string`);
}

function seconds(member: string, value: unknown, round: (value: number) => number): number {
  // JSON's 1e999 is Infinity.
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw malformed(`has a "${member}" that is no number of seconds`);
  }
  return round(value);
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
