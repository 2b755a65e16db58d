import bodyParser from 'body-parser';
import type { Request, Response } from 'express';
import { isObject } from '../options.js';
import { invalidRequest } from './http-error.js';
import { hasBody, readBody } from './read-body.js';

/** More than anybody needs to say nothing. */
const LIMIT = 1024;

const parseText = bodyParser.text({ type: () => true, limit: LIMIT });

/**
 * Demands that a request carries nothing, whether or not the app has parsed it already. `{}` is nothing, which many clients
 * send with every POST, and so are no bytes in chunks.
 *
 * @throws HttpError 400
 */
export async function demandNoBody(req: Request, res: Response): Promise<void> {
  if (!hasBody(req)) return;
  // What cannot be read is something, whatever is wrong with it.
  const isRead = await readBody(parseText, req, res).then(
    () => true,
    () => false,
  );
  if (!isRead || !isNothing(req.body)) throw invalidRequest('The call takes no body');
}

function isNothing(body: unknown): boolean {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return /^\s*(?:\{\s*\})?\s*$/.test(body.toString());
  if (!isObject(body)) return body === undefined;
  // As `{}`, a parser for forms has read it that the app has for all requests.
  return Object.entries(body).every(([name, value]) => name === '{}' && value === '');
}
