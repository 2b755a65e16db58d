import { ASYMMETRIC_ALGORITHMS } from '../algorithms.js';
import { isNonEmptyString } from '../options.js';
import { IDENTIFIER, isIdentifier } from '../tokens/well-formed.js';

/** What a client that asks about tokens is told, and in which form. */
export interface ClientAnswers {
  /**
   * As a protected resource it sees these members only, of those that are about the user or are extensions: `sub`,
   * `username`, `brand`, `act`, `acr`, `auth_time`, and those in a record's `claims`, save `token_use`, which says what kind
   * of token it is. It sees all other members whether they are named here or not. Of a token of its own it sees all.
   * Default all; `[]` is none.
   */
  readonly claims?: readonly string[];
  /**
   * `pairwise`: it sees subject identifiers that no other sector sees (OpenID Connect Core §8.1), in tokens of its own too.
   * What could name the user beside them, `username`, `act` (whose every `sub` is pairwise then) and extension claims, it
   * sees only where its `claims` name it. Needs the router's `pairwise`: without, all that it asks is answered 500.
   * Default `public`.
   */
  readonly subjectType?: 'public' | 'pairwise';
  /** Clients with one sector see one identifier of a user. Only with a `subjectType`. Default: its `clientId`. */
  readonly sectorIdentifier?: string;
  /** What signed answers for it are signed with (RFC 9701 §6), for which the router's `keys` need a key. Default `RS256`. */
  readonly introspectionSignedResponseAlg?: string;
  /** Has its answers of OAuth introspection encrypted after they are signed, to a key of its `jwks` or `jwksUri`: they are never plain JSON. Needs the router's `keys`. Default: not encrypted. */
  readonly introspectionEncryptedResponseAlg?: string;
  /** How the content is encrypted then. Default `A128CBC-HS256`. */
  readonly introspectionEncryptedResponseEnc?: string;
}

export const ANSWER_MEMBERS: readonly string[] = [
  'claims',
  'subjectType',
  'sectorIdentifier',
  'introspectionSignedResponseAlg',
  'introspectionEncryptedResponseAlg',
  'introspectionEncryptedResponseEnc',
];

/** Key management by which we encrypt (RFC 7518 §4.1): to a public key of the client's. RSA1_5 is broken, and never taken. */
export const ENCRYPTION_ALGORITHMS: readonly string[] = [
  'RSA-OAEP',
  'RSA-OAEP-256',
  'RSA-OAEP-384',
  'RSA-OAEP-512',
  'ECDH-ES',
  'ECDH-ES+A128KW',
  'ECDH-ES+A192KW',
  'ECDH-ES+A256KW',
];

/** Content encryption (RFC 7518 §5.1). */
export const CONTENT_ENCRYPTIONS: readonly string[] = [
  'A128CBC-HS256',
  'A192CBC-HS384',
  'A256CBC-HS512',
  'A128GCM',
  'A192GCM',
  'A256GCM',
];

/** Says what is wrong with what a client is to be told, naming the member and never its value. */
export function answersProblem(client: Readonly<Record<string, unknown>>): string | undefined {
  const { claims, subjectType, sectorIdentifier } = client;
  if (claims !== undefined && !(Array.isArray(claims) && claims.every(isNonEmptyString)))
    return '"claims" must be an array of non-empty strings';
  if (subjectType !== undefined && subjectType !== 'public' && subjectType !== 'pairwise')
    return `"subjectType" must be 'public' or 'pairwise'`;
  if (sectorIdentifier !== undefined && !isIdentifier(sectorIdentifier))
    return `"sectorIdentifier" must be ${IDENTIFIER}`;
  if (sectorIdentifier !== undefined && subjectType === undefined)
    return '"sectorIdentifier" must not be there without a "subjectType"';
  return formProblem(client);
}

function formProblem({
  introspectionSignedResponseAlg: alg,
  introspectionEncryptedResponseAlg: encryption,
  introspectionEncryptedResponseEnc: enc,
  jwks,
  jwksUri,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (alg !== undefined && !ASYMMETRIC_ALGORITHMS.includes(alg as string))
    return `"introspectionSignedResponseAlg" must be one of ${ASYMMETRIC_ALGORITHMS.join(', ')}`;
  if (encryption !== undefined && !ENCRYPTION_ALGORITHMS.includes(encryption as string))
    return `"introspectionEncryptedResponseAlg" must be one of ${ENCRYPTION_ALGORITHMS.join(', ')}`;
  if (enc !== undefined && encryption === undefined)
    return '"introspectionEncryptedResponseEnc" must not be there without "introspectionEncryptedResponseAlg"';
  if (enc !== undefined && !CONTENT_ENCRYPTIONS.includes(enc as string))
    return `"introspectionEncryptedResponseEnc" must be one of ${CONTENT_ENCRYPTIONS.join(', ')}`;
  if (encryption !== undefined && jwks === undefined && jwksUri === undefined)
    return '"introspectionEncryptedResponseAlg" needs "jwks" or "jwksUri"';
  return undefined;
}
