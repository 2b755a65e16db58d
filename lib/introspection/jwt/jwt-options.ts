import { ALGORITHMS, ASYMMETRIC_ALGORITHMS, areAsymmetric } from '../../algorithms.js';
import { isDuration, isNonEmptyString, knownOptions, must } from '../../options.js';
import type { TelemetryOptions } from '../../telemetry/telemetry.js';
import {
  type ConnectionSettings,
  connectionSettings,
  issuerUrl,
  urlExpected,
} from '../remote/connection-options.js';
import type { Fetch } from '../remote/fetch-transport.js';
import { endpointUrl } from '../remote/metadata.js';
import type { JwtRules } from './judge-jwt.js';
import { typesOption } from './token-types.js';

/** Whose JWT access tokens are taken, and where the keys are that they are signed with. */
export interface JwtIntrospectorOptions {
  /** The issuer identifier: `iss` of a token must be exactly this. Without `jwksUri`, its metadata (RFC 8414, OpenID Connect Discovery) says where the keys are, and it must be a URL. */
  readonly issuer: string;
  /** The URL of the issuer's keys (RFC 7517 §5). Default: by metadata, read when first needed. */
  readonly jwksUri?: string;
  /** This resource, or several: one of them must be in `aud` (RFC 9068 §4). Default: not checked here; then the guard must. */
  readonly audience?: string | readonly string[];
  /** The algorithms that tokens may be signed with, asymmetric ones. Default: all of `ES256`, `ES384`, `ES512`, `EdDSA`, `Ed25519`, `PS256`, `RS256`, `PS384`, `PS512`, `RS384`, `RS512`. */
  readonly algorithms?: readonly string[];
  /**
   * What `typ` of a token's header may be, without regard to case; `null` for none. Default `['at+jwt']` (RFC 9068 §2.1).
   * `JWT`, which some servers write, includes none: either says as little (RFC 7519 §5.1). ID tokens of the same issuer have
   * the same type then: those that say so by a claim are refused, for the others give an `audience`.
   */
  readonly types?: readonly (string | null)[];
  /** Milliseconds of leeway for `exp` and `nbf`. The larger one counts of this and what the asker grants, such as a guard by its own `clockTolerance`. Default 0. */
  readonly clockTolerance?: number;
  /** Milliseconds for the whole question: metadata, keys and verification. Default 3,000. */
  readonly timeout?: number;
  /** Used for every request in place of our own connections: for proxies and tests. */
  readonly fetch?: Fetch;
  /** Lets `http:` URLs pass, the issuer's own included. For tests and private networks. Default false. */
  readonly allowInsecureRequests?: boolean;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /** Where measurements and spans go; `false`: nowhere. Default: the global providers of OpenTelemetry, whenever the app registers them. */
  readonly telemetry?: TelemetryOptions | false;
}

/** The options, checked and with their defaults. */
export interface JwtSettings extends ConnectionSettings {
  /** Where the keys are, or the issuer whose metadata says so. */
  readonly location: { readonly keys: URL } | { readonly issuer: URL };
  readonly rules: JwtRules;
}

const FACTORY = 'jwtIntrospector';
const KNOWN = [
  'issuer',
  'jwksUri',
  'audience',
  'algorithms',
  'types',
  'clockTolerance',
  'timeout',
  'fetch',
  'allowInsecureRequests',
  'clock',
  'telemetry',
];

/** @throws TypeError that names the bad option */
export function jwtSettings(options: JwtIntrospectorOptions): JwtSettings {
  knownOptions(FACTORY, options, KNOWN);
  const { issuer, algorithms = ASYMMETRIC_ALGORITHMS, types, clockTolerance = 0 } = options;
  const connection = connectionSettings(FACTORY, options);
  must(isNonEmptyString(issuer), FACTORY, 'issuer', 'a non-empty string');
  must(areAsymmetric(algorithms), FACTORY, 'algorithms', ALGORITHMS);
  must(isDuration(clockTolerance), FACTORY, 'clockTolerance', 'milliseconds, 0 or more');
  return {
    ...connection,
    location: locationOption(options, connection.allowInsecureRequests),
    rules: {
      issuer,
      audience: audienceOption(options),
      algorithms: [...algorithms],
      types: typesOption(FACTORY, types),
      clockTolerance,
    },
  };
}

function locationOption(
  { issuer, jwksUri }: JwtIntrospectorOptions,
  allowHttp: boolean,
): JwtSettings['location'] {
  if (jwksUri === undefined) return { issuer: issuerUrl(FACTORY, issuer, allowHttp) };
  const keys = endpointUrl(jwksUri, allowHttp);
  must(keys !== undefined, FACTORY, 'jwksUri', urlExpected(allowHttp));
  return { keys };
}

function audienceOption(options: JwtIntrospectorOptions): readonly string[] | undefined {
  const { audience } = options;
  // A setting that somebody forgot to make must not become a check that is not made.
  must(!('audience' in options) || audience !== undefined, FACTORY, 'audience', 'given a value, or left out');
  if (audience === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  must(
    list.length > 0 && list.every(isNonEmptyString),
    FACTORY,
    'audience',
    'a non-empty string, or an array of them',
  );
  return [...list];
}
