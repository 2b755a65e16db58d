import { frozenCopy } from '../frozen-copy.js';
import { type Client, type ClientStore, clientProblem, unknownClientMember } from './client.js';

/** Clients in memory, checked once. */
export class MemoryClientStore implements ClientStore {
  readonly #clients = new Map<string, Client>();

  /** @throws TypeError for a duplicate id, a secret in plain text, an unknown hash format, an unknown member */
  constructor(clients: Iterable<Client>) {
    for (const client of clients) {
      const problem = clientProblem(client);
      if (problem !== undefined) throw new TypeError(`MemoryClientStore: ${problem}`);
      const unknown = unknownClientMember(client);
      if (unknown !== undefined) throw new TypeError(`MemoryClientStore: unknown member "${unknown}"`);
      if (this.#clients.has(client.clientId)) {
        throw new TypeError(`MemoryClientStore: "clientId" "${client.clientId}" is there twice`);
      }
      this.#clients.set(client.clientId, frozenCopy(client) as Client);
    }
  }

  find(clientId: string): Client | undefined {
    return this.#clients.get(clientId);
  }
}
