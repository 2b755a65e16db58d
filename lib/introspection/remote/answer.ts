import { isUtf8 } from 'node:buffer';
import { mediaType } from '../../http/content-type.js';
import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import type { IntrospectionResponse } from '../introspector.js';
import { introspectionResponse, malformed } from './members.js';
import { retryAfter } from './retry-after.js';
import type { Answer } from './transport.js';

/** The error codes of RFC 6749 §5.2 that are about us; they may come with 400. */
const ABOUT_US = new Set(['invalid_client', 'unauthorized_client']);

/**
 * What a plain JSON answer says.
 *
 * @throws IntrospectionUnavailableError for whatever is no introspection answer
 */
export function readAnswer(answer: Answer, now: number): IntrospectionResponse {
  requireOk(answer, now);
  if (!isJson(mediaType(answer.contentType))) throw malformed('is not application/json');
  return introspectionResponse(parsed(answer.body), now);
}

/**
 * Only a 200 says something about a token. Any other status is a fault of ours or of the
 * server's: it must never become "inactive", nor 401 for the caller.
 *
 * @throws IntrospectionUnavailableError unless the status is 200
 */
export function requireOk(answer: Answer, now: number): void {
  const { status } = answer;
  if (status === 200) return;
  if (status === 401 || status === 403 || (status === 400 && isAboutUs(answer))) {
    throw new IntrospectionUnavailableError(
      'our_credentials',
      `The authorization server refused our credentials, or our right to ask (status ${status})`,
      { status },
    );
  }
  const tellsWhen = status === 429 || status === 503;
  throw new IntrospectionUnavailableError(
    status === 429 ? 'rate_limited' : 'status',
    `The authorization server answered with status ${status}`,
    { status, retryAfter: tellsWhen ? retryAfter(answer.retryAfter, now) : undefined },
  );
}

/** RFC 7662 §2.2, RFC 6839 §3.1: by any other name, such as that of a web page, it is something else. */
function isJson(type: string): boolean {
  return type === 'application/json' || /^application\/[\w.-]+\+json$/.test(type);
}

/** @throws IntrospectionUnavailableError for what is not UTF-8 */
export function jsonText(body: Buffer): string {
  // Else two different subjects could turn into the same replacement characters.
  if (!isUtf8(body)) throw malformed('is not UTF-8');
  const text = body.toString();
  // RFC 8259 §8.1: a byte order mark may be ignored.
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function parsed(body: Buffer): unknown {
  const text = jsonText(body);
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes what it has read.
    throw malformed('is not JSON');
  }
}

function isAboutUs({ body }: Answer): boolean {
  try {
    const json = parsed(body) as { readonly error?: unknown } | null;
    return ABOUT_US.has(json?.error as string);
  } catch {
    return false;
  }
}
