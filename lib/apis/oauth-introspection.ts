import express, { type Request, type Router } from 'express';
import type { Client } from '../clients/client.js';
import { isPublic } from '../clients/client-authentication.js';
import { describable } from '../http/challenge.js';
import { type Call, endpoint } from '../http/endpoint.js';
import { hintParameter, tokenParameter } from '../http/form-body.js';
import { HookError, HttpError } from '../http/http-error.js';
import { activeResponse } from '../introspection/active-response.js';
import type { Introspector } from '../introspection/introspector.js';
import { isNonEmptyString, must } from '../options.js';
import { acceptsSigned } from '../signing/accepts.js';
import { AnswerSigner } from '../signing/answer-signer.js';
import { isEncrypted } from '../signing/encryption.js';
import type { SignedAnswerOptions } from '../signing/signing-keys.js';
import { ApiContext } from './api-context.js';
import type { ApiOptions, CommonOptions } from './api-options.js';
import { type BearerCallerOptions, BearerCallers, refuseAskingAboutItself } from './bearer-caller.js';
import {
  CLIENT_AUTHENTICATION_OPTIONS,
  type ClientAuthenticationOptions,
} from './client-authentication-options.js';
import { ClientAuthenticator, refuseSecondMechanism } from './client-authenticator.js';
import { jwksIn } from './jwks.js';

const API = 'oauth-introspection';
export const INTROSPECTION_PATH = '/v1/oauth/introspect';
/** The API over a token store. */
export interface OAuthIntrospectionOptions
  extends ApiOptions,
    BearerCallerOptions,
    ClientAuthenticationOptions,
    SignedAnswerOptions {
  readonly introspector?: never;
}

/** The API in front of whoever knows the tokens: a gateway. */
export interface OAuthGatewayOptions
  extends CommonOptions,
    BearerCallerOptions,
    ClientAuthenticationOptions,
    SignedAnswerOptions {
  /** Who is asked about tokens: a caching remote introspector, say. In place of `tokens`. */
  readonly introspector: Introspector;
  readonly tokens?: never;
}

export const OAUTH_INTROSPECTION_OPTIONS: readonly (keyof OAuthGatewayOptions)[] = [
  'introspector',
  'issuer',
  'introspectionScope',
  'keys',
  ...CLIENT_AUTHENTICATION_OPTIONS,
];

/**
 * `POST /v1/oauth/introspect`: OAuth 2.0 Token Introspection (RFC 7662), over a token store or in
 * front of an introspector. With `keys`, answers come as JWTs as well (RFC 9701), and the
 * public keys are at `GET /v1/oauth/jwks`.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function oauthIntrospection(options: OAuthIntrospectionOptions | OAuthGatewayOptions): Router {
  const factory = 'oauthIntrospection';
  const context = new ApiContext(factory, options, ...OAUTH_INTROSPECTION_OPTIONS);
  const authenticator = new ClientAuthenticator(context, factory, options);
  return oauthIntrospectionIn(express.Router(), context, authenticator, factory, options);
}

/** The same in a router and a context that it shares with the other APIs. */
export function oauthIntrospectionIn(
  router: Router,
  context: ApiContext,
  authenticator: ClientAuthenticator,
  factory: string,
  options: BearerCallerOptions,
): Router {
  const bearer = new BearerCallers(context, factory, options);
  const signer = answerSigner(context, authenticator, factory, options);
  if (context.signingKeys) jwksIn(router, context.signingKeys, context);
  return endpoint(router, [INTROSPECTION_PATH], {
    api: API,
    method: 'post',
    ...context.common,
    async answer(call) {
      if (signer) call.res.vary('Accept');
      const caller = await context.admit(call, () => confidentialCaller(bearer, authenticator, call));
      const writer = signerFor(signer, caller, call.req);
      const parameters = await call.form();
      refuseSecondMechanism(call, parameters, caller);
      const token = tokenParameter(parameters);
      refuseAskingAboutItself(call, token);
      const found = await context.tokens.visible(
        call,
        caller,
        token,
        API,
        nothing,
        hintParameter(parameters),
      );
      const response = found?.state === 'active' ? activeResponse(found.record) : { active: false };
      return writer ? writer.sign(response, caller) : response;
    },
    errorBody: ({ code, message }) => ({ error: code, error_description: describable(message) }),
  });
}

/** This API shows tokens of either kind. */
function nothing(): undefined {}

function answerSigner(
  { signingKeys: keys, clock }: ApiContext,
  authenticator: ClientAuthenticator,
  factory: string,
  { issuer }: BearerCallerOptions,
): AnswerSigner | undefined {
  if (!keys) return undefined;
  must(isNonEmptyString(issuer), factory, 'issuer', 'given where there are "keys": signed answers need it');
  return new AnswerSigner({ issuer, keys, encryptionKeys: authenticator.keys, clock });
}

/** Who writes the answer as a JWT; `undefined` where it is JSON. */
function signerFor(signer: AnswerSigner | undefined, caller: Client, req: Request): AnswerSigner | undefined {
  if (isEncrypted(caller)) {
    // A matter of the registration, whatever the request asks for (RFC 9701 §5).
    if (!signer) throw new HookError('client: its answers are to be encrypted, which needs "keys"');
    return signer;
  }
  return signer && acceptsSigned(req) ? signer : undefined;
}

/** By its credentials, or by an access token of its own (RFC 7662 §2.1). */
async function confidentialCaller(
  bearer: BearerCallers,
  authenticator: ClientAuthenticator,
  call: Call,
): Promise<Client> {
  const caller = await bearer.caller(call, () => authenticator.caller(call));
  if (isPublic(caller)) {
    throw new HttpError(403, 'unauthorized_client', 'A public client may not introspect tokens here');
  }
  return caller;
}
