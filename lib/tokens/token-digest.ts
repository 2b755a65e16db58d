import { hash } from 'node:crypto';

/**
 * SHA-256 of a token, in base64url: what stands for the token at rest, in audit
 * events and in revocation events, so that none of them holds the token itself.
 */
export function tokenDigest(token: string): string {
  if (typeof token !== 'string') throw new TypeError('tokenDigest: the token must be a string');
  return hash('sha256', token, 'base64url');
}

/**
 * Whether `token` can be a token at all: one or more VSCHAR (RFC 6749 Appendix A.12 and A.17).
 *
 * Not a regular expression: V8 keeps the last string that one has matched, and with
 * it the token, until the next match.
 */
export function isTokenSyntax(token: string): boolean {
  for (let i = 0; i < token.length; i++) {
    const code = token.charCodeAt(i);
    if (code < 0x20 || code > 0x7e) return false;
  }
  return token !== '';
}
