import type { JwsHeader } from '../../jws-form.js';
import { isForAnotherUse, typeName } from './token-types.js';

/** What a JWT access token must be (RFC 9068 §4), in the form in which it is compared. */
export interface JwtRules {
  readonly issuer: string;
  /** One of these must be in `aud`. */
  readonly audience: readonly string[] | undefined;
  readonly algorithms: readonly string[];
  /** By `typeName`. */
  readonly types: readonly string[];
  /** Milliseconds of leeway for `exp` and `nbf`. */
  readonly clockTolerance: number;
}

/** Seconds from here on (the year 5138) are milliseconds: such an `exp` would never come. */
const NO_SECONDS = 1e11;

/**
 * Whether header and claims are those of an access token of the issuer that is alive; all of
 * RFC 9068 §4 but the signature. Asked before anything is fetched, of what the token says of
 * itself, and again of what was verified.
 */
export function isAcceptable(
  header: JwsHeader,
  claims: Readonly<Record<string, unknown>>,
  rules: JwtRules,
  now: number,
): boolean {
  const { alg, typ, kid, crit } = header;
  return (
    rules.algorithms.includes(alg) &&
    typeof typ === 'string' &&
    rules.types.includes(typeName(typ)) &&
    (kid === undefined || typeof kid === 'string') &&
    // No extension is understood here (RFC 7515 §4.1.11).
    crit === undefined &&
    claims.iss === rules.issuer &&
    isMeantFor(rules.audience, claims.aud) &&
    isInTime(claims, rules.clockTolerance, now) &&
    !isForAnotherUse(typ, claims)
  );
}

function isMeantFor(audience: readonly string[] | undefined, aud: unknown): boolean {
  if (!audience) return true;
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return audience.some((resource) => named.includes(resource));
}

/** Written so that a clock that answers no number never keeps a token alive. */
function isInTime({ exp, nbf }: Readonly<Record<string, unknown>>, tolerance: number, now: number): boolean {
  if (typeof exp !== 'number' || exp >= NO_SECONDS) return false;
  if (nbf !== undefined && !(typeof nbf === 'number' && now >= nbf * 1000 - tolerance)) return false;
  return now < exp * 1000 + tolerance;
}
