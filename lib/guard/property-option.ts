import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { request } from 'express';
import { isNonEmptyString, must } from '../options.js';

/** What every request has, and what others give it on its way. */
const REQUEST = new IncomingMessage(new Socket());
const BY_EXPRESS = ['originalUrl', 'baseUrl', 'params', 'query', 'body', 'res', 'next', 'app', 'route'];
/** What asks these whether somebody is logged in would take a token for a login. */
const BY_PASSPORT = [
  ...['user', 'account', 'authInfo', 'logIn', 'login', 'logOut', 'logout'],
  ...['isAuthenticated', 'isUnauthenticated'],
];
/** By what stands beside a guard in most apps: sessions, cookies and their secret, uploads, limits, loggers. */
const BY_MIDDLEWARE = [
  ...['session', 'sessionID', 'sessionStore', 'cookies', 'signedCookies', 'secret', 'csrfToken', 'flash'],
  ...['rawBody', 'file', 'files', 'rateLimit', 'id', 'log'],
];
const TAKEN: readonly string[] = [...BY_EXPRESS, ...BY_PASSPORT, ...BY_MIDDLEWARE];

/**
 * What a request has, or gets from others, must not be replaced. (`auth` may be: it is the place
 * of a token for other guards, so what reads it is looking for one.)
 */
export function propertyOption(factory: string, given: unknown = 'activeToken'): string {
  must(
    isNonEmptyString(given) && !isTaken(given),
    factory,
    'property',
    'a name that a request does not have, nor gets from Express, Passport or the like',
  );
  return given;
}

/** With an underscore begins what is nobody else's business: `_body`, `_parsedUrl`, `_passport`. */
function isTaken(name: string): boolean {
  return name.startsWith('_') || name in request || name in REQUEST || TAKEN.includes(name);
}
