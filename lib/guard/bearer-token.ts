/** What the `Authorization` lines of a request say about a bearer token. */
export type BearerCredentials =
  /** No bearer credentials: no header, or one of another scheme. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'token'; readonly token: string };

const SCHEME = 'bearer';
/** By character code: 1 where RFC 6750 §2.1 `b64token` has it, before its padding. */
const TOKEN_CHARACTERS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9\-._~+/]/.test(String.fromCharCode(code)) ? 1 : 0,
);
const EQUALS = 0x3d;

/**
 * Reads a bearer token by one anchored grammar, `bearer` in any case, one space and a
 * `b64token`; two lines are never a choice between them.
 *
 * No regular expression: V8 keeps the last string that one has matched, and with it the
 * token; and this is on the way of every guarded request.
 */
export function readBearerToken(lines: readonly string[]): BearerCredentials {
  if (lines.length > 1) return { kind: 'malformed' };
  const [line = ''] = lines;
  if (line.length < SCHEME.length || line.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
    return { kind: 'missing' };
  }
  if (line.length > SCHEME.length && line[SCHEME.length] !== ' ') return { kind: 'missing' };
  const token = line.slice(SCHEME.length + 1);
  return isBase64Token(token) ? { kind: 'token', token } : { kind: 'malformed' };
}

function isBase64Token(text: string): boolean {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === EQUALS) end -= 1;
  for (let i = 0; i < end; i++) {
    if (TOKEN_CHARACTERS[text.charCodeAt(i)] !== 1) return false;
  }
  return end > 0;
}
