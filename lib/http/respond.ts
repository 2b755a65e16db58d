import type { Response } from 'express';
import { type HttpError, type HttpHeaders, serverFault } from './http-error.js';

/** What every answer carries: about tokens nothing may be cached (RFC 6749 §5.1, RFC 7662 §4). */
export const ALWAYS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  Pragma: 'no-cache',
  'X-Content-Type-Options': 'nosniff',
};

/** Sets the headers of every answer. Done first, so that whoever answers in our place sends them too. */
export function forbidCaching(res: Response): void {
  for (const name in ALWAYS) res.setHeader(name, ALWAYS[name] as string);
}

/** Whether a response can still be written: nobody has answered yet, and it is one at all, which a socket's stand-in is not. */
export function canAnswer(res: Response): boolean {
  return !res.headersSent && typeof res.setHeader === 'function';
}

/** `Access-Control-Expose-Headers` with these names beside those that the app has set (Fetch, §3.3.5). */
export function exposing(res: Response, names: string): string {
  const set = [res.getHeader('Access-Control-Expose-Headers') ?? []].flat().join(', ');
  return set === '' ? names : `${set}, ${names}`;
}

/** An answer that is written already, and its media type; any other is sent as JSON. */
export class TextAnswer {
  readonly type: string;
  readonly text: string;

  constructor(type: string, text: string) {
    this.type = type;
    this.text = text;
  }
}

/** Sends the response to a request that was right. Returns whether it was sent, as {@link sendText}. */
export function sendAnswer(res: Response, answer: object): boolean {
  if (answer instanceof TextAnswer) return sendText(res, 200, answer.type, answer.text);
  return sendJson(res, 200, answer);
}

/**
 * Sends JSON. Not `res.json`: that adds an `ETag`, with which Express answers a
 * token question with 304, `no-store` or not.
 */
export function sendJson(res: Response, status: number, body: object, headers: HttpHeaders = {}): boolean {
  return sendText(res, status, 'application/json', JSON.stringify(body), headers);
}

/** How an error went out. */
export interface SentError {
  /** What was sent: another one, where this one cannot be written. */
  readonly error: HttpError;
  readonly isSent: boolean;
}

/**
 * Sends an error in an API's own shape. Never throws: Express 4 does not look at promises, and an unhandled rejection ends
 * the process.
 */
export function sendError(
  res: Response,
  error: HttpError,
  write: (error: HttpError) => { readonly body: object; readonly headers?: HttpHeaders | undefined },
): SentError {
  try {
    const { body, headers } = write(error);
    return { error, isSent: sendJson(res, error.status, body, { ...headers, ...error.headers }) };
  } catch (fault) {
    // An error of the app's own may have a header that Node does not take.
    return sendFault(res, serverFault(fault));
  }
}

function sendFault(res: Response, error: HttpError): SentError {
  const { status, code, message } = error;
  try {
    return { error, isSent: sendJson(res, status, { error: code, error_description: message }) };
  } catch {
    // The caller must not wait for what will never come.
    res.destroy();
    return { error, isSent: false };
  }
}

/**
 * Sends text. Returns whether anyone gets it: not if the app has responded by itself, a timeout for one, or if the caller
 * has hung up. Nothing of a response that is out is touched.
 */
export function sendText(
  res: Response,
  status: number,
  type: string,
  text: string,
  headers: HttpHeaders = {},
): boolean {
  if (res.headersSent) return false;
  const isConnected = !res.destroyed;
  for (const name in headers) res.setHeader(name, headers[name] as string | readonly string[]);
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  // As a string, the body goes out in one write with the headers; as a Buffer it takes a dearer vectored one.
  res.end(text);
  return isConnected;
}
