import { frozenCopy } from '../frozen-copy.js';
import { isObject } from '../options.js';
import { type Client, clientProblem, plainClient, soundClients, unknownClientMember } from './client.js';
import { brokenKey, type ClientJwk, encryptionKey } from './registered-key.js';

/** Makes the error for a client with a problem; its id is there as far as it is known. */
type Fault = (problem: string, clientId?: unknown) => Error;

/**
 * A client as our own stores keep it: checked, plain, frozen, and marked as such.
 *
 * @param hasHook whether the store can verify hashes that others made
 * @throws what `fault` makes for a client that is not sound, an unknown member included
 */
export function soundClient(given: unknown, fault: Fault, hasHook: boolean): Client {
  if (!isObject(given)) throw fault('a client must be an object');
  const unknown = unknownClientMember(given);
  const client = plainClient(given);
  const problem = unknown === undefined ? clientProblem(client, hasHook) : `unknown member "${unknown}"`;
  if (problem !== undefined) throw fault(problem, client.clientId);
  return soundClients.mark({ ...(frozenCopy(client) as Client) });
}

/**
 * A client that is registered now, as {@link soundClient}: what of its keys could never be used is known by then.
 *
 * @throws what `fault` makes
 */
export function registeredClient(given: unknown, fault: Fault, hasHook: boolean): Client {
  const client = soundClient(given, fault, hasHook);
  const problem = keysProblem(client);
  if (problem !== undefined) throw fault(problem, client.clientId);
  return client;
}

function keysProblem({
  jwks,
  authMethods = [],
  introspectionEncryptedResponseAlg: alg,
}: Client): string | undefined {
  if (!jwks) return undefined;
  const keys = jwks.keys as readonly ClientJwk[];
  const broken = brokenKey(keys);
  if (broken)
    return `"jwks" has a key at ${keys.indexOf(broken)} that is broken, or an RSA key of fewer than 2048 bits`;
  if (authMethods.includes('private_key_jwt') && keys.every(({ use }) => use === 'enc'))
    return '"jwks" has no key for "private_key_jwt"';
  return alg !== undefined && !encryptionKey(keys, alg)
    ? '"jwks" has no key that fits "introspectionEncryptedResponseAlg"'
    : undefined;
}

/** For a client that the app itself gives; `where` is what it gave it to. */
export function clientTypeError(where: string): Fault {
  return (problem, clientId) =>
    new TypeError(`${where}: ${typeof clientId === 'string' ? `client "${clientId}": ` : ''}${problem}`);
}
