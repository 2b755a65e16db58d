import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { HttpError, serverFault, unavailable } from '../http/http-error.js';
import { answerOf, isRemembered } from '../introspection/ask.js';
import { isThenable, type Soon, whenKnown } from '../thenable.js';
import { UnusableAnswerError } from '../tokens/store-errors.js';
import type { ActiveToken } from './active-token.js';
import { Attempt } from './guard-audit.js';
import type { GuardError, Why } from './guard-error.js';
import { type GuardSettings, guardSettings, type RequireActiveTokenOptions } from './guard-options.js';
import { hasScope, judge } from './judge.js';
import { type Began, begin, measureAccepted, measureRefused } from './measure.js';
import { warnOfOutage } from './outage-warning.js';
import { type Presented, requirePossession } from './possession.js';
import type { Scheme } from './presented-token.js';
import { refusal, tokenRequired } from './refusal.js';
import { completed, respond } from './respond.js';
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
  const refuse = options.onError ?? respond;
  const { audit, property, source, telemetry } = settings;
  const isSilent = options.onError === undefined && audit === undefined;
  const refused = async (
    thrown: unknown,
    { began, attempt }: Watch,
    req: Request,
    res: Response,
    next: NextFunction,
  ): Promise<void> => {
    let passedOn: Error | undefined;
    try {
      measureRefused(telemetry, began, thrown);
      attempt?.refused(thrown, req);
      if (!(thrown instanceof HttpError)) {
        // What a `claims` function throws is a fault of the app's, for the app's error handler.
        passedOn = asError(thrown);
      } else {
        if (isSilent && thrown.status === 503) warnOfOutage(source, thrown, settings.clock());
        // Somebody may have answered meanwhile, a timeout of the app's for one.
        if (!res.headersSent) await refuse(completed(thrown, req, res), req, res, next);
      }
    } catch (fault) {
      passedOn = asError(fault);
    }
    if (passedOn) next(passedOn);
  };
  const accepted = (
    token: ActiveToken | undefined,
    { began, attempt }: Watch,
    req: Request,
    next: NextFunction,
  ): void => {
    measureAccepted(telemetry, began, token);
    attempt?.accepted(token, req);
    if (token) (req as unknown as Record<string, unknown>)[property] = token;
    next();
  };
  return function requireActiveToken(req: Request, res: Response, next: NextFunction): Soon<void> {
    const attempt = audit && new Attempt(audit, settings);
    const watch: Watch = { began: begin(telemetry), attempt };
    let token: Soon<ActiveToken | undefined>;
    try {
      token = authorize(settings, req, res, attempt);
    } catch (error) {
      return refused(error, watch, req, res, next);
    }
    if (!isThenable(token)) return accepted(token, watch, req, next);
    return token.then(
      (verified) => accepted(verified, watch, req, next),
      (error: unknown) => refused(error, watch, req, res, next),
    );
  };
}

/** What looks on at one request. */
interface Watch {
  readonly began: Began;
  readonly attempt: Attempt | undefined;
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
function authorize(
  settings: GuardSettings,
  req: Request,
  res: Response,
  attempt: Attempt | undefined,
): Soon<ActiveToken | undefined> {
  const presented = presentedToken(settings, req);
  if (!presented) {
    if (settings.optional) return undefined;
    throw tokenRequired(settings, 'missing_token');
  }
  if (attempt) attempt.token = presented.token;
  const { scheme } = presented;
  return whenKnown(verifyToken(settings, presented, req, res, attempt), (token) =>
    whenKnown(requireClaims(settings, scheme, token, req), () => {
      requireAuthentication(settings, scheme, token);
      requireScope(settings, scheme, token);
      return token;
    }),
  );
}

/** @throws HttpError 401 if the app's `claims` does not say that the token is good, and what it throws */
function requireClaims(
  settings: GuardSettings,
  scheme: Scheme,
  token: ActiveToken,
  req: Request,
): Soon<void> {
  const { claims } = settings;
  if (!claims) return undefined;
  return whenKnown(claims(token, req), (hasClaims) => {
    if (hasClaims === true) return;
    const description = 'The access token does not have the required claims';
    throw invalidToken(settings, scheme, description, { reason: 'claims' });
  });
}

/**
 * Asks about a token, judges the answer, and demands the proof of its key where it is bound
 * to one. What the route needs beyond a valid token is not looked at.
 *
 * @throws HttpError 401 or 503
 */
export function verifyToken(
  settings: GuardSettings,
  presented: Presented,
  req: Request,
  res: Response,
  attempt?: Attempt,
): Soon<ActiveToken> {
  const { introspector, question, limit } = settings;
  // What is in a cache costs the server nothing, whoever sends it.
  const isLimited = limit !== undefined && !isRemembered(introspector, presented.token, question);
  if (isLimited) limit.check(req);
  return answerOf(introspector, presented.token, question, (response) => {
    const judgement = judge(response, settings, settings.clock());
    if (judgement.verdict === 'unusable') throw unavailable(new UnusableAnswerError(judgement.problem));
    if (judgement.verdict !== 'accepted') {
      const refused = invalidToken(settings, presented.scheme, judgement.description, judgement.why);
      if (!isLimited || !judgement.isInactive) throw refused;
      return limit.count(req).then(() => {
        throw refused;
      });
    }
    const { token } = judgement;
    if (attempt && typeof token.client_id === 'string') attempt.clientId = token.client_id;
    const proven = requirePossession(settings, presented, token, req, res);
    return proven === undefined ? token : proven.then(() => token);
  });
}

/** Last but for the scope, so that only the holder of a valid token learns what the route asks for (RFC 9470 §9). */
function requireAuthentication(settings: GuardSettings, scheme: Scheme, token: ActiveToken): void {
  if (isAuthenticatedEnough(token, settings, settings.clock())) return;
  const { acrValues, maxAge, neededScope } = settings;
  throw refusal(settings, {
    status: 401,
    code: 'insufficient_user_authentication',
    description: 'A more recent or a stronger authentication of the user is required',
    why: { reason: 'authentication' },
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
    why: { reason: 'scope' },
    scheme,
    needs: { scope: settings.neededScope },
  });
}

/** The answer about a token that is not good enough for anything here. */
export function invalidToken(
  settings: GuardSettings,
  scheme: Scheme,
  description: string,
  why: Why,
): GuardError {
  return refusal(settings, { status: 401, code: 'invalid_token', description, why, scheme });
}
