import { hash } from 'node:crypto';
import { isNonEmptyString } from '../../options.js';
import { tokenDigest } from '../../tokens/token-digest.js';
import { normalizedUri } from './http-uri.js';
import type { Nonces } from './nonces.js';

/** What a proof must be about. */
export interface ProvenRequest {
  readonly method: string;
  /** Without regard to its query. */
  readonly uri: string;
  readonly token: string;
}

export interface ProofRules {
  readonly algorithms: readonly string[];
  readonly iatTolerance: number;
  readonly nonces: Nonces | undefined;
}

export type ProofReading =
  | {
      readonly verdict: 'valid';
      /** RFC 7638 thumbprint of the key that has signed. */
      readonly jkt: string;
      /** Stands for this proof, and cannot be turned back into it. */
      readonly key: string;
      /** Milliseconds from now on in which the same proof would be valid again. */
      readonly lifetime: number;
      /** A newer nonce than that of the proof, which the client should use from now on. */
      readonly nextNonce: string | undefined;
    }
  | { readonly verdict: 'invalid_dpop_proof' | 'use_dpop_nonce'; readonly problem: string };

/**
 * Reads a DPoP proof by the checks of RFC 9449 §4.3, save whether it was used before and
 * whether its key is that of the token.
 */
export async function readProof(
  proof: string,
  request: ProvenRequest,
  { algorithms, iatTolerance, nonces }: ProofRules,
  now: number,
): Promise<ProofReading> {
  // Loaded here, since CommonJS that cannot load an ES module, Jest's for one, shall still load the rest of the package.
  const { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } = await import('jose');
  let payload: Record<string, unknown>;
  let jkt: string;
  try {
    // Refuses a key that is symmetric or private, and any `crit` it does not know.
    const verified = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...algorithms],
      currentDate: new Date(now),
      clockTolerance: iatTolerance / 1000,
    });
    payload = verified.payload;
    jkt = await calculateJwkThumbprint(verified.protectedHeader.jwk as object, 'sha256');
  } catch {
    return invalid('The DPoP proof is no JWT signed by the key that it shows');
  }
  const { jti, htm, htu, iat, ath, nonce } = payload;
  if (!isNonEmptyString(jti)) return invalid('The DPoP proof has no jti');
  if (htm !== request.method) return invalid('The DPoP proof is for another method');
  const uri = normalizedUri(request.uri);
  if (uri === undefined || typeof htu !== 'string' || normalizedUri(htu) !== uri) {
    return invalid('The DPoP proof is for another URI');
  }
  if (ath !== tokenDigest(request.token)) return invalid('The DPoP proof is for another access token');
  const age = typeof iat === 'number' ? now - iat * 1000 : Number.NaN;
  if (!(Math.abs(age) <= iatTolerance)) return invalid('The DPoP proof is too old, or from the future');
  // Once a server gives out nonces, none of its proofs goes without (RFC 9449 §11.3).
  if (nonces && !(typeof nonce === 'string' && nonces.accepts(nonce))) {
    return {
      verdict: 'use_dpop_nonce',
      problem: 'The DPoP proof must have the nonce that came with this answer',
    };
  }
  return {
    verdict: 'valid',
    jkt,
    key: hash('sha256', JSON.stringify([jkt, uri, jti]), 'base64url'),
    lifetime: Math.floor(iatTolerance - age) + 1,
    nextNonce: nonces?.current() === nonce ? undefined : nonces?.current(),
  };
}

function invalid(problem: string): ProofReading {
  return { verdict: 'invalid_dpop_proof', problem };
}
