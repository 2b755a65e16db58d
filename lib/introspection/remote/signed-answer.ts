import { ASYMMETRIC_ALGORITHMS } from '../../algorithms.js';
import { mediaType } from '../../http/content-type.js';
import { type Jws, type JwsHeader, jsonObject, typeName, unverifiedJws } from '../../jws-form.js';
import { isObject } from '../../options.js';
import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import type { IntrospectionResponse } from '../introspector.js';
import { SIGNED, SIGNED_TYP } from '../signed-type.js';
import { requireOk } from './answer.js';
import type { KeySet } from './key-set.js';
import { introspectionResponse } from './members.js';
import type { ServerMetadata } from './oauth-types.js';
import type { Answer } from './transport.js';

/** How far (milliseconds) the `iat` of a signed answer may be from now, either way. */
const FRESH_FOR = 60_000;

/** Milliseconds of leeway for `exp` and `nbf`, which a signed answer need not have. */
const LEEWAY = 30_000;

interface SignedAnswerSettings {
  readonly clientId: string;
  readonly clock: () => number;
}

type Claims = Readonly<Record<string, unknown>>;

/** Reads signed answers (RFC 9701): nothing in one counts before all of it is verified. */
export class SignedAnswers {
  readonly #settings: SignedAnswerSettings;
  readonly #keys: KeySet;

  /** @param keys those of the server */
  constructor(settings: SignedAnswerSettings, keys: KeySet) {
    this.#settings = settings;
    this.#keys = keys;
  }

  /** @throws IntrospectionUnavailableError for an answer that is unsigned, or does not verify */
  async read(answer: Answer, server: ServerMetadata): Promise<IntrospectionResponse> {
    const { clientId, clock } = this.#settings;
    const now = clock();
    requireOk(answer, now);
    if (mediaType(answer.contentType) !== SIGNED) throw unverified('is not signed');
    const jwt = answer.body.toString();
    if (jwt.split('.').length === 5) throw unverified('is encrypted, which is not supported');
    const jws = unverifiedJws(jwt);
    if (!jws || !isAcceptable(jws, server, clientId, now)) throw unverified('does not verify');
    const verified = await this.#keys.verify(jwt, jws.header);
    // Judged again: what counts is what was verified.
    if (typeof verified !== 'object' || !isAcceptable(verified, server, clientId, now)) {
      throw unverified('does not verify');
    }
    const { iat, token_introspection: response } = jsonObject(verified.payload) as Claims;
    if (!(Math.abs(now - (iat as number) * 1000) <= FRESH_FOR)) throw unverified('was not issued just now');
    return introspectionResponse(response, now);
  }
}

/** Whether a JWT is an answer of this server to us (RFC 9701 §5, §8.2); all of it but the signature, and how old it is. */
function isAcceptable(
  { header, payload }: Jws,
  server: ServerMetadata,
  clientId: string,
  now: number,
): boolean {
  const claims = jsonObject(payload);
  if (!claims || !isOfSuchAnswers(header, server)) return false;
  const { iss, aud, iat, exp, nbf, token_introspection: response } = claims;
  return (
    iss === server.issuer &&
    (aud === clientId || (Array.isArray(aud) && aud.includes(clientId))) &&
    typeof iat === 'number' &&
    (exp === undefined || (typeof exp === 'number' && now < exp * 1000 + LEEWAY)) &&
    (nbf === undefined || (typeof nbf === 'number' && now >= nbf * 1000 - LEEWAY)) &&
    isObject(response) &&
    typeof response.active === 'boolean'
  );
}

/** The algorithm has to be one that the server announces; RS256 if it announces none (RFC 9701 §6, §7). */
function isOfSuchAnswers(
  { alg, typ, crit }: JwsHeader,
  { introspection_signing_alg_values_supported: announced }: ServerMetadata,
): boolean {
  return (
    isSignedTyp(typ) &&
    (Array.isArray(announced) ? announced.includes(alg) : alg === 'RS256') &&
    ASYMMETRIC_ALGORITHMS.includes(alg) &&
    // No extension is understood here (RFC 7515 §4.1.11).
    crit === undefined
  );
}

function isSignedTyp(typ: unknown): boolean {
  return typeof typ === 'string' && typeName(typ) === SIGNED_TYP;
}

/**
 * Whether a token is itself a signed answer (RFC 9701 §8.1): one that leaked is no access
 * token, whatever the server thinks.
 */
export function isSignedAnswer(token: string): boolean {
  // `{` and then a quote or white space, in base64url.
  if (!token.startsWith('ey') && !token.startsWith('ew')) return false;
  return isSignedTyp(jsonObject(Buffer.from(token.split('.', 1)[0] as string, 'base64url'))?.typ);
}

function unverified(problem: string): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError('signature', `The answer of the authorization server ${problem}`);
}
