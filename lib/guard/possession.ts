import type { Request, Response } from 'express';
import { isType } from '../introspection/response-shape.js';
import { isNonEmptyString, isObject } from '../options.js';
import type { Soon } from '../thenable.js';
import type { ActiveToken } from './active-token.js';
import { certificateOf } from './certificate.js';
import { requireProof } from './dpop/require-proof.js';
import type { GuardError } from './guard-error.js';
import type { GuardSettings } from './guard-options.js';
import type { Scheme } from './presented-token.js';
import { refusal } from './refusal.js';

/** A token as it came, and in which way. */
export interface Presented {
  readonly scheme: Scheme;
  readonly token: string;
}

/**
 * Demands that whoever presents a token has the keys that it is bound to, all that can be checked
 * here, and that a token which is bound to none is not presented as one that is. Without such a proof
 * a bound token is worth nothing (RFC 8705 §3, RFC 9449 §7.2); nor is one of whose binding nothing is understood. What else
 * stands in `cnf` is ignored (RFC 7800 §3.1).
 *
 * @throws HttpError 401; 503 from the replay memory
 */
export function requirePossession(
  settings: GuardSettings,
  presented: Presented,
  { cnf, token_type: type }: ActiveToken,
  req: Request,
  res: Response,
): Soon<void> {
  const refused = (description: string, reason: 'not_bound' | 'certificate' = 'not_bound'): GuardError =>
    refusal(settings, {
      status: 401,
      code: 'invalid_token',
      description,
      why: { reason },
      scheme: presented.scheme,
    });
  const confirmation: Readonly<Record<string, unknown>> = isObject(cnf) ? cnf : {};
  // The ways to bind a token to a key that can be checked here (RFC 9449 §6, RFC 8705 §3.1).
  const jkt = confirmation.jkt ?? undefined;
  const thumbprint = confirmation['x5t#S256'] ?? undefined;
  if (cnf !== undefined && jkt === undefined && thumbprint === undefined) {
    throw refused('The access token is bound to a key in a way that is not supported');
  }
  if (thumbprint !== undefined) {
    const found = certificateOf(settings, req);
    if (found.thumbprint !== thumbprint) {
      const isUnreadable = found.problem !== undefined && found.problem !== 'absent';
      throw refused(
        'The access token is bound to a client certificate that was not presented',
        isUnreadable ? 'certificate' : 'not_bound',
      );
    }
  }
  if (jkt === undefined && !isType(type, 'dpop') && presented.scheme === 'Bearer') return undefined;
  const { dpop } = settings;
  if (presented.scheme !== 'DPoP' || !dpop) {
    throw refused('The access token is bound to a key and cannot be used as a bearer token');
  }
  if (!isNonEmptyString(jkt)) throw refused('The access token is not bound to a DPoP key');
  return requireProof(settings, dpop, { token: presented.token, jkt }, req, res);
}
