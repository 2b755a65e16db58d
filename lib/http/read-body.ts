import { Readable } from 'node:stream';
import bodyParser from 'body-parser';
import type { Request, RequestHandler, Response } from 'express';
import { charsetOf, mediaType } from './content-type.js';
import { type HttpError, invalidRequest } from './http-error.js';

/** The most bytes that a body may have. */
export const BODY_LIMIT: number = 64 * 1024;

/** What the body of an API is. */
export interface BodyKind {
  /** The media type that it must have. */
  readonly type: string;
  /** The parser of body-parser's for it. */
  readonly parse: RequestHandler;
  /** The charsets that the parser knows, in lower case. */
  readonly charsets: ReadonlySet<string>;
  /** Whether text of ASCII characters means itself in another charset. */
  readonly isPlain: (text: string, charset: string) => boolean;
}

const parseRaw = bodyParser.raw({ limit: BODY_LIMIT, type: () => true });

/**
 * The body of a request: what a parser made of it, or text; `undefined` if there is none. The app, an adapter that makes
 * requests from events, or a mock may have read it before: then it is in `req.body`, and the stream has ended or was never
 * there.
 *
 * @throws HttpError 400, 413 or 415
 */
export async function readBody(req: Request, res: Response, kind: BodyKind): Promise<unknown> {
  const given = bodyOf(req);
  const contentType = req.headers['content-type'];
  const isRightType = contentType !== undefined && mediaType(contentType) === kind.type;
  if (isFilled(given)) {
    // What a mock gives may have no headers at all.
    if (!isRightType && (contentType !== undefined || mayHaveBody(req))) throw wrongType(kind);
    return textOf(given);
  }
  if (!mayHaveBody(req)) return undefined;
  if (!isRightType) {
    // Chunked and with nothing in it, it is no body, and needs no type.
    if (isChunked(req) && (await hasNoContent(req, res, isEmpty))) return undefined;
    throw wrongType(kind);
  }
  const charset = charsetOf(contentType);
  if (kind.charsets.has(charset)) return textOf(await read(req, res, kind.parse));
  return decoded((await read(req, res, parseRaw)) as Buffer, charset, kind);
}

/** Whether a request carries nothing: no body, or one that says nothing, which is `{}` or an empty form. */
export async function hasNoContent(
  req: Request,
  res: Response,
  saysNothing: (text: string) => boolean = isBlank,
): Promise<boolean> {
  const given = bodyOf(req);
  if (!isFilled(given) && !mayHaveBody(req)) return true;
  try {
    const body = textOf(isFilled(given) ? given : await read(req, res, parseRaw));
    // What a form parser makes of `{}`, which `curl -d '{}'` sends as one, is a parameter of that name.
    const text =
      typeof body === 'string'
        ? body
        : Object.entries(body as object)
            .flat()
            .join('');
    return !Array.isArray(body) && saysNothing(text);
  } catch {
    // It is too large, say: there is something.
    return false;
  }
}

export function tooLarge(): HttpError {
  return invalidRequest('The body is too large', 413);
}

function wrongType({ type }: BodyKind): HttpError {
  return invalidRequest(`The body must be ${type}`, 415);
}

function unsupported(): HttpError {
  return invalidRequest('The charset or encoding of the body is not supported', 415);
}

function unreadable(): HttpError {
  return invalidRequest('The body could not be read');
}

/** Express has it as `any`. */
function bodyOf(req: Request): unknown {
  return req.body as unknown;
}

/** As its headers say (RFC 9112 §6.3); adapters may put a number there. */
function mayHaveBody(req: Request): boolean {
  return isChunked(req) || String(req.headers['content-length'] ?? '0') !== '0';
}

function isChunked({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined;
}

/** Whether somebody has put a body into `req.body`. For one that it has not read, Express 4's body-parser puts `{}` there. */
function isFilled(given: unknown): boolean {
  if (typeof given === 'string' || Buffer.isBuffer(given)) return given.length > 0;
  if (typeof given !== 'object' || given === null) return false;
  return Array.isArray(given) || Object.keys(given).length > 0;
}

function isEmpty(text: string): boolean {
  return text === '';
}

function isBlank(text: string): boolean {
  return /^\s*(?:\{\s*\})?\s*$/.test(text);
}

/** What a raw parser has left, as text; what any other has made, as it is. */
function textOf(body: unknown): unknown {
  return Buffer.isBuffer(body) ? body.toString() : body;
}

/**
 * Has a parser of body-parser's read the body, if there is still something to read, and leaves `req.body` as it was. Only
 * what is a stream is read: of a mock, body-parser would wait for an end that never comes.
 */
async function read(req: Request, res: Response, parse: RequestHandler): Promise<unknown> {
  const before = bodyOf(req);
  if (req instanceof Readable && req.readable) await run(parse, req, res);
  const body = bodyOf(req);
  req.body = before;
  // Somebody has read it, and kept it.
  if (body === undefined || body === null) throw unreadable();
  return body;
}

function run(parse: RequestHandler, req: Request, res: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    // body-parser does not hear of the end of a stream that is none of Node's own requests.
    const onClose = (): void => {
      if (!req.readableEnded) reject(unreadable());
    };
    req.once('close', onClose);
    void parse(req, res, (error?: unknown) => {
      req.off('close', onClose);
      if (error) reject(refusedByParser(error));
      else resolve();
    });
  });
}

/** body-parser's errors carry a status; their messages may quote the body, so we use our own. */
function refusedByParser(error: unknown): HttpError {
  const { status } = error as { status?: unknown };
  if (status === 413) return tooLarge();
  return status === 415 ? unsupported() : unreadable();
}

/**
 * In nearly every charset, printable ASCII is itself; in those in which it is not there are control characters, zeros say.
 *
 * @throws HttpError 415 for anything else in a charset that cannot be read
 */
function decoded(body: Buffer, charset: string, { isPlain }: BodyKind): string {
  if (charset === 'utf8') return body.toString();
  const text = body.toString('latin1');
  if (!/^[\t\n\r\x20-\x7e]*$/.test(text) || !isPlain(text, charset)) throw unsupported();
  return text;
}
