import type { Client } from '../clients/client.js';
import { isPublic } from '../clients/client-authentication.js';
import type { InactiveReason } from '../http/audit.js';
import { type Call, type Endpoint, notFoundOrConflict } from '../http/endpoint.js';
import { HttpError } from '../http/http-error.js';
import type { TokenKind, TokenRecord } from '../tokens/token-record.js';
import type { TokenState } from '../tokens/token-state.js';
import type { ApiContext } from './api-context.js';
import { type BearerCallers, refuseAskingAboutItself } from './bearer-caller.js';
import type { Hides, VisibleToken } from './visible-tokens.js';

/** How details are written. */
export interface DetailsForm {
  readonly scopeSeparator: string;
  /** The `code` of the 404. */
  readonly notFoundCode: string;
  /** The `message` of the 404. */
  readonly notFoundMessage: string;
}

/** `status` has three words for all states. A token that is only early is approved; one whose client is gone is as good as revoked. */
const STATUS: { readonly [State in TokenState]: 'approved' | 'revoked' | 'expired' } = {
  active: 'approved',
  not_yet_valid: 'approved',
  expired: 'expired',
  revoked: 'revoked',
  client_disabled: 'revoked',
};

/** How the management API writes the expiry of a token that never expires. */
const NEVER = -1;

/** The two forms of the path of something that an organization has. */
export function organizationPaths(place: string): readonly string[] {
  return ['/v1/o', '/v1/organizations'].map((base) => `${base}/:org_name/oauth2/${place}`);
}

/** Those of the path of a token. */
export function tokenPaths(resource: string, token: string): readonly string[] {
  return organizationPaths(`${resource}/:${token}`);
}

/** What the calls of the management API have in common, beside what they answer. */
export function managementEndpoint(
  context: ApiContext,
  { notFoundCode, notFoundMessage }: DetailsForm,
): Omit<Endpoint, 'api' | 'method' | 'answer'> {
  return {
    ...context.common,
    errorBody: ({ code, message, status }) =>
      status === 404
        ? { code: notFoundCode, message: notFoundMessage, contexts: [] }
        : { code: `keymanagement.service.${code}`, message, contexts: [] },
    storeError: notFoundOrConflict,
  };
}

/**
 * The confidential client that calls, by HTTP Basic or with an access token of its own, and that holds the organization in
 * the path.
 *
 * @throws HttpError 401, 429, 403 whether or not there is such an organization, or 400 for an access token that is used on itself
 */
export async function holderOfOrganization(
  context: ApiContext,
  bearer: BearerCallers,
  call: Call,
): Promise<{ readonly caller: Client; readonly organization: string }> {
  const caller = await context.admit(call, () => bearer.caller(call, () => context.basicCaller(call)));
  const { org_name: organization, access_token: token } = call.req.params as {
    readonly org_name: string;
    /** Of a refresh token there is none in the path. */
    readonly access_token?: string;
  };
  // A public client proves nothing by its id; whoever has no right learns nothing about the organization.
  if (isPublic(caller) || !caller.organizations?.includes(organization))
    throw forbidden('The client may not read access tokens of this organization');
  if (token !== undefined) refuseAskingAboutItself(call, token);
  return { caller, organization };
}

export function forbidden(message: string): HttpError {
  return new HttpError(403, 'unauthorized_client', message);
}

/** Which has the words of the API, whatever the message here. */
export function notFound(): HttpError {
  return new HttpError(404, 'not_found', 'There is no such token');
}

/** The tokens of one kind and one organization are shown here, and no others. */
export function onlyThoseOf(organization: string, kind: TokenKind): Hides {
  return (record: TokenRecord): InactiveReason | undefined => {
    if (record.kind !== kind) return 'wrong_kind';
    return record.organization === organization ? undefined : 'not_yours';
  };
}

/** The documented members of an access token, in their alphabetical order. */
export function accessTokenMembers(visible: VisibleToken, token: string, form: DetailsForm): object {
  return {
    ...members(visible, visible.refreshToken(), form),
    token,
    tokenType: 'BearerToken',
  };
}

/** The same of a refresh token, which stands where that of an access token does; `token` and `tokenType` are of an access token. */
export function refreshTokenMembers(visible: VisibleToken, token: string, form: DetailsForm): object {
  return members(visible, token, form);
}

function members(
  { record, state }: VisibleToken,
  refreshToken: string | undefined,
  { scopeSeparator }: DetailsForm,
): object {
  const { issuedAt, createdAt = issuedAt, createdBy = record.clientId } = record;
  return {
    apiProducts: record.apiProducts,
    app: record.app ?? '',
    appId: record.appId,
    attributes: (record.attributes ?? []).map(({ name, value }) => ({ name, value })),
    clientId: record.clientId,
    createdAt,
    createdBy,
    expiresAt: record.expiresAt ?? NEVER,
    grantType: record.grantType ?? '',
    issuedAt,
    lastModifiedAt: record.lastModifiedAt ?? createdAt,
    lastModifiedBy: record.lastModifiedBy ?? createdBy,
    refreshCount: record.refreshCount ?? 0,
    refreshToken,
    scope: record.scope.join(scopeSeparator),
    status: STATUS[state],
  };
}
