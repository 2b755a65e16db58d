import { frozenCopy } from '../frozen-copy.js';
import { isObject } from '../options.js';
import { attempt, type Soon, whenKnown } from '../thenable.js';
import { StoreUnavailableError, UnusableAnswerError } from '../tokens/store-errors.js';
import type { Credentials } from './basic-credentials.js';
import {
  type Client,
  type ClientStore,
  clientProblem,
  misnamedClientMember,
  plainClient,
  soundClients,
} from './client.js';
import { isQuick, parseSecretHash, type SecretHash, verifyNothing, verifySecret } from './client-secret.js';
import { SlowHashes } from './slow-hashes.js';
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
export function findClient(clients: ClientStore, clientId: string): Soon<Client | undefined> {
  return attempt(
    () => clients.find(clientId),
    clientFault,
    (found) => {
      const client = soundClients.of(found) ?? checkedClient(found);
      // A database that compares without case would otherwise let "App" in as "app".
      return client?.clientId === clientId ? client : undefined;
    },
  );
}

/** What somebody else's store answered, as a client that is sound and our own. */
function checkedClient(found: unknown): Client | undefined {
  if (found === undefined || found === null) return undefined;
  let answer: unknown = found;
  let misnamed: string | undefined;
  if (isObject(found)) {
    try {
      answer = frozenCopy(plainClient(found));
      misnamed = misnamedClientMember(found);
    } catch (cause) {
      // Getters of the store's own objects may fail as well as its `find`.
      throw clientFault(cause);
    }
  }
  const problem = misnamed ?? clientProblem(answer);
  if (problem === undefined) return answer as Client;
  throw new UnusableAnswerError(`The client store answered no usable client: ${problem}`);
}

function clientFault(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError('The client store is unavailable', { cause });
}

interface Candidate extends Credentials {
  readonly exists: boolean;
  /** The client whose secret it may be; a disabled one has none that would do. */
  readonly client: Client | undefined;
}

/**
 * Called right before each slow hash, which may have had to wait.
 *
 * @throws whatever is to take the place of the hash
 */
export type Proceed = () => void;

/** Finds out whose credentials these are, at the same cost for an unknown client as for a wrong secret. */
export class ClientVerifier {
  readonly #clients: ClientStore;
  readonly #verified: VerifiedSecrets;
  readonly #hashes = new SlowHashes();
  /** Verifications under way: callers that start together share one slow hash. */
  readonly #pending = new Map<string, Promise<boolean>>();

  constructor(clients: ClientStore, clock: () => number) {
    this.#clients = clients;
    this.#verified = new VerifiedSecrets(clock);
  }

  /**
   * The client whose credentials a header was lately found to carry; `undefined` where that is
   * not known, or where the client has since been disabled, removed or given another secret.
   *
   * @throws StoreUnavailableError when the clients cannot be asked
   */
  recall(header: string): Soon<Client | undefined> {
    const known = this.#verified.recall(header);
    if (!known) return undefined;
    return whenKnown(findClient(this.#clients, known.clientId), (client) =>
      client && !client.disabled && client.secret === known.storedHash ? client : undefined,
    );
  }

  /**
   * Whose credentials these are, in whichever reading. A disabled client's are wrong. With the
   * `header` that they came in, {@link recall} knows it from now on.
   *
   * @throws StoreUnavailableError when the clients cannot be asked, what `proceed` throws, and HttpError 503
   */
  async verify(readings: readonly Credentials[], proceed: Proceed, header?: string): Promise<Verification> {
    const candidates = await this.#candidates(readings);
    const verified =
      // A reading that is remembered goes first: the other one is wrong, and would be hashed on each call.
      candidates.find((candidate) => this.#isRemembered(candidate)) ??
      (await this.#firstVerified(candidates, proceed));
    const client = verified?.client;
    if (header !== undefined && verified && client?.secret) {
      const { clientId, secret: storedHash } = client;
      this.#verified.addHeader(header, {
        clientId,
        storedHash,
        name: this.#verified.nameOf(verified, storedHash),
      });
    }
    const claimed = client?.clientId ?? candidates.find(({ exists }) => exists)?.clientId;
    return { ...(client && { client }), ...(claimed !== undefined && { claimed }) };
  }

  async #candidates(readings: readonly Credentials[]): Promise<readonly Candidate[]> {
    const candidates: Candidate[] = [];
    for (const { clientId, secret } of readings) {
      const same = candidates.find((candidate) => candidate.clientId === clientId);
      if (same) {
        candidates.push({ ...same, secret });
      } else {
        const client = await findClient(this.#clients, clientId);
        candidates.push({
          clientId,
          secret,
          exists: client !== undefined,
          client: client?.disabled ? undefined : client,
        });
      }
    }
    return candidates;
  }

  async #firstVerified(candidates: readonly Candidate[], proceed: Proceed): Promise<Candidate | undefined> {
    for (const candidate of candidates) {
      if (await this.#isVerified(candidate, proceed)) return candidate;
    }
    return undefined;
  }

  #isRemembered({ client, clientId, secret }: Candidate): boolean {
    return !!client?.secret && this.#verified.has(this.#verified.nameOf({ clientId, secret }, client.secret));
  }

  async #isVerified({ client, clientId, secret }: Candidate, proceed: Proceed): Promise<boolean> {
    // The empty secret is a public client's, and a public client's only (row A-12).
    if (client && client.secret === undefined && secret === '') return true;
    const stored = client?.secret === undefined || secret === '' ? undefined : parseSecretHash(client.secret);
    if (!client?.secret || !stored) {
      await this.#hashes.run(() => verifyNothing(secret), proceed);
      return false;
    }
    const name = this.#verified.nameOf({ clientId, secret }, client.secret);
    for (let pending = this.#pending.get(name); pending; pending = this.#pending.get(name)) {
      try {
        return await pending;
      } catch {
        // The caller who started it was stopped; this one is not.
      }
    }
    return this.#compare(name, secret, stored, proceed);
  }

  #compare(name: string, secret: string, stored: SecretHash, proceed: Proceed): Promise<boolean> {
    const compare = async (): Promise<boolean> => {
      try {
        const same = await (stored.algorithm === 'sha256'
          ? this.#compareGenerated(secret, stored, proceed)
          : this.#hashes.run(() => compareChosen(secret, stored), proceed));
        if (same) this.#verified.add(name);
        return same;
      } finally {
        this.#pending.delete(name);
      }
    };
    const comparison = compare();
    this.#pending.set(name, comparison);
    return comparison;
  }

  /** Compared at once, since SHA-256 costs nothing; being wrong takes as long as with a chosen secret. */
  async #compareGenerated(secret: string, stored: SecretHash, proceed: Proceed): Promise<boolean> {
    proceed();
    if (await verifySecret(secret, stored)) return true;
    await this.#hashes.run(() => verifyNothing(secret), proceed);
    return false;
  }
}

/** A hash that is cheaper than ours is followed by one of ours, in the same turn. */
async function compareChosen(secret: string, stored: SecretHash): Promise<boolean> {
  const same = await verifySecret(secret, stored);
  if (!same && isQuick(stored)) await verifyNothing(secret);
  return same;
}
