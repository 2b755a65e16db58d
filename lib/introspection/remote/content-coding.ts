import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { malformed } from './members.js';
import { MAX_ANSWER, tooLarge } from './transport.js';

/** Codings (RFC 9110 §8.4.1) applied one after the other: one by the server, one by a proxy. More is no honest response. */
const MAX_CODINGS = 2;

/** No more than this is ever unpacked, so that a small response cannot fill the memory. */
const LIMIT = { maxOutputLength: MAX_ANSWER };

/** The way back, by the coding's name. `x-gzip` is `gzip` (RFC 9110 §8.4.1.3). */
const DECODERS: ReadonlyMap<string, (body: Buffer) => Buffer> = new Map([
  ['gzip', (body: Buffer): Buffer => gunzipSync(body, LIMIT)],
  ['x-gzip', (body: Buffer): Buffer => gunzipSync(body, LIMIT)],
  ['deflate', inflated],
  ['br', (body: Buffer): Buffer => brotliDecompressSync(body, LIMIT)],
]);

/**
 * A body as it was before `Content-Encoding`. We ask for none (`Accept-Encoding: identity`), but some
 * proxies compress regardless. Synchronous: it is 64 KiB at most.
 *
 * @param codings the header's lines, joined by commas; empty if there is none
 * @throws IntrospectionUnavailableError `malformed_answer` for a coding or a body that cannot be read, and for one that is too large
 */
export function decoded(body: Buffer, codings: string): Buffer {
  if (codings === '' || body.length === 0) return body;
  const names = codings.toLowerCase().split(',').map(trimmed).filter(isCoding);
  if (names.length > MAX_CODINGS) throw malformed('has too many content codings');
  return names.reduceRight(undone, body);
}

function undone(body: Buffer, name: string): Buffer {
  const decode = DECODERS.get(name);
  if (!decode) throw malformed('has a content coding that cannot be read');
  try {
    return decode(body);
  } catch (error) {
    // The messages of zlib quote nothing, but are of no use either.
    throw (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE'
      ? tooLarge()
      : malformed('is not in the content coding that it names');
  }
}

/** `deflate` is the zlib format (RFC 9110 §8.4.1.2); some servers send the bare one, which has no such header (RFC 1950 §2.2). */
function inflated(body: Buffer): Buffer {
  // Two bytes, or one that is no header.
  const [method, flags] = body as unknown as [number, number];
  const isZlib = (method & 0x0f) === 8 && ((method << 8) | flags) % 31 === 0;
  return isZlib ? inflateSync(body, LIMIT) : inflateRawSync(body, LIMIT);
}

function trimmed(name: string): string {
  return name.trim();
}

function isCoding(name: string): boolean {
  return name !== '' && name !== 'identity';
}
