import { ALGORITHMS, areAsymmetric, USUAL_ALGORITHMS } from '../algorithms.js';
import type { ClientCertificateSource } from '../clients/certificate-source.js';
import type { ClientKeys } from '../clients/client-assertion.js';
import { certificateOfConnection } from '../clients/client-certificate.js';
import { type ConnectionSettings, connectionSettings } from '../introspection/remote/connection-options.js';
import type { Fetch } from '../introspection/remote/fetch-transport.js';
import {
  hasMethods,
  isFunction,
  isNonEmptyString,
  isObject,
  isTimer,
  knownOptions,
  must,
  TIMER,
} from '../options.js';
import { assertionMemory, type ReplayMemory } from '../replay-memory.js';
import { watchedMethods } from '../telemetry/store-probe.js';
import type { CommonOptions } from './api-options.js';
import { RegisteredKeys } from './client-keys.js';

/** How client assertions are taken (`private_key_jwt`, `client_secret_jwt`; RFC 7523). */
export interface AssertionOptions {
  /**
   * What `aud` may name, and must not name anything else beside it. Default: the `issuer`, so that an assertion that another
   * server has asked for is no good here; the URLs of our endpoints only where callers cannot be changed.
   */
  readonly audience?: string | readonly string[];
  /** Milliseconds from now in which `exp` must lie. Default 600,000. */
  readonly maxLifetime?: number;
  /** The asymmetric algorithms that are taken. Default `ES256`, `ES384`, `ES512`, `EdDSA`, `Ed25519`, `PS256`, `RS256`. */
  readonly algorithms?: readonly string[];
  /** Where the assertions that were used are remembered, up to a million in this process by default. Processes that serve the same API need one in common. */
  readonly replay?: ReplayMemory;
}

/** In which ways callers may prove who they are, besides by Basic and `client_secret_post`. */
export interface ClientAuthenticationOptions {
  /** Client assertions; `false` for none. Default: taken where there is an `issuer`. */
  readonly assertions?: AssertionOptions | false;
  /**
   * Client certificates (RFC 8705 §2): `true` for those of the TLS connection, whose server must ask for them
   * (`requestCert`); a function where a proxy ends TLS and says which it was. Default false.
   */
  readonly clientCertificate?: boolean | ClientCertificateSource;
  /** Used for the keys at a client's `jwksUri`, in place of our own connections: for proxies and tests. */
  readonly fetch?: Fetch;
}

export const CLIENT_AUTHENTICATION_OPTIONS: readonly (keyof ClientAuthenticationOptions)[] = [
  'assertions',
  'clientCertificate',
  'fetch',
];

/** The options, checked and with their defaults. */
export interface ClientAuthenticationSettings {
  readonly keys: ClientKeys;
  /** `undefined`: none are taken. */
  readonly assertions:
    | (Required<Omit<AssertionOptions, 'audience'>> & { readonly audience: readonly string[] })
    | undefined;
  readonly certificate: ClientCertificateSource | undefined;
}

const MAX_LIFETIME = 600_000;
/** Milliseconds for the keys of a client. */
const KEYS_TIMEOUT = 3000;

/** @throws TypeError that names the bad option */
export function clientAuthenticationSettings(
  factory: string,
  {
    assertions,
    clientCertificate = false,
    fetch,
    issuer,
    telemetry,
  }: ClientAuthenticationOptions & Pick<CommonOptions, 'telemetry'> & { readonly issuer?: string },
  clock: () => number,
): ClientAuthenticationSettings {
  must(
    typeof clientCertificate === 'boolean' || isFunction(clientCertificate),
    factory,
    'clientCertificate',
    'a boolean, or a function',
  );
  const source = clientCertificate === true ? certificateOfConnection : clientCertificate;
  const connection = connectionSettings(factory, {
    timeout: KEYS_TIMEOUT,
    clock,
    ...(fetch !== undefined && { fetch }),
    ...(telemetry !== undefined && { telemetry }),
  });
  return {
    keys: new RegisteredKeys(connection),
    assertions: assertionSettings(factory, assertions, issuer, connection),
    certificate: source === false ? undefined : source,
  };
}

function assertionSettings(
  factory: string,
  option: AssertionOptions | false | undefined,
  issuer: string | undefined,
  { clock, telemetry }: ConnectionSettings,
): ClientAuthenticationSettings['assertions'] {
  if (option === false) return undefined;
  must(option === undefined || isObject(option), factory, 'assertions', 'an object, or false');
  const options: AssertionOptions = option ?? {};
  knownOptions(`${factory}: assertions`, options, ['audience', 'maxLifetime', 'algorithms', 'replay']);
  const { audience = issuer, maxLifetime = MAX_LIFETIME, algorithms = USUAL_ALGORITHMS } = options;
  const replay: ReplayMemory = options.replay ?? assertionMemory(clock);
  const list: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  if (option === undefined && issuer === undefined) return undefined;
  must(
    list.length > 0 && list.every(isNonEmptyString),
    factory,
    'assertions.audience',
    'a non-empty string, or an array of them; or there must be an "issuer"',
  );
  must(isTimer(maxLifetime), factory, 'assertions.maxLifetime', TIMER);
  must(areAsymmetric(algorithms), factory, 'assertions.algorithms', ALGORITHMS);
  must(hasMethods(replay, 'remember'), factory, 'assertions.replay', 'an object with a remember method');
  return {
    audience: [...(list as readonly string[])],
    maxLifetime,
    algorithms: [...algorithms],
    // Our own is no store of the app's, and need not be watched.
    replay: options.replay ? watchedMethods(telemetry, 'replay', replay, ['remember']) : replay,
  };
}
