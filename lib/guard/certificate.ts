import { hash, X509Certificate } from 'node:crypto';
import type { Request } from 'express';
import { onRejection } from '../thenable.js';

/** Finds the certificate that a client has proved to hold: DER, or PEM. */
export type CertificateSource = (req: Request) => Uint8Array | string | undefined;

/** @throws TypeError when the app's function answers anything else than it may */
export function certificateOf(
  { certificate }: { readonly certificate: CertificateSource },
  req: Request,
): Uint8Array | string | undefined {
  const found: unknown = certificate(req);
  if (found === undefined || found === null) return undefined;
  if (typeof found === 'string' || found instanceof Uint8Array) return found;
  onRejection(found, () => {});
  throw new TypeError('requireActiveToken: "certificate" must return DER, PEM or undefined');
}

/** `x5t#S256` of a certificate (RFC 8705 §3.1): base64url of the SHA-256 of its DER. `undefined` for what is no certificate. */
export function certificateThumbprint(certificate: Uint8Array | string | undefined): string | undefined {
  if (certificate === undefined) return undefined;
  try {
    return hash('sha256', new X509Certificate(certificate).raw, 'base64url');
  } catch {
    return undefined;
  }
}
