import type { IncomingMessage } from 'node:http';

/**
 * Every line of a header, by its name in lower case. Node keeps the first of several
 * `Authorization` lines in `headers`, which would let the others pass unseen, and joins
 * those of most other headers.
 */
export function headerLines(req: IncomingMessage, name: string): readonly string[] {
  // Where the app, or an adapter that makes requests from events, says that there is none, there is none.
  const known = req.headers[name];
  if (known === undefined) return [];
  const rawHeaders = req.rawHeaders ?? [];
  const lines: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length === name.length && rawHeaders[i]?.toLowerCase() === name) {
      lines.push(rawHeaders[i + 1] as string);
    }
  }
  // Such adapters fill in `headers` only, and an app may have put another value there.
  return lines.length === 0 || (lines.length === 1 && lines[0] !== known) ? [known].flat() : lines;
}

/** Every line of `Authorization`. */
export function authorizationLines(req: IncomingMessage): readonly string[] {
  return headerLines(req, 'authorization');
}
