import { isDuration, isNonEmptyString, isObject } from '../options.js';
import { type Brand, brand } from '../sound.js';
import { onRejection } from '../thenable.js';
import { ANSWER_MEMBERS, answersProblem, type ClientAnswers } from './client-answers.js';
import {
  AUTHENTICATION_MEMBERS,
  authenticationProblem,
  type ClientAuthentication,
} from './client-authentication.js';
import { parseSecretHash } from './client-secret.js';

/** What may be allowed to a client of the organizations that it holds: to change their access tokens, and to see their refresh tokens. */
export type ManagementRight = (typeof MANAGEMENT_RIGHTS)[number];

export const MANAGEMENT_RIGHTS = ['revoke', 'approve', 'update', 'delete', 'refreshTokens'] as const;

/** Somebody who may call the APIs, or to whom tokens are issued (RFC 6749 §2). */
export interface Client extends ClientAuthentication, ClientAnswers {
  readonly clientId: string;
  /** What `hashClientSecret` resolves to, or the `hash` of `generateClientSecret`. A client without one, and without `authMethods`, is public. */
  readonly secret?: string;
  /**
   * The hash of the secret before, which is good as well while callers change over to the new one. Of the two, one at
   * most may be of a chosen secret: to compare two of those would take twice as long, and so tell that the client is there.
   * Default none.
   */
  readonly previousSecret?: string;
  /** From this moment on (milliseconds since 1970) the `previousSecret` is no good any more. Default: until it is taken away. */
  readonly previousSecretUntil?: number;
  /** The organizations whose access-token details it may read. Default none. */
  readonly organizations?: readonly string[];
  /** What it may do with the tokens of these organizations, where the router's `management` has it: reading details needs none of it. Default nothing. */
  readonly manages?: readonly ManagementRight[];
  /** The resource identifiers (`aud` values) that this protected resource answers for. Default none. */
  readonly audiences?: readonly string[];
  /** As a protected resource it sees these scope values only. Default all. */
  readonly scopes?: readonly string[];
  /**
   * Which tokens it may ask about. `audience` (default): its own, and access tokens
   * meant for one of its `audiences`; `own`: its own only; `any`: every token, a way
   * out of the policy whose every use is audited.
   */
  readonly introspects?: 'own' | 'audience' | 'any';
  /** A disabled client is refused, and tokens issued to it are inactive. Default false. */
  readonly disabled?: boolean;
}

/** Where the clients are: everybody to whom tokens are issued, and everybody who may call. */
export interface ClientStore {
  /** The client with this id; `undefined` when there is none. Throw when you cannot know. */
  find(clientId: string): Client | undefined | Promise<Client | undefined>;
  /**
   * Whether a secret is that of a hash that somebody else made: bcrypt, argon2, PBKDF2, htpasswd … With this method clients
   * may have such hashes. It is called for wrong secrets of other clients and of none as well, so that nobody can tell these
   * apart by time. When it throws, rejects or returns no boolean, the response is 503. Default none: such a hash is an error.
   */
  verifySecret?(secret: string, storedHash: string): boolean | Promise<boolean>;
  /**
   * Keeps a hash of ours in place of one that somebody else made, after the first use of that secret, if the client still has
   * `oldHash`. Nobody waits for it, and if it fails, it is called again another time. Default none: the old hash stays.
   */
  replaceSecret?(clientId: string, newHash: string, oldHash: string): unknown;
}

/** Stands in a record where nobody tells whose token it is. No client can have this id. */
export const NOBODY = '\0';

/** The clients of our own stores: checked, plain and frozen, so that nobody need check or copy them again. */
export const soundClients: Brand<Client> = brand<Client>();

/** A member that is a promise is refused; that it rejects as well must not end the process. */
function ignore(): void {}

/** The members that a client may have. */
export const CLIENT_MEMBERS: readonly string[] = [
  'clientId',
  'secret',
  'previousSecret',
  'previousSecretUntil',
  'organizations',
  'manages',
  'audiences',
  'scopes',
  'introspects',
  'disabled',
  ...AUTHENTICATION_MEMBERS,
  ...ANSWER_MEMBERS,
];

/** The name of a member that no client has. */
export function unknownClientMember(client: object): string | undefined {
  return Object.keys(client).find((name) => !CLIENT_MEMBERS.includes(name));
}

const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  secret: ['secretHash', 'secret_hash', 'clientSecret', 'client_secret', 'hash'],
  previousSecret: [
    ...['previousSecretHash', 'previousClientSecret', 'previousHash', 'oldSecret'],
    ...['previous_secret', 'previous_secret_hash', 'previous_client_secret', 'previous_hash', 'old_secret'],
  ],
  previousSecretUntil: [
    'previousUntil',
    'previousSecretExpiresAt',
    'previous_secret_until',
    'previous_until',
  ],
  ...Object.fromEntries(
    [...AUTHENTICATION_MEMBERS, ...ANSWER_MEMBERS].map((member) => [member, [snakeCase(member)]]),
  ),
  authMethods: [
    ...['authMethod', 'tokenEndpointAuthMethod', 'tokenEndpointAuthMethods'],
    ...['auth_methods', 'auth_method', 'token_endpoint_auth_method', 'token_endpoint_auth_methods'],
  ],
  authSigningAlg: ['tokenEndpointAuthSigningAlg', 'auth_signing_alg', 'token_endpoint_auth_signing_alg'],
};

/** As columns are called, and the members of a registration (RFC 7591 §2). */
function snakeCase(member: string): string {
  return member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/**
 * Says which member has a name that a client does not know, where its own name is missing:
 * a row with a `secret_hash` and no `secret` would be a public client, one with a
 * `previous_secret_until` would have a previous secret for ever, and one with a
 * `subject_type` would be told who the users are.
 */
export function misnamedClientMember(value: Readonly<Record<string, unknown>>): string | undefined {
  for (const [member, others] of Object.entries(OTHER_NAMES)) {
    const name = others.find((other) => value[other] !== undefined);
    if (value[member] === undefined && name !== undefined) return `"${name}" must be named "${member}"`;
  }
  const isOff = value.enabled === false || value.active === false;
  return value.disabled === undefined && isOff ? '"disabled" says whether a client is disabled' : undefined;
}

/**
 * A client as plain data: each member is read once, own or inherited, so that what is
 * checked is what is used. A client that lost its secret on the way would be public.
 */
export function plainClient(value: object): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const member of CLIENT_MEMBERS) {
    const found = (value as Record<string, unknown>)[member];
    if (found === undefined) continue;
    onRejection(found, ignore);
    plain[member] = found;
  }
  return plain;
}

/**
 * Says what is wrong with a client, naming the member and never its value; `undefined` when it is sound.
 *
 * @param hasHook whether hashes that others made can be verified
 */
export function clientProblem(value: unknown, hasHook: boolean): string | undefined {
  if (!isObject(value)) return 'a client must be an object';
  const { clientId, manages, introspects, disabled } = value;
  if (!isNonEmptyString(clientId)) return '"clientId" must be a non-empty string';
  if (clientId === NOBODY) return '"clientId" must not be a NUL character';
  const problem = secretsProblem(value, hasHook) ?? authenticationProblem(value) ?? answersProblem(value);
  if (problem !== undefined) return problem;
  for (const member of ['organizations', 'audiences', 'scopes']) {
    const list = value[member];
    if (list !== undefined && !(Array.isArray(list) && list.every(isNonEmptyString))) {
      return `"${member}" must be an array of non-empty strings`;
    }
  }
  if (manages !== undefined && !(Array.isArray(manages) && manages.every(isManagementRight)))
    return `"manages" must be an array of ${MANAGEMENT_RIGHTS.join(', ')}`;
  if (
    introspects !== undefined &&
    introspects !== 'own' &&
    introspects !== 'audience' &&
    introspects !== 'any'
  ) {
    return `"introspects" must be 'own', 'audience' or 'any'`;
  }
  if (disabled !== undefined && typeof disabled !== 'boolean') return '"disabled" must be a boolean';
  return undefined;
}

function isManagementRight(value: unknown): boolean {
  return (MANAGEMENT_RIGHTS as readonly unknown[]).includes(value);
}

/** Before 1973 in milliseconds, and every time of this century in seconds. */
const LOOKS_LIKE_SECONDS = 1e11;

function secretsProblem(client: Readonly<Record<string, unknown>>, hasHook: boolean): string | undefined {
  const { secret, previousSecret, previousSecretUntil: until } = client;
  // Only an absent secret makes a client public: an empty or null column in somebody's table must not.
  for (const member of ['secret', 'previousSecret']) {
    const stored = client[member];
    if (stored === undefined || (hasHook ? isNonEmptyString(stored) : isHash(stored))) continue;
    return `"${member}" must be a hash: what hashClientSecret resolves to, or the \`hash\` of generateClientSecret; for one that others made, the store needs "verifySecret"`;
  }
  if (previousSecret !== undefined) {
    if (secret === undefined) return '"previousSecret" must not be there without a "secret"';
    if (!isGenerated(secret) && !isGenerated(previousSecret)) {
      return '"secret" or "previousSecret" must be the `hash` of generateClientSecret: only one can be a chosen secret';
    }
  }
  if (until === undefined) return undefined;
  if (previousSecret === undefined)
    return '"previousSecretUntil" must not be there without a "previousSecret"';
  return isDuration(until) && until >= LOOKS_LIKE_SECONDS
    ? undefined
    : '"previousSecretUntil" must be a time in milliseconds since 1970';
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && parseSecretHash(value) !== undefined;
}

function isGenerated(hash: unknown): boolean {
  return parseSecretHash(hash as string)?.algorithm === 'sha256';
}

/** Whether a client may present the secret of this hash at this moment. */
export function isGoodHash(client: Client, storedHash: string, now: number): boolean {
  const { secret, previousSecret, previousSecretUntil = Number.POSITIVE_INFINITY } = client;
  return storedHash === secret || (storedHash === previousSecret && now < previousSecretUntil);
}

/** The hashes of all the secrets that a client may present at this moment; none of a public client. */
export function goodHashes(client: Client, now: number): readonly string[] {
  return [client.secret, client.previousSecret].filter(
    (storedHash): storedHash is string => storedHash !== undefined && isGoodHash(client, storedHash, now),
  );
}
