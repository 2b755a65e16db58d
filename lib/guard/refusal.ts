import { challenge } from '../http/challenge.js';
import type { HttpErrorCode, HttpHeaders } from '../http/http-error.js';
import { GuardError, type Why } from './guard-error.js';
import type { Scheme } from './presented-token.js';

/** What every challenge of a guard says. */
export interface ChallengeSettings {
  readonly realm: string;
  /** The schemes in which a token may come. */
  readonly schemes: readonly Scheme[];
  /** RFC 9449 §7.1: the algorithms of a DPoP proof, with spaces between them; `undefined` where DPoP is not understood. */
  readonly algs: string | undefined;
  /** RFC 9728 §5.1. */
  readonly resourceMetadata: string | undefined;
}

/** Why a request is refused, and how the caller is told. */
export interface Refusal {
  readonly status: 400 | 401 | 403;
  readonly code: HttpErrorCode;
  readonly description: string;
  readonly why: Why;
  /** The scheme that was used; absent where that cannot be told: then the challenge of each has the error. */
  readonly scheme?: Scheme | undefined;
  /** Parameters of the challenge beside those of RFC 6750 §3. */
  readonly needs?: Readonly<Record<string, string | undefined>>;
  readonly headers?: HttpHeaders;
}

/**
 * A refusal with a challenge for each scheme that the guard takes, the one that was used
 * first, and an error on that one only (RFC 6750 §3, RFC 9449 §7.2).
 */
export function refusal(
  settings: ChallengeSettings,
  { status, code, description, why, scheme, needs, headers }: Refusal,
): GuardError {
  const error = { error: code, error_description: description, ...needs };
  const first = settings.schemes.filter((offered) => offered === scheme);
  const others = settings.schemes.filter((offered) => offered !== scheme);
  return new GuardError(status, code, description, {
    why,
    headers: {
      ...headers,
      'WWW-Authenticate': challenges([
        ...first.map((offered) => written(settings, offered, error)),
        ...others.map((offered) => written(settings, offered, scheme === undefined ? error : {})),
      ]),
    },
  });
}

/** RFC 6750 §3.1: who has sent no credentials that are taken here is told no error. */
export function tokenRequired(
  settings: ChallengeSettings,
  reason: 'missing_token' | 'wrong_scheme',
): GuardError {
  return new GuardError(401, undefined, 'An access token is required', {
    why: { reason },
    headers: { 'WWW-Authenticate': challenges(settings.schemes.map((scheme) => written(settings, scheme))) },
  });
}

/** As one line where there is one, so that a reader of `error.headers` finds a string. */
function challenges(lines: readonly string[]): string | readonly string[] {
  return lines.length === 1 ? (lines[0] as string) : lines;
}

function written(
  { realm, algs, resourceMetadata }: ChallengeSettings,
  scheme: Scheme,
  error: Readonly<Record<string, string | undefined>> = {},
): string {
  return challenge(scheme, {
    realm,
    ...error,
    algs: scheme === 'DPoP' ? algs : undefined,
    resource_metadata: resourceMetadata,
  });
}
