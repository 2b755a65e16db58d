import { hash, type KeyObject, type X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Request } from 'express';
import { HookError, type WrongCredentials } from '../http/http-error.js';
import { peerCertificate } from '../http/peer-certificate.js';
import { isObject } from '../options.js';
import { onRejection } from '../thenable.js';
import type { Attempt } from './attempt.js';
import { type ClientCertificate, type ClientCertificateSource, UNREADABLE } from './certificate-source.js';
import { isSubjectOf } from './certificate-subject.js';
import type { Client, ClientStore } from './client.js';
import type { ClientKeys } from './client-assertion.js';
import { authMethodsOf } from './client-authentication.js';
import { ClientStrategy, type Identified } from './client-strategy.js';
import { findClient } from './client-verifier.js';
import { isNoCertificate, parsedCertificate } from './parsed-certificate.js';
import { type ClientJwk, publicKey } from './registered-key.js';
import type { VerifiedSecrets } from './verified-secrets.js';

/** The name of the strategy in Passport. */
export const CLIENT_CERTIFICATE = 'client_certificate';

/** A form's `client_id`, and the certificate of its connection. */
export interface PresentedCertificate extends ClientCertificate {
  readonly clientId: string;
}

export interface CertificateRules {
  readonly clients: ClientStore;
  readonly keys: ClientKeys;
  /** Remembers which clients have lately proved who they are, with which certificate. */
  readonly verified: VerifiedSecrets;
}

/** The certificate of the TLS connection itself, and whether Node trusts it. */
export function certificateOfConnection(req: Request): ClientCertificate | undefined {
  const certificate = peerCertificate(req);
  return certificate && { certificate, isTrusted: (req.socket as TLSSocket).authorized };
}

/**
 * What the app's function finds. What it throws is no fault of anybody here, since a client may have written what it has read:
 * that is a certificate which nobody can read, and is refused for it.
 *
 * @throws HookError when it answers anything else than it may
 */
export function clientCertificateOf(
  source: ClientCertificateSource,
  req: Request,
): ClientCertificate | undefined {
  let found: unknown;
  try {
    found = source(req);
  } catch {
    return UNREADABLE;
  }
  if (found === undefined || found === null) return undefined;
  if (isObject(found)) {
    const { certificate, isTrusted } = found;
    const isCertificate = typeof certificate === 'string' || certificate instanceof Uint8Array;
    if (isCertificate && typeof isTrusted === 'boolean')
      return isNoCertificate(certificate) ? undefined : { certificate, isTrusted };
  }
  onRejection(found, () => {});
  throw new HookError('clientCertificate: must return { certificate, isTrusted } or undefined');
}

/** `tls_client_auth` and `self_signed_tls_client_auth`: the certificate of the connection (RFC 8705 §2). */
export class ClientCertificateStrategy extends ClientStrategy<PresentedCertificate> {
  constructor(rules: CertificateRules) {
    super(CLIENT_CERTIFICATE, (presented, attempt) => identify(rules, presented, attempt));
  }
}

async function identify(
  { clients, keys, verified }: CertificateRules,
  { clientId, certificate, isTrusted }: PresentedCertificate,
  attempt: Attempt,
): Promise<Identified> {
  const proof = ['certificate', clientId, hash('sha256', certificate, 'base64url')] as const;
  attempt.claim(clientId);
  attempt.begin(verified.hasProof(...proof));
  const client = await findClient(clients, clientId);
  if (!client) return { credentials: 'wrong', wrong: 'unknown_client' };
  const refused = (wrong: WrongCredentials): Identified => ({
    credentials: 'wrong',
    wrong,
    claimed: clientId,
  });
  if (client.disabled) return refused('client_disabled');
  const methods = authMethodsOf(client);
  const isByName = methods.includes('tls_client_auth');
  const isByKey = methods.includes('self_signed_tls_client_auth');
  if (!isByName && !isByKey) return refused('other_method');
  const parsed = parsedCertificate(certificate);
  const isRight =
    parsed !== undefined &&
    ((isByName && isTrusted && isSubjectOf(parsed, client)) ||
      (isByKey && (await hasKeyOf(parsed, client, keys))));
  if (!isRight) return refused('certificate');
  attempt.remember(() => verified.addProof(...proof));
  return { client };
}

/**
 * Whether a certificate is of one of the keys that a client is registered with (RFC 8705 §2.2): one that is registered with
 * its certificate has to come with that, and one that is for encryption proves nothing here.
 */
async function hasKeyOf(certificate: X509Certificate, client: Client, keys: ClientKeys): Promise<boolean> {
  const { raw } = certificate;
  const key = keyOf(certificate);
  const isRegistered = ({ use, x5c, ...jwk }: ClientJwk): boolean => {
    if (use === 'enc') return false;
    if (x5c !== undefined)
      return Array.isArray(x5c) && typeof x5c[0] === 'string' && raw.equals(Buffer.from(x5c[0], 'base64'));
    // As keys, and not as they are written: a number may have octets of zero before it, and base64 an ending.
    return key !== undefined && publicKey(jwk)?.equals(key) === true;
  };
  return (await keys.find(client, (published) => published.some(isRegistered) || undefined)) === true;
}

/** The key of a certificate; `undefined` for one of a type that Node.js does not know. */
function keyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}
