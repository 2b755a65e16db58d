import { isNonEmptyString, isObject } from '../options.js';
import { type Brand, brand } from '../sound.js';
import { onRejection } from '../thenable.js';
import { parseSecretHash } from './client-secret.js';

/** Somebody who may call the APIs, or to whom tokens are issued (RFC 6749 §2). */
export interface Client {
  readonly clientId: string;
  /** What `hashClientSecret` resolves to, or the `hash` of `generateClientSecret`. A client without one is public. */
  readonly secret?: string;
  /** The organizations whose access-token details it may read. Default none. */
  readonly organizations?: readonly string[];
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
}

/** Stands in a record where nobody tells whose token it is. No client can have this id. */
export const NOBODY = '\0';

/** The clients of our own stores: checked, plain and frozen, so that nobody need check or copy them again. */
export const soundClients: Brand<Client> = brand<Client>();

/** A member that is a promise is refused; that it rejects as well must not end the process. */
function ignore(): void {}

const MEMBERS = ['clientId', 'secret', 'organizations', 'audiences', 'scopes', 'introspects', 'disabled'];

/** The name of a member that no client has. */
export function unknownClientMember(client: object): string | undefined {
  return Object.keys(client).find((name) => !MEMBERS.includes(name));
}

const SECRET_BY_ANOTHER_NAME = ['secretHash', 'secret_hash', 'clientSecret', 'client_secret', 'hash'];

/**
 * Says which member has a name that a client does not know, where its own name is missing:
 * a row with a `secret_hash` and no `secret` would be a public client.
 */
export function misnamedClientMember(value: Readonly<Record<string, unknown>>): string | undefined {
  const name = SECRET_BY_ANOTHER_NAME.find((other) => value[other] !== undefined);
  if (value.secret === undefined && name !== undefined) return `"${name}" must be named "secret"`;
  const isOff = value.enabled === false || value.active === false;
  return value.disabled === undefined && isOff ? '"disabled" says whether a client is disabled' : undefined;
}

/**
 * A client as plain data: each member is read once, own or inherited, so that what is
 * checked is what is used. A client that lost its secret on the way would be public.
 */
export function plainClient(value: object): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const member of MEMBERS) {
    const found = (value as Record<string, unknown>)[member];
    if (found === undefined) continue;
    onRejection(found, ignore);
    plain[member] = found;
  }
  return plain;
}

/** Says what is wrong with a client, naming the member and never its value; `undefined` when it is sound. */
export function clientProblem(value: unknown): string | undefined {
  if (!isObject(value)) return 'a client must be an object';
  const { clientId, secret, introspects, disabled } = value;
  if (!isNonEmptyString(clientId)) return '"clientId" must be a non-empty string';
  if (clientId === NOBODY) return '"clientId" must not be a NUL character';
  // Only an absent secret makes a client public: an empty or null column in somebody's table must not.
  if (secret !== undefined && (typeof secret !== 'string' || !parseSecretHash(secret))) {
    return '"secret" must be a hash: what hashClientSecret resolves to, or the `hash` of generateClientSecret';
  }
  for (const member of ['organizations', 'audiences', 'scopes']) {
    const list = value[member];
    if (list !== undefined && !(Array.isArray(list) && list.every(isNonEmptyString))) {
      return `"${member}" must be an array of non-empty strings`;
    }
  }
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
