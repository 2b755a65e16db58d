/** What the `Authorization` lines of a request say about a bearer token. */
export type BearerCredentials =
  /** No bearer credentials: no header, or one of another scheme. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'token'; readonly token: string };

const SCHEME = /^bearer(?: |$)/i;
/** RFC 6750 §2.1 `b64token`, after exactly one space. */
const CREDENTIALS = /^bearer ([A-Za-z0-9\-._~+/]+=*)$/i;

/** Reads a bearer token by one anchored grammar; two lines are never a choice between them. */
export function readBearerToken(lines: readonly string[]): BearerCredentials {
  if (lines.length > 1) return { kind: 'malformed' };
  const [line = ''] = lines;
  if (!SCHEME.test(line)) return { kind: 'missing' };
  const token = CREDENTIALS.exec(line)?.[1];
  return token === undefined ? { kind: 'malformed' } : { kind: 'token', token };
}
