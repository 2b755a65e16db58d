import { NOBODY } from '../clients/client.js';
import type { TokenRecord } from '../tokens/token-record.js';
import type { ActiveResponse } from './introspector.js';
import { tokenKind } from './response-shape.js';

/** Members that an extension claim may not set, whether or not the record has them. */
export const REGISTERED: ReadonlySet<string> = new Set([
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

/** The members of RFC 7662 §2.2 that a live token's record has; those of them left out that nobody told. */
export function activeResponse(record: TokenRecord): ActiveResponse {
  const { kind, scope, audience, claims } = record;
  const response: Record<string, unknown> = { active: true };
  // One after the other: to build all of them and take the absent ones away cost ten times as much.
  const put = (member: string, value: unknown): void => {
    if (value !== undefined) response[member] = value;
  };
  put('sub', record.subject);
  if (record.clientId !== NOBODY) response.client_id = record.clientId;
  put('token_type', tokenType(record));
  // By this a guard knows it, whatever the record's claims say.
  if (kind === 'refresh_token') response.token_use = kind;
  put('brand', record.brand);
  if (scope.length > 0) response.scope = scope.join(' ');
  put('exp', seconds(record.expiresAt));
  if (record.issuedAt !== 0) put('iat', seconds(record.issuedAt));
  // Rounded up: a client that trusts `nbf` must not use the token too early.
  if (record.notBefore !== undefined) response.nbf = Math.ceil(record.notBefore / 1000);
  put('iss', record.issuer);
  put('aud', audience.length > 1 ? audience : audience[0]);
  put('jti', record.jti);
  put('username', record.username);
  put('cnf', record.confirmation);
  put('act', record.actor);
  put('acr', record.acr);
  put('auth_time', seconds(record.authTime));
  put('authorization_details', record.authorizationDetails);
  return (claims ? { ...response, ...extensionClaims(kind, claims) } : response) as ActiveResponse;
}

/** RFC 6749 §5.1 and RFC 9449 §5; a refresh token has none. */
function tokenType({ kind, confirmation, tokenType = 'Bearer' }: TokenRecord): string | undefined {
  if (kind === 'refresh_token') return undefined;
  return confirmation?.jkt ? 'DPoP' : tokenType;
}

/** Rounded down: nobody who trusts `exp` uses the token too late. */
export function seconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Math.floor(milliseconds / 1000);
}

/** A `token_use` only where it says of an access token that it is one. */
function extensionClaims(
  kind: TokenRecord['kind'],
  claims: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const isUse = (use: unknown): boolean => kind === 'access_token' && tokenKind({ token_use: use }) === kind;
  return Object.fromEntries(
    Object.entries(claims).filter(
      ([name, value]) => !REGISTERED.has(name) && (name !== 'token_use' || isUse(value)),
    ),
  );
}
