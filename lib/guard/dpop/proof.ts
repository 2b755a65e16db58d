import { hash } from 'node:crypto';
import { isNonEmptyString } from '../../options.js';
import { isPublicJwk } from '../../public-jwk.js';
import { tokenDigest } from '../../tokens/token-digest.js';
import { normalizedUri } from './http-uri.js';
import type { Nonces } from './nonces.js';

/** What a proof must be about. */
export interface ProvenRequest {
  readonly method: string;
  /** What it may name, without regard to queries. */
  readonly uris: readonly string[];
  readonly token: string;
  /** RFC 7638 thumbprint of the key that the token is bound to. */
  readonly jkt: string;
}

export interface ProofRules {
  readonly algorithms: readonly string[];
  readonly iatTolerance: number;
  readonly nonces: Nonces | undefined;
}

export type ProofReading =
  | {
      readonly verdict: 'valid';
      /** Stands for this proof, and cannot be turned back into it. */
      readonly key: string;
      /** Milliseconds from now on in which the same proof would be valid again. */
      readonly lifetime: number;
      /** A newer nonce than that of the proof, which the client should use from now on. */
      readonly nextNonce: string | undefined;
    }
  /** `invalid_token`: the proof shows another key than that of the token (RFC 9449 §7.1). */
  | { readonly verdict: 'invalid_dpop_proof' | 'invalid_token' | 'use_dpop_nonce'; readonly problem: string };

const NOT_SIGNED = 'The DPoP proof is no JWT signed by the key that it shows';

/** Reads a DPoP proof by the checks of RFC 9449 §4.3, save whether it was used before. */
export async function readProof(
  proof: string,
  request: ProvenRequest,
  { algorithms, iatTolerance, nonces }: ProofRules,
  now: number,
): Promise<ProofReading> {
  // Loaded here, since CommonJS that cannot load an ES module, Jest's for one, shall still load the rest of the package.
  const { calculateJwkThumbprint, decodeProtectedHeader, EmbeddedJWK, jwtVerify } = await import('jose');
  let payload: Record<string, unknown>;
  try {
    const { jwk } = decodeProtectedHeader(proof);
    if (!isPublicJwk(jwk)) return invalid(NOT_SIGNED);
    // Before the signature, so that nobody has us work on keys of their choosing.
    if ((await calculateJwkThumbprint(jwk, 'sha256')) !== request.jkt) {
      return {
        verdict: 'invalid_token',
        problem: 'The access token is bound to another key than that of the DPoP proof',
      };
    }
    // Refuses a symmetric key, and any `crit` it does not know.
    const verified = await jwtVerify(proof, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: [...algorithms],
      currentDate: new Date(now),
      clockTolerance: iatTolerance / 1000,
    });
    payload = verified.payload;
  } catch {
    return invalid(NOT_SIGNED);
  }
  const { jti, htm, htu, iat, ath, nonce } = payload;
  if (!isNonEmptyString(jti)) return invalid('The DPoP proof has no jti');
  if (htm !== request.method) return invalid('The DPoP proof is for another method');
  const uri = typeof htu === 'string' ? normalizedUri(htu) : undefined;
  if (uri === undefined || !request.uris.some((called) => normalizedUri(called) === uri)) {
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
    key: hash('sha256', JSON.stringify([request.jkt, uri, jti]), 'base64url'),
    lifetime: Math.floor(iatTolerance - age) + 1,
    nextNonce: nonces?.current() === nonce ? undefined : nonces?.current(),
  };
}

function invalid(problem: string): ProofReading {
  return { verdict: 'invalid_dpop_proof', problem };
}
