import type { Request } from 'express';
import { onRejection } from '../thenable.js';
import { StoreUnavailableError, UnusableAnswerError } from '../tokens/store-errors.js';
import { HookError, HttpError, type RefusedCredentials, type WrongCredentials } from './http-error.js';
import { type RequestIdOf, requestFacts } from './request-facts.js';

/** Which API was called. */
export type ApiName =
  | 'oauth-introspection'
  | 'refresh-token-introspection'
  | 'access-token-details'
  | 'token-revocation'
  | 'refresh-token-details'
  | 'token-management';

/** What everybody may read: of these only failures are told. */
export type PublicDocumentName = 'published-keys' | 'metadata' | 'openapi';

/** What a caller of the management API wants done with a token. */
export type ManagementAction = 'revoke' | 'approve' | 'update' | 'delete';

/** Why a token was not shown as live. The caller is never told. */
export type InactiveReason =
  | 'unknown'
  | 'expired'
  | 'revoked'
  | 'not_yet_valid'
  | 'client_disabled'
  | 'not_yours'
  | 'wrong_kind';

/**
 * One call of one API. It holds no token and no secret: a token is named by its
 * SHA-256, and an error by its name, code and place, since a message could quote one.
 */
export interface AuditEvent {
  readonly api: ApiName | PublicDocumentName;
  /**
   * `active`, `inactive`: what the token is to this caller. `done`: the `action`, or there was nothing
   * left to do. `refused`: the request or the caller was not accepted. `unavailable`: a store failed
   * (503). `failed`: a hook of the app's, or this library, did (500).
   */
  readonly outcome: 'active' | 'inactive' | 'done' | 'refused' | 'unavailable' | 'failed';
  /** With `inactive`; with `done` where a refresh token that was dead already has ended its grant. */
  readonly reason?: InactiveReason;
  /** The HTTP status of the response. */
  readonly status: number;
  /**
   * There if the response was not sent, because the app had sent one by itself (a timeout, say) or the caller had hung up.
   * The other members say what it would have been, and what was done.
   */
  readonly unsent?: true;
  /** The error code of the answer, in OAuth's words, for `refused`, `unavailable` and `failed`. */
  readonly error?: string;
  /**
   * With an `error` about the caller's credentials: why they were refused, which the caller is not told. What begins with
   * `assertion_` names the claim, or what else of a client assertion was not as it must be.
   */
  readonly credentials?: Exclude<RefusedCredentials, 'wrong'> | WrongCredentials;
  /** The caller: proven, or claimed by wrong credentials that name a known client. */
  readonly clientId?: string;
  /** SHA-256 of the token asked about, base64url. */
  readonly tokenDigest?: string;
  /** What a call of the management API is to do, however it ends; after `unavailable` and `failed` it may be done or not. */
  readonly action?: ManagementAction;
  /** There when the action is for the token's grant and refresh token as well. */
  readonly cascade?: true;
  /** There when only `introspects: 'any'` let the caller see this token. */
  readonly introspects?: 'any';
  /** The IP address of the caller: Express's `req.ip`, or that of the connection, without a port. */
  readonly address?: string;
  /** `User-Agent`, in printable ASCII, 256 characters at most. What a client writes there is its own text. */
  readonly userAgent?: string;
  /** The id of the request: what the option `requestId` says, its `X-Request-Id`, or the trace id of its `traceparent`. */
  readonly requestId?: string;
  /** When the call began, epoch milliseconds. */
  readonly time: number;
  /** How long it took, milliseconds. */
  readonly durationMs: number;
  /** With `unavailable` and `failed`: what was thrown. */
  readonly fault?: Fault;
}

/** A thrown value without its message, except one of our own, which names members and never values. */
export interface Fault {
  readonly name: string;
  readonly code?: string;
  readonly message?: string;
  /** Why an introspector could not tell: the `reason` of its `IntrospectionUnavailableError`. */
  readonly reason?: string;
  /** Where it was thrown: the stack's frames. */
  readonly at?: string;
}

/** Under it an `IntrospectionUnavailableError` has its reason, whichever build of this package it was made by. */
export const UNAVAILABLE_REASON: unique symbol = Symbol.for(
  'express-token-introspection.introspection-unavailable',
);

/**
 * Is told of each call. What it throws, or rejects with, harms nothing.
 *
 * @param req the request, for what an app wants to add. There are tokens and secrets in its path, headers and body
 */
export type Audit = (event: AuditEvent, req: Request) => unknown;

/** Tells the app what happened. Whatever becomes of it, the answer is not harmed. */
export function report(audit: Audit | undefined, event: () => AuditEvent, req: Request): void {
  if (!audit) return;
  try {
    onRejection(audit(event(), req), ignore);
  } catch {
    // The answer is what the caller came for; the app's own logging has to look after itself.
  }
}

/** Whom to tell of what a document could not be read for. */
export interface Reporter {
  readonly audit: Audit | undefined;
  readonly clock: () => number;
  /** Names the request, where the app has a way of its own. */
  readonly requestId?: RequestIdOf<Request> | undefined;
}

/**
 * Begins to watch a request for a document. The function that is returned tells that it could not be sent, if that is no
 * fault of the request.
 */
export function watchDocument(
  { audit, clock, requestId }: Reporter,
  api: PublicDocumentName,
  req: Request,
): (error: HttpError) => void {
  if (!audit) return ignore;
  const began = performance.now();
  // A caller that has hung up has no address any more.
  const facts = requestFacts(req, requestId);
  return (error) => {
    const { status, code } = error;
    if (status < 500) return;
    const event = (): AuditEvent => ({
      api,
      outcome: status === 503 ? 'unavailable' : 'failed',
      ...(code !== undefined && { error: code }),
      status,
      ...facts,
      time: timeBy(clock),
      durationMs: performance.now() - began,
      fault: faultOf(error),
    });
    report(audit, event, req);
  };
}

function timeBy(clock: () => number): number {
  try {
    return clock();
  } catch {
    // What fails is told, with whatever time there is.
    return Date.now();
  }
}

function ignore(): void {}

/** Describes what was thrown without quoting it; of our own errors, the cause. Never throws. */
export function faultOf(error: unknown): Fault {
  try {
    return described(error);
  } catch {
    // A getter of the thrown value has thrown in its turn.
    return { name: 'unreadable' };
  }
}

function described(error: unknown): Fault {
  if ((error instanceof HttpError || error instanceof StoreUnavailableError) && 'cause' in error) {
    return faultOf(error.cause);
  }
  if (!(error instanceof Error)) return { name: error === null ? 'null' : typeof error };
  // Thrown values may be anything, an error with odd members included.
  const [name, message, stack] = [error.name, error.message, error.stack].map((part: unknown) =>
    typeof part === 'string' ? part : '',
  ) as [string, string, string];
  const { code, [UNAVAILABLE_REASON]: reason } = error as { code?: unknown; [UNAVAILABLE_REASON]?: unknown };
  const frames = stack.slice(stack.indexOf(message) + message.length).match(/^\s+at .+/gm);
  return {
    name,
    ...(typeof code === 'string' && { code }),
    ...(typeof reason === 'string' && { reason }),
    ...((error instanceof UnusableAnswerError || error instanceof HookError) && { message }),
    ...(frames && { at: frames.join('\n') }),
  };
}
