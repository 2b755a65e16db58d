import type { X509Certificate } from 'node:crypto';
import type { Client } from './client.js';
import { readName, subjectName } from './distinguished-name.js';

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
  if (dn !== undefined) return isSameName(dn, certificate.raw);
  if (dns !== undefined) return certificate.checkHost(dns, exactly) !== undefined;
  if (ip !== undefined) return certificate.checkIP(ip) !== undefined;
  if (email !== undefined) return certificate.checkEmail(email, exactly) !== undefined;
  return uri !== undefined && urisOf(certificate.subjectAltName).includes(uri);
}

/**
 * By the certificate's DER: the text that Node makes of a subject is for people, and which types and values it can show
 * depends on the OpenSSL that it was built with.
 */
function isSameName(registered: string, certificate: Buffer): boolean {
  const { name } = readName(registered);
  return name !== undefined && name === subjectName(certificate);
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
