import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Client } from '../clients/client.js';
import type { ClientKeys } from '../clients/client-assertion.js';
import type { ClientJwk } from '../clients/registered-key.js';
import { unavailable } from '../http/http-error.js';
import { IntrospectionUnavailableError } from '../introspection/introspection-unavailable.js';
import type { ConnectionSettings } from '../introspection/remote/connection-options.js';
import { KeySet } from '../introspection/remote/key-set.js';
import { PublishedKeys, type Verification } from '../introspection/remote/published-keys.js';
import { UpstreamProbe } from '../introspection/remote/upstream-probe.js';
import type { Jws, JwsHeader } from '../jws-form.js';
import type { Soon } from '../thenable.js';

/** So many key sets are kept; the one that was used longest ago goes first. */
const MAX_KEPT = 10_000;

/** The keys of clients: those that they are registered with, and those that they publish, as these change. */
export class RegisteredKeys implements ClientKeys {
  readonly #settings: ConnectionSettings;
  /** One for all of them: a client's own address would make a series for each client. */
  readonly #probe: UpstreamProbe;
  readonly #published = new LRUCache<string, KeySet>({ max: MAX_KEPT });
  readonly #registered = new LRUCache<string, PublishedKeys>({ max: MAX_KEPT });

  constructor(settings: ConnectionSettings) {
    this.#settings = settings;
    this.#probe = new UpstreamProbe(settings.telemetry, 'client_keys');
  }

  async verify(client: Client, token: string, header: JwsHeader): Promise<Jws | undefined> {
    const { jwksUri } = client;
    if (jwksUri !== undefined) {
      return verified(await orUnavailable(this.#publishedAt(jwksUri).verify(token, header)));
    }
    const keys = await this.#registeredOf(client);
    try {
      return verified(await keys.verify(token, header));
    } catch {
      // A key that is broken in the registration has signed nothing, and will not be another one later.
      return undefined;
    }
  }

  async find<T>(
    { jwks, jwksUri }: Client,
    among: (keys: readonly ClientJwk[]) => Soon<T | undefined>,
  ): Promise<T | undefined> {
    if (jwksUri === undefined) return among((jwks as NonNullable<typeof jwks>).keys as readonly ClientJwk[]);
    return orUnavailable(this.#publishedAt(jwksUri).find(({ keys }) => among(keys)));
  }

  #publishedAt(uri: string): KeySet {
    const known = this.#published.get(uri);
    if (known) return known;
    const keys = new KeySet(this.#settings, async () => uri, this.#probe, true);
    this.#published.set(uri, keys);
    return keys;
  }

  /** By what they are: a store of the app's makes a new object on each call. */
  async #registeredOf({ jwks }: Client): Promise<PublishedKeys> {
    const name = hash('sha256', JSON.stringify(jwks), 'base64url');
    const known = this.#registered.get(name);
    if (known) return known;
    const keys = await PublishedKeys.of(jwks);
    this.#registered.set(name, keys);
    return keys;
  }
}

function verified(verification: Verification): Jws | undefined {
  return typeof verification === 'object' ? verification : undefined;
}

/** @throws HttpError 503, with the time after which to ask again where it is known */
async function orUnavailable<T>(keys: Promise<T>): Promise<T> {
  try {
    return await keys;
  } catch (error) {
    if (!(error instanceof IntrospectionUnavailableError)) throw error;
    throw unavailable(error, error.retryAfter);
  }
}
