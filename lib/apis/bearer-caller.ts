import type { Client } from '../clients/client.js';
import { findClient } from '../clients/client-verifier.js';
import { type GuardSettings, guardSettings } from '../guard/guard-options.js';
import { type PresentedToken, readPresentedToken } from '../guard/presented-token.js';
import { invalidToken, requireScope, verifyToken } from '../guard/require-active-token.js';
import type { Call } from '../http/endpoint.js';
import { authorizationLines } from '../http/header-lines.js';
import { type HttpError, invalidRequest } from '../http/http-error.js';
import { isNonEmptyString, must } from '../options.js';
import { isScopeValue } from '../tokens/check-token-record.js';
import type { ApiContext } from './api-context.js';

/** The default of `introspectionScope`. */
export const INTROSPECTION_SCOPE = 'introspection';

export interface BearerCallerOptions {
  /**
   * Our issuer identifier, which a Bearer caller's token must carry in `aud`, and which is the `iss` of signed responses.
   * Without it Bearer callers are refused. Required with `keys`.
   */
  readonly issuer?: string;
  /** The scope that a Bearer caller's token must have. Default `introspection`. */
  readonly introspectionScope?: string;
}

/**
 * Callers that come with an access token of their own (RFC 7662 §2.1), judged as at any guarded API: it must be active, have
 * our issuer in its `aud` and the scope, and be bound to no key. The caller is the client that it was issued to.
 */
export class BearerCallers {
  readonly #context: ApiContext;
  readonly #settings: GuardSettings | undefined;

  /** @throws TypeError that names a bad option */
  constructor(
    context: ApiContext,
    factory: string,
    { issuer, introspectionScope = INTROSPECTION_SCOPE }: BearerCallerOptions,
  ) {
    must(issuer === undefined || isNonEmptyString(issuer), factory, 'issuer', 'a non-empty string');
    must(isScopeValue(introspectionScope), factory, 'introspectionScope', 'one scope value');
    this.#context = context;
    if (issuer === undefined) return;
    const { introspector, clock, realm } = context;
    const scope = introspectionScope;
    this.#settings = guardSettings({ introspector, clock, realm, audience: issuer, scope, dpop: false });
  }

  /**
   * The client that calls: by its access token, if it presents one and such callers are taken, or else as `byCredentials` says.
   *
   * @throws HttpError 401 `invalid_token`, 403 `insufficient_scope`, 503, and what `byCredentials` throws
   */
  caller(call: Call, byCredentials: () => Promise<Client>): Promise<Client> {
    const presented = presentedBy(call);
    // More than one line is no choice between them.
    const isBearer = presented.kind !== 'missing' && authorizationLines(call.req).length === 1;
    const settings = this.#settings;
    if (!settings || !isBearer) return byCredentials();
    const token = presented.kind === 'token' ? presented.token : '';
    return this.#context.tokenCaller(call, token, () => this.#byToken(settings, call, presented));
  }

  async #byToken(settings: GuardSettings, call: Call, presented: PresentedToken): Promise<Client> {
    if (presented.kind !== 'token')
      throw invalidToken(settings, 'Bearer', 'The access token is malformed', {
        reason: 'malformed_request',
      });
    const token = await verifyToken(settings, presented, call.req, call.res);
    const { client_id: clientId } = token;
    const caller =
      typeof clientId === 'string' ? await findClient(this.#context.clients, clientId) : undefined;
    if (!caller || caller.disabled) {
      throw invalidToken(settings, 'Bearer', 'The client of the access token is gone', {
        reason: 'client_disabled',
      });
    }
    call.clientId = caller.clientId;
    requireScope(settings, 'Bearer', token);
    return caller;
  }
}

/** RFC 7662 §2.1 lets a caller use a token to ask about others; about itself it would confirm what it holds. @throws HttpError 400 */
export function refuseAskingAboutItself(call: Call, token: string): void {
  const presented = presentedBy(call);
  if (presented.kind === 'token' && presented.token === token) throw askingAboutItself();
}

function presentedBy(call: Call): PresentedToken {
  return readPresentedToken(authorizationLines(call.req), ['Bearer']);
}

function askingAboutItself(): HttpError {
  return invalidRequest('An access token may not ask about itself');
}
