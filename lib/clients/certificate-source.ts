import type { Request } from 'express';

/** A certificate whose private key a client has proved to hold, by the TLS connection. */
export interface ClientCertificate {
  /** DER or PEM; PEM as proxies hand it on, or base64 of the DER. */
  readonly certificate: Uint8Array | string;
  /** Whether its chain leads to an authority that is trusted for clients; what `tls_client_auth` goes by. */
  readonly isTrusted: boolean;
}

/** Finds the certificate of a request, where a proxy ends TLS and says which it was. */
export type ClientCertificateSource = (req: Request) => ClientCertificate | undefined;

/** What is there and is no certificate, and is refused for that. */
export const UNREADABLE: ClientCertificate = { certificate: 'unreadable', isTrusted: false };
