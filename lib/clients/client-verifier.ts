import { frozenCopy } from '../frozen-copy.js';
import type { WrongCredentials } from '../http/http-error.js';
import { isObject } from '../options.js';
import { attempt, type Soon, whenKnown } from '../thenable.js';
import { StoreUnavailableError, UnusableAnswerError } from '../tokens/store-errors.js';
import type { Attempt } from './attempt.js';
import type { Credentials } from './basic-credentials.js';
import {
  type Client,
  type ClientStore,
  clientProblem,
  goodHashes,
  isGoodHash,
  misnamedClientMember,
  plainClient,
  soundClients,
} from './client.js';
import { authMethodsOf, isPublic } from './client-authentication.js';
import { SecretComparisons } from './secret-comparison.js';
import type { VerifiedSecret } from './verified-secrets.js';

/** What became of presented credentials. */
export interface Verification {
  /** Whose they are; absent when they are wrong. */
  readonly client?: Client;
  /** The client that they name, if there is one: an unknown id could be anything, a mistyped secret included. */
  readonly claimed?: string;
  /** Why they are wrong. */
  readonly wrong?: WrongCredentials;
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
      const client = soundClients.of(found) ?? checkedClient(found, clients.verifySecret !== undefined);
      // A database that compares without case would otherwise let "App" in as "app".
      return client?.clientId === clientId ? client : undefined;
    },
  );
}

/** What somebody else's store answered, as a client that is sound and our own. */
function checkedClient(found: unknown, hasHook: boolean): Client | undefined {
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
  const problem = misnamed ?? clientProblem(answer, hasHook);
  if (problem === undefined) return answer as Client;
  throw new UnusableAnswerError(`The client store answered no usable client: ${problem}`);
}

function clientFault(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError('The client store is unavailable', { cause });
}

interface Candidate extends Credentials {
  /** Why it could not be right, whatever the secret. */
  readonly wrong: WrongCredentials | undefined;
  /** The client whose secret it may be; one that is disabled, or not to come in this way, has none that would do. */
  readonly client: Client | undefined;
}

/** A way in which a client sends its secret. */
type SecretMethod = 'client_secret_basic' | 'client_secret_post';

/** Why a client may not prove who it is in this way. A public one, which proves nothing, sends its empty secret by Basic. */
function whyNot(client: Client | undefined, method: SecretMethod): WrongCredentials | undefined {
  if (!client) return 'unknown_client';
  if (client.disabled) return 'client_disabled';
  const mayUse = isPublic(client) ? method === 'client_secret_basic' : authMethodsOf(client).includes(method);
  return mayUse ? undefined : 'other_method';
}

/** Finds out whose credentials these are, at the same cost for an unknown client as for a wrong secret. */
export class ClientVerifier {
  readonly #clients: ClientStore;
  readonly #comparisons: SecretComparisons;
  readonly #clock: () => number;

  constructor(
    clients: ClientStore,
    clock: () => number,
    comparisons: SecretComparisons = new SecretComparisons(clock),
  ) {
    this.#clients = clients;
    this.#clock = clock;
    this.#comparisons = comparisons;
  }

  /**
   * The client whose credentials a header was lately found to carry; `undefined` where that is
   * not known, or where the client has since been disabled or removed, or this secret of it taken away.
   *
   * @throws StoreUnavailableError when the clients cannot be asked
   */
  recall(header: string): Soon<Client | undefined> {
    return this.#stillRight('client_secret_basic', this.#comparisons.verified.header(header));
  }

  /**
   * Whose credentials these are, in whichever reading. Those of a client that is disabled, or is not to come
   * in this way, are wrong. With the `header` that they came in, {@link recall} knows it from now on.
   *
   * @throws StoreUnavailableError when the clients cannot be asked, what `attempt` throws, and HttpError 503
   */
  async verify(
    method: SecretMethod,
    readings: readonly [Credentials, ...Credentials[]],
    attempt: Attempt,
    header?: string,
  ): Promise<Verification> {
    const [{ clientId }] = readings;
    attempt.claim(clientId);
    const known = await this.#remembered(method, readings, header);
    attempt.begin(known !== undefined);
    if (known) return { client: known, claimed: known.clientId };
    const candidates = await this.#candidates(method, readings);
    const client = await this.#firstMatch(candidates, attempt, header);
    if (client) return { client, claimed: client.clientId };
    const named = candidates.find(({ wrong }) => wrong !== 'unknown_client');
    return named
      ? { claimed: named.clientId, wrong: named.wrong ?? 'wrong_secret' }
      : { wrong: 'unknown_client' };
  }

  /** What is remembered goes first: the other reading is wrong, and would be hashed on each call. */
  async #remembered(
    method: SecretMethod,
    readings: readonly Credentials[],
    header: string | undefined,
  ): Promise<Client | undefined> {
    const { verified } = this.#comparisons;
    for (const credentials of readings) {
      const known = verified.secret(verified.nameOf(credentials));
      const client = await this.#stillRight(method, known);
      if (!known || !client) continue;
      verified.add(credentials, known, header);
      return client;
    }
    return undefined;
  }

  /** The client of a secret that was right, if it still is. */
  #stillRight(method: SecretMethod, known: VerifiedSecret | undefined): Soon<Client | undefined> {
    if (!known) return undefined;
    const { clientId, storedHash } = known;
    return whenKnown(findClient(this.#clients, clientId), (client) => {
      if (!client || whyNot(client, method)) return undefined;
      const isRight =
        storedHash === undefined ? isPublic(client) : isGoodHash(client, storedHash, this.#clock());
      return isRight ? client : undefined;
    });
  }

  async #candidates(method: SecretMethod, readings: readonly Credentials[]): Promise<readonly Candidate[]> {
    const candidates: Candidate[] = [];
    for (const { clientId, secret } of readings) {
      const same = candidates.find((candidate) => candidate.clientId === clientId);
      if (same) {
        candidates.push({ ...same, secret });
      } else {
        const found = await findClient(this.#clients, clientId);
        const wrong = whyNot(found, method);
        candidates.push({ clientId, secret, wrong, client: wrong === undefined ? found : undefined });
      }
    }
    return candidates;
  }

  async #firstMatch(
    candidates: readonly Candidate[],
    attempt: Attempt,
    header: string | undefined,
  ): Promise<Client | undefined> {
    const { verified } = this.#comparisons;
    // The empty secret is a public client's, and a public client's only (row A-12). Nothing is hashed for it in any reading.
    for (const { client, clientId, secret } of candidates) {
      if (!client || !isPublic(client) || secret !== '') continue;
      attempt.remember(() => verified.add({ clientId, secret }, { clientId, storedHash: undefined }, header));
      return client;
    }
    for (const { client, clientId, secret, wrong } of candidates) {
      const storedHashes = client ? goodHashes(client, this.#clock()) : [];
      const isKnown = wrong !== 'unknown_client';
      const comparison = { clientId, secret, storedHashes, isKnown };
      const storedHash = await this.#comparisons.matchingHash(this.#clients, comparison, attempt);
      if (!client || storedHash === undefined) continue;
      attempt.remember(() => {
        verified.add({ clientId, secret }, { clientId, storedHash }, header);
        this.#comparisons.moveToOurs(this.#clients, { clientId, secret }, storedHash);
      });
      return client;
    }
    return undefined;
  }
}
