import { isFunction, knownOptions, must } from '../options.js';
import type { Client, ClientStore } from './client.js';
import { parseSecretHash } from './client-secret.js';
import { noteForeignHash } from './secret-comparison.js';
import { clientTypeError, registeredClient } from './sound-client.js';

export interface MemoryClientStoreOptions {
  /** Whether a secret is that of a hash that somebody else made, such as bcrypt's. Default none: such hashes are refused. */
  readonly verifySecret?: NonNullable<ClientStore['verifySecret']>;
}

/** Clients in memory, checked once. */
export class MemoryClientStore implements ClientStore {
  readonly #clients = new Map<string, Client>();
  readonly verifySecret?: NonNullable<ClientStore['verifySecret']>;

  /** @throws TypeError for a duplicate id, a secret in plain text, a hash that others made without `verifySecret`, an unknown member */
  constructor(clients: Iterable<Client>, options: MemoryClientStoreOptions = {}) {
    if (typeof clients?.[Symbol.iterator] !== 'function') {
      throw new TypeError('MemoryClientStore: "clients" must be an array of clients');
    }
    knownOptions('MemoryClientStore', options, ['verifySecret']);
    const { verifySecret } = options;
    must(
      verifySecret === undefined || isFunction(verifySecret),
      'MemoryClientStore',
      'verifySecret',
      'a function',
    );
    if (verifySecret) this.verifySecret = verifySecret;
    for (const given of clients) {
      const client = registeredClient(
        given,
        clientTypeError('MemoryClientStore'),
        verifySecret !== undefined,
      );
      if (this.#clients.has(client.clientId)) {
        throw new TypeError(`MemoryClientStore: "clientId" "${client.clientId}" is there twice`);
      }
      this.#clients.set(client.clientId, client);
      // One of them at most: the other one is generated.
      for (const hash of [client.secret, client.previousSecret])
        if (hash !== undefined && !parseSecretHash(hash)) noteForeignHash(this, hash);
    }
  }

  find(clientId: string): Client | undefined {
    return this.#clients.get(clientId);
  }
}
