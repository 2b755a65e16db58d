import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import type { AuthorizationServer, ClientAuth } from './oauth-types.js';
import { bareCause } from './transport-error.js';

/** The parts of a request that say who we are, and the form with what we ask. */
interface AuthenticatedForm {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Adds our credentials to a form. What can be known at construction is not computed again. */
export type Authentication = (
  form: string,
  server: AuthorizationServer,
) => AuthenticatedForm | Promise<AuthenticatedForm>;

type ConstantHeaders = Readonly<Record<string, string>>;

/** Credentials that are the same for every request: the Basic header, or the constant end of the body. */
export function constantAuthentication(
  headers: ConstantHeaders,
  clientId: string,
  method: ClientAuth,
): Authentication {
  const parameters = new URLSearchParams();
  const own = new Headers(headers);
  // The methods that are constant do not look at the server, and are done when they return.
  void method({ issuer: '' }, { client_id: clientId }, parameters, own);
  const constant = Object.fromEntries(own);
  const end = parameters.size > 0 ? `&${parameters.toString()}` : '';
  return (form) => ({ headers: constant, body: form + end });
}

/**
 * HTTP Basic with id and secret form-encoded (RFC 6749 §2.3.1, Appendix B). Unlike
 * oauth4webapi's, it leaves `-`, `.`, `_` and `*` as they are, as forms do: a server that
 * does not decode then still knows an ordinary id.
 */
export function basicClientAuth(clientSecret: string): ClientAuth {
  return (_server, { client_id: clientId }, _form, headers) => {
    const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
    headers.set('authorization', `Basic ${btoa(pair)}`);
  };
}

/** Id and secret in the form (RFC 6749 §2.3.1). */
export function postClientAuth(clientSecret: string): ClientAuth {
  return (_server, { client_id: clientId }, form) => {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  };
}

/** The id alone. */
export const noClientAuth: ClientAuth = (_server, { client_id: clientId }, form) => {
  form.set('client_id', clientId);
};

function formEncoded(value: string): string {
  return new URLSearchParams([['', value]]).toString().slice(1);
}

/** Credentials that are made for each request, such as a signed assertion. */
export function computedAuthentication(
  headers: ConstantHeaders,
  clientId: string,
  method: ClientAuth,
): Authentication {
  return async (form, server) => {
    const parameters = new URLSearchParams(form);
    const own = new Headers(headers);
    try {
      await method(server, { client_id: clientId }, parameters, own);
    } catch (error) {
      throw noCredentials('clientAuth', error);
    }
    return { headers: Object.fromEntries(own), body: parameters.toString() };
  };
}

/** An access token of ours as the credential (RFC 7662 §2.1, RFC 6750 §2.1). */
export function bearerAuthentication(
  headers: ConstantHeaders,
  accessToken: () => Promise<string> | string,
): Authentication {
  return async (form) => {
    let token: unknown;
    try {
      token = await accessToken();
    } catch (error) {
      throw noCredentials('accessToken', error);
    }
    if (typeof token !== 'string' || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
      throw noCredentials('accessToken', new TypeError());
    }
    return { headers: { ...headers, authorization: `Bearer ${token}` }, body: form };
  };
}

function noCredentials(option: string, error: unknown): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError('our_credentials', `"${option}" gave no credentials`, {
    cause: bareCause(error),
  });
}
