import type { TLSSocket } from 'node:tls';
import type { Request } from 'express';

/** The client certificate (DER) of the TLS connection that a request came on. */
export function peerCertificate({ socket }: Request): Uint8Array | undefined {
  // A plain connection has no such method.
  return (socket as Partial<TLSSocket>).getPeerX509Certificate?.()?.raw;
}
