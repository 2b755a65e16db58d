import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import type { Deadline } from './deadline.js';
import { TransportError } from './transport-error.js';

/** Answers over this many bytes are refused, so that no server can fill our memory. */
export const MAX_ANSWER: number = 64 * 1024;

/** A URL, taken apart once. */
export interface Target {
  readonly url: string;
  readonly isSecure: boolean;
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  /** `undefined`: the scheme's own. */
  readonly port: number | undefined;
  /** Path and query. */
  readonly path: string;
}

export interface OutgoingRequest {
  readonly method: 'GET' | 'POST';
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A whole answer: as much of it as is ever looked at. */
export interface Answer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
}

/** Sends one request and reads one answer. Follows no redirect. */
export interface Transport {
  /** @throws TransportError, or what ended the deadline; the connection is closed then */
  send(target: Target, request: OutgoingRequest, deadline: Deadline): Promise<Answer>;
}

export function target(url: URL): Target {
  return {
    url: url.href,
    isSecure: url.protocol === 'https:',
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? undefined : Number(url.port),
    path: `${url.pathname}${url.search}`,
  };
}

/** Makes a second attempt where the first found its connection refused or reset before an answer. Never after a timeout. */
export async function withOneRetry<T>(deadline: Deadline, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (deadline.isOver || !TransportError.isRetriable(error)) throw error;
    return await attempt();
  }
}

/** Collects a body up to the limit. */
export class BodyReader {
  readonly #chunks: Uint8Array[] = [];
  #size = 0;

  /** Whether it was still within the limit. */
  add(chunk: Uint8Array): boolean {
    this.#size += chunk.length;
    if (this.#size > MAX_ANSWER) return false;
    this.#chunks.push(chunk);
    return true;
  }

  whole(): Buffer {
    const [first, ...more] = this.#chunks;
    if (first !== undefined && more.length === 0) return asBuffer(first);
    return Buffer.concat(this.#chunks);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function tooLarge(): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError(
    'malformed_answer',
    `The answer of the authorization server is larger than ${MAX_ANSWER} bytes`,
  );
}

/** The values of a header, line by line. */
export function headerLines(rawHeaders: readonly string[], name: string): readonly string[] {
  return rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}

/** A header that came once. */
export function singleHeader(rawHeaders: readonly string[], name: string): string | undefined {
  const lines = headerLines(rawHeaders, name);
  return lines.length === 1 ? lines[0] : undefined;
}
