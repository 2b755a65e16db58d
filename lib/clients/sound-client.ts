import { frozenCopy } from '../frozen-copy.js';
import { isObject } from '../options.js';
import { type Client, clientProblem, plainClient, soundClients, unknownClientMember } from './client.js';

/** Makes the error for a client with a problem; its id is there as far as it is known. */
type Fault = (problem: string, clientId?: unknown) => Error;

/**
 * A client as our own stores keep it: checked, plain, frozen, and marked as such.
 *
 * @throws what `fault` makes for a client that is not sound, an unknown member included
 */
export function soundClient(given: unknown, fault: Fault): Client {
  if (!isObject(given)) throw fault('a client must be an object');
  const unknown = unknownClientMember(given);
  const client = plainClient(given);
  const problem = unknown === undefined ? clientProblem(client) : `unknown member "${unknown}"`;
  if (problem !== undefined) throw fault(problem, client.clientId);
  return soundClients.mark({ ...(frozenCopy(client) as Client) });
}

/** For a client that the app itself gives; `where` is what it gave it to. */
export function clientTypeError(where: string): Fault {
  return (problem, clientId) =>
    new TypeError(`${where}: ${typeof clientId === 'string' ? `client "${clientId}": ` : ''}${problem}`);
}
