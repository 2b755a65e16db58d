import { X509Certificate } from 'node:crypto';

/**
 * A certificate from its DER, or from text that a proxy, a file or a database has made of it: PEM, with other line ends than
 * its own or escaped as in a URL, the first of a chain; base64 of the DER; or that between colons (RFC 9440 §2.1).
 * `undefined` for what is none, whatever that is.
 */
export function parsedCertificate(certificate: Uint8Array | string): X509Certificate | undefined {
  const der = typeof certificate === 'string' ? derOfText(certificate) : derOfBytes(certificate);
  try {
    return der && new X509Certificate(der);
  } catch {
    return undefined;
  }
}

/** What proxies write where there is none: nothing, or what Apache and HAProxy have for that. */
export function isNoCertificate(found: unknown): boolean {
  return found === undefined || found === null || (typeof found === 'string' && NONE.includes(found.trim()));
}

const NONE: readonly string[] = ['', '-', '(null)'];

/** DER begins with the tag of a sequence. Other bytes may be a file of text. */
function derOfBytes(bytes: Uint8Array): Uint8Array | undefined {
  return bytes[0] === 0x30 ? bytes : derOfText(Buffer.from(bytes).toString('latin1'));
}

function derOfText(text: string): Uint8Array | undefined {
  return derOfPem(text) ?? derOfByteSequence(text) ?? derOfBase64(text);
}

const PEM = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([\s\S]*?)-----END/;

/**
 * The DER of the first certificate in PEM, which may be escaped as in a URL, and have lines of other text before it. Not in the
 * middle of a line: that is a list of something, of which another certificate may count.
 */
export function derOfPem(text: string): Uint8Array | undefined {
  const pem = unescapedUrl(text).trimStart();
  const match = PEM.exec(pem);
  if (!match) return undefined;
  const isLine = match.index === 0 || pem[match.index - 1] === '\n';
  return isLine ? derOfBase64(match[1] as string) : undefined;
}

/** RFC 8941 §3.3.5. */
export function derOfByteSequence(text: string): Uint8Array | undefined {
  const [, base64] = /^\s*:([^:]*):\s*$/.exec(text) ?? [];
  return base64 === undefined ? undefined : derOfBase64(base64);
}

/** Base64 with whatever space between. */
export function derOfBase64(text: string): Uint8Array | undefined {
  const base64 = text.replace(/\s+/g, '');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64') : undefined;
}

/** A plus sign is one: base64 has it, and some proxies leave it as it is. */
export function unescapedUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
