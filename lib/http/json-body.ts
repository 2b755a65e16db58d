import bodyParser from 'body-parser';
import type { Request, Response } from 'express';
import { isObject } from '../options.js';
import { invalidRequest } from './http-error.js';
import { hasBody, readBody, tooLarge } from './read-body.js';

const JSON_TYPE = 'application/json';
const LIMIT = 64 * 1024;

const parseJson = bodyParser.json({ limit: LIMIT });

/**
 * The JSON object that a request carries, whether or not the app has parsed it already; `undefined` where it carries nothing.
 *
 * @throws HttpError 400, 413 or 415
 */
export async function jsonBody(req: Request, res: Response): Promise<Record<string, unknown> | undefined> {
  if (!hasBody(req)) return undefined;
  if (req.is(JSON_TYPE) === false) throw invalidRequest(`The body must be ${JSON_TYPE}`, 415);
  await readBody(parseJson, req, res);
  const { body } = req as { readonly body?: unknown };
  const parsed = Buffer.isBuffer(body) || typeof body === 'string' ? fromText(body.toString()) : body;
  if (!isObject(parsed)) throw invalidRequest('The body must be a JSON object');
  return parsed;
}

/** What a raw or text parser of the app's has left. That has limits of its own, so ours are kept here. */
function fromText(text: string): unknown {
  if (Buffer.byteLength(text) > LIMIT) throw tooLarge();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The error would quote the body.
    return undefined;
  }
}
