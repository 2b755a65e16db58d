import type { IncomingMessage } from 'node:http';
import type { Request, RequestHandler, Response } from 'express';
import { type HttpError, invalidRequest } from './http-error.js';

/** Whether a request carries anything, as its headers say (RFC 9112 §6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** Has a parser of body-parser's read the body. @throws HttpError 400, 413 or 415 */
export function readBody(parse: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    void parse(req, res, (error?: unknown) => (error ? reject(refusedByParser(error)) : resolve()));
  });
}

export function tooLarge(): HttpError {
  return invalidRequest('The body is too large', 413);
}

/** body-parser's errors carry a status; their messages may quote the body, so we use our own. */
function refusedByParser(error: unknown): HttpError {
  const { status } = error as { status?: unknown };
  if (status === 413) return tooLarge();
  if (status === 415) return invalidRequest('The charset or encoding of the body is not supported', 415);
  return invalidRequest('The body could not be read');
}
