import { headerLines } from '../http/header-lines.js';
import { isNonEmptyString, isObject, knownOptions, must } from '../options.js';
import { type ClientCertificateSource, UNREADABLE } from './certificate-source.js';
import {
  derOfBase64,
  derOfByteSequence,
  derOfPem,
  isNoCertificate,
  unescapedUrl,
} from './parsed-certificate.js';

/**
 * How a proxy writes the certificate of a client:
 * - `pem`: PEM, escaped as in a URL or with spaces for its line ends, the client's first (nginx, AWS ALB, Apache)
 * - `base64`: base64 of the DER; of several with commas between, the first (HAProxy, Traefik, Caddy)
 * - `rfc9440`: base64 of the DER between colons (`Client-Cert` of RFC 9440, Google Cloud)
 * - `xfcc`: `Cert`, or the first of `Chain`, of the last element, which is that of the nearest proxy (Envoy, Istio)
 */
export type CertificateHeaderForm = 'pem' | 'base64' | 'rfc9440' | 'xfcc';

export interface CertificateHeaderOptions {
  /**
   * Whether the proxy has verified that an authority which it trusts has issued the certificate: `true` where it lets no other
   * through; or the header in which it says so for each request, and the value that means yes. Default false. What
   * `tls_client_auth` goes by; a guard needs none.
   */
  readonly trusted?: boolean | { readonly header: string; readonly value: string };
}

const FACTORY = 'certificateFromHeader';

/** RFC 9110 §5.6.2. */
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Reads the client certificate from a header that a proxy sets: for the `clientCertificate` of a router, and for the
 * `certificate` of a guard. **The proxy must overwrite that header, and that of `trusted`, in every request**, without a client
 * certificate too: what it lets pass, any client can write.
 *
 * The function that it returns answers `undefined` where there is no certificate, and throws nothing. A header that comes twice,
 * or cannot be read, is refused as a wrong certificate.
 *
 * @throws TypeError that names a bad or unknown option
 */
export function certificateFromHeader(
  header: string,
  form: CertificateHeaderForm,
  options: CertificateHeaderOptions = {},
): ClientCertificateSource {
  must(isFieldName(header), FACTORY, 'header', 'the name of a header');
  must(Object.hasOwn(READERS, form), FACTORY, 'form', Object.keys(READERS).join(', '));
  knownOptions(FACTORY, options, ['trusted']);
  const { trusted = false } = options;
  must(
    typeof trusted === 'boolean' ||
      (isObject(trusted) && isFieldName(trusted.header) && isNonEmptyString(trusted.value)),
    FACTORY,
    'trusted',
    'a boolean, or { header, value }',
  );
  const name = header.toLowerCase();
  const verified =
    typeof trusted === 'boolean' ? trusted : { ...trusted, header: trusted.header.toLowerCase() };
  return (req) => {
    const [line, ...more] = headerLines(req, name);
    if (line === undefined || (more.length === 0 && isNoCertificate(line))) return undefined;
    // Of two, one may be the client's own.
    const certificate = more.length === 0 ? READERS[form](line) : undefined;
    if (!certificate) return UNREADABLE;
    return { certificate, isTrusted: typeof verified === 'boolean' ? verified : says(req, verified) };
  };
}

const READERS: Readonly<Record<CertificateHeaderForm, (line: string) => Uint8Array | undefined>> = {
  pem: derOfPem,
  base64: (line: string) => derOfBase64(unescapedUrl(line).split(',', 1)[0] as string),
  rfc9440: derOfByteSequence,
  xfcc: certificateOfXfcc,
};

function isFieldName(value: unknown): boolean {
  return typeof value === 'string' && FIELD_NAME.test(value);
}

function says(
  req: Parameters<ClientCertificateSource>[0],
  { header, value }: { readonly header: string; readonly value: string },
): boolean {
  const lines = headerLines(req, header);
  return lines.length === 1 && lines[0] === value;
}

/** A pair of a key and a value, and what stands behind it; in quotes, a backslash stands before what would end the value. */
const PAIR = /[ ]*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))(;|,|$)/y;

/** Envoy's `x-forwarded-client-cert`: elements with commas between, of pairs with semicolons between. */
function certificateOfXfcc(line: string): Uint8Array | undefined {
  let element = new Map<string, string>();
  PAIR.lastIndex = 0;
  for (let end = ''; PAIR.lastIndex < line.length || end !== ''; ) {
    const [, key, quoted, plain, separator] = PAIR.exec(line) ?? [];
    if (key === undefined) return undefined;
    if (end === ',') element = new Map();
    const name = key.toLowerCase();
    // Twice, nobody could tell which counts. Of the others, several may be there.
    if (element.has(name) && (name === 'cert' || name === 'chain')) return undefined;
    element.set(name, quoted ?? (plain as string));
    end = separator as string;
  }
  return derOfPem(element.get('cert') ?? element.get('chain') ?? '');
}
