import { type Jws, jsonObject, typeName } from '../../jws-form.js';
import { inactive, nearMissOf } from '../inactivity.js';
import type { InactiveResponse } from '../introspector.js';
import { isImplausible } from '../times.js';
import { isForAnotherUse, type TokenTypes } from './token-types.js';

/** What a JWT access token must be (RFC 9068 §4), in the form in which it is compared. */
export interface JwtRules {
  readonly issuer: string;
  /** One of these must be in `aud`. */
  readonly audience: readonly string[] | undefined;
  readonly algorithms: readonly string[];
  readonly types: TokenTypes;
  /** Milliseconds of leeway for `exp` and `nbf`. */
  readonly clockTolerance: number;
}

type Claims = Readonly<Record<string, unknown>>;

export type JudgedJwt =
  | { readonly claims: Record<string, unknown>; readonly refused?: never }
  | { readonly refused: InactiveResponse };

/**
 * Whether header and claims are those of an access token of the issuer that is active; all of
 * RFC 9068 §4 but the signature. Asked before anything is fetched, of what the token says of
 * itself, and again of what was verified.
 *
 * Of several reasons to refuse a token, the one that says most about what is set up wrongly comes first: whose it is,
 * what it is, whom it is for; then what passes by itself.
 */
export function judgeJwt({ header, payload }: Jws, rules: JwtRules, now: number): JudgedJwt {
  const claims = jsonObject(payload);
  const { alg, kid, crit } = header;
  const typ = header.typ ?? undefined;
  const isForm = typ === undefined || typeof typ === 'string';
  // No extension is understood here (RFC 7515 §4.1.11).
  if (!claims || !isForm || !isNamed(kid) || crit !== undefined) return { refused: inactive('malformed') };
  const told = withoutNulls(claims);
  const { issuer, audience, algorithms, types } = rules;
  const refused =
    (told.iss !== issuer && inactive('wrong_issuer', nearMissOf([issuer], told.iss))) ||
    ((!types.has(typ && typeName(typ)) || isForAnotherUse(typ, told)) && inactive('wrong_type')) ||
    (!algorithms.includes(alg) && inactive('algorithm')) ||
    (audience &&
      !isMeantFor(audience, told.aud) &&
      inactive('wrong_audience', nearMissOf(audience, told.aud))) ||
    outOfTime(told, rules.clockTolerance, now);
  return refused ? { refused } : { claims };
}

function isNamed(kid: unknown): boolean {
  return kid === undefined || kid === null || typeof kid === 'string';
}

/** A claim that is `null` is one that is not there. */
function withoutNulls(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null));
}

function isMeantFor(audience: readonly string[], aud: unknown): boolean {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return audience.some((resource) => named.includes(resource));
}

/** Written so that a clock that answers no number never keeps a token active. */
function outOfTime({ exp, nbf }: Claims, tolerance: number, now: number): InactiveResponse | undefined {
  if (exp === undefined) return inactive('missing_exp');
  if (typeof exp !== 'number' || !(nbf === undefined || typeof nbf === 'number'))
    return inactive('malformed');
  if (isImplausible(exp, now)) return inactive('implausible_exp');
  if (!(now < exp * 1000 + tolerance)) return inactive('expired');
  if (nbf !== undefined && !(now >= nbf * 1000 - tolerance)) return inactive('not_yet_valid');
  return undefined;
}
