import type { Request } from 'express';

/**
 * The URI that the client has called, without its query, as Express sees it under the app's
 * `trust proxy`; what `htu` of a DPoP proof has to name (RFC 9449 §4.3).
 */
export function externalUri(req: Request): string {
  const host = externalHost(req);
  // HTTP/1.0 may come without: then there is nothing that a proof could name.
  if (!host) return '';
  return `${req.protocol}://${host}${req.originalUrl.split('?', 1)[0]}`;
}

/** `req.host` of Express 5, port included, which Express 4 does not have. */
function externalHost(req: Request): string | undefined {
  const trusts = req.app.get('trust proxy fn') as (address: string | undefined, hop: number) => boolean;
  const forwarded = req.get('X-Forwarded-Host');
  if (forwarded === undefined || !trusts(req.socket.remoteAddress, 0)) return req.get('Host');
  // What stands first was the client's; each proxy has added its own.
  return forwarded.split(',', 1)[0]?.trim();
}

/**
 * An `http:` or `https:` URI in the one form in which two of them are compared (RFC 3986
 * §6.2.2, §6.2.3), without query and fragment. `undefined` for anything else.
 */
export function normalizedUri(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, origin, pathname, username, password } = new URL(text);
  if ((protocol !== 'https:' && protocol !== 'http:') || username !== '' || password !== '') return undefined;
  return origin + pathname.replace(/%[0-9a-f]{2}/gi, normalizedEscape);
}

function normalizedEscape(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
  return /[A-Za-z0-9\-._~]/.test(character) ? character : encoded.toUpperCase();
}
