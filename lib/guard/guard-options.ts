import type { NextFunction, Request, Response } from 'express';
import type { ClientStore } from '../clients/client.js';
import { peerCertificate } from '../http/peer-certificate.js';
import type { AskOptions } from '../introspection/ask.js';
import type { Introspector } from '../introspection/introspector.js';
import { checkOneSource } from '../introspection/one-source.js';
import { onlyAbout } from '../introspection/only-about.js';
import { storeIntrospector } from '../introspection/store-introspector.js';
import {
  checkBoolean,
  checkClock,
  checkRealm,
  hasMethods,
  isDuration,
  isFunction,
  knownOptions,
  must,
  STORE,
} from '../options.js';
import { type Telemetry, type TelemetryOptions, telemetryOf } from '../telemetry/telemetry.js';
import { type TokenFormatOptions, tokenTest } from '../tokens/token-format.js';
import type { TokenStore } from '../tokens/token-store.js';
import type { ActiveToken } from './active-token.js';
import type { CertificateSource } from './certificate.js';
import { type DPoPOptions, type DPoPSettings, dpopSettings } from './dpop/dpop-options.js';
import type { GuardAudit, GuardAuditSettings } from './guard-audit.js';
import type { GuardError } from './guard-error.js';
import { type GuardRateLimitOptions, type InactiveLimit, inactiveLimit } from './inactive-limit.js';
import type { Requirements } from './judge.js';
import { acrOption, scopeOption, stringsOption, urlOption } from './option-values.js';
import type { Scheme } from './presented-token.js';
import { propertyOption } from './property-option.js';
import type { ChallengeSettings } from './refusal.js';
import type { AuthenticationRequirements } from './step-up.js';

/** What a guard asks of a request. One of `introspector` and `tokens` is required. */
export interface RequireActiveTokenOptions {
  /** Who is asked about a token. */
  readonly introspector?: Introspector;
  /** A store in this process, asked instead of an introspector. */
  readonly tokens?: TokenStore;
  /** With `tokens`: where the clients are, so that tokens of disabled and removed clients are refused. */
  readonly clients?: ClientStore;
  /** Refuses tokens that are none of `generateToken`, without asking about them. Default: every token is asked about. */
  readonly tokenFormat?: TokenFormatOptions;
  /** This resource's identifier, or several: one must be in the token's `aud`. Default: not checked. */
  readonly audience?: string | readonly string[];
  /** The issuer, or several: one must be the token's `iss`. Default: not checked. */
  readonly issuer?: string | readonly string[];
  /** Scope values that are all needed: an array, or a string with spaces between them. */
  readonly scope?: string | readonly string[];
  /** Scope values of which one is needed. */
  readonly anyScope?: string | readonly string[];
  /** A check of your own on a live token; anything but `true` is 401 `invalid_token`. */
  readonly claims?: (token: ActiveToken, req: Request) => boolean | Promise<boolean>;
  /** RFC 9470: authentication context classes, of which one must be the token's `acr`: an array, or a string with spaces between them. */
  readonly acrValues?: string | readonly string[];
  /** RFC 9470: **seconds** that the user's authentication (`auth_time`) may be old, a whole number. */
  readonly maxAge?: number;
  /**
   * DPoP (RFC 9449). Default `true`: a token may come by the scheme `DPoP` with a proof, and
   * must where it is bound to a key. `false`: such tokens are refused.
   */
  readonly dpop?: boolean | DPoPOptions;
  /** RFC 8705: finds the certificate that the client has proved to hold, DER or PEM; `certificateFromHeader` makes such a function. Default: that of the TLS connection. Read a header only where a proxy of yours always sets it. What it throws is 401. */
  readonly certificate?: CertificateSource;
  /** The URL of this resource's metadata (RFC 9728), told in each challenge. */
  readonly resourceMetadata?: string;
  /**
   * `'body'`: the token may also come as `access_token` of a form (RFC 6750 §2.2), which
   * `express.urlencoded` has to have read before. Default `'header'`.
   */
  readonly tokenFrom?: 'header' | 'body';
  /** The member of the request that gets the token: none that Express, Passport or a common middleware owns. Default `activeToken`, which is the one that is typed. */
  readonly property?: string;
  /** The realm of the challenge. Default `api`. */
  readonly realm?: string;
  /** Lets a request without bearer credentials pass, without `req.activeToken`. A bad token is refused all the same. Default false. */
  readonly optional?: boolean;
  /**
   * Milliseconds of leeway for `exp` and `nbf`, for this guard and the introspectors beneath it. Default 0; a token that its
   * server calls active may begin up to 10 seconds from now all the same.
   */
  readonly clockTolerance?: number;
  /** The time in milliseconds. Default `Date.now`. */
  readonly clock?: () => number;
  /**
   * Takes over the response to a refused request. The error carries `status`, `code` and all `headers` of the guard's own
   * response, and for logs the `reason`. One that calls `next(error)` leaves the response to the app's error handler.
   * Default: the guard responds itself, with a short JSON body.
   */
  readonly onError?: (error: GuardError, req: Request, res: Response, next: NextFunction) => unknown;
  /**
   * Told of every request: outcome, reason, token digest, client, route, address, duration. Without it and without `onError`,
   * an outage is told once a minute by `process.emitWarning`. Default none.
   */
  readonly audit?: GuardAudit;
  /** Holds back addresses that send many inactive tokens. Set the app's `trust proxy` first. Default off. */
  readonly rateLimit?: GuardRateLimitOptions | false;
  /** The id of a request, for `audit`. Default: a sane `X-Request-Id`, or else the trace id of `traceparent`. */
  readonly requestId?: (req: Request) => string | undefined;
  /** Where measurements and spans go; `false`: nowhere. Default: the global providers of OpenTelemetry, whenever the app registers them. */
  readonly telemetry?: TelemetryOptions | false;
}

/** The options, checked and with their defaults. */
export interface GuardSettings
  extends Requirements,
    AuthenticationRequirements,
    ChallengeSettings,
    GuardAuditSettings {
  readonly introspector: Introspector;
  /** The introspector or the store as the app gave it: guards that have it in common are limited, and warn of outages, together. */
  readonly source: object;
  readonly limit: InactiveLimit | undefined;
  /** What goes with each question. */
  readonly question: AskOptions;
  readonly claims: RequireActiveTokenOptions['claims'];
  /** `undefined` where DPoP is not understood. */
  readonly dpop: DPoPSettings | undefined;
  readonly certificate: CertificateSource;
  readonly readsBody: boolean;
  readonly property: string;
  readonly optional: boolean;
  readonly clock: () => number;
  readonly telemetry: Telemetry;
  /** The `scope` of an `insufficient_scope` challenge. */
  readonly neededScope: string;
}

const FACTORY = 'requireActiveToken';
const KNOWN = [
  'introspector',
  'tokens',
  'clients',
  'tokenFormat',
  'audience',
  'issuer',
  'scope',
  'anyScope',
  'claims',
  'acrValues',
  'maxAge',
  'dpop',
  'certificate',
  'resourceMetadata',
  'tokenFrom',
  'property',
  'realm',
  'optional',
  'clockTolerance',
  'clock',
  'onError',
  'audit',
  'requestId',
  'rateLimit',
  'telemetry',
];

const REQUIREMENTS = ['audience', 'issuer', 'scope', 'anyScope', 'claims', 'acrValues', 'maxAge'] as const;

/** @throws TypeError that names the bad option: a guard that cannot work never gets to see a request */
export function guardSettings(options: RequireActiveTokenOptions): GuardSettings {
  knownOptions(FACTORY, options, KNOWN);
  for (const option of REQUIREMENTS) {
    // A setting that somebody forgot to make must not become a check that is not made.
    must(
      !(option in options) || options[option] !== undefined,
      FACTORY,
      option,
      'given a value, or left out',
    );
  }
  const { claims, clock = Date.now, clockTolerance = 0, onError, optional, realm } = options;
  must(claims === undefined || isFunction(claims), FACTORY, 'claims', 'a function');
  must(onError === undefined || isFunction(onError), FACTORY, 'onError', 'a function');
  const { audit, requestId } = options;
  must(audit === undefined || isFunction(audit), FACTORY, 'audit', 'a function');
  must(requestId === undefined || isFunction(requestId), FACTORY, 'requestId', 'a function');
  must(isDuration(clockTolerance), FACTORY, 'clockTolerance', 'milliseconds, 0 or more');
  checkClock(FACTORY, clock);
  checkBoolean(FACTORY, 'optional', optional);
  checkRealm(FACTORY, realm);
  const { certificate = peerCertificate, maxAge, tokenFrom = 'header' } = options;
  must(isFunction(certificate), FACTORY, 'certificate', 'a function');
  must(maxAge === undefined || isWholeSeconds(maxAge), FACTORY, 'maxAge', 'whole seconds, 0 or more');
  must(tokenFrom === 'header' || tokenFrom === 'body', FACTORY, 'tokenFrom', '"header" or "body"');
  const telemetry = telemetryOf(FACTORY, options.telemetry);
  const source = options.introspector ?? (options.tokens as object);
  const dpop = dpopSettings(FACTORY, options.dpop, clock, telemetry);
  const scope = scopeOption(FACTORY, 'scope', options.scope);
  const anyScope = scopeOption(FACTORY, 'anyScope', options.anyScope);
  return {
    introspector: askedIntrospector(options, clock),
    // Some servers tell refresh tokens by the hint alone.
    question: { hint: 'access_token', ...(clockTolerance > 0 && { clockTolerance }) },
    audit,
    requestId,
    source,
    limit: inactiveLimit(FACTORY, options.rateLimit, source, clock, telemetry),
    audience: stringsOption(FACTORY, 'audience', options.audience),
    issuer: stringsOption(FACTORY, 'issuer', options.issuer),
    scope,
    anyScope,
    neededScope: [...new Set([...scope, ...anyScope])].join(' '),
    claims,
    acrValues: acrOption(FACTORY, options.acrValues),
    maxAge,
    dpop,
    certificate,
    schemes: schemesOf(dpop),
    algs: dpop?.algorithms.join(' '),
    resourceMetadata: urlOption(FACTORY, options.resourceMetadata),
    readsBody: tokenFrom === 'body',
    property: propertyOption(FACTORY, options.property),
    realm: realm ?? 'api',
    optional: optional ?? false,
    clockTolerance,
    clock,
    telemetry,
  };
}

function askedIntrospector(options: RequireActiveTokenOptions, clock: () => number): Introspector {
  const introspector = introspectorOption(options, clock);
  const isToken = tokenTest(FACTORY, options.tokenFormat);
  return isToken ? onlyAbout(isToken, introspector) : introspector;
}

function introspectorOption(options: RequireActiveTokenOptions, clock: () => number): Introspector {
  const { introspector, tokens, clients, telemetry } = options;
  checkOneSource(FACTORY, options);
  if (introspector !== undefined) {
    must(clients === undefined, FACTORY, 'clients', 'left out where there is no "tokens"');
    return introspector;
  }
  must(clients === undefined || hasMethods(clients, 'find'), FACTORY, 'clients', STORE);
  return storeIntrospector(tokens as TokenStore, {
    clock,
    ...(clients && { clients }),
    ...(telemetry !== undefined && { telemetry }),
  });
}

function isWholeSeconds(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function schemesOf(dpop: DPoPSettings | undefined): readonly Scheme[] {
  if (!dpop) return ['Bearer'];
  return dpop.required ? ['DPoP'] : ['Bearer', 'DPoP'];
}
