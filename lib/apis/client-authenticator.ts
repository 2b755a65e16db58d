import type { Request } from 'express';
import { type Credentials, isPresentableId } from '../clients/basic-credentials.js';
import type { Client } from '../clients/client.js';
import {
  ASSERTION_TYPE,
  CLIENT_ASSERTION,
  ClientAssertionStrategy,
  type ClientKeys,
  type PresentedAssertion,
} from '../clients/client-assertion.js';
import { HMAC_NAMES } from '../clients/client-authentication.js';
import {
  CLIENT_CERTIFICATE,
  ClientCertificateStrategy,
  clientCertificateOf,
  type PresentedCertificate,
} from '../clients/client-certificate.js';
import { SECRET_POST, SecretPostStrategy } from '../clients/secret-post-strategy.js';
import type { Call } from '../http/endpoint.js';
import type { FormParameters } from '../http/form-body.js';
import { authorizationLines } from '../http/header-lines.js';
import { type HttpError, invalidRequest } from '../http/http-error.js';
import type { ApiContext } from './api-context.js';
import type { CommonOptions } from './api-options.js';
import {
  type ClientAuthenticationOptions,
  type ClientAuthenticationSettings,
  clientAuthenticationSettings,
} from './client-authentication-options.js';

/** What a form says about who sends it (RFC 6749 §2.3), one way at most. */
type InForm =
  | { readonly kind: 'secret'; readonly clientId: string; readonly secret: string }
  | {
      readonly kind: 'assertion';
      readonly type: string | undefined;
      readonly assertion: string | undefined;
      readonly clientId: string | undefined;
    }
  | { readonly kind: 'id'; readonly clientId: string }
  | { readonly kind: 'nothing' };

/** Finds out which client calls an OAuth endpoint, in whichever way it proves that. */
export class ClientAuthenticator {
  readonly #context: ApiContext;
  readonly #settings: ClientAuthenticationSettings;

  /** @throws TypeError that names a bad option */
  constructor(
    context: ApiContext,
    factory: string,
    options: ClientAuthenticationOptions & Pick<CommonOptions, 'telemetry'> & { readonly issuer?: string },
  ) {
    const { clients, clock, verifier, verified } = context;
    const settings = clientAuthenticationSettings(factory, options, clock);
    const { keys, assertions } = settings;
    this.#context = context;
    this.#settings = settings;
    context.addStrategy(new SecretPostStrategy(verifier));
    if (assertions)
      context.addStrategy(new ClientAssertionStrategy({ ...assertions, clients, keys, clock, verified }));
    if (settings.certificate) context.addStrategy(new ClientCertificateStrategy({ clients, keys, verified }));
  }

  /** The names of the methods by which callers may prove who they are (RFC 8414 §2). */
  get methods(): readonly string[] {
    const { assertions, certificate } = this.#settings;
    return [
      'client_secret_basic',
      'client_secret_post',
      ...(assertions ? ['client_secret_jwt', 'private_key_jwt'] : []),
      ...(certificate ? ['tls_client_auth', 'self_signed_tls_client_auth'] : []),
    ];
  }

  /** The public keys of clients. */
  get keys(): ClientKeys {
    return this.#settings.keys;
  }

  /** The algorithms that their assertions may be signed with. */
  get algorithms(): readonly string[] {
    const { assertions } = this.#settings;
    return assertions ? [...assertions.algorithms, ...HMAC_NAMES] : [];
  }

  /**
   * The client that a request is from, by `Authorization` where it has one, or else by its form. With `publicClients`, one
   * that has nothing to prove who it is need only say so (RFC 6749 §3.2.1).
   *
   * @throws HttpError 401 where nobody has proved anything, 400 for more than one way at once (RFC 6749 §2.3)
   */
  async caller(call: Call, publicClients = false): Promise<Client> {
    const lines = presentLines(call.req);
    if (lines.length > 1) {
      throw invalidRequest('The Authorization header must not be repeated', 400, { credentials: 'repeated' });
    }
    if (lines.length === 1) return this.#context.basicCaller(call);
    const form = inForm(await call.form());
    if ('clientId' in form && form.clientId !== undefined && !isPresentableId(form.clientId)) {
      throw this.#context.refusedCredentials('malformed');
    }
    switch (form.kind) {
      case 'secret':
        return this.#context.callerBy<Credentials>(SECRET_POST, call, form);
      case 'assertion':
        return this.#byAssertion(call, form);
      case 'id':
        return (
          (publicClients && (await this.#context.publicCaller(call, form.clientId))) ||
          // Where an id may be enough, one that is not is a wrong one, and no lack of credentials.
          this.#byCertificate(call, form.clientId, publicClients ? 'wrong' : 'missing')
        );
      default:
        throw this.#context.refusedCredentials('missing');
    }
  }

  async #byAssertion(
    call: Call,
    { type, assertion, clientId }: Extract<InForm, { kind: 'assertion' }>,
  ): Promise<Client> {
    // RFC 7521 §4.2.1: whatever is wrong with an assertion is wrong with the client.
    if (type !== ASSERTION_TYPE || assertion === undefined || !this.#settings.assertions) {
      throw this.#context.refusedCredentials('malformed');
    }
    return this.#context.callerBy<PresentedAssertion>(CLIENT_ASSERTION, call, { assertion, clientId });
  }

  async #byCertificate(call: Call, clientId: string, without: 'wrong' | 'missing'): Promise<Client> {
    const { certificate } = this.#settings;
    const found = certificate && clientCertificateOf(certificate, call.req);
    if (!found) throw this.#context.refusedCredentials(without);
    const presented: PresentedCertificate = { ...found, clientId };
    return this.#context.callerBy(CLIENT_CERTIFICATE, call, presented);
  }
}

/** @throws HttpError 400 for more than one way at once */
function inForm(parameters: FormParameters): InForm {
  const clientId = parameters.get('client_id');
  const secret = parameters.get('client_secret');
  const assertion = parameters.get('client_assertion');
  const type = parameters.get('client_assertion_type');
  const hasAssertion = assertion !== undefined || type !== undefined;
  if (parameters.has('access_token') || (secret !== undefined && hasAssertion)) throw secondMechanism();
  if (hasAssertion) return { kind: 'assertion', type, assertion, clientId };
  if (secret !== undefined) return { kind: 'secret', clientId: clientId ?? '', secret };
  return clientId === undefined ? { kind: 'nothing' } : { kind: 'id', clientId };
}

/** Every line of `Authorization` that says something. */
function presentLines(req: Request): readonly string[] {
  return authorizationLines(req).filter((line) => line !== '');
}

/** RFC 6749 §2.3: one way a request. After one in a header, what a form says may only be the same `client_id` again. */
export function refuseSecondMechanism(call: Call, parameters: FormParameters, caller: Client): void {
  const clientId = parameters.get('client_id');
  if (clientId !== undefined && clientId !== caller.clientId) {
    throw invalidRequest('The client_id differs from the authenticated client');
  }
  // In a form there was one way, or it would have been refused.
  if (presentLines(call.req).length === 0) return;
  for (const name of ['client_secret', 'client_assertion', 'client_assertion_type', 'access_token']) {
    if (parameters.has(name)) throw secondMechanism();
  }
}

function secondMechanism(): HttpError {
  return invalidRequest('Only one way of client authentication may be used');
}
