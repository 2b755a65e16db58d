import { CLIENT_MEMBERS, type Client, goodHashes } from '../../clients/client.js';
import { isPublic } from '../../clients/client-authentication.js';
import { clientTypeError, registeredClient, soundClient } from '../../clients/sound-client.js';
import { isObject } from '../../options.js';
import { ConflictError } from '../../tokens/store-errors.js';

type RemovableMember = Exclude<
  keyof Client,
  'clientId' | 'secret' | 'previousSecret' | 'previousSecretUntil' | 'hmacSecret'
>;

/** What {@link PostgresClientStore.update} changes. `null` takes a member away, but never the secret. */
export type ClientChanges = {
  readonly [Member in RemovableMember]?: NonNullable<Client[Member]> | null;
} & {
  /** A hash. It is the only secret from then on: the previous one is no good any more. */
  readonly secret?: string;
};

const FIXED: readonly string[] = [
  'clientId',
  'secret',
  'previousSecret',
  'previousSecretUntil',
  'hmacSecret',
];
const REMOVABLE: readonly string[] = CLIENT_MEMBERS.filter((member) => !FIXED.includes(member));
const CHANGEABLE: readonly string[] = [...REMOVABLE, 'secret'];

/**
 * A client as it is kept: checked.
 *
 * @throws TypeError that names a bad member, `hmacSecret` among them: it would be at rest as it is
 */
export function keptClient(
  given: unknown,
  where: string,
  hasHook: boolean,
  check: typeof soundClient = registeredClient,
): Client {
  const client = check(given, clientTypeError(where), hasHook);
  if (client.hmacSecret === undefined) return client;
  throw clientTypeError(where)(
    '"hmacSecret" must not be there: it is no hash, and is not kept in a database',
    client.clientId,
  );
}

/** The changes, each read once. @throws TypeError that names a member that cannot be changed */
export function readClientChanges(changes: ClientChanges): Readonly<Record<string, unknown>> {
  if (!isObject(changes)) throw new TypeError('update: the changes must be an object');
  const other = Object.keys(changes).find((member) => !CHANGEABLE.includes(member));
  if (other !== undefined) throw new TypeError(`update: unknown or fixed member "${other}"`);
  const given: Readonly<Record<string, unknown>> = changes;
  const entries = CHANGEABLE.map((member) => [member, given[member]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** `client` with `changes` made. @throws TypeError that names the first bad member */
export function changedClient(
  client: Client,
  changes: Readonly<Record<string, unknown>>,
  hasHook = false,
): Client {
  const before: Partial<Client> = changes.secret === undefined ? client : withoutPrevious(client);
  const changed: Record<string, unknown> = { ...before, ...changes };
  for (const member of REMOVABLE) if (changed[member] === null) delete changed[member];
  // A client whose key is found to be bad must be one that can be disabled.
  const isOfKeys = ['jwks', 'introspectionEncryptedResponseAlg'].some((member) => member in changes);
  const after = keptClient(changed, 'update', hasHook, isOfKeys ? registeredClient : soundClient);
  if (isPublic(after) && !isPublic(client))
    throw clientTypeError('update')(
      '"authMethods" must stay: the client would become a public one',
      client.clientId,
    );
  return after;
}

/**
 * `client` with another secret, of which `hash` is the hash of; the one before is good until `until`.
 *
 * @throws ConflictError for a public client, and where it has two secrets already: one of them would be lost on those who have it
 */
export function rotatedClient(client: Client, hash: string, until: number | undefined, now: number): Client {
  const { secret } = client;
  if (secret === undefined) throw new ConflictError('rotateSecret: this client has no secret');
  const rotated: Client = { ...withoutPrevious(client), secret: hash };
  if (until === undefined) return rotated;
  if (goodHashes(client, now).length > 1) {
    throw new ConflictError(
      'rotateSecret: the previous secret is still good; dropPreviousSecret or restorePreviousSecret ends that',
    );
  }
  return { ...rotated, previousSecret: secret, previousSecretUntil: until };
}

/** `client` with its previous secret only. @throws ConflictError where that is no good any more, or there is none */
export function restoredClient(client: Client, now: number): Client {
  const [, secret] = goodHashes(client, now);
  if (secret === undefined) throw new ConflictError('restorePreviousSecret: no previous secret is good');
  return { ...withoutPrevious(client), secret };
}

export function withoutPrevious(client: Client): Client {
  const { previousSecret: _secret, previousSecretUntil: _until, ...rest } = client;
  return rest;
}

/** `client` with another hash of the same secret; `undefined` where it does not have the old one any more. */
export function rehashedClient(client: Client, newHash: string, oldHash: string): Client | undefined {
  if (client.secret === oldHash) return { ...client, secret: newHash };
  return client.previousSecret === oldHash ? { ...client, previousSecret: newHash } : undefined;
}
