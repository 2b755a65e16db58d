/** How an access token is presented: RFC 6750 §2.1, RFC 9449 §7.1. */
export type Scheme = 'Bearer' | 'DPoP';

/** What the `Authorization` lines of a request say about an access token. */
export type PresentedToken =
  /** No credentials of ours: no header, or one of another scheme. */
  | { readonly kind: 'missing' }
  /** `scheme` is absent where it cannot be told which one was meant. */
  | { readonly kind: 'malformed'; readonly scheme: Scheme | undefined }
  | { readonly kind: 'token'; readonly scheme: Scheme; readonly token: string };

const NAMES: Readonly<Record<Scheme, string>> = { Bearer: 'bearer', DPoP: 'dpop' };
/** By character code: 1 where RFC 6750 §2.1 `b64token` has it, before its padding. */
const TOKEN_CHARACTERS = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9\-._~+/]/.test(String.fromCharCode(code)) ? 1 : 0,
);
const EQUALS = 0x3d;

/**
 * Reads an access token of one of these schemes by one anchored grammar, the scheme in any
 * case, spaces (`1*SP`) and a `b64token`; two lines are never a choice between them.
 *
 * No regular expression: V8 keeps the last string that one has matched, and with it the
 * token; and this is on the way of every guarded request.
 */
export function readPresentedToken(lines: readonly string[], schemes: readonly Scheme[]): PresentedToken {
  if (lines.length > 1) return { kind: 'malformed', scheme: undefined };
  const [line = ''] = lines;
  for (const scheme of schemes) {
    const { length } = NAMES[scheme];
    if (line.slice(0, length).toLowerCase() !== NAMES[scheme]) continue;
    if (line.length > length && line[length] !== ' ') continue;
    let start = length;
    while (line[start] === ' ') start += 1;
    const token = line.slice(start);
    return isTokenCharacters(token) ? { kind: 'token', scheme, token } : { kind: 'malformed', scheme };
  }
  return { kind: 'missing' };
}

/** Whether text is a `b64token` (RFC 6750 §2.1). */
export function isTokenCharacters(text: string): boolean {
  let end = text.length;
  while (text.charCodeAt(end - 1) === EQUALS) end -= 1;
  for (let i = 0; i < end; i++) {
    if (TOKEN_CHARACTERS[text.charCodeAt(i)] !== 1) return false;
  }
  return end > 0;
}
