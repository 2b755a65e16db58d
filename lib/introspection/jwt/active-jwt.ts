import { isObject } from '../../options.js';
import type { IntrospectionResponse } from '../introspector.js';
import { introspectionResponse } from '../remote/members.js';

/**
 * The claims of a verified token as the answer about it (RFC 9068 §2.2, RFC 7662 §2.2); the
 * given object is changed, and frozen.
 *
 * What binds the token is never loosened: one that is bound to a DPoP key (RFC 9449 §6.1)
 * is of the type `DPoP` whatever it says, and one that says it is stays so.
 *
 * @throws IntrospectionUnavailableError for claims of the wrong kind
 */
export function activeJwt(claims: Record<string, unknown>, now: number): IntrospectionResponse {
  const { cnf } = claims;
  claims.active = true;
  if (isObject(cnf) && cnf.jkt !== undefined && cnf.jkt !== null) claims.token_type = 'DPoP';
  else claims.token_type ??= 'Bearer';
  return introspectionResponse(claims, now);
}
