import bodyParser from 'body-parser';
import type { Request, Response } from 'express';
import { isObject } from '../options.js';
import { invalidRequest } from './http-error.js';
import { BODY_LIMIT, type BodyKind, readBody, tooLarge } from './read-body.js';

const UTF = ['utf-8', 'utf-16', 'utf-16le', 'utf-16be', 'utf-32', 'utf-32le', 'utf-32be'];

/** JSON is UTF-8 (RFC 8259 §8.1); these some programs write beside it, of which it may be true all the same. */
const WRITTEN_BY_DEFAULT: ReadonlySet<string> = new Set([
  'us-ascii',
  'ascii',
  'iso-8859-1',
  'latin1',
  'windows-1252',
]);

const JSON_BODY: BodyKind = {
  type: 'application/json',
  parse: bodyParser.json({ limit: BODY_LIMIT }),
  charsets: new Set(['', ...UTF]),
  isPlain: (_text, charset) => WRITTEN_BY_DEFAULT.has(charset),
};

/**
 * The JSON object that a request carries, whether or not the app has parsed it already; `undefined` where it carries nothing.
 *
 * @throws HttpError 400, 413 or 415
 */
export async function jsonBody(req: Request, res: Response): Promise<Record<string, unknown> | undefined> {
  const body = await readBody(req, res, JSON_BODY);
  if (body === undefined) return undefined;
  const parsed = typeof body === 'string' ? fromText(body) : body;
  if (!isObject(parsed)) throw invalidRequest('The body must be a JSON object');
  return parsed;
}

/** What a raw or text parser of the app's has left. That has limits of its own, so ours are kept here. */
function fromText(text: string): unknown {
  if (Buffer.byteLength(text) > BODY_LIMIT) throw tooLarge();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The error would quote the body.
    return undefined;
  }
}
