import type { Request } from 'express';
import { type Fault, faultOf } from '../http/audit.js';
import { HttpError } from '../http/http-error.js';
import { type RequestFacts, requestFacts } from '../http/request-facts.js';
import type { NearMiss } from '../introspection/inactivity.js';
import { onRejection } from '../thenable.js';
import { tokenDigest } from '../tokens/token-digest.js';
import type { ActiveToken } from './active-token.js';
import { type GuardReason, whyOf } from './guard-error.js';

/**
 * What became of one request at a guard. It holds no token and no secret: the token is named by its SHA-256, and an error by
 * its name, code and place.
 */
export interface GuardEvent extends RequestFacts {
  /**
   * `accepted`; `anonymous`: it came without a token, which was optional. `refused`: 400, 401, 403 or 429. `unavailable`: the
   * state of the token cannot be known (503). `failed`: a hook of the app's, or this package, failed (500).
   */
  readonly outcome: 'accepted' | 'anonymous' | 'refused' | 'unavailable' | 'failed';
  /** Why, unless it was let through. The caller is never told. */
  readonly reason?: GuardReason;
  /** With `wrong_issuer` and `wrong_audience`: a slash at the end is all that is different. */
  readonly nearMiss?: NearMiss;
  /** The HTTP status and the error code of the guard's response; absent if the request was let through. */
  readonly status?: number;
  readonly error?: string;
  /** The client that the token was issued to, if the introspector called the token active. */
  readonly clientId?: string;
  /** SHA-256 of the token, base64url. */
  readonly tokenDigest?: string;
  readonly method: string;
  /** The pattern of the route that the guard is part of, such as `/orders/:id`; never the path. Absent for `app.use(guard)`. */
  readonly route?: string;
  /** When the guard began, epoch milliseconds. */
  readonly time: number;
  readonly durationMs: number;
  /** With `unavailable` and `failed`: what was thrown. Its `reason` is that of an `IntrospectionUnavailableError`. */
  readonly fault?: Fault;
}

/** Told of every request at a guard. Whatever it throws or rejects with harms no response. */
export type GuardAudit = (event: GuardEvent, req: Request) => unknown;

export interface GuardAuditSettings {
  readonly audit: GuardAudit | undefined;
  readonly requestId: ((req: Request) => string | undefined) | undefined;
  readonly clock: () => number;
}

/** One request at a guard, and what the audit will say of it; made only if somebody wants to know. */
export class Attempt {
  readonly #audit: GuardAudit;
  readonly #requestId: GuardAuditSettings['requestId'];
  readonly #time: number;
  readonly #began = performance.now();
  token: string | undefined;
  clientId: string | undefined;

  constructor(audit: GuardAudit, { clock, requestId }: GuardAuditSettings) {
    this.#audit = audit;
    this.#requestId = requestId;
    this.#time = clock();
  }

  accepted(token: ActiveToken | undefined, req: Request): void {
    this.#tell(req, () => ({ outcome: token ? 'accepted' : 'anonymous' }));
  }

  refused(error: unknown, req: Request): void {
    this.#tell(req, () => {
      const { reason, nearMiss } = whyOf(error);
      const { status, code } = error instanceof HttpError ? error : { status: 500, code: 'server_error' };
      return {
        outcome: status < 500 ? 'refused' : status === 503 ? 'unavailable' : 'failed',
        reason,
        ...(nearMiss && { nearMiss }),
        status,
        ...(code !== undefined && { error: code }),
        ...(status >= 500 && { fault: faultOf(error) }),
      };
    });
  }

  #tell(req: Request, result: () => Pick<GuardEvent, 'outcome'> & Partial<GuardEvent>): void {
    try {
      const route = routeOf(req);
      const event: GuardEvent = {
        ...result(),
        ...(this.clientId !== undefined && { clientId: this.clientId }),
        ...(this.token !== undefined && { tokenDigest: tokenDigest(this.token) }),
        method: req.method,
        ...(route !== undefined && { route }),
        ...requestFacts(req, this.#requestId as Parameters<typeof requestFacts>[1]),
        time: this.#time,
        durationMs: performance.now() - this.#began,
      };
      // Called without `this`, which knows the token.
      const audit = this.#audit;
      onRejection(audit(event, req), ignore);
    } catch {
      // The request is what counts; the app's own logging has to look after itself.
    }
  }
}

function ignore(): void {}

/** A path may have a token in it, a pattern has not. */
function routeOf({ route }: Request): string | undefined {
  const path: unknown = route?.path;
  return typeof path === 'string' || path instanceof RegExp ? String(path) : undefined;
}
