import type { Client } from '../clients/client.js';
import { isObject } from '../options.js';
import { recordProblem } from '../tokens/check-token-record.js';
import type { TokenRecord } from '../tokens/token-record.js';

/**
 * A token as a caller may see it: members to show in place of the record's own. It can
 * only narrow: values of `scope` and `audience` that the record lacks are dropped, and
 * what decides about life and ownership (`kind`, `status`, `clientId`, times) is not
 * read. `undefined` leaves a member out.
 */
export type TokenView = {
  readonly [Member in ViewMember]?: TokenRecord[Member] | undefined;
};

type ViewMember = (typeof VIEW_MEMBERS)[number];

const VIEW_MEMBERS = [
  'scope',
  'audience',
  'subject',
  'username',
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
  'organization',
] as const;

/**
 * Decides whether a caller may see a token: `true`, `false` (then it is answered as one
 * that does not exist), or a narrower view of it. What the contracts fix holds whatever
 * it says: the refresh-token API shows refresh tokens only, and a public client its own.
 */
export type AccessPolicy = (
  caller: Client,
  token: TokenRecord,
) => boolean | TokenView | Promise<boolean | TokenView>;

/**
 * The default: a caller sees tokens issued to itself, and access tokens meant for one of
 * its `audiences`, of whose scope it sees its own `scopes` only where it declares them.
 * A refresh token is its owner's alone. `introspects` narrows that to `own`, or opens it
 * to `any`.
 */
export function defaultPolicy(caller: Client, token: TokenRecord): boolean | TokenView {
  if (token.clientId === caller.clientId) return true;
  if (caller.introspects === 'own') return false;
  if (!isMeantFor(caller, token) && caller.introspects !== 'any') return false;
  const { scopes } = caller;
  return scopes === undefined || { scope: token.scope.filter((value) => scopes.includes(value)) };
}

/** Whether only `introspects: 'any'` lets the default policy show this token. */
export function isSeenByOptOut(caller: Client, token: TokenRecord): boolean {
  return caller.introspects === 'any' && token.clientId !== caller.clientId && !isMeantFor(caller, token);
}

function isMeantFor(caller: Client, token: TokenRecord): boolean {
  return (
    token.kind === 'access_token' && token.audience.some((resource) => caller.audiences?.includes(resource))
  );
}

/**
 * The record as the policy's answer shows it; `undefined` when it does not.
 *
 * @throws TypeError for an answer that is none: a policy that forgets to return must not decide anything
 */
export function viewOf(record: TokenRecord, allowed: unknown): TokenRecord | undefined {
  if (allowed === true) return record;
  if (allowed === false) return undefined;
  if (!isObject(allowed)) throw new TypeError('policy: must return true, false or an object');
  const view: Record<string, unknown> = {};
  for (const member of VIEW_MEMBERS) {
    if (member in allowed) view[member] = allowed[member];
  }
  const shown = {
    ...record,
    ...view,
    scope: narrowed(record.scope, view, 'scope'),
    audience: narrowed(record.audience, view, 'audience'),
  };
  const problem = recordProblem(shown, 0);
  if (problem !== undefined) throw new TypeError(`policy: ${problem}`);
  return shown as TokenRecord;
}

function narrowed(
  values: readonly string[],
  view: Record<string, unknown>,
  member: 'scope' | 'audience',
): readonly string[] {
  if (!(member in view)) return values;
  const kept = view[member] ?? [];
  if (!Array.isArray(kept)) throw new TypeError(`policy: "${member}" must be an array`);
  return values.filter((value) => kept.includes(value));
}
