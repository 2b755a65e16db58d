import type { Request } from 'express';
import { mediaType } from '../http/content-type.js';
import { authorizationLines } from '../http/header-lines.js';
import type { GuardError } from './guard-error.js';
import type { GuardSettings } from './guard-options.js';
import type { Presented } from './possession.js';
import { isTokenCharacters, readPresentedToken, type Scheme } from './presented-token.js';
import { refusal, tokenRequired } from './refusal.js';

const SCHEMES: readonly Scheme[] = ['Bearer', 'DPoP'];
const FORM = 'application/x-www-form-urlencoded';

/**
 * The token that a request carries, in one way only (RFC 6750 §2): in `Authorization`, or in
 * a form where the guard reads forms. A token in the query is never read.
 *
 * @throws HttpError 400; 401 where it came by a scheme that is not taken here
 */
export function presentedToken(settings: GuardSettings, req: Request): Presented | undefined {
  const presented = readPresentedToken(authorizationLines(req), SCHEMES);
  // Credentials all the same, so that an optional guard does not let them pass as none.
  if ('scheme' in presented && presented.scheme && !settings.schemes.includes(presented.scheme)) {
    throw tokenRequired(settings, 'wrong_scheme');
  }
  if (presented.kind === 'malformed') {
    throw invalidRequest(settings, 'The Authorization header is malformed', presented.scheme);
  }
  const inHeader = presented.kind === 'token' ? presented : undefined;
  if (!inHeader && !settings.readsBody) return undefined;
  const ways = [inHeader !== undefined, hasFormToken(req), hasQueryToken(req)].filter(Boolean).length;
  if (ways > 1) throw invalidRequest(settings, 'The access token must be sent in one way only');
  return inHeader ?? formToken(settings, req);
}

/** By the URL itself: a request that no Express has seen has no `query`. */
function hasQueryToken({ url }: Request): boolean {
  const start = url.indexOf('?');
  if (start < 0) return false;
  // Express's extended parser takes `access_token[…]` for a member of the same name.
  const names = [...new URLSearchParams(url.slice(start)).keys()];
  return names.some((name) => name === 'access_token' || name.startsWith('access_token['));
}

function hasFormToken(req: Request): boolean {
  const body: unknown = req.body;
  return typeof body === 'object' && body !== null && 'access_token' in body && isForm(req);
}

function isForm({ headers }: Request): boolean {
  const hasBody = headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;
  return hasBody && mediaType(headers['content-type']) === FORM;
}

/** RFC 6750 §2.2: not with a method whose body has no meaning, and the parameter once. */
function formToken(settings: GuardSettings, req: Request): Presented | undefined {
  if (req.method === 'GET' || req.method === 'HEAD' || !isForm(req)) return undefined;
  if (req.body === undefined) {
    throw new Error('requireActiveToken: with tokenFrom "body", express.urlencoded() must stand before it');
  }
  if (!hasFormToken(req)) return undefined;
  const { access_token: token } = req.body as { readonly access_token: unknown };
  if (typeof token !== 'string' || !isTokenCharacters(token)) {
    throw invalidRequest(settings, 'The access_token parameter is malformed');
  }
  if (!settings.schemes.includes('Bearer')) throw tokenRequired(settings, 'wrong_scheme');
  return { scheme: 'Bearer', token };
}

function invalidRequest(settings: GuardSettings, description: string, scheme?: Scheme): GuardError {
  const why = { reason: 'malformed_request' } as const;
  return refusal(settings, { status: 400, code: 'invalid_request', description, why, scheme });
}
