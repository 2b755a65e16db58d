import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { HttpError, serverFault, unavailable } from '../http/http-error.js';
import { forbidCaching, sendJson } from '../http/respond.js';
import { answerOf } from '../introspection/ask.js';
import { isThenable, type Soon, whenKnown } from '../thenable.js';
import { UnusableAnswerError } from '../tokens/store-errors.js';
import type { ActiveToken } from './active-token.js';
import { type GuardSettings, guardSettings, type RequireActiveTokenOptions } from './guard-options.js';
import { hasScope, judge } from './judge.js';
import { type Began, begin, measureAccepted, measureRefused } from './measure.js';
import { type Presented, requirePossession } from './possession.js';
import type { Scheme } from './presented-token.js';
import { refusal, tokenRequired } from './refusal.js';
import { isAuthenticatedEnough } from './step-up.js';
import { presentedToken } from './token-of-request.js';

/**
 * Lets a request through to the handlers behind it only with a live access token
 * (RFC 6750, RFC 9449), which it puts into `req.activeToken`.
 *
 * It answers everything else itself: 401 without an error code where there are no
 * credentials, 400 `invalid_request`, 401 `invalid_token`, `invalid_dpop_proof`,
 * `use_dpop_nonce` or `insufficient_user_authentication`, 403 `insufficient_scope`, and 503
 * with `Retry-After` when nobody can tell whether the token is alive.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function requireActiveToken(options: RequireActiveTokenOptions): RequestHandler {
  const settings = guardSettings(options);
  const refuse = options.onError ?? answer;
  const { property, telemetry } = settings;
  const refused = async (
    error: unknown,
    began: Began,
    req: Request,
    res: Response,
    next: NextFunction,
  ): Promise<void> => {
    measureRefused(telemetry, began, error);
    // What a `claims` function throws is a fault of the app's, for the app's error handler.
    if (!(error instanceof HttpError)) return next(asError(error));
    // Somebody may have answered meanwhile, a timeout of the app's for one.
    if (res.headersSent) return;
    // So that a page of another origin can read why it was refused, where the app lets that origin in.
    if (req.headers.origin !== undefined)
      res.append('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After, DPoP-Nonce');
    try {
      await refuse(error, req, res, next);
    } catch (fault) {
      next(asError(fault));
    }
  };
  const accepted = (token: ActiveToken | undefined, began: Began, req: Request, next: NextFunction): void => {
    measureAccepted(telemetry, began, token);
    if (token) (req as unknown as Record<string, unknown>)[property] = token;
    next();
  };
  return function requireActiveToken(req: Request, res: Response, next: NextFunction): Soon<void> {
    const began = begin(telemetry);
    let token: Soon<ActiveToken | undefined>;
    try {
      token = authorize(settings, req);
    } catch (error) {
      return refused(error, began, req, res, next);
    }
    if (!isThenable(token)) return accepted(token, began, req, next);
    return token.then(
      (verified) => accepted(verified, began, req, next),
      (error: unknown) => refused(error, began, req, res, next),
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
  const presented = presentedToken(settings, req);
  if (!presented) {
    if (settings.optional) return undefined;
    throw tokenRequired(settings);
  }
  return whenKnown(verifyToken(settings, presented, req), (token) => {
    if (settings.claims) return withClaims(settings, settings.claims, presented, token, req);
    requireAuthentication(settings, presented.scheme, token);
    requireScope(settings, presented.scheme, token);
    return token;
  });
}

async function withClaims(
  settings: GuardSettings,
  claims: NonNullable<GuardSettings['claims']>,
  presented: Presented,
  token: ActiveToken,
  req: Request,
): Promise<ActiveToken> {
  if ((await claims(token, req)) !== true) {
    throw invalidToken(settings, presented.scheme, 'The access token does not have the required claims');
  }
  requireAuthentication(settings, presented.scheme, token);
  requireScope(settings, presented.scheme, token);
  return token;
}

/**
 * Asks about a token, judges the answer, and demands the proof of its key where it is bound
 * to one. What the route needs beyond a valid token is not looked at.
 *
 * @throws HttpError 401 or 503
 */
export function verifyToken(settings: GuardSettings, presented: Presented, req: Request): Soon<ActiveToken> {
  const { introspector } = settings;
  return answerOf(introspector, presented.token, undefined, (response) => {
    const judgement = judge(response, settings, settings.clock());
    if (judgement.verdict === 'unusable') throw unavailable(new UnusableAnswerError(judgement.problem));
    if (judgement.verdict !== 'accepted')
      throw invalidToken(settings, presented.scheme, judgement.description);
    const { token } = judgement;
    const proven = requirePossession(settings, presented, token, req);
    return proven === undefined ? token : proven.then(() => token);
  });
}

/** Last but for the scope, so that only the holder of a valid token learns what the route asks for (RFC 9470 §9). */
function requireAuthentication(settings: GuardSettings, scheme: Scheme, token: ActiveToken): void {
  const { acrValues, maxAge, neededScope } = settings;
  if (acrValues === undefined && maxAge === undefined) return;
  if (isAuthenticatedEnough(token, settings, settings.clock())) return;
  throw refusal(settings, {
    status: 401,
    code: 'insufficient_user_authentication',
    description: 'A more recent or a stronger authentication of the user is required',
    scheme,
    needs: {
      acr_values: acrValues?.join(' '),
      max_age: maxAge?.toString(),
      // The client is about to get another token, which had better have it.
      scope: neededScope === '' ? undefined : neededScope,
    },
  });
}

/** @throws HttpError 403 when the token lacks a needed scope */
export function requireScope(settings: GuardSettings, scheme: Scheme, token: ActiveToken): void {
  if (hasScope(token, settings)) return;
  throw refusal(settings, {
    status: 403,
    code: 'insufficient_scope',
    description: 'The access token lacks a required scope',
    scheme,
    needs: { scope: settings.neededScope },
  });
}

/** The answer about a token that is not good enough for anything here. */
export function invalidToken(settings: GuardSettings, scheme: Scheme, description: string): HttpError {
  return refusal(settings, { status: 401, code: 'invalid_token', description, scheme });
}

/** RFC 6750 §3.1: a request without credentials is told no error. */
function answer(error: HttpError, _req: Request, res: Response): void {
  forbidCaching(res);
  const body = { ...(error.code !== undefined && { error: error.code }), error_description: error.message };
  sendJson(res, error.status, body, error.headers);
}
