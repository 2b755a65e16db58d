import type { IncomingMessage } from 'node:http';

/** Who sent a request, as audit events tell it. */
export interface RequestFacts {
  readonly address?: string;
  readonly userAgent?: string;
  readonly requestId?: string;
}

export function requestFacts(
  req: IncomingMessage & { readonly ip?: string | undefined },
  requestId?: (req: IncomingMessage) => unknown,
): RequestFacts {
  const address = req.ip ?? req.socket.remoteAddress;
  const id = requestId?.(req) ?? req.headers['x-request-id'];
  return {
    ...(address !== undefined && { address }),
    ...(req.headers['user-agent'] !== undefined && { userAgent: req.headers['user-agent'] }),
    ...(typeof id === 'string' && { requestId: id }),
  };
}
