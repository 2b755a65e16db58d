import { StoreUnavailableError, UnusableAnswerError } from '../tokens/store-errors.js';
import type { Credentials } from './basic-credentials.js';
import { type Client, type ClientStore, clientProblem } from './client.js';
import { parseSecretHash, type SecretHash, verifyNothing, verifySecret } from './client-secret.js';
import { VerifiedSecrets } from './verified-secrets.js';

/** What became of presented credentials. */
export interface Verification {
  /** Whose they are; absent when they are wrong. */
  readonly client?: Client;
  /** The client that they name, if there is one: an unknown id could be anything, a mistyped secret included. */
  readonly claimed?: string;
}

/**
 * The client with this id, checked.
 *
 * @throws StoreUnavailableError for whatever the store throws, and for an answer that is no client
 */
export async function findClient(clients: ClientStore, clientId: string): Promise<Client | undefined> {
  let client: Client | undefined;
  try {
    client = (await clients.find(clientId)) ?? undefined;
  } catch (cause) {
    throw new StoreUnavailableError('The client store is unavailable', { cause });
  }
  if (client === undefined) return undefined;
  const problem = clientProblem(client);
  if (problem !== undefined)
    throw new UnusableAnswerError(`The client store answered no usable client: ${problem}`);
  // A database that compares without case would otherwise let "App" in as "app".
  return client.clientId === clientId ? client : undefined;
}

interface Candidate extends Credentials {
  readonly client: Client | undefined;
}

/** Finds out whose credentials these are, at the same cost for an unknown client as for a wrong secret. */
export class ClientVerifier {
  readonly #clients: ClientStore;
  readonly #verified: VerifiedSecrets;
  /** Verifications under way: callers that start together share one slow hash. */
  readonly #pending = new Map<string, Promise<boolean>>();

  constructor(clients: ClientStore, clock: () => number) {
    this.#clients = clients;
    this.#verified = new VerifiedSecrets(clock);
  }

  /** Whose credentials these are, in whichever reading. A disabled client's are wrong. */
  async verify(readings: readonly Credentials[]): Promise<Verification> {
    const candidates = await this.#candidates(readings);
    const proven =
      // A reading that is remembered goes first: the other one is wrong, and would be hashed on each call.
      candidates.find((candidate) => this.#isRemembered(candidate)) ??
      (await this.#firstVerified(candidates));
    const claimed = (proven ?? candidates.find(({ client }) => client))?.client?.clientId;
    return {
      ...(proven?.client && !proven.client.disabled && { client: proven.client }),
      ...(claimed !== undefined && { claimed }),
    };
  }

  async #candidates(readings: readonly Credentials[]): Promise<readonly Candidate[]> {
    const candidates: Candidate[] = [];
    for (const { clientId, secret } of readings) {
      const known = candidates.find((candidate) => candidate.clientId === clientId);
      const client = known ? known.client : await findClient(this.#clients, clientId);
      candidates.push({ clientId, secret, client });
    }
    return candidates;
  }

  async #firstVerified(candidates: readonly Candidate[]): Promise<Candidate | undefined> {
    for (const candidate of candidates) {
      if (await this.#isVerified(candidate)) return candidate;
    }
    return undefined;
  }

  #isRemembered({ client, clientId, secret }: Candidate): boolean {
    return !!client?.secret && this.#verified.has(this.#verified.nameOf({ clientId, secret }, client.secret));
  }

  async #isVerified({ client, clientId, secret }: Candidate): Promise<boolean> {
    // The empty secret is a public client's, and a public client's only (row A-12).
    if (client && client.secret === undefined && secret === '') return true;
    const stored = client?.secret === undefined || secret === '' ? undefined : parseSecretHash(client.secret);
    if (!client?.secret || !stored) {
      await verifyNothing(secret);
      return false;
    }
    const name = this.#verified.nameOf({ clientId, secret }, client.secret);
    return this.#pending.get(name) ?? this.#compare(name, secret, stored);
  }

  #compare(name: string, secret: string, stored: SecretHash): Promise<boolean> {
    const compare = async (): Promise<boolean> => {
      try {
        const same = await verifySecret(secret, stored);
        if (same) this.#verified.add(name);
        // A generated secret is compared quickly; being wrong must take as long as for a chosen one.
        else if (stored.algorithm === 'sha256') await verifyNothing(secret);
        return same;
      } finally {
        this.#pending.delete(name);
      }
    };
    const comparison = compare();
    this.#pending.set(name, comparison);
    return comparison;
  }
}
