import { hash } from 'node:crypto';
import type { Request } from 'express';
import type { ClientCertificate } from '../clients/certificate-source.js';
import { isNoCertificate, parsedCertificate } from '../clients/parsed-certificate.js';
import { isObject } from '../options.js';
import { onRejection } from '../thenable.js';

/** Finds the certificate that a client has proved to hold: DER or PEM, or what `certificateFromHeader` finds. */
export type CertificateSource = (req: Request) => Uint8Array | string | ClientCertificate | undefined;

/** The certificate of a request, by its `x5t#S256` (RFC 8705 §3.1): base64url of the SHA-256 of its DER. Or why there is none. */
export type FoundCertificate =
  | { readonly thumbprint: string; readonly problem?: undefined }
  | {
      readonly thumbprint?: undefined;
      readonly problem: 'absent' | 'unreadable' | 'threw';
    };

/** @throws TypeError when the app's function answers anything else than it may */
export function certificateOf(
  { certificate }: { readonly certificate: CertificateSource },
  req: Request,
): FoundCertificate {
  let answered: unknown;
  try {
    answered = certificate(req);
  } catch {
    // What it has read, a client may have written: that is a bad request, and no fault of anybody here.
    return { problem: 'threw' };
  }
  const found = isObject(answered) && 'certificate' in answered ? answered.certificate : answered;
  if (isNoCertificate(found)) return { problem: 'absent' };
  if (typeof found !== 'string' && !(found instanceof Uint8Array)) {
    onRejection(answered, () => {});
    throw new TypeError('requireActiveToken: "certificate" must return DER, PEM or undefined');
  }
  const parsed = parsedCertificate(found);
  return parsed ? { thumbprint: hash('sha256', parsed.raw, 'base64url') } : { problem: 'unreadable' };
}
