import type { Client } from '../../clients/client.js';
import { clientTypeError, soundClient } from '../../clients/sound-client.js';
import { isObject } from '../../options.js';

type RemovableMember = 'organizations' | 'audiences' | 'scopes' | 'introspects' | 'disabled';

/** What {@link PostgresClientStore.update} changes. `null` takes a member away, but never the secret. */
export type ClientChanges = {
  readonly [Member in RemovableMember]?: NonNullable<Client[Member]> | null;
} & {
  /** A hash. It is the only secret from then on: the previous one is no good any more. */
  readonly secret?: string;
};

const REMOVABLE: readonly RemovableMember[] = [
  'organizations',
  'audiences',
  'scopes',
  'introspects',
  'disabled',
];
const CHANGEABLE: readonly string[] = [...REMOVABLE, 'secret'];

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
export function changedClient(client: Client, changes: Readonly<Record<string, unknown>>): Client {
  const before: Partial<Client> = changes.secret === undefined ? client : withoutPrevious(client);
  const changed: Record<string, unknown> = { ...before, ...changes };
  for (const member of REMOVABLE) if (changed[member] === null) delete changed[member];
  return soundClient(changed, clientTypeError('update'));
}

function withoutPrevious(client: Client): Client {
  const { previousSecret: _secret, previousSecretUntil: _until, ...rest } = client;
  return rest;
}
