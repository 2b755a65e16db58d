import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { authorizationLines } from '../http/authorization.js';
import { challenge } from '../http/challenge.js';
import { HttpError, type HttpErrorCode, serverFault, unavailable } from '../http/http-error.js';
import { forbidCaching, sendJson } from '../http/respond.js';
import { ask } from '../introspection/ask.js';
import { isIntrospectionUnavailable } from '../introspection/introspection-unavailable.js';
import { attempt, isThenable, type Soon, whenKnown } from '../thenable.js';
import { UnusableAnswerError } from '../tokens/store-errors.js';
import type { ActiveToken } from './active-token.js';
import { readBearerToken } from './bearer-token.js';
import { type GuardSettings, guardSettings, type RequireActiveTokenOptions } from './guard-options.js';
import { hasScope, judge } from './judge.js';

/**
 * Lets a request through to the handlers behind it only with a live access token
 * (RFC 6750), which it puts into `req.activeToken`.
 *
 * It answers everything else itself: 401 without an error code where there are no
 * credentials, 400 `invalid_request`, 401 `invalid_token`, 403 `insufficient_scope`,
 * and 503 with `Retry-After` when nobody can tell whether the token is alive.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function requireActiveToken(options: RequireActiveTokenOptions): RequestHandler {
  const settings = guardSettings(options);
  const refuse = options.onError ?? answer;
  const refused = async (error: unknown, req: Request, res: Response, next: NextFunction): Promise<void> => {
    // What a `claims` function throws is a fault of the app's, for the app's error handler.
    if (!(error instanceof HttpError)) return next(asError(error));
    try {
      await refuse(error, req, res, next);
    } catch (fault) {
      next(asError(fault));
    }
  };
  const accepted = (token: ActiveToken | undefined, req: Request, next: NextFunction): void => {
    if (token) req.activeToken = token;
    next();
  };
  return function requireActiveToken(req: Request, res: Response, next: NextFunction): Soon<void> {
    let token: Soon<ActiveToken | undefined>;
    try {
      token = authorize(settings, req);
    } catch (error) {
      return refused(error, req, res, next);
    }
    if (!isThenable(token)) return accepted(token, req, next);
    return token.then(
      (verified) => accepted(verified, req, next),
      (error: unknown) => refused(error, req, res, next),
    );
  };
}

/** `next` takes undefined, null and 'route' for "go on", so whatever a hook has thrown must become an error. */
function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : serverFault(thrown);
}

/**
 * The active token of a request; `undefined` where it has none and needs none.
 *
 * @throws HttpError with the answer to a request that is refused
 */
function authorize(settings: GuardSettings, req: Request): Soon<ActiveToken | undefined> {
  const credentials = readBearerToken(authorizationLines(req));
  if (credentials.kind === 'malformed')
    throw refusal(settings, 400, 'invalid_request', 'The Authorization header is malformed');
  if (credentials.kind === 'missing') {
    if (settings.optional) return undefined;
    throw refusal(settings, 401, undefined, 'An access token is required');
  }
  if (sendsAnotherToken(req)) {
    throw refusal(settings, 400, 'invalid_request', 'The access token must be sent in one way only');
  }
  return whenKnown(verifyToken(settings, credentials.token), (token) => {
    if (settings.claims) return withClaims(settings, settings.claims, token, req);
    requireScope(settings, token);
    return token;
  });
}

async function withClaims(
  settings: GuardSettings,
  claims: NonNullable<GuardSettings['claims']>,
  token: ActiveToken,
  req: Request,
): Promise<ActiveToken> {
  if ((await claims(token, req)) !== true) {
    throw refusal(settings, 401, 'invalid_token', 'The access token does not have the required claims');
  }
  requireScope(settings, token);
  return token;
}

/**
 * Asks about a token and judges the answer, its scope aside.
 *
 * @throws HttpError 401 or 503
 */
export function verifyToken(settings: GuardSettings, token: string): Soon<ActiveToken> {
  const { introspector } = settings;
  return attempt(
    () => ask(introspector, token),
    introspectorFault,
    (response) => {
      const judgement = judge(response, settings, settings.clock());
      if (judgement.verdict === 'accepted') return judgement.token;
      if (judgement.verdict === 'unusable') throw unavailable(new UnusableAnswerError(judgement.problem));
      throw refusal(settings, 401, 'invalid_token', judgement.description);
    },
  );
}

function introspectorFault(cause: unknown): HttpError {
  return unavailable(cause, isIntrospectionUnavailable(cause) ? cause.retryAfter : undefined);
}

/** @throws HttpError 403 when the token lacks a needed scope */
export function requireScope(settings: GuardSettings, token: ActiveToken): void {
  if (hasScope(token, settings)) return;
  const description = 'The access token lacks a required scope';
  throw refusal(settings, 403, 'insufficient_scope', description, settings.neededScope);
}

/**
 * Whether a token came in the query or a form as well (RFC 6750 §2.2, §2.3). Neither is
 * ever read; a request that uses two ways at once is refused (§2).
 */
function sendsAnotherToken(req: Request): boolean {
  if (req.url.includes('access_token') && req.query.access_token !== undefined) return true;
  const body: unknown = req.body;
  return (
    typeof body === 'object' &&
    body !== null &&
    'access_token' in body &&
    !!req.is('application/x-www-form-urlencoded')
  );
}

/** A refusal with its Bearer challenge (RFC 6750 §3). */
export function refusal(
  { realm }: GuardSettings,
  status: number,
  code: HttpErrorCode | undefined,
  description: string,
  scope?: string,
): HttpError {
  const parameters =
    code === undefined ? { realm } : { realm, error: code, error_description: description, scope };
  return new HttpError(status, code, description, {
    headers: { 'WWW-Authenticate': challenge('Bearer', parameters) },
  });
}

/** RFC 6750 §3.1: a request without credentials is told no error. */
function answer(error: HttpError, req: Request, res: Response): void {
  forbidCaching(res);
  // So that a page of another origin can read why it was refused, where the app lets that origin in.
  if (req.headers.origin !== undefined)
    res.append('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After');
  const body = { ...(error.code !== undefined && { error: error.code }), error_description: error.message };
  sendJson(res, error.status, body, error.headers);
}
