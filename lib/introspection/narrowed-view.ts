import type { Client } from '../clients/client.js';
import type { TokenRecord } from '../tokens/token-record.js';
import { SCOPE_AGAIN } from './introspected-record.js';

type Details = NonNullable<TokenRecord['authorizationDetails']>;

/** Members of an answer that are about the user, and what they are called in a record. */
const ABOUT_THE_USER = [
  ['sub', 'subject'],
  ['username', 'username'],
  ['brand', 'brand'],
  ['act', 'actor'],
  ['acr', 'acr'],
  ['auth_time', 'authTime'],
] as const;

type NarrowedMember = 'scope' | 'claims' | 'authorizationDetails' | (typeof ABOUT_THE_USER)[number][1];

/** What is shown in place of a record's own members; `undefined` leaves one out. */
type NarrowedView = { [Member in NarrowedMember]?: TokenRecord[Member] | undefined };

/**
 * What a protected resource sees of a token that was not issued to it: its own `scopes`, its `claims`, and the
 * authorization details that are not for other resources only. `undefined` where that is all of it: most callers are
 * told everything, and should not pay for a view.
 */
export function narrowedView(caller: Client, token: TokenRecord): NarrowedView | undefined {
  const { scopes, claims, audiences = [], introspects } = caller;
  const details = introspects === 'any' ? undefined : token.authorizationDetails;
  const view: NarrowedView = {};
  if (scopes && !token.scope.every((value) => scopes.includes(value))) {
    view.scope = token.scope.filter((value) => scopes.includes(value));
  }
  if (claims) leaveOut(view, token, claims);
  if (scopes) hideScopeAgain(view, token, scopes);
  if (details) {
    const shown = detailsFor(audiences, details);
    if (shown !== details) view.authorizationDetails = shown;
  }
  return Object.keys(view).length > 0 ? view : undefined;
}

function leaveOut(view: NarrowedView, token: TokenRecord, allowed: readonly string[]): void {
  for (const [name, member] of ABOUT_THE_USER) {
    if (token[member] !== undefined && !allowed.includes(name)) view[member] = undefined;
  }
  const claims = claimsAmong(token.claims, allowed);
  if (claims !== token.claims) view.claims = claims;
}

/** What some servers call `scope` may have the values that the caller is not to see. */
function hideScopeAgain(view: NarrowedView, token: TokenRecord, scopes: readonly string[]): void {
  const { [SCOPE_AGAIN]: again, ...others } = ('claims' in view ? view.claims : token.claims) ?? {};
  const values: unknown = typeof again === 'string' ? again.split(' ') : again;
  const isShown = Array.isArray(values) && values.every((value) => scopes.includes(value as string));
  if (again !== undefined && !isShown) view.claims = Object.keys(others).length > 0 ? others : undefined;
}

/**
 * Says what kind of token it is, and nothing about the user: without it a guard would take a refresh token for an
 * access token, where the server behind a gateway tells them apart by nothing else.
 */
const TOKEN_USE = 'token_use';

/** Those of a record's extension claims that are named; the same object where all are. */
export function claimsAmong(
  claims: TokenRecord['claims'],
  names: readonly string[],
): Readonly<Record<string, unknown>> | undefined {
  if (!claims) return undefined;
  const all = Object.entries(claims);
  const kept = all.filter(([name]) => names.includes(name) || name === TOKEN_USE);
  if (kept.length === all.length) return claims;
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

/** The same object where nothing is left out. */
function detailsFor(audiences: readonly string[], details: Details): Details | undefined {
  const kept = details.map((entry) => entryFor(audiences, entry)).filter((entry) => entry !== undefined);
  if (kept.length === 0) return undefined;
  return kept.length === details.length && kept.every((entry, index) => entry === details[index])
    ? details
    : kept;
}

/**
 * An entry as a resource may see it (RFC 9396 §9.2): of the places where it holds, those that are its own, compared as
 * they stand (§12). One without `locations` holds everywhere. One whose `locations` are no array of strings, or an
 * empty one, is for nobody.
 */
function entryFor(audiences: readonly string[], entry: Details[number]): Details[number] | undefined {
  const { locations } = entry;
  if (locations === undefined) return entry;
  if (!Array.isArray(locations) || !locations.every((location) => typeof location === 'string')) {
    return undefined;
  }
  const own = locations.filter((location) => audiences.includes(location));
  if (own.length === 0) return undefined;
  return own.length === locations.length ? entry : { ...entry, locations: own };
}
