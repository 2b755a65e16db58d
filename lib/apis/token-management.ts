import type { Client, ManagementRight } from '../clients/client.js';
import type { Call, Endpoint } from '../http/endpoint.js';
import { invalidRequest } from '../http/http-error.js';
import { jsonBody } from '../http/json-body.js';
import { hasNoContent } from '../http/read-body.js';
import type { ManagedTokenStore, TokenStore } from '../tokens/token-store.js';
import type { ApiContext } from './api-context.js';
import type { BearerCallers } from './bearer-caller.js';
import { ManagedTokens } from './managed-tokens.js';
import {
  mergedAttributes,
  type RequestedAction,
  type RequestedUpdate,
  requestedAction,
  requestedUpdate,
} from './requested-change.js';
import {
  accessTokenMembers,
  type DetailsForm,
  forbidden,
  holderOfOrganization,
  managementEndpoint,
  notFound,
  onlyThoseOf,
  refreshTokenMembers,
} from './token-details.js';
import type { LinkedToken, VisibleToken } from './visible-tokens.js';

const API = 'token-management';
const REFRESH_TOKEN_API = 'refresh-token-details';

/** The calls that change what is at the path of an access token: those that are switched on. */
export function accessTokenChanges(
  context: ApiContext,
  bearer: BearerCallers,
  tokens: TokenStore,
  rights: ReadonlySet<ManagementRight>,
  form: DetailsForm,
): readonly Endpoint[] {
  // Whatever is switched on, the options have seen to it that the store has its methods.
  const store = new ManagedTokens(tokens as Required<ManagedTokenStore>, context.telemetry);
  const common = { api: API, ...managementEndpoint(context, form) } as const;
  const post: Endpoint = {
    ...common,
    method: 'post',
    answer: (call) => change({ context, bearer, store, form }, rights, call),
  };
  const remove: Endpoint = {
    ...common,
    method: 'delete',
    answer: (call) => removeToken({ context, bearer, store, form }, call),
  };
  const changes = rights.has('revoke') || rights.has('approve') || rights.has('update');
  return [...(changes ? [post] : []), ...(rights.has('delete') ? [remove] : [])];
}

/** `GET …/refreshtokens/:refresh_token`. */
export function refreshTokenDetails(context: ApiContext, bearer: BearerCallers, form: DetailsForm): Endpoint {
  return {
    api: REFRESH_TOKEN_API,
    method: 'get',
    ...managementEndpoint(context, form),
    async answer(call) {
      const { caller, organization } = await holderOfOrganization(context, bearer, call);
      demandRight(caller, 'refreshTokens');
      const { refresh_token: token } = call.req.params as { refresh_token: string };
      const hides = onlyThoseOf(organization, 'refresh_token');
      const visible = await context.tokens.visible(call, caller, token, REFRESH_TOKEN_API, hides);
      if (!visible) throw notFound();
      return refreshTokenMembers(visible, token, form);
    },
  };
}

/** With what access tokens are changed. */
interface Changing {
  readonly context: ApiContext;
  readonly bearer: BearerCallers;
  readonly store: ManagedTokens;
  readonly form: DetailsForm;
}

/** Revokes, approves or updates an access token; answers its details afterwards. */
async function change(
  { context, bearer, store, form }: Changing,
  rights: ReadonlySet<ManagementRight>,
  call: Call,
): Promise<object> {
  const { caller, organization } = await holderOfOrganization(context, bearer, call);
  const { action, cascade } = requestedAction(call.req.url, rights);
  call.action = action;
  call.cascade = cascade;
  demandRight(caller, action);
  if (action !== 'update' && !(await hasNoContent(call.req, call.res)))
    throw invalidRequest('An action takes no body');
  const update = action === 'update' ? requestedUpdate(await jsonBody(call.req, call.res)) : {};
  const { token, visible } = await demandToken(context, call, caller, organization);
  const { found } = visible;
  const refreshToken = (): Promise<LinkedToken | undefined> => context.tokens.refreshTokenOf(found);
  if (action === 'revoke') {
    await store.revoke({ token, found, refreshToken }, cascade);
  } else if (action === 'approve') {
    // What the policy does not show, and what is of no organization, the caller cannot bring back.
    const shown = async (): Promise<LinkedToken | undefined> => {
      const linked = visible.refreshToken() === undefined ? undefined : await refreshToken();
      return linked?.record.organization === organization ? linked : undefined;
    };
    await store.approve({ token, found, refreshToken: shown }, cascade, context.clock());
  } else {
    await store.update(token, found, update, caller.clientId);
  }
  const after = await context.tokens.changed(call, caller, token, API);
  return accessTokenMembers(after ?? expected(visible, action, update), token, form);
}

/** What a change has made of a token that cannot be shown any more: it is done, and must not look as if it were not. */
function expected(
  { record, ...visible }: VisibleToken,
  action: RequestedAction['action'],
  { attributes, scope = record.scope }: RequestedUpdate,
): VisibleToken {
  const merged = attributes && mergedAttributes(record.attributes, attributes);
  return {
    ...visible,
    record: { ...record, scope, ...(merged && { attributes: merged }) },
    ...(action === 'revoke' && { state: 'revoked' }),
    ...(action === 'approve' && { state: 'active' }),
  };
}

/** Removes an access token; answers its details as they were. */
async function removeToken({ context, bearer, store, form }: Changing, call: Call): Promise<object> {
  const { caller, organization } = await holderOfOrganization(context, bearer, call);
  call.action = 'delete';
  demandRight(caller, 'delete');
  const { token, visible } = await demandToken(context, call, caller, organization);
  const before = accessTokenMembers(visible, token, form);
  if (await store.remove(token)) return before;
  call.reason = 'unknown';
  throw notFound();
}

/** @throws HttpError 403, before anything is said of a token */
export function demandRight({ manages }: Client, right: ManagementRight): void {
  if (!manages?.includes(right)) throw forbidden('The client may not do this to tokens of this organization');
}

/** The access token in the path, as the caller may see it. @throws HttpError 404, and whatever `visible` throws */
async function demandToken(
  context: ApiContext,
  call: Call,
  caller: Client,
  organization: string,
): Promise<{ readonly token: string; readonly visible: VisibleToken }> {
  const { access_token: token } = call.req.params as { access_token: string };
  const hides = onlyThoseOf(organization, 'access_token');
  const visible = await context.tokens.visible(call, caller, token, API, hides);
  if (!visible) throw notFound();
  return { token, visible };
}
