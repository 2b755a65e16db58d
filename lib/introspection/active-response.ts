import type { TokenRecord } from '../tokens/token-record.js';
import type { ActiveResponse } from './introspector.js';

/** Members that an extension claim may not set, whether or not the record has them. */
const REGISTERED: ReadonlySet<string> = new Set([
  'active',
  'sub',
  'client_id',
  'token_type',
  'brand',
  'scope',
  'exp',
  'iat',
  'nbf',
  'iss',
  'aud',
  'jti',
  'username',
  'cnf',
  'act',
  'acr',
  'auth_time',
  'authorization_details',
]);

/** The members of RFC 7662 §2.2 that a live token's record has. */
export function activeResponse(record: TokenRecord): ActiveResponse {
  const { scope, audience } = record;
  const members: Record<string, unknown> = {
    active: true,
    sub: record.subject,
    client_id: record.clientId,
    token_type: tokenType(record),
    brand: record.brand,
    scope: scope.length > 0 ? scope.join(' ') : undefined,
    exp: seconds(record.expiresAt),
    iat: seconds(record.issuedAt),
    // Rounded up: a client that trusts `nbf` must not use the token too early.
    nbf: record.notBefore === undefined ? undefined : Math.ceil(record.notBefore / 1000),
    iss: record.issuer,
    aud: audience.length > 1 ? audience : audience[0],
    jti: record.jti,
    username: record.username,
    cnf: record.confirmation,
    act: record.actor,
    acr: record.acr,
    auth_time: seconds(record.authTime),
    authorization_details: record.authorizationDetails,
  };
  for (const member of Object.keys(members)) {
    if (members[member] === undefined) delete members[member];
  }
  return { ...members, ...extensionClaims(record) } as ActiveResponse;
}

/** RFC 6749 §5.1 and RFC 9449 §5; a refresh token has none. */
function tokenType({ kind, confirmation, tokenType }: TokenRecord): string | undefined {
  if (kind === 'refresh_token') return undefined;
  return confirmation?.jkt ? 'DPoP' : tokenType;
}

/** Rounded down: nobody who trusts `exp` uses the token too late. */
export function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.floor(milliseconds / 1000);
}

function extensionClaims({ claims = {} }: TokenRecord): Record<string, unknown> {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !REGISTERED.has(name)));
}
