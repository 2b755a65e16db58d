import { HttpError, type HttpErrorCode, type HttpErrorDetails } from '../http/http-error.js';
import type { InactivityReason, NearMiss } from '../introspection/inactivity.js';

/** Why a guard did not let a request through. For logs and metrics: the caller is told the `code` at most. */
export type GuardReason =
  | InactivityReason
  /** No credentials. */
  | 'missing_token'
  /** Credentials that cannot be read, or that came in more than one way. */
  | 'malformed_request'
  /** The token came by a scheme that this guard does not accept. */
  | 'wrong_scheme'
  /** The token is bound to a key, and the request does not show that key; or it is bound to none, and came as if it were. */
  | 'not_bound'
  /** The guard's `certificate` threw, or found what cannot be read as a certificate. */
  | 'certificate'
  /** The DPoP proof is missing, wrong, used before, or has not the nonce. */
  | 'proof'
  /** RFC 9470: the user's authentication is too weak or too old. */
  | 'authentication'
  | 'scope'
  /** The guard's `claims` function did not return `true`. */
  | 'claims'
  | 'rate_limited'
  /** The state of the token cannot be known: the error's `cause` has the reason. */
  | 'unavailable'
  /** A hook of the app's, or this package, failed. */
  | 'failed';

export interface Why {
  readonly reason: GuardReason;
  readonly nearMiss?: NearMiss | undefined;
}

/** The error of a guard: an `HttpError` that carries everything the guard's own response has, and why. */
export class GuardError extends HttpError {
  /** Why. For logs: the caller is never told. */
  readonly reason: GuardReason;
  /** With `wrong_issuer` and `wrong_audience`: `trailing_slash` if a slash at the end is all that is different. Else absent. */
  declare readonly nearMiss?: NearMiss;

  constructor(
    status: number,
    code: HttpErrorCode | undefined,
    message: string,
    details: HttpErrorDetails & { readonly why: Why },
  ) {
    super(status, code, message, details);
    this.name = 'GuardError';
    const { reason, nearMiss } = details.why;
    this.reason = reason;
    if (nearMiss !== undefined) this.nearMiss = nearMiss;
  }
}

/** Why a request got this error. */
export function whyOf(error: unknown): Why {
  if (error instanceof GuardError) return error;
  if (!(error instanceof HttpError)) return { reason: 'failed' };
  if (error.status === 429) return { reason: 'rate_limited' };
  return { reason: error.status === 503 ? 'unavailable' : 'failed' };
}
