import type { Request, RequestHandler, Response } from 'express';
import type { Soon } from '../thenable.js';
import { HttpError, invalidRequest, serverFault } from './http-error.js';
import { sendJson } from './respond.js';

/**
 * Serves a JSON document that everybody may read, at one path. The path is compared as text: to a router's pattern, some
 * characters of a path mean more than themselves.
 *
 * @param of what the path is in: `originalUrl`, the host, for what is under `/.well-known` (RFC 8615); `url`, the router
 */
export function publicDocument(
  path: string,
  documentOf: () => Soon<object>,
  of: 'originalUrl' | 'url' = 'originalUrl',
): RequestHandler {
  return (req, res, next) => {
    if (isAt(path, req[of])) void answer(documentOf, req, res);
    else next();
  };
}

function isAt(path: string, url: string): boolean {
  return url === path || (!path.includes('?') && url.split('?', 1)[0] === path);
}

async function answer(documentOf: () => Soon<object>, req: Request, res: Response): Promise<void> {
  // Clients that run in a browser need it before they have a token.
  res.setHeader('Access-Control-Allow-Origin', '*');
  try {
    if (req.method === 'GET' || req.method === 'HEAD') sendJson(res, 200, await documentOf());
    else if (req.method === 'OPTIONS') preflight(res);
    else
      throw invalidRequest('The document can only be read', 405, {
        headers: { Allow: 'GET, HEAD, OPTIONS' },
      });
  } catch (thrown) {
    const { status, code, message, headers } = thrown instanceof HttpError ? thrown : serverFault(thrown);
    sendJson(res, status, { error: code, error_description: message }, headers);
  }
}

function preflight(res: Response): void {
  res.setHeader('Access-Control-Allow-Methods', 'GET');
  res.setHeader('Access-Control-Allow-Headers', '*');
  res.status(204).end();
}
