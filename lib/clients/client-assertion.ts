import { hash } from 'node:crypto';
import { type Jws, type JwsHeader, jsonObject, unverifiedJws } from '../jws-form.js';
import { isNonEmptyString } from '../options.js';
import { isUnused, type ReplayMemory } from '../replay-memory.js';
import { isPresentableId } from './basic-credentials.js';
import type { Client, ClientStore } from './client.js';
import { authMethodsOf, hmacAlgorithms } from './client-authentication.js';
import { ClientStrategy, type Identified } from './client-strategy.js';
import { findClient, type Proceed } from './client-verifier.js';

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
  /** The keys of a client (RFC 7517 §5). @throws HttpError 503 where they cannot be had */
  keysOf(client: Client): Promise<readonly Readonly<Record<string, unknown>>[]>;
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
}

/** A form's `client_assertion`, and its `client_id` where it has one. */
export interface PresentedAssertion {
  readonly assertion: string;
  readonly clientId: string | undefined;
}

/** `private_key_jwt` and `client_secret_jwt`: an assertion that the client has signed (RFC 7523 §2.2, §3). */
export class ClientAssertionStrategy extends ClientStrategy<PresentedAssertion> {
  constructor(rules: AssertionRules) {
    super(CLIENT_ASSERTION, (presented, proceed) => identify(rules, presented, proceed));
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
  proceed: Proceed,
): Promise<Identified> {
  const jws = unverifiedJws(assertion);
  const claims = jws && jsonObject(jws.payload);
  const sub = claims?.sub;
  if (!jws || !claims || !isPresentableId(sub)) return { credentials: 'malformed' };
  const found = await findClient(rules.clients, sub);
  const wrong: Identified = { credentials: 'wrong', ...(found && { claimed: sub }) };
  if (!found || found.disabled || (clientId !== undefined && clientId !== sub)) return wrong;
  if (!isSound(jws.header, claims, rules)) return wrong;
  const verified = await verifySignature(rules, found, assertion, jws.header);
  if (!verified) return wrong;
  // A caller over its limits must not fill the memory.
  proceed(found);
  return (await isFirstUse(rules, claims)) ? { client: found } : wrong;
}

/** RFC 7523 §3, and `jti` as OIDC Core §9 wants it: without it nobody could tell a copy. */
function isSound(
  { typ }: JwsHeader,
  { iss, sub, aud, exp, nbf, iat, jti }: Readonly<Record<string, unknown>>,
  { audience, maxLifetime, clock }: AssertionRules,
): boolean {
  const now = clock();
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const isType =
    typ === undefined ||
    (typeof typ === 'string' && TYPES.includes(typ.toLowerCase().replace(/^application\//, '')));
  return (
    isType &&
    iss === sub &&
    // All of them: one that is for somebody else too could come from there.
    named.length > 0 &&
    named.every((name) => audience.includes(name as string)) &&
    isNonEmptyString(jti) &&
    typeof exp === 'number' &&
    now < exp * 1000 + TOLERANCE &&
    exp * 1000 <= now + maxLifetime + TOLERANCE &&
    hasBegun(nbf, now) &&
    hasBegun(iat, now)
  );
}

function hasBegun(time: unknown, now: number): boolean {
  return time === undefined || (typeof time === 'number' && now >= time * 1000 - TOLERANCE);
}

/** By the key of the method that the algorithm belongs to: an HMAC is never verified with a public key. */
async function verifySignature(
  { algorithms, keys }: AssertionRules,
  client: Client,
  assertion: string,
  header: JwsHeader,
): Promise<Jws | undefined> {
  const { alg } = header;
  const methods = authMethodsOf(client);
  if (client.authSigningAlg !== undefined && client.authSigningAlg !== alg) return undefined;
  if (methods.includes('private_key_jwt') && algorithms.includes(alg)) {
    return keys.verify(client, assertion, header);
  }
  const { hmacSecret = '' } = client;
  if (!methods.includes('client_secret_jwt') || !hmacAlgorithms(hmacSecret).includes(alg)) return undefined;
  return verifyHmac(assertion, alg, hmacSecret);
}

async function verifyHmac(assertion: string, alg: string, secret: string): Promise<Jws | undefined> {
  // Loaded here, since CommonJS that cannot load an ES module, Jest's for one, shall still load the rest of the package.
  const { compactVerify } = await import('jose');
  try {
    const { protectedHeader, payload } = await compactVerify(assertion, Buffer.from(secret), {
      algorithms: [alg],
    });
    return { header: protectedHeader, payload: Buffer.from(payload) };
  } catch {
    return undefined;
  }
}

/** RFC 7523 §3 (7). Noted last: an assertion that is refused for another reason is not used up. */
async function isFirstUse(
  { replay, clock }: AssertionRules,
  { aud, sub, jti, exp }: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  // With the audience: clients of other issuers in this process may be called the same.
  const name = JSON.stringify(['client assertion', [aud].flat(), sub, jti]);
  const lifetime = Math.ceil((exp as number) * 1000 + TOLERANCE - clock());
  return isUnused(replay, hash('sha256', name, 'base64url'), Math.max(1, lifetime));
}
