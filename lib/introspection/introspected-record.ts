import { NOBODY } from '../clients/client.js';
import type { TokenKind, TokenRecord } from '../tokens/token-record.js';
import { REGISTERED } from './active-response.js';
import { isType, scopesOf } from './response-shape.js';
import { leniently } from './times.js';

/** Members of an answer, by what they are called in a record. */
const MEMBERS: readonly (readonly [keyof TokenRecord, member: string])[] = [
  ['subject', 'sub'],
  ['username', 'username'],
  ['brand', 'brand'],
  ['issuer', 'iss'],
  ['jti', 'jti'],
  ['actor', 'act'],
  ['acr', 'acr'],
  ['authorizationDetails', 'authorization_details'],
];

const TIMES: readonly (readonly [keyof TokenRecord, member: string])[] = [
  ['issuedAt', 'iat'],
  ['expiresAt', 'exp'],
  ['notBefore', 'nbf'],
  ['authTime', 'auth_time'],
];

/**
 * The record of a token that an introspector calls active, for policies, and for
 * {@link activeResponse}, which makes the same answer of it again. Unchecked: the members have
 * whatever type they have in the answer.
 *
 * What a record must have and an answer need not is {@link NOBODY} for the client, and 0 for `issuedAt`.
 *
 * @param answer plain frozen data
 */
export function introspectedRecord(
  answer: Readonly<Record<string, unknown>>,
  kind: TokenKind,
): Readonly<Record<string, unknown>> {
  const { client_id: clientId, scope, aud, cnf, token_type: type } = answer;
  const record: Record<string, unknown> = {
    kind,
    status: 'approved',
    clientId: isTold(clientId) ? clientId : NOBODY,
    issuedAt: 0,
    scope: Object.freeze(scopesOf(scope)),
    audience: Array.isArray(aud) ? aud : Object.freeze(isTold(aud) ? [aud] : []),
  };
  for (const [member, name] of MEMBERS) {
    if (isTold(answer[name])) record[member] = answer[name];
  }
  for (const [member, name] of TIMES) {
    const time = timeOf(name, answer[name]);
    if (isTold(time)) record[member] = typeof time === 'number' ? time * 1000 : time;
  }
  if (kind === 'access_token' && isTold(type)) record.tokenType = isType(type, 'dpop') ? 'DPoP' : 'Bearer';
  // Whatever it is: a token must not become less bound by a mistake.
  if (cnf !== undefined && cnf !== null) record.confirmation = cnf;
  const claims = Object.entries(answer).filter(([name]) => !REGISTERED.has(name) && name !== SCOPE_AGAIN);
  if (claims.length > 0) record.claims = Object.freeze(Object.fromEntries(claims));
  return Object.freeze(record);
}

/** A server that knows no expiry may write 0 or less; what little depends on may be text. */
function timeOf(name: string, time: unknown): unknown {
  if (name === 'exp') return typeof time === 'number' && time <= 0 ? undefined : time;
  return name === 'nbf' ? time : leniently(time);
}

/** What some servers call `scope`: it would show the values that a caller is not to see. */
export const SCOPE_AGAIN = 'scp';

/** `null` and the empty string are how some servers write that there is none. */
function isTold(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}
