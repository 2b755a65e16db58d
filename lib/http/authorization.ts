import type { IncomingMessage } from 'node:http';

/**
 * Every `Authorization` line of a request. Node keeps the first of several in
 * `headers`, which would let the others pass unseen.
 */
export function authorizationLines(req: IncomingMessage): readonly string[] {
  // Where the app, or an adapter that makes requests from events, says that there is none, there is none.
  const { authorization } = req.headers;
  if (authorization === undefined) return [];
  const { rawHeaders } = req;
  const lines: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length === 13 && rawHeaders[i]?.toLowerCase() === 'authorization') {
      lines.push(rawHeaders[i + 1] as string);
    }
  }
  // Such adapters fill in `headers` only.
  return lines.length > 0 ? lines : [authorization];
}
