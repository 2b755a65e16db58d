import express, { type Router } from 'express';
import { describable } from '../http/challenge.js';
import { type Call, endpoint } from '../http/endpoint.js';
import { hintParameter, tokenParameter } from '../http/form-body.js';
import { storeFault } from '../introspection/stored-tokens.js';
import { hasMethods, isNonEmptyString, must } from '../options.js';
import { watchedMethods } from '../telemetry/store-probe.js';
import type { TokenRecord } from '../tokens/token-record.js';
import type { ManagedTokenStore } from '../tokens/token-store.js';
import { ApiContext } from './api-context.js';
import type { ApiOptions } from './api-options.js';
import {
  CLIENT_AUTHENTICATION_OPTIONS,
  type ClientAuthenticationOptions,
} from './client-authentication-options.js';
import { ClientAuthenticator, refuseSecondMechanism } from './client-authenticator.js';
import { endsGrant } from './visible-tokens.js';

export const REVOCATION_PATH = '/v1/oauth/revoke';

export interface TokenRevocationOptions extends ApiOptions, ClientAuthenticationOptions {
  /** Where the tokens are, and are ended. */
  readonly tokens: ManagedTokenStore;
  /** Our issuer identifier, which client assertions must name. Without it they are refused. */
  readonly issuer?: string;
}

/** Whether a store can end tokens. */
export function canRevoke(tokens: unknown): tokens is ManagedTokenStore {
  return hasMethods(tokens, 'find', 'revoke', 'revokeGrant');
}

/**
 * `POST /v1/oauth/revoke`: OAuth 2.0 Token Revocation (RFC 7009). A client ends a token that was issued to it. A refresh token
 * ends all tokens of its grant, also if it has expired or was revoked before.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function tokenRevocation(options: TokenRevocationOptions): Router {
  const factory = 'tokenRevocation';
  const context = new ApiContext(factory, options, 'issuer', ...CLIENT_AUTHENTICATION_OPTIONS);
  const { issuer, tokens } = options;
  must(issuer === undefined || isNonEmptyString(issuer), factory, 'issuer', 'a non-empty string');
  must(canRevoke(tokens), factory, 'tokens', 'a store that revokes, such as a MemoryTokenStore');
  const authenticator = new ClientAuthenticator(context, factory, options);
  return tokenRevocationIn(express.Router(), context, authenticator, tokens);
}

/** The same in a router and a context that it shares with the other APIs. */
export function tokenRevocationIn(
  router: Router,
  context: ApiContext,
  authenticator: ClientAuthenticator,
  tokens: ManagedTokenStore,
): Router {
  const store = watchedMethods(context.telemetry, 'tokens', tokens, ['revoke', 'revokeGrant']);
  return endpoint(router, [REVOCATION_PATH], {
    api: 'token-revocation',
    method: 'post',
    ...context.common,
    async answer(call) {
      call.action = 'revoke';
      const caller = await context.admit(call, () => authenticator.caller(call, true));
      const parameters = await call.form();
      refuseSecondMechanism(call, parameters, caller);
      const token = tokenParameter(parameters);
      const record = await context.tokens.own(call, caller, token, hintParameter(parameters));
      if (record) await revoke(store, token, record, call);
      // RFC 7009 §2.2: the same for a token that is not there, and nobody reads it.
      return {};
    },
    errorBody: ({ code, message }) => ({ error: code, error_description: describable(message) }),
  });
}

/**
 * RFC 7009 §2.1: a refresh token ends the access tokens of its grant, also if it has expired or was revoked before; an access
 * token ends alone.
 */
async function revoke(
  store: Pick<ManagedTokenStore, 'revoke' | 'revokeGrant'>,
  token: string,
  record: TokenRecord,
  call: Call,
): Promise<void> {
  call.cascade = endsGrant(record);
  let ended: number;
  try {
    ended = call.cascade ? await store.revokeGrant(record.grantId as string) : await store.revoke(token);
  } catch (cause) {
    throw storeFault(cause);
  }
  call.done = ended > 0;
  // Some other call was quicker.
  if (ended === 0) call.reason ??= 'revoked';
}
