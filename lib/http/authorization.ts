import type { IncomingMessage } from 'node:http';

/**
 * Every `Authorization` line of a request. Node keeps the first of several in
 * `headers`, which would let the others pass unseen.
 */
export function authorizationLines(req: IncomingMessage): readonly string[] {
  const { rawHeaders } = req;
  const lines: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length === 13 && rawHeaders[i]?.toLowerCase() === 'authorization') {
      lines.push(rawHeaders[i + 1] as string);
    }
  }
  if (lines.length > 0) return lines;
  // Adapters that make requests from events fill in `headers` only.
  const { authorization } = req.headers;
  return authorization === undefined ? [] : [authorization];
}
