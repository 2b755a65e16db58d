import type { Request } from 'express';
import type { ClientStore } from '../clients/client.js';
import type { Audit } from '../http/audit.js';
import type { RateLimitOptions } from '../http/throttle.js';
import type { Introspector } from '../introspection/introspector.js';
import { checkOneSource } from '../introspection/one-source.js';
import type { PairwiseOptions } from '../introspection/pairwise.js';
import type { AccessPolicy } from '../introspection/policy.js';
import {
  checkBoolean,
  checkClock,
  checkRealm,
  hasMethods,
  isFunction,
  knownOptions,
  must,
  STORE,
} from '../options.js';
import type { SignedAnswerOptions } from '../signing/signing-keys.js';
import type { TelemetryOptions } from '../telemetry/telemetry.js';
import type { TokenFormatOptions } from '../tokens/token-format.js';
import type { TokenStore } from '../tokens/token-store.js';

/** What all three APIs need, wherever the tokens are. */
export interface CommonOptions {
  /** Where the clients are: callers and, with `tokens`, everybody to whom tokens are issued. */
  readonly clients: ClientStore;
  /** The realm of the challenge. Default `token introspection`. */
  readonly realm?: string;
  /** Who may see which token. Default: `defaultPolicy`. */
  readonly policy?: AccessPolicy;
  /**
   * Answers tokens that are none of `generateToken` as unknown ones, without asking about them.
   * Default: every token is asked about.
   */
  readonly tokenFormat?: TokenFormatOptions;
  /**
   * Makes the subject identifiers for clients with `subjectType: 'pairwise'` (OpenID Connect Core §8.1), whatever the
   * policy. Without it, such a client is answered 500. Default none.
   */
  readonly pairwise?: PairwiseOptions;
  /** What is throttled; `false` for nothing. */
  readonly rateLimit?: RateLimitOptions | false;
  /** Told of every call. */
  readonly audit?: Audit;
  /**
   * Names requests, for the audit and for the errors of the refresh-token API: 1 to 128 letters, digits and `_.:=+/-`.
   * Default: the `X-Request-Id` of the request, or else the trace id of its `traceparent`; also where it answers none.
   */
  readonly requestId?: (req: Request) => string | undefined;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /** Whether client id and secret may come as they are, not form-encoded (RFC 6749 §2.3.1 wants them encoded). Default true. */
  readonly acceptRawBasic?: boolean;
  /** Refuses requests that did not come by TLS, as Express sees it under the app's `trust proxy`. Default false. */
  readonly requireTls?: boolean;
  /** Where measurements and spans go; `false`: nowhere. Default: the global providers of OpenTelemetry, whenever the app registers them. */
  readonly telemetry?: TelemetryOptions | false;
}

/** What an API needs that looks tokens up in a store. */
export interface ApiOptions extends CommonOptions {
  /** Where the tokens are. */
  readonly tokens: TokenStore;
}

/** The options of a context: of these two, an API that knows `introspector` needs one, any other `tokens`. */
export interface ContextOptions extends CommonOptions, SignedAnswerOptions {
  readonly tokens?: TokenStore;
  readonly introspector?: Introspector;
}

const API_OPTIONS: readonly (keyof ApiOptions)[] = [
  'tokens',
  'clients',
  'realm',
  'policy',
  'tokenFormat',
  'pairwise',
  'rateLimit',
  'audit',
  'requestId',
  'clock',
  'acceptRawBasic',
  'requireTls',
  'telemetry',
];

/** @throws TypeError that names a bad, missing or unknown option; those of `ownOptions` are for the API to check */
export function checkApiOptions(
  factory: string,
  options: ContextOptions,
  ownOptions: readonly string[],
): void {
  knownOptions(factory, options, [...API_OPTIONS, ...ownOptions]);
  if (ownOptions.includes('introspector')) checkOneSource(factory, options);
  else must(hasMethods(options.tokens, 'find'), factory, 'tokens', STORE);
  must(hasMethods(options.clients, 'find'), factory, 'clients', STORE);
  for (const hook of ['verifySecret', 'replaceSecret'] as const) {
    const given = options.clients[hook];
    must(given === undefined || isFunction(given), factory, `clients.${hook}`, 'a method, if there is one');
  }
  must(options.policy === undefined || isFunction(options.policy), factory, 'policy', 'a function');
  must(options.requestId === undefined || isFunction(options.requestId), factory, 'requestId', 'a function');
  must(options.audit === undefined || isFunction(options.audit), factory, 'audit', 'a function');
  checkRealm(factory, options.realm);
  checkClock(factory, options.clock);
  checkBoolean(factory, 'acceptRawBasic', options.acceptRawBasic);
  checkBoolean(factory, 'requireTls', options.requireTls);
}
