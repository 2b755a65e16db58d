import { isObject } from '../../options.js';
import { IntrospectionUnavailableError, type UnavailableReason } from '../introspection-unavailable.js';

/** OpenSSL's verification results and Node's own codes for a handshake that failed. */
const TLS =
  /^(?:ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO$|CERT_|CRL_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|ERROR_IN_C|HOSTNAME_MISMATCH$|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$)/;
const TIMEOUT = /^(?:ETIMEDOUT|UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT)$/;
const NOT_HTTP = /^(?:HPE_|HTTPParserError$|UND_ERR_HEADERS_OVERFLOW$)/;
const REFUSED_OR_RESET = /^(?:ECONNREFUSED|ECONNRESET|EPIPE|UND_ERR_SOCKET)$/;

const MESSAGES = {
  timeout: 'The authorization server did not answer in time',
  tls: 'There is no TLS connection to the authorization server that can be trusted',
  malformed_answer: 'What the authorization server sent is not HTTP',
  connection: 'The connection to the authorization server failed',
} as const satisfies Partial<Record<UnavailableReason, string>>;

/** No answer, or not the whole of one. */
export class TransportError extends IntrospectionUnavailableError {
  readonly #retriable: boolean;

  /** @param answered whether the head of an answer had come */
  constructor(thrown: unknown, answered: boolean) {
    const code = codeOf(thrown);
    const reason = reasonOf(code);
    super(reason, MESSAGES[reason], { cause: bareCause(thrown) });
    this.#retriable = !answered && REFUSED_OR_RESET.test(code);
  }

  /** Whether the connection was refused or reset before an answer, so that asking once more is safe and may help. */
  static isRetriable(error: unknown): boolean {
    return error instanceof TransportError && error.#retriable;
  }
}

/**
 * What is left of an error when everything is taken away in which a server's words, a
 * token or a secret could stand: its code, or else its name.
 */
export function bareCause(thrown: unknown): Error {
  const code = codeOf(thrown);
  return Object.assign(new Error(code), { code });
}

/**
 * The first code in a chain of causes, or else the innermost name: `fetch` hides the
 * interesting error behind a TypeError, and gives some no code. Without `instanceof`,
 * since errors come from other realms too.
 */
function codeOf(thrown: unknown): string {
  let name = 'UNKNOWN';
  let error = thrown;
  for (let depth = 0; depth < 5 && isObject(error); depth++) {
    if (isWord(error.code)) return error.code;
    if (isWord(error.name)) name = error.name;
    error = error.cause;
  }
  return name;
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^\w{1,60}$/.test(value);
}

function reasonOf(code: string): keyof typeof MESSAGES {
  if (TIMEOUT.test(code)) return 'timeout';
  if (TLS.test(code)) return 'tls';
  return NOT_HTTP.test(code) ? 'malformed_answer' : 'connection';
}
