import { hash, type KeyObject, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Request } from 'express';
import { HookError, type WrongCredentials } from '../http/http-error.js';
import { peerCertificate } from '../http/peer-certificate.js';
import { isObject } from '../options.js';
import { onRejection } from '../thenable.js';
import type { Attempt } from './attempt.js';
import { isSubjectOf } from './certificate-subject.js';
import type { Client, ClientStore } from './client.js';
import type { ClientKeys } from './client-assertion.js';
import { authMethodsOf } from './client-authentication.js';
import { ClientStrategy, type Identified } from './client-strategy.js';
import { findClient } from './client-verifier.js';
import type { ClientJwk } from './registered-key.js';
import type { VerifiedSecrets } from './verified-secrets.js';

/** A certificate whose private key a client has proved to hold, by the TLS connection. */
export interface ClientCertificate {
  /** DER, or PEM. */
  readonly certificate: Uint8Array | string;
  /** Whether its chain leads to an authority that is trusted for clients; what `tls_client_auth` goes by. */
  readonly isTrusted: boolean;
}

/** Finds the certificate of a request, where a proxy ends TLS and says which it was. */
export type ClientCertificateSource = (req: Request) => ClientCertificate | undefined;

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

/** @throws HookError when the app's function answers anything else than it may */
export function clientCertificateOf(
  source: ClientCertificateSource,
  req: Request,
): ClientCertificate | undefined {
  const found: unknown = source(req);
  if (found === undefined || found === null) return undefined;
  if (isObject(found)) {
    const { certificate, isTrusted } = found;
    const isCertificate = typeof certificate === 'string' || certificate instanceof Uint8Array;
    if (isCertificate && typeof isTrusted === 'boolean') return { certificate, isTrusted };
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
  const parsed = parse(certificate);
  const isRight =
    parsed !== undefined &&
    ((isByName && isTrusted && isSubjectOf(parsed, client)) ||
      (isByKey && (await hasKeyOf(parsed, client, keys))));
  if (!isRight) return refused('certificate');
  attempt.remember(() => verified.addProof(...proof));
  return { client };
}

function parse(certificate: Uint8Array | string): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

/**
 * Whether a certificate is of one of the keys that a client is registered with (RFC 8705 §2.2): one that is registered with
 * its certificate has to come with that, and one that is for encryption proves nothing here.
 */
async function hasKeyOf(
  { publicKey, raw }: X509Certificate,
  client: Client,
  keys: ClientKeys,
): Promise<boolean> {
  // Loaded here, since CommonJS that cannot load an ES module, Jest's for one, shall still load the rest of the package.
  const { calculateJwkThumbprint } = await import('jose');
  const thumbprint = async (jwk: object): Promise<string | undefined> =>
    // A key of a type that nobody knows here is not that of the certificate.
    calculateJwkThumbprint(jwk as Parameters<typeof calculateJwkThumbprint>[0]).catch(() => undefined);
  const wanted = await thumbprint(asJwk(publicKey));
  const isRegistered = ({ x5c }: ClientJwk): boolean =>
    Array.isArray(x5c) && typeof x5c[0] === 'string' && raw.equals(Buffer.from(x5c[0], 'base64'));
  const found = await keys.find(client, async (published) => {
    const all = published.filter(({ use }) => use !== 'enc');
    if (all.some(isRegistered)) return true;
    const thumbprints = await Promise.all(all.filter(({ x5c }) => x5c === undefined).map(thumbprint));
    return (wanted !== undefined && thumbprints.includes(wanted)) || undefined;
  });
  return found === true;
}

function asJwk(key: KeyObject): object {
  try {
    return key.export({ format: 'jwk' });
  } catch {
    // Of a type that no JWK is of, such as DSA.
    return {};
  }
}
