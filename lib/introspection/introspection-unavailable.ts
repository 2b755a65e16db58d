import { UNAVAILABLE_REASON } from '../http/audit.js';

/** Why nobody can tell the state of a token. */
export type UnavailableReason =
  /** No whole answer within the deadline. */
  | 'timeout'
  /** The name could not be resolved, or the connection was refused, reset or cut. */
  | 'connection'
  /** The certificate or the TLS handshake failed. */
  | 'tls'
  /** The server's metadata or keys could not be had, or are not usable. */
  | 'discovery'
  /** The server refused our own credentials or our right to ask: a fault of ours, not of the caller's token. */
  | 'our_credentials'
  /** 429: we ask too often. */
  | 'rate_limited'
  /** Any other status but 200, redirects included. */
  | 'status'
  /** 200 with something that is no introspection answer. */
  | 'malformed_answer'
  /** A signed answer (RFC 9701) that does not verify, or an unsigned one where a signed one was asked for. */
  | 'signature'
  /** The token was revoked or forgotten again and again while it was asked about. */
  | 'revoked_meanwhile'
  /** Not asked: requests for several tokens in a row found the server away, and it is not yet time for the next attempt. */
  | 'circuit_open';

/**
 * The state of a token cannot be known. Answered as 503 with `Retry-After`, never as
 * an inactive token. Its message names no token and quotes nothing that a server sent.
 */
export class IntrospectionUnavailableError extends Error {
  readonly code = 'ERR_INTROSPECTION_UNAVAILABLE';
  readonly reason: UnavailableReason;
  /** Milliseconds until it makes sense to ask again, if the server or the circuit breaker says so. From a cache with a breaker, `breaker.resetAfter` at most. */
  readonly retryAfter: number | undefined;
  /**
   * The HTTP status that the server responded with, for the reasons `status`, `our_credentials` and `rate_limited`. The circuit
   * breaker of a cache goes by it: 429, 502, 503 and 504 say that the server is away or overloaded, any other that it responds.
   */
  readonly status: number | undefined;

  constructor(
    reason: UnavailableReason,
    message: string,
    options: {
      readonly cause?: unknown;
      readonly retryAfter?: number | undefined;
      readonly status?: number | undefined;
    } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'IntrospectionUnavailableError';
    this.reason = reason;
    this.retryAfter = options.retryAfter;
    this.status = options.status;
    Object.defineProperty(this, UNAVAILABLE_REASON, { value: reason });
  }
}

/** The reason of an error, for measurements. */
export function reasonLabel(error: unknown): UnavailableReason | '_OTHER' {
  return isIntrospectionUnavailable(error) ? error.reason : '_OTHER';
}

/** Whether this is such an error, of whichever build of this package: `instanceof` sees those of its own only. */
export function isIntrospectionUnavailable(error: unknown): error is IntrospectionUnavailableError {
  return error instanceof Error && UNAVAILABLE_REASON in error;
}
