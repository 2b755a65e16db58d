import type { NextFunction, Request, Response } from 'express';
import type { HttpError, HttpHeaders } from '../http/http-error.js';
import { ALWAYS, canAnswer, exposing, sendJson } from '../http/respond.js';
import { GuardError, whyOf } from './guard-error.js';

/** The headers that a page of another origin could not read otherwise (Fetch, §3.3.5). */
const EXPOSED = 'WWW-Authenticate, Retry-After, DPoP-Nonce';

/**
 * An error with all headers of the guard's own response, so that an app whose `onError` only logs it and calls `next(error)`
 * changes nothing else.
 */
export function completed(error: HttpError, req: Request, res: Response): GuardError {
  const { status, code, message, stack } = error;
  const isForPage = req.headers.origin !== undefined && canAnswer(res);
  const headers: HttpHeaders = {
    ...ALWAYS,
    ...error.headers,
    ...(isForPage && { 'Access-Control-Expose-Headers': exposing(res, EXPOSED) }),
  };
  const complete = new GuardError(status, code, message, {
    why: whyOf(error),
    headers,
    ...('cause' in error && { cause: error.cause }),
  });
  // Where it was thrown, and not where it was completed.
  return Object.assign(complete, { stack });
}

/** The guard's own response. RFC 6750 §3.1: a request without credentials is told no error. */
export function respond(error: GuardError, _req: Request, res: Response, next: NextFunction): void {
  // What stands for a response in front of a socket cannot be written; whoever is behind it can be told.
  if (typeof res.setHeader !== 'function') {
    next(error);
    return;
  }
  const body = { error: error.code, error_description: error.message };
  sendJson(res, error.status, body, error.headers);
}
