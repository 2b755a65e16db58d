import type { Request, RequestHandler, Response } from 'express';
import { sendJson } from './respond.js';

/**
 * Serves a JSON document that everybody may read, at one path of the host: what is under `/.well-known` (RFC 8615). The path
 * is compared as text: to a router's pattern, some characters of a path mean more than themselves.
 */
export function publicDocument(path: string, document: object): RequestHandler {
  return (req, res, next) => {
    if (isAt(path, req)) answer(document, req, res);
    else next();
  };
}

function isAt(path: string, { originalUrl }: Request): boolean {
  return originalUrl === path || (!path.includes('?') && originalUrl.split('?', 1)[0] === path);
}

function answer(document: object, req: Request, res: Response): void {
  // Clients that run in a browser need it before they have a token.
  res.setHeader('Access-Control-Allow-Origin', '*');
  if (req.method === 'GET' || req.method === 'HEAD') {
    sendJson(res, 200, document);
  } else if (req.method === 'OPTIONS') {
    res.setHeader('Access-Control-Allow-Methods', 'GET');
    res.setHeader('Access-Control-Allow-Headers', '*');
    res.status(204).end();
  } else {
    const error = { error: 'invalid_request', error_description: 'The metadata can only be read' };
    sendJson(res, 405, error, { Allow: 'GET, HEAD, OPTIONS' });
  }
}
