import { isUtf8 } from 'node:buffer';
import { isObject } from './options.js';

/** The header of a JWS (RFC 7515 §4), of which nothing is verified. */
export interface JwsHeader {
  readonly alg: string;
  readonly [parameter: string]: unknown;
}

/** A JWS taken apart. */
export interface Jws {
  readonly header: JwsHeader;
  readonly payload: Buffer;
}

/**
 * What a token says of itself where it is a JWS in form (RFC 7515 §7.1): three base64url
 * parts, the first of which is a JSON object with a string `alg`. `undefined` for anything
 * else, such as an opaque token or a JWE, which has five parts.
 */
export function unverifiedJws(token: string): Jws | undefined {
  const parts = token.split('.', 4);
  if (parts.length !== 3 || !parts.every(isBase64url)) return undefined;
  const [first, payload] = parts as [string, string, string];
  const header = jsonObject(Buffer.from(first, 'base64url'));
  if (typeof header?.alg !== 'string') return undefined;
  return { header: header as JwsHeader, payload: Buffer.from(payload, 'base64url') };
}

/** A `typ` as it is compared: without regard to case, and to `application/` (RFC 7515 §4.1.9). */
export function typeName(typ: string): string {
  const name = typ.toLowerCase();
  return name.startsWith('application/') ? name.slice('application/'.length) : name;
}

/** The JSON object in these bytes; `undefined` where it is none. */
export function jsonObject(bytes: Buffer): Record<string, unknown> | undefined {
  // Else two different subjects could turn into the same replacement characters.
  if (!isUtf8(bytes)) return undefined;
  try {
    const json: unknown = JSON.parse(bytes.toString());
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

/** Not a regular expression: V8 keeps the last string that one has matched, and with it the token. */
function isBase64url(part: string): boolean {
  for (let i = 0; i < part.length; i++) {
    const code = part.charCodeAt(i);
    const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isLetter && !isDigit && code !== 0x2d && code !== 0x5f) return false;
  }
  return true;
}
