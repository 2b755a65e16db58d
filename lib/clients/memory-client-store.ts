import type { Client, ClientStore } from './client.js';
import { clientTypeError, registeredClient } from './sound-client.js';

/** Clients in memory, checked once. */
export class MemoryClientStore implements ClientStore {
  readonly #clients = new Map<string, Client>();

  /** @throws TypeError for a duplicate id, a secret in plain text, an unknown hash format, an unknown member */
  constructor(clients: Iterable<Client>) {
    if (typeof clients?.[Symbol.iterator] !== 'function') {
      throw new TypeError('MemoryClientStore: "clients" must be an array of clients');
    }
    for (const given of clients) {
      const client = registeredClient(given, clientTypeError('MemoryClientStore'));
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
