import type { Request } from 'express';

/** The media type as nearly all clients write it. */
const FORMS: ReadonlySet<string | undefined> = new Set(
  ['', ';charset=UTF-8', ';charset=utf-8', '; charset=UTF-8', '; charset=utf-8'].map(
    (charset) => `application/x-www-form-urlencoded${charset}`,
  ),
);
const MAX_BYTES = 16 * 1024;
/** The most parameters that a form may have. */
export const MAX_PARAMETERS = 100;

/**
 * The parameters of a form of the plainest kind: a small body that is all here, of
 * characters that stand for themselves, no name twice. `undefined` for any other, which
 * body-parser then sees untouched. Nearly every introspection request is of this kind.
 */
export function plainForm(req: Request): Map<string, string> | undefined {
  const { headers } = req;
  if (!FORMS.has(headers['content-type']) || headers['content-encoding'] !== undefined) return undefined;
  // A mock may have nothing that could be read.
  if (!req.readable) return undefined;
  const bytes = req.readableLength;
  if (headers['content-length'] !== String(bytes) || bytes === 0 || bytes > MAX_BYTES) return undefined;
  // Nobody has parsed it, nobody has begun to read it.
  if (req.body !== undefined || req.readableFlowing !== null) return undefined;
  const body = req.read() as Buffer;
  const parameters = plainParameters(body.toString('latin1'));
  if (parameters) req.resume();
  else req.unshift(body);
  return parameters;
}

function plainParameters(text: string): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals);
    const value = pair.slice(equals + 1);
    if (equals < 1 || !isPlain(name) || !isPlain(value)) return undefined;
    if (parameters.has(name) || name in Object.prototype || parameters.size === MAX_PARAMETERS)
      return undefined;
    parameters.set(name, value);
  }
  return parameters;
}

/** Letters, digits, `-`, `.`, `_` and `~`. No regular expression: V8 keeps the last string that one has matched. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isLetter = (code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a;
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isLetter && !isDigit && code !== 0x2d && code !== 0x2e && code !== 0x5f && code !== 0x7e)
      return false;
  }
  return true;
}
