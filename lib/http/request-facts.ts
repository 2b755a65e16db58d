import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { onRejection } from '../thenable.js';
import { withoutPort } from './address.js';

/** Who sent a request, and what it is called: for an audit event. It holds nothing of the path, the body or `Authorization`. */
export interface RequestFacts {
  /** The IP address of the caller, without a port: Express's `req.ip`, or that of the connection if there is none. */
  readonly address?: string;
  /** `User-Agent`, in printable ASCII, 256 characters at most. */
  readonly userAgent?: string;
  /** The id by which the logs of several services name the request. */
  readonly requestId?: string;
}

/** Names a request; anything but a {@link isSaneId sane id} counts as none. */
export type RequestIdOf<Req> = (req: Req) => unknown;

const MAX_USER_AGENT = 256;

/**
 * The facts about a request, of Express or of `node:http`. Never throws: what cannot be read is left out.
 *
 * @param requestId asked first for the id. Without it, or if it answers no sane id, the id is the `X-Request-Id` of the
 *   request, or else the trace id of its `traceparent` (W3C Trace Context §3.2)
 */
export function requestFacts<Req extends IncomingMessage & { readonly ip?: string | undefined }>(
  req: Req,
  requestId?: RequestIdOf<Req>,
): RequestFacts {
  const address =
    attempted(() => writtenAddress(req.ip)) ?? attempted(() => writtenAddress(req.socket.remoteAddress));
  const userAgent = attempted(() => userAgentOf(req.headers['user-agent']));
  const id =
    attempted(() => requestId && idOf(requestId(req))) ??
    attempted(() => idOf(req.headers['x-request-id'])) ??
    attempted(() => traceIdOf(req.headers.traceparent));
  return {
    ...(address !== undefined && { address }),
    ...(userAgent !== undefined && { userAgent }),
    ...(id !== undefined && { requestId: id }),
  };
}

/** A `trust proxy` function of the app's may throw, and so may anything of a request that is none of Node's. */
function attempted<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Only what is an address, as it is written: under `trust proxy`, a client can write anything. */
function writtenAddress(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const address = withoutPort(value);
  return isIP(address) === 0 ? undefined : address;
}

function userAgentOf(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const printable = value.replace(/[^\x20-\x7e]/g, '').slice(0, MAX_USER_AGENT);
  return printable === '' ? undefined : printable;
}

/** An id that is short, and has nothing that means something in a log or a header. */
function idOf(value: unknown): string | undefined {
  if (typeof value === 'string' && /^[\w.:=+/-]{1,128}$/.test(value)) return value;
  // A hook may be an async function by mistake; that it rejects must not end the process.
  onRejection(value, () => {});
  return undefined;
}

/** Version `ff` is none, and neither is an id of zeros. Later versions than `00` may have more fields. */
const TRACE_PARENT =
  /^(?!ff)(?:00(?=.{53}$)|(?!00)[\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})[\da-f]{16}-[\da-f]{2}(?:-|$)/;

function traceIdOf(value: unknown): string | undefined {
  return typeof value === 'string' ? TRACE_PARENT.exec(value)?.[1] : undefined;
}
