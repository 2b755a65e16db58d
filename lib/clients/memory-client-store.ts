import { frozenCopy } from '../frozen-copy.js';
import { isObject } from '../options.js';
import {
  type Client,
  type ClientStore,
  clientProblem,
  plainClient,
  soundClients,
  unknownClientMember,
} from './client.js';

/** Clients in memory, checked once. */
export class MemoryClientStore implements ClientStore {
  readonly #clients = new Map<string, Client>();

  /** @throws TypeError for a duplicate id, a secret in plain text, an unknown hash format, an unknown member */
  constructor(clients: Iterable<Client>) {
    if (typeof clients?.[Symbol.iterator] !== 'function') {
      throw new TypeError('MemoryClientStore: "clients" must be an array of clients');
    }
    for (const given of clients) {
      const client = checkedClient(given);
      if (this.#clients.has(client.clientId)) {
        throw new TypeError(`MemoryClientStore: "clientId" "${client.clientId}" is there twice`);
      }
      this.#clients.set(client.clientId, client);
    }
  }

  find(clientId: string): Client | undefined {
    return this.#clients.get(clientId);
  }
}

function checkedClient(given: unknown): Client {
  if (!isObject(given)) throw new TypeError('MemoryClientStore: a client must be an object');
  const unknown = unknownClientMember(given);
  const client = plainClient(given);
  const problem = unknown === undefined ? clientProblem(client) : `unknown member "${unknown}"`;
  if (problem === undefined) return soundClients.mark({ ...(frozenCopy(client) as Client) });
  const { clientId } = client;
  throw new TypeError(
    `MemoryClientStore: ${typeof clientId === 'string' ? `client "${clientId}": ` : ''}${problem}`,
  );
}
