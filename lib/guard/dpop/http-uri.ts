import type { TLSSocket } from 'node:tls';
import type { Request } from 'express';

/** A host as it may stand in a URI, with a port or without (RFC 3986 §3.2.2). Nothing in it can end it. */
const HOST = /^(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;
/** An absolute target (RFC 9112 §3.2.2), which Express routes by its path. */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i;

/**
 * The URI that the client has called, without its query, as Express sees it under the app's
 * `trust proxy`; what `htu` of a DPoP proof has to name (RFC 9449 §4.3). `undefined` where a
 * request does not say, or says it in a way that means one thing here and another to the router.
 */
export function externalUri(req: Request): string | undefined {
  const host = externalHost(req);
  const path = pathOf(req);
  const protocol = protocolOf(req);
  const isWeb = protocol === 'http' || protocol === 'https';
  if (!isWeb || path === undefined || host === undefined || !HOST.test(host)) return undefined;
  return `${protocol}://${host}${path}`;
}

/** Express's, which heeds its `trust proxy`; else that of the connection. */
function protocolOf({ protocol, socket }: Request): string {
  return protocol ?? ((socket as Partial<TLSSocket>).encrypted ? 'https' : 'http');
}

/** The path as the router sees it. One that a URL's own rules would turn into another path is none. */
export function pathOf({ originalUrl, url }: Request): string | undefined {
  const target = (originalUrl ?? url).replace(ABSOLUTE, '');
  const path = target.split('?', 1)[0] || '/';
  const hasDots = path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
  return path.startsWith('/') && !hasDots && !/[\\#]/.test(path) ? path : undefined;
}

/** `req.host` of Express 5, port included, which Express 4 does not have; HTTP/2 names it otherwise. */
function externalHost({ app, headers, socket }: Request): string | undefined {
  const trusts = (app as Request['app'] | undefined)?.get('trust proxy fn') as Trusts | undefined;
  const forwarded = [headers['x-forwarded-host'] ?? []].flat().join(',');
  // What stands first was the client's; each proxy has added its own.
  if (forwarded !== '' && trusts?.(socket.remoteAddress, 0)) return forwarded.split(',', 1)[0]?.trim();
  return headers.host ?? (headers[':authority'] as string | undefined);
}

/** Express's compiled `trust proxy`; a request that no Express has seen has none. */
type Trusts = (address: string | undefined, hop: number) => boolean;

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
