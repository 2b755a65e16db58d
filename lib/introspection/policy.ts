import type { Client } from '../clients/client.js';
import type { ApiName } from '../http/audit.js';
import { HookError } from '../http/http-error.js';
import { isObject } from '../options.js';
import { RECORD_MEMBERS, recordProblem } from '../tokens/check-token-record.js';
import type { TokenKind, TokenRecord } from '../tokens/token-record.js';
import { narrowedView } from './narrowed-view.js';

/**
 * A token as a caller may see it: members to show in place of the record's own, such as
 * a pairwise `subject`; `undefined` leaves a member out. Of `scope` and `audience` only
 * values that the record has are shown. `refreshToken` can only be left out. What decides
 * about life and ownership (`kind`, `status`, `clientId`, times) stays the record's.
 */
export type TokenView = {
  readonly [Member in ViewMember]?: TokenRecord[Member] | undefined;
} & { readonly refreshToken?: string | undefined };

type ViewMember = (typeof VIEW_MEMBERS)[number];

const VIEW_MEMBERS = [
  'scope',
  'audience',
  'subject',
  'username',
  'organization',
  'brand',
  'jti',
  'confirmation',
  'actor',
  'acr',
  'authTime',
  'authorizationDetails',
  'claims',
  'attributes',
  'app',
  'appId',
  'apiProducts',
] as const;

/**
 * Decides whether a caller may see a token through an API: `true`, `false` (then it is
 * answered as one that does not exist), or a view of it. What the contracts fix holds
 * whatever it says: the refresh-token API shows refresh tokens only, and a public client
 * its own; the details and management APIs are about tokens of an organization that the caller
 * holds, and whoever manages them has the right to it.
 */
export type AccessPolicy = (
  caller: Client,
  token: TokenRecord,
  api: ApiName,
) => boolean | TokenView | Promise<boolean | TokenView>;

/**
 * The default: a caller sees tokens issued to itself, in full, and access tokens meant for
 * one of its `audiences`. Of those it sees its own `scopes` and `claims` only, where it
 * declares them, and no authorization details that are for other resources only (RFC 9396
 * §9.2). A refresh token is its owner's alone. `introspects` narrows that to `own`, or
 * opens it to `any`, which hides no authorization details. Through the details and management
 * APIs, whoever holds an organization sees its access tokens, and through that of refresh tokens its refresh tokens.
 */
export function defaultPolicy(caller: Client, token: TokenRecord, api: ApiName): boolean | TokenView {
  const managed = MANAGED[api];
  if (managed !== undefined) return token.kind === managed && holdsOrganizationOf(caller, token);
  if (token.clientId === caller.clientId) return true;
  if (caller.introspects === 'own') return false;
  if (!isMeantFor(caller, token) && caller.introspects !== 'any') return false;
  return narrowedView(caller, token) ?? true;
}

/** The tokens that an API is about which belong to an organization, and so to whoever holds it. */
const MANAGED: { readonly [Api in ApiName]?: TokenKind } = {
  'access-token-details': 'access_token',
  'refresh-token-details': 'refresh_token',
  'token-management': 'access_token',
};

function holdsOrganizationOf({ organizations = [] }: Client, { organization }: TokenRecord): boolean {
  return organization !== undefined && organizations.includes(organization);
}

/** Whether only `introspects: 'any'` lets the default policy show this token. */
export function isSeenByOptOut(caller: Client, token: TokenRecord, api: ApiName): boolean {
  if (MANAGED[api] !== undefined || caller.introspects !== 'any') return false;
  return token.clientId !== caller.clientId && !isMeantFor(caller, token);
}

function isMeantFor(caller: Client, token: TokenRecord): boolean {
  return (
    token.kind === 'access_token' && token.audience.some((resource) => caller.audiences?.includes(resource))
  );
}

/** What a policy's answer shows. */
export interface ShownToken {
  readonly record: TokenRecord;
  readonly showsRefreshToken: boolean;
}

/**
 * The record as the policy's answer shows it; `undefined` when it does not.
 *
 * @throws HookError for an answer that is none: a policy that forgets to return, or misspells what it narrows, must not decide anything
 */
export function viewOf(record: TokenRecord, allowed: unknown): ShownToken | undefined {
  if (allowed === true) return { record, showsRefreshToken: true };
  if (allowed === false) return undefined;
  const view = checkedView(allowed);
  const shown = {
    ...record,
    ...Object.fromEntries(
      VIEW_MEMBERS.filter((member) => member in view).map((member) => [member, view[member]]),
    ),
    scope: narrowed(record.scope, view, 'scope'),
    audience: narrowed(record.audience, view, 'audience'),
  };
  const problem = recordProblem(shown, 0);
  if (problem !== undefined) throw new HookError(`policy: ${problem}`);
  return { record: shown as TokenRecord, showsRefreshToken: !('refreshToken' in view) };
}

/** A copy of a record with changes is a view as well, so any member of a record may be there; nothing else may. */
function checkedView(allowed: unknown): Record<string, unknown> {
  if (!isObject(allowed) || Object.keys(allowed).length === 0) {
    throw new HookError('policy: must return true, false, or an object that says what to show');
  }
  const other = Object.keys(allowed).find((member) => !RECORD_MEMBERS.includes(member));
  if (other !== undefined) throw new HookError(`policy: unknown member "${other}"`);
  if (allowed.refreshToken !== undefined) throw new HookError('policy: "refreshToken" can only be left out');
  return allowed;
}

function narrowed(
  values: readonly string[],
  view: Record<string, unknown>,
  member: 'scope' | 'audience',
): readonly string[] {
  if (!(member in view)) return values;
  const kept = view[member] ?? [];
  if (!Array.isArray(kept)) throw new HookError(`policy: "${member}" must be an array`);
  return values.filter((value) => kept.includes(value));
}
