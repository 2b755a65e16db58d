import type { Request, RequestHandler, Response } from 'express';
import type { Soon } from '../thenable.js';
import { type HttpError, httpErrorOf, invalidRequest } from './http-error.js';
import { forbidCaching, sendError, sendJson } from './respond.js';

export interface DocumentOptions {
  /** Refuses requests that did not come by TLS. Default false. */
  readonly requireTls?: boolean;
  /** What the path is in: `originalUrl`, the host, for what is under `/.well-known` (RFC 8615), which is the default; `url`, the router. */
  readonly of?: 'originalUrl' | 'url';
  /** Called with each request; the function that it returns is told why the document could not be sent. */
  readonly watch?: (req: Request) => (error: HttpError) => void;
}

/**
 * Serves a JSON document that everybody may read, at one path. The path is compared as text: to a router's pattern, some
 * characters of a path mean more than themselves.
 */
export function publicDocument(
  path: string,
  documentOf: () => Soon<object>,
  options: DocumentOptions = {},
): RequestHandler {
  const { of = 'originalUrl' } = options;
  return (req, res, next) => (isAt(path, req[of]) ? answer(documentOf, options, req, res) : next());
}

function isAt(path: string, url: string): boolean {
  return url === path || (!path.includes('?') && url.split('?', 1)[0] === path);
}

function answer(
  documentOf: () => Soon<object>,
  options: DocumentOptions,
  req: Request,
  res: Response,
): Promise<void> {
  // Clients that run in a browser need it before they have a token. What the app has said goes before: its origin beside its
  // "Access-Control-Allow-Credentials", for one, which "*" would make void.
  if (!res.headersSent) setUnlessThere(res, 'Access-Control-Allow-Origin', '*');
  return sendPublicly(req, res, options, async () => {
    if (req.method === 'GET' || req.method === 'HEAD') send(res, await documentOf());
    else if (req.method === 'OPTIONS') preflight(res);
    else
      throw invalidRequest('The document can only be read', 405, {
        headers: { Allow: 'GET, HEAD, OPTIONS' },
      });
  });
}

/** Lets `act` respond with what everybody may read, and responds with the error that it throws. Never rejects. */
export async function sendPublicly(
  req: Request,
  res: Response,
  { requireTls = false, watch }: Pick<DocumentOptions, 'requireTls' | 'watch'>,
  act: () => Promise<void>,
): Promise<void> {
  // Somebody may have answered meanwhile, a timeout of the app's for one.
  if (res.headersSent) return;
  const failed = watch?.(req);
  // Of errors nothing may be kept.
  forbidCaching(res);
  try {
    if (requireTls && !req.secure) throw invalidRequest('TLS is required');
    await act();
  } catch (thrown) {
    const { error } = sendError(res, httpErrorOf(thrown), ({ code, message }) => ({
      body: { error: code, error_description: message },
    }));
    failed?.(error);
  }
}

function send(res: Response, document: object): void {
  if (res.headersSent) return;
  allowCaching(res);
  sendJson(res, 200, document);
}

function preflight(res: Response): void {
  allowCaching(res);
  setUnlessThere(res, 'Access-Control-Allow-Methods', 'GET');
  setUnlessThere(res, 'Access-Control-Allow-Headers', '*');
  res.statusCode = 204;
  res.end();
}

function setUnlessThere(res: Response, name: string, value: string): void {
  if (!res.hasHeader(name)) res.setHeader(name, value);
}

function allowCaching(res: Response): void {
  for (const name of ['Cache-Control', 'Pragma']) res.removeHeader(name);
}
