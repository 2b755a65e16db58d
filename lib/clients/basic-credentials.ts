import { parse } from 'basic-auth';

/** A client id and a secret as a caller presented them. */
export interface Credentials {
  readonly clientId: string;
  readonly secret: string;
}

/** What an `Authorization` header says about Basic credentials (RFC 7617). */
export type BasicHeader =
  | { readonly kind: 'missing' }
  | { readonly kind: 'other_scheme' }
  | { readonly kind: 'malformed' }
  /** One or two readings of the same header, the form-decoded one first. */
  | { readonly kind: 'credentials'; readonly readings: readonly [Credentials, ...Credentials[]] };

const SCHEME = /^basic(?: |$)/i;
const CREDENTIALS = /^basic +([A-Za-z0-9+/]+={0,2})$/i;
const CONTROL = /\p{Cc}/u;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a Basic header by one anchored grammar.
 *
 * RFC 6749 §2.3.1 wants id and secret form-encoded before they are joined; many
 * clients (`curl -u`) send them raw. With `acceptRaw` both readings are returned
 * where they differ; without it, only the form-decoded one.
 */
export function readBasicHeader(header: string | undefined, acceptRaw: boolean): BasicHeader {
  if (header === undefined || header === '') return { kind: 'missing' };
  if (!SCHEME.test(header)) return { kind: 'other_scheme' };
  const base64 = CREDENTIALS.exec(header)?.[1];
  if (base64 === undefined || !isText(base64)) return { kind: 'malformed' };
  // The grammar above has ruled out what basic-auth would let pass. It splits at the first colon, and refuses
  // line separators in a secret, which have to come form-encoded.
  const pair = parse(header);
  if (!pair || pair.name === '') return { kind: 'malformed' };
  const raw = { clientId: pair.name, secret: pair.pass };
  const decoded = formDecoded(raw);
  if (!decoded) return acceptRaw ? { kind: 'credentials', readings: [raw] } : { kind: 'malformed' };
  const same = decoded.clientId === raw.clientId && decoded.secret === raw.secret;
  return { kind: 'credentials', readings: same || !acceptRaw ? [decoded] : [decoded, raw] };
}

/**
 * Whether somebody may be looked for by this id, however it was presented: a database might choke on control characters,
 * and in UTF-8 two ids that are not well-formed could become one.
 */
export function isPresentableId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && !CONTROL.test(value);
}

/** Canonical base64 of UTF-8 without control characters (RFC 7617 §2). */
function isText(base64: string): boolean {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) return false;
  try {
    return !CONTROL.test(strictUtf8.decode(bytes));
  } catch {
    return false;
  }
}

function formDecoded({ clientId, secret }: Credentials): Credentials | undefined {
  try {
    return { clientId: formDecode(clientId), secret: formDecode(secret) };
  } catch {
    return undefined;
  }
}

/** RFC 6749 Appendix B. Throws for a malformed escape and for an escaped control character. */
function formDecode(value: string): string {
  const decoded = decodeURIComponent(value.replaceAll('+', ' '));
  if (CONTROL.test(decoded)) throw new URIError('control character');
  return decoded;
}
