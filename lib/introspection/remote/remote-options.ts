import { checkBoolean, isFunction, isNonEmptyString, knownOptions, must } from '../../options.js';
import type { TelemetryOptions } from '../../telemetry/telemetry.js';
import { SIGNED } from '../signed-type.js';
import {
  type Authentication,
  basicClientAuth,
  bearerAuthentication,
  computedAuthentication,
  constantAuthentication,
  noClientAuth,
  postClientAuth,
} from './authentication.js';
import { type ConnectionSettings, connectionSettings, issuerUrl, urlExpected } from './connection-options.js';
import type { Fetch } from './fetch-transport.js';
import { type FormParameters, parametersOption } from './form-parameters.js';
import { endpointUrl } from './metadata.js';
import type { ClientAuth } from './oauth-types.js';

/** Whom to ask, as whom, and how. One of `issuer` and `endpoint` is required. */
export interface RemoteIntrospectorOptions {
  /** The issuer identifier of the authorization server, whose metadata (RFC 8414, OpenID Connect Discovery) says where to ask. Read when first needed. */
  readonly issuer?: string;
  /** The URL of the introspection endpoint, for a server without metadata. A signed assertion (`clientAuth`) then has it as its audience. */
  readonly endpoint?: string;
  /** Our client id at the server. Required, save for an `accessToken` caller without `signedResponse`. */
  readonly clientId?: string;
  /** Our client secret, as it was issued. Required for `client_secret_basic` and `client_secret_post`. */
  readonly clientSecret?: string;
  /**
   * How we prove who we are: a method's name, or a function that adds our credentials to a request, such as those of the
   * package `oauth4webapi` (`PrivateKeyJwt`, `ClientSecretJwt`, `TlsClientAuth`, …), called for each request.
   * Default `client_secret_basic`, form-encoded (RFC 6749 §2.3.1).
   */
  readonly clientAuth?: 'client_secret_basic' | 'client_secret_post' | 'none' | ClientAuth;
  /** Gives an access token of ours, sent as `Bearer` in place of client credentials (RFC 7662 §2.1). Called for each request; keeping the token is up to it. */
  readonly accessToken?: () => Promise<string> | string;
  /**
   * More form parameters for every introspection request, such as a `resource` or the `token_type_hint` that some servers need.
   * A hint that comes with a question, as the guard's does, takes the place of that one. Not `token`, `client_id`,
   * `client_secret`, `client_assertion` nor `client_assertion_type`.
   */
  readonly parameters?: Readonly<Record<string, string | readonly string[]>>;
  /** Milliseconds for the whole question: metadata, credentials, connecting, the answer and the retry. Default 3,000. */
  readonly timeout?: number;
  /** Used for every request in place of our own connections: for client certificates (RFC 8705), proxies and tests. */
  readonly fetch?: Fetch;
  /** Asks for a signed answer (RFC 9701), verifies it, and refuses any other. Needs `issuer` and `clientId`. Default false. */
  readonly signedResponse?: boolean;
  /** Lets `http:` URLs pass, the server's own included. For tests and private networks. Default false. */
  readonly allowInsecureRequests?: boolean;
  /** The time in milliseconds, by which a signed answer is fresh and a `Retry-After` date lies ahead. Default `Date.now`. */
  readonly clock?: () => number;
  /** Where measurements and spans go; `false`: nowhere. Default: the global providers of OpenTelemetry, whenever the app registers them. */
  readonly telemetry?: TelemetryOptions | false;
}

/** The options, checked and with their defaults. */
export interface RemoteSettings extends ConnectionSettings {
  /** Where to look for metadata, or the endpoint itself. */
  readonly location: { readonly issuer: URL } | { readonly endpoint: URL };
  /** Empty where there is none, which is never with `signedResponse`. */
  readonly clientId: string;
  readonly authentication: Authentication;
  readonly signedResponse: boolean;
  readonly parameters: FormParameters;
}

const FACTORY = 'remoteIntrospector';
const KNOWN = [
  'issuer',
  'endpoint',
  'clientId',
  'clientSecret',
  'clientAuth',
  'accessToken',
  'parameters',
  'timeout',
  'fetch',
  'signedResponse',
  'allowInsecureRequests',
  'clock',
  'telemetry',
];

/** @throws TypeError that names the bad option */
export function remoteSettings(options: RemoteIntrospectorOptions): RemoteSettings {
  knownOptions(FACTORY, options, KNOWN);
  const { signedResponse = false } = options;
  const connection = connectionSettings(FACTORY, options);
  checkBoolean(FACTORY, 'signedResponse', signedResponse);
  return {
    ...connection,
    location: locationOption(options, connection.allowInsecureRequests),
    clientId: clientIdOption(options),
    authentication: authenticationOption(options),
    signedResponse,
    parameters: parametersOption(FACTORY, options.parameters),
  };
}

function locationOption(
  { issuer, endpoint, signedResponse }: RemoteIntrospectorOptions,
  allowHttp: boolean,
): RemoteSettings['location'] {
  must(
    (issuer === undefined) !== (endpoint === undefined),
    FACTORY,
    'issuer" or "endpoint',
    'given, one of them',
  );
  if (endpoint === undefined) return { issuer: issuerUrl(FACTORY, issuer, allowHttp) };
  must(!signedResponse, FACTORY, 'issuer', 'given in place of "endpoint" where there is "signedResponse"');
  const url = endpointUrl(endpoint, allowHttp);
  must(url !== undefined, FACTORY, 'endpoint', urlExpected(allowHttp));
  return { endpoint: url };
}

function clientIdOption({ clientId, accessToken, signedResponse }: RemoteIntrospectorOptions): string {
  if (clientId === undefined && accessToken !== undefined && !signedResponse) return '';
  must(isNonEmptyString(clientId), FACTORY, 'clientId', 'a non-empty string');
  return clientId;
}

function authenticationOption(options: RemoteIntrospectorOptions): Authentication {
  const { accessToken, clientAuth = 'client_secret_basic', clientSecret, signedResponse } = options;
  const headers = {
    accept: signedResponse ? SIGNED : 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
    'user-agent': 'express-token-introspection',
  };
  if (accessToken !== undefined) {
    must(isFunction(accessToken), FACTORY, 'accessToken', 'a function');
    for (const option of ['clientSecret', 'clientAuth'] as const) {
      must(options[option] === undefined, FACTORY, option, 'left out where there is "accessToken"');
    }
    return bearerAuthentication(headers, accessToken);
  }
  const clientId = options.clientId as string;
  if (clientAuth === 'client_secret_basic' || clientAuth === 'client_secret_post') {
    must(isNonEmptyString(clientSecret), FACTORY, 'clientSecret', `a non-empty string for ${clientAuth}`);
    const method = clientAuth === 'client_secret_basic' ? basicClientAuth : postClientAuth;
    return constantAuthentication(headers, clientId, method(clientSecret));
  }
  // A secret that is never sent is a mistake somewhere.
  must(clientSecret === undefined, FACTORY, 'clientSecret', 'left out where "clientAuth" does not use it');
  if (clientAuth === 'none') return constantAuthentication(headers, clientId, noClientAuth);
  must(
    isFunction(clientAuth),
    FACTORY,
    'clientAuth',
    'client_secret_basic, client_secret_post, none, or a ClientAuth function of oauth4webapi',
  );
  return computedAuthentication(headers, clientId, clientAuth);
}
