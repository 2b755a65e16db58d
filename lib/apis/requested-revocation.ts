import { invalidRequest } from '../http/http-error.js';
import { requestedCascade } from './requested-change.js';

/** Whose tokens a call revokes, and which of them. */
export interface RequestedRevocation {
  /** One of the two at least. */
  readonly of: { readonly appId?: string; readonly subject?: string };
  /** Whether the refresh tokens as well. */
  readonly cascade: boolean;
}

const PARAMETERS = ['app', 'enduser', 'cascade'];

/** What a URL may have in it (RFC 3986 §2). What Node reads of others are not the characters that the caller has sent. */
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;

/**
 * Reads whose tokens are to be revoked from the query of a call. Each parameter narrows down what is revoked, so one that is
 * misspelt, or cannot be read for sure, must not be ignored.
 *
 * @throws HttpError 400
 */
export function requestedRevocation(url: string): RequestedRevocation {
  const parameters = readQuery(url);
  const [appId, subject] = [parameters.get('app'), parameters.get('enduser')];
  if (appId === undefined && subject === undefined)
    throw invalidRequest('The app or the enduser parameter is required');
  return {
    of: { ...(appId !== undefined && { appId }), ...(subject !== undefined && { subject }) },
    cascade: requestedCascade(parameters.get('cascade')),
  };
}

function readQuery(url: string): ReadonlyMap<string, string> {
  const start = url.indexOf('?');
  const parameters = new Map<string, string>();
  for (const part of start < 0 ? [] : url.slice(start + 1).split('&')) {
    if (part === '') continue;
    const name = decoded(part.replace(/=.*/, ''));
    const value = decoded(part.replace(/^[^=]*=?/, ''));
    if (!PARAMETERS.includes(name)) throw invalidRequest('The query must have app, enduser and cascade only');
    if (parameters.has(name)) throw invalidRequest(`The ${name} parameter must not be repeated`);
    if (value === '') throw invalidRequest(`The ${name} parameter must not be empty`);
    parameters.set(name, value);
  }
  return parameters;
}

/** Text as a form encodes it. `URLSearchParams` would make other text of what is malformed, which may be somebody's. */
function decoded(text: string): string {
  try {
    if (VISIBLE_ASCII.test(text)) return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // No UTF-8.
  }
  throw invalidRequest('The query is malformed');
}
