/** What went wrong, in the words of RFC 6749, 6750, 9449 and 9470 where they have one. */
export type HttpErrorCode =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'insufficient_user_authentication'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'unauthorized_client'
  | 'not_found'
  | 'conflict'
  | 'slow_down'
  | 'server_error'
  | 'temporarily_unavailable';

const CODES: Readonly<Record<HttpErrorCode, true>> = {
  invalid_request: true,
  invalid_client: true,
  invalid_token: true,
  insufficient_scope: true,
  insufficient_user_authentication: true,
  invalid_dpop_proof: true,
  use_dpop_nonce: true,
  unauthorized_client: true,
  not_found: true,
  conflict: true,
  slow_down: true,
  server_error: true,
  temporarily_unavailable: true,
};

/** The code of an error, for measurements: an error that a hook of the app's has thrown may have any. */
export function codeLabel({ code }: HttpError): string {
  return typeof code === 'string' && Object.hasOwn(CODES, code) ? code : '_OTHER';
}

/** How a caller's credentials were refused, where an API tells these apart. */
export type RefusedCredentials = 'missing' | 'other_scheme' | 'malformed' | 'repeated' | 'wrong';

/** What was wrong with them, where somebody could have expected them to be right: for the audit, and never for the caller. */
export type WrongCredentials =
  | 'unknown_client'
  | 'client_disabled'
  | 'other_method'
  | 'wrong_secret'
  | 'assertion_type'
  | 'assertion_issuer'
  | 'assertion_subject'
  | 'assertion_audience'
  | 'assertion_id'
  | 'assertion_expired'
  | 'assertion_lifetime'
  | 'assertion_early'
  | 'assertion_algorithm'
  | 'assertion_signature'
  | 'assertion_replayed'
  | 'certificate';

/** Header fields of an answer; one with several values is sent as several lines. */
export type HttpHeaders = Readonly<Record<string, string | readonly string[]>>;

export interface HttpErrorDetails {
  readonly cause?: unknown;
  readonly headers?: HttpHeaders;
  readonly credentials?: RefusedCredentials;
  /** With `wrong` credentials. */
  readonly wrong?: WrongCredentials | undefined;
}

/**
 * An error that carries its HTTP answer, so that any Express error handler does
 * right with it. Its message is for the caller and never holds a token or a secret.
 */
export class HttpError extends Error {
  readonly status: number;
  /** Absent where the answer must not name an error: a guard's 401 when there were no credentials (RFC 6750 §3.1). */
  readonly code: HttpErrorCode | undefined;
  /** A guard's `WWW-Authenticate` has a challenge for each scheme that it takes. */
  readonly headers: HttpHeaders;
  /** Express shows the message of an error that may be exposed. */
  readonly expose: boolean = true;
  readonly credentials: RefusedCredentials | undefined;
  readonly wrong: WrongCredentials | undefined;

  constructor(
    status: number,
    code: HttpErrorCode | undefined,
    message: string,
    details: HttpErrorDetails = {},
  ) {
    super(message, 'cause' in details ? { cause: details.cause } : undefined);
    this.name = 'HttpError';
    this.status = status;
    this.code = code;
    this.headers = details.headers ?? {};
    this.credentials = details.credentials;
    this.wrong = details.wrong;
  }
}

/** A hook of the app's answered something that cannot be used. The message names a member, never a value. */
export class HookError extends TypeError {}

/** How long (seconds) a caller should wait before it asks again after an outage. */
const RETRY_AFTER_OUTAGE = 5;

/** 503: we cannot know. `retryAfter` in milliseconds. */
export function unavailable(cause: unknown, retryAfter: number = RETRY_AFTER_OUTAGE * 1000): HttpError {
  return new HttpError(
    503,
    'temporarily_unavailable',
    'The service cannot answer right now; try again later',
    {
      cause,
      headers: retryAfterHeader(retryAfter),
    },
  );
}

/** 429. `retryAfter` in milliseconds. */
export function slowDown(retryAfter: number): HttpError {
  return new HttpError(429, 'slow_down', 'Too many requests; slow down', {
    headers: retryAfterHeader(retryAfter),
  });
}

/** 400, unless `status` says more exactly what is wrong with the request. */
export function invalidRequest(message: string, status = 400, details: HttpErrorDetails = {}): HttpError {
  return new HttpError(status, 'invalid_request', message, details);
}

/** 500: a fault in a hook of the app's, or in us. */
export function serverFault(cause: unknown): HttpError {
  return new HttpError(500, 'server_error', 'An unexpected error has occurred while processing the request', {
    cause,
  });
}

/**
 * What was thrown, as an error that is an answer: it itself, what `known` makes of it, or else a fault. Never throws, though
 * even to look at a thrown value may throw.
 */
export function httpErrorOf(thrown: unknown, known: () => HttpError | undefined = unknown): HttpError {
  try {
    if (!(thrown instanceof HttpError)) return known() ?? serverFault(thrown);
    // One that a hook of the app's has made may have any status.
    const { status } = thrown;
    return Number.isInteger(status) && status >= 400 && status <= 599 ? thrown : serverFault(thrown);
  } catch {
    return serverFault(thrown);
  }
}

function unknown(): undefined {}

/** RFC 9110 §10.2.3: whole seconds, and at least one, so that nobody asks again at once. */
function retryAfterHeader(milliseconds: number): Record<string, string> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(milliseconds / 1000))) };
}
