import { hash } from 'node:crypto';
import type { WrongCredentials } from '../http/http-error.js';
import { type Jws, type JwsHeader, jsonObject, typeName, unverifiedJws } from '../jws-form.js';
import { isNonEmptyString } from '../options.js';
import { isUnused, type ReplayMemory } from '../replay-memory.js';
import type { Soon } from '../thenable.js';
import type { Attempt } from './attempt.js';
import { isPresentableId } from './basic-credentials.js';
import type { Client, ClientStore } from './client.js';
import { authMethodsOf, hmacAlgorithms } from './client-authentication.js';
import { ClientStrategy, type Identified } from './client-strategy.js';
import { findClient } from './client-verifier.js';
import type { ClientJwk } from './registered-key.js';
import type { VerifiedSecrets } from './verified-secrets.js';

/** The only kind of assertion that is understood (RFC 7523 §2.2). */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** The name of the strategy in Passport. */
export const CLIENT_ASSERTION = 'client_assertion';

/** The public keys of clients. */
export interface ClientKeys {
  /**
   * Verifies a signature by the keys of a client; `undefined` where none of them has made it.
   *
   * @throws HttpError 503 where its keys cannot be had
   */
  verify(client: Client, token: string, header: JwsHeader): Promise<Jws | undefined>;
  /**
   * What `among` finds among the keys of a client (RFC 7517 §5), and where that is nothing, among newer ones that it may
   * have published.
   *
   * @throws HttpError 503 where they cannot be had
   */
  find<T>(client: Client, among: (keys: readonly ClientJwk[]) => Soon<T | undefined>): Promise<T | undefined>;
}

/** What a client assertion must be, and by what it is verified. */
export interface AssertionRules {
  readonly clients: ClientStore;
  readonly keys: ClientKeys;
  /** Each audience that an assertion names must be one of these. */
  readonly audience: readonly string[];
  /** The asymmetric algorithms that are taken. HMAC is for `client_secret_jwt`, by the length of the secret. */
  readonly algorithms: readonly string[];
  /** Milliseconds from now in which `exp` must lie. */
  readonly maxLifetime: number;
  readonly replay: ReplayMemory;
  readonly clock: () => number;
  /** Remembers which clients have lately proved who they are, with which key. */
  readonly verified: VerifiedSecrets;
}

/** A form's `client_assertion`, and its `client_id` where it has one. */
export interface PresentedAssertion {
  readonly assertion: string;
  readonly clientId: string | undefined;
}

/** `private_key_jwt` and `client_secret_jwt`: an assertion that the client has signed (RFC 7523 §2.2, §3). */
export class ClientAssertionStrategy extends ClientStrategy<PresentedAssertion> {
  constructor(rules: AssertionRules) {
    super(CLIENT_ASSERTION, (presented, attempt) => identify(rules, presented, attempt));
  }
}

/** Milliseconds by which the clocks of clients may differ from ours. */
const TOLERANCE = 10_000;
/** What `typ` may be, besides left out: a token for another purpose, signed with the same key, is no assertion. */
const TYPES: readonly string[] = ['jwt', 'client-authentication+jwt'];

/** Whose assertion it is. All of it is judged before the signature, so that nobody has us work for nothing. */
async function identify(
  rules: AssertionRules,
  { assertion, clientId }: PresentedAssertion,
  attempt: Attempt,
): Promise<Identified> {
  const jws = unverifiedJws(assertion);
  const claims = jws && jsonObject(jws.payload);
  const sub = claims?.sub;
  if (!jws || !claims || !isPresentableId(sub)) return { credentials: 'malformed' };
  const { verified } = rules;
  const { alg, kid } = jws.header;
  const proof = ['assertion', sub, alg, JSON.stringify(kid ?? null)] as const;
  attempt.claim(sub);
  attempt.begin(verified.hasProof(...proof));
  const found = await findClient(rules.clients, sub);
  if (!found) return { credentials: 'wrong', wrong: 'unknown_client' };
  const refused = (wrong: WrongCredentials): Identified => ({ credentials: 'wrong', wrong, claimed: sub });
  if (found.disabled) return refused('client_disabled');
  const fault =
    clientId !== undefined && clientId !== sub ? 'assertion_subject' : faultOf(jws.header, claims, rules);
  if (fault) return refused(fault);
  const wrong = await signatureFault(rules, found, assertion, jws.header);
  if (wrong) return refused(wrong);
  // A caller over its limits must not fill the memory.
  attempt.proved(found);
  if (!(await isFirstUse(rules, claims))) return refused('assertion_replayed');
  attempt.remember(() => verified.addProof(...proof));
  return { client: found };
}

/** RFC 7523 §3, and `jti` as OIDC Core §9 wants it: without it nobody could tell a copy. */
function faultOf(
  { typ }: JwsHeader,
  { iss, sub, aud, exp, nbf, iat, jti }: Readonly<Record<string, unknown>>,
  { audience, maxLifetime, clock }: AssertionRules,
): WrongCredentials | undefined {
  const now = clock();
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!isType(typ)) return 'assertion_type';
  if (iss !== sub) return 'assertion_issuer';
  // All of them: one that is for somebody else too could come from there.
  if (named.length === 0 || !named.every((name) => audience.includes(name as string)))
    return 'assertion_audience';
  if (!isNonEmptyString(jti)) return 'assertion_id';
  if (typeof exp !== 'number' || now >= exp * 1000 + TOLERANCE) return 'assertion_expired';
  if (exp * 1000 > now + maxLifetime + TOLERANCE) return 'assertion_lifetime';
  return hasBegun(nbf, now) && hasBegun(iat, now) ? undefined : 'assertion_early';
}

function isType(typ: unknown): boolean {
  return typ === undefined || (typeof typ === 'string' && TYPES.includes(typeName(typ)));
}

function hasBegun(time: unknown, now: number): boolean {
  return time === undefined || (typeof time === 'number' && now >= time * 1000 - TOLERANCE);
}

/** By the key of the method that the algorithm belongs to: an HMAC is never verified with a public key. */
async function signatureFault(
  { algorithms, keys }: AssertionRules,
  client: Client,
  assertion: string,
  header: JwsHeader,
): Promise<WrongCredentials | undefined> {
  const { alg } = header;
  const methods = authMethodsOf(client);
  const [isPublic, isShared] = [methods.includes('private_key_jwt'), methods.includes('client_secret_jwt')];
  if (!isPublic && !isShared) return 'other_method';
  if (client.authSigningAlg !== undefined && client.authSigningAlg !== alg) return 'assertion_algorithm';
  if (isPublic && algorithms.includes(alg))
    return (await keys.verify(client, assertion, header)) ? undefined : 'assertion_signature';
  // No client has the method `client_secret_jwt` without one.
  const hmacSecret = client.hmacSecret as string;
  if (!isShared || !hmacAlgorithms(hmacSecret).includes(alg)) return 'assertion_algorithm';
  return (await isHmacBy(hmacSecret, assertion, alg)) ? undefined : 'assertion_signature';
}

async function isHmacBy(secret: string, assertion: string, alg: string): Promise<boolean> {
  // Loaded here, since CommonJS that cannot load an ES module, Jest's for one, shall still load the rest of the package.
  const { compactVerify } = await import('jose');
  try {
    await compactVerify(assertion, Buffer.from(secret), { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

/** RFC 7523 §3 (7). Noted last: an assertion that is refused for another reason is not used up. */
async function isFirstUse(
  { replay, clock }: AssertionRules,
  { aud, sub, jti, exp }: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  // With the audience: clients of other issuers in this process may be called the same.
  const name = ['client assertion', [aud].flat(), sub];
  const lifetime = Math.ceil((exp as number) * 1000 + TOLERANCE - clock());
  return isUnused(replay, digest([...name, jti]), Math.max(1, lifetime), digest(name));
}

function digest(name: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(name), 'base64url');
}
