import { frozenCopy } from '../frozen-copy.js';
import type { WrongCredentials } from '../http/http-error.js';
import { isObject } from '../options.js';
import { attempt, type Soon, whenKnown } from '../thenable.js';
import { StoreUnavailableError, UnusableAnswerError } from '../tokens/store-errors.js';
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
import { isQuick, parseSecretHash, type SecretHash, verifyNothing, verifySecret } from './client-secret.js';
import { SlowHashes } from './slow-hashes.js';
import { VerifiedSecrets } from './verified-secrets.js';

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
  /** Why it could not be right, whatever the secret. */
  readonly wrong: WrongCredentials | undefined;
  /** The client whose secret it may be; one that is disabled, or not to come in this way, has none that would do. */
  readonly client: Client | undefined;
  /** The hashes of its secrets, of which the presented one may be any. */
  readonly storedHashes: readonly string[];
}

/** Credentials that are right, and by which of the client's secrets: a public client has none. */
interface Match {
  readonly client: Client;
  readonly secret: string;
  readonly storedHash?: string | undefined;
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

/**
 * Called right before what costs something: a slow hash, which may have had to wait, or to remember that a client which
 * has proved who it is was here.
 *
 * @throws whatever is to take the place of that
 */
export type Proceed = (client?: Client) => void;

/** Finds out whose credentials these are, at the same cost for an unknown client as for a wrong secret. */
export class ClientVerifier {
  readonly #clients: ClientStore;
  readonly #verified: VerifiedSecrets;
  readonly #hashes = new SlowHashes();
  /** Verifications under way: callers that start together share one slow hash. */
  readonly #pending = new Map<string, Promise<string | undefined>>();
  readonly #clock: () => number;

  constructor(clients: ClientStore, clock: () => number) {
    this.#clients = clients;
    this.#clock = clock;
    this.#verified = new VerifiedSecrets(clock);
  }

  /**
   * The client whose credentials a header was lately found to carry; `undefined` where that is
   * not known, or where the client has since been disabled or removed, or this secret of it taken away.
   *
   * @throws StoreUnavailableError when the clients cannot be asked
   */
  recall(header: string): Soon<Client | undefined> {
    const known = this.#verified.recall(header);
    if (!known) return undefined;
    return whenKnown(findClient(this.#clients, known.clientId), (client) =>
      client && !whyNot(client, 'client_secret_basic') && isGoodHash(client, known.storedHash, this.#clock())
        ? client
        : undefined,
    );
  }

  /**
   * Whose credentials these are, in whichever reading. Those of a client that is disabled, or is not to come
   * in this way, are wrong. With the `header` that they came in, {@link recall} knows it from now on.
   *
   * @throws StoreUnavailableError when the clients cannot be asked, what `proceed` throws, and HttpError 503
   */
  async verify(
    method: SecretMethod,
    readings: readonly Credentials[],
    proceed: Proceed,
    header?: string,
  ): Promise<Verification> {
    const candidates = await this.#candidates(method, readings);
    const match =
      // What is remembered goes first: the other reading is wrong, and would be hashed on each call.
      this.#remembered(candidates) ?? (await this.#firstMatch(candidates, proceed));
    const client = match?.client;
    if (header !== undefined && match?.storedHash !== undefined) {
      const { storedHash } = match;
      const { clientId } = match.client;
      const name = this.#verified.nameOf({ clientId, secret: match.secret }, storedHash);
      this.#verified.addHeader(header, { clientId, storedHash, name });
    }
    if (client) return { client, claimed: client.clientId };
    const named = candidates.find(({ wrong }) => wrong !== 'unknown_client');
    return named
      ? { claimed: named.clientId, wrong: named.wrong ?? 'wrong_secret' }
      : { wrong: 'unknown_client' };
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
        const client = wrong === undefined ? found : undefined;
        const storedHashes = client ? goodHashes(client, this.#clock()) : [];
        candidates.push({ clientId, secret, wrong, client, storedHashes });
      }
    }
    return candidates;
  }

  #remembered(candidates: readonly Candidate[]): Match | undefined {
    for (const { client, secret, clientId, storedHashes } of candidates) {
      const storedHash = storedHashes.find((hash) =>
        this.#verified.has(this.#verified.nameOf({ clientId, secret }, hash)),
      );
      if (client && storedHash !== undefined) return { client, secret, storedHash };
    }
    return undefined;
  }

  async #firstMatch(candidates: readonly Candidate[], proceed: Proceed): Promise<Match | undefined> {
    for (const candidate of candidates) {
      const { client, secret } = candidate;
      // The empty secret is a public client's, and a public client's only (row A-12).
      if (client && isPublic(client) && secret === '') return { client, secret };
      const storedHash = await this.#matchingHash(candidate, proceed);
      if (client && storedHash !== undefined) return { client, secret, storedHash };
    }
    return undefined;
  }

  /** Which of the client's hashes is that of the presented secret. */
  async #matchingHash(candidate: Candidate, proceed: Proceed): Promise<string | undefined> {
    const { secret, storedHashes } = candidate;
    if (storedHashes.length === 0 || secret === '') {
      await this.#hashes.run(() => verifyNothing(secret), proceed);
      return undefined;
    }
    // By all the hashes: whoever comes when one of them is no good any more waits for no answer that counts it.
    const name = this.#verified.nameOf(candidate, storedHashes.join(' '));
    for (let pending = this.#pending.get(name); pending; pending = this.#pending.get(name)) {
      try {
        return await pending;
      } catch {
        // The caller who started it was stopped; this one is not.
      }
    }
    const comparison = this.#compare(candidate, proceed).finally(() => this.#pending.delete(name));
    this.#pending.set(name, comparison);
    return comparison;
  }

  /**
   * Generated secrets are compared at once, since SHA-256 costs nothing, and all of them. Then follows one slow hash,
   * whether or not there is a chosen secret, so that being wrong takes as long for every client and for none.
   */
  async #compare(
    { clientId, secret, storedHashes }: Candidate,
    proceed: Proceed,
  ): Promise<string | undefined> {
    const stored = storedHashes.map((hash) => ({ hash, parts: parseSecretHash(hash) as SecretHash }));
    const chosen = stored.find(({ parts }) => parts.algorithm === 'scrypt');
    let match: string | undefined;
    for (const { hash, parts } of stored.filter((one) => one !== chosen)) {
      proceed();
      if (await verifySecret(secret, parts)) match = hash;
    }
    if (match === undefined) {
      const isChosen = await this.#hashes.run(() => compareSlowly(secret, chosen?.parts), proceed);
      if (isChosen) match = chosen?.hash;
    }
    if (match !== undefined) this.#verified.add(this.#verified.nameOf({ clientId, secret }, match));
    return match;
  }
}

/** Compares a chosen secret. A hash that is cheaper than ours, or none, is followed by one of ours, in the same turn. */
async function compareSlowly(secret: string, chosen: SecretHash | undefined): Promise<boolean> {
  const same = chosen !== undefined && (await verifySecret(secret, chosen));
  if (!same && (!chosen || isQuick(chosen))) await verifyNothing(secret);
  return same;
}
