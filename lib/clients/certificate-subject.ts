import type { X509Certificate } from 'node:crypto';
import type { Client } from './client.js';

/**
 * Whether a certificate's subject is the one that a client is registered with (RFC 8705 §2.1.2).
 * Says nothing about who has issued it.
 */
export function isSubjectOf(certificate: X509Certificate, client: Client): boolean {
  const exactly = { subject: 'never', wildcards: false, partialWildcards: false } as const;
  const {
    tlsClientAuthSubjectDn: dn,
    tlsClientAuthSanDns: dns,
    tlsClientAuthSanUri: uri,
    tlsClientAuthSanIp: ip,
    tlsClientAuthSanEmail: email,
  } = client;
  if (dn !== undefined) return isSameName(dn, certificate.subject);
  if (dns !== undefined) return certificate.checkHost(dns, exactly) !== undefined;
  if (ip !== undefined) return certificate.checkIP(ip) !== undefined;
  if (email !== undefined) return certificate.checkEmail(email, exactly) !== undefined;
  return uri !== undefined && urisOf(certificate.subjectAltName).includes(uri);
}

/** An attribute of a name, such as `CN=orders`. */
type Attribute = readonly [type: string, value: string];

/**
 * Compares a name as RFC 4514 writes it with one as Node does: a line for each part, in the order of the certificate, which
 * is the other way round. A part may have several attributes, joined by plus signs, in any order.
 */
function isSameName(registered: string, subject: string | undefined): boolean {
  const wanted = parts(registered, /,/y)?.toReversed();
  const found = parts(subject ?? '', /\n/y);
  return wanted !== undefined && found !== undefined && written(wanted) === written(found);
}

function written(name: readonly (readonly Attribute[])[]): string {
  return JSON.stringify(name.map((part) => part.map((attribute) => JSON.stringify(attribute)).toSorted()));
}

const TYPE = /[ ]*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)[ ]*=[ ]*/y;
const VALUE = /(?:\\[0-9A-Fa-f]{2}|\\[^0-9A-Fa-f]|[^\\,+\n"#;<>]|(?<!=)#)*/y;
const PLUS = /[ ]*\+/y;

/** The parts of a name, each with its attributes; `undefined` for what is none, or is written in a way that is not understood. */
function parts(text: string, separator: RegExp): (readonly Attribute[])[] | undefined {
  const name: Attribute[][] = [[]];
  let at = 0;
  const next = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  for (;;) {
    const type = next(TYPE)?.[1];
    const value = type === undefined ? undefined : unescaped((next(VALUE) as RegExpExecArray)[0]);
    if (type === undefined || !value) return undefined;
    (name.at(-1) as Attribute[]).push([type.toUpperCase(), value]);
    if (at === text.length) return name;
    if (next(PLUS)) continue;
    if (!next(separator)) return undefined;
    name.push([]);
  }
}

/** Whether text is a name as RFC 4514 writes it, of at least one part. */
export function isName(text: string): boolean {
  return parts(text, /,/y) !== undefined;
}

/** RFC 4514 §2.4: a backslash stands before a character, or before two digits that are a byte of UTF-8. Spaces at the end are none of the value. */
function unescaped(value: string): string | undefined {
  const bytes: string[] = value.match(/\\[0-9A-Fa-f]{2}|\\?[\s\S]/gu) ?? [];
  while (bytes.at(-1) === ' ') bytes.pop();
  const text = Buffer.concat(
    bytes.map((one) =>
      /^\\[0-9A-Fa-f]{2}$/.test(one) ? Buffer.from(one.slice(1), 'hex') : Buffer.from(one.replace(/^\\/, '')),
    ),
  ).toString();
  return text.includes('\uFFFD') ? undefined : text;
}

const ALTERNATIVE_NAME = /(?:^|, )([A-Za-z0-9 ]+):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?=, |$)/y;

/**
 * The URIs among the names that Node writes as `DNS:a, URI:"b"`: one with a character that could mislead is quoted as in JSON.
 * None where anything stands there that is not understood.
 */
function urisOf(subjectAltName = ''): readonly string[] {
  const uris: string[] = [];
  ALTERNATIVE_NAME.lastIndex = 0;
  for (let end = 0; end < subjectAltName.length; end = ALTERNATIVE_NAME.lastIndex) {
    const [, kind, quoted, plain] = ALTERNATIVE_NAME.exec(subjectAltName) ?? [];
    if (kind === undefined) return [];
    if (kind === 'URI') uris.push(quoted === undefined ? (plain as string) : (JSON.parse(quoted) as string));
  }
  return uris;
}
