import passport from 'passport';
import { ClientBasicStrategy } from '../clients/basic-strategy.js';
import type { Client, ClientStore } from '../clients/client.js';
import { isPublic } from '../clients/client-authentication.js';
import { ClientAttempt, type ClientFailure } from '../clients/client-strategy.js';
import { ClientVerifier, findClient } from '../clients/client-verifier.js';
import { sharedComparisons } from '../clients/secret-comparison.js';
import type { VerifiedSecrets } from '../clients/verified-secrets.js';
import type { Audit } from '../http/audit.js';
import { basicChallenge } from '../http/challenge.js';
import type { Call, Endpoint } from '../http/endpoint.js';
import { authorizationLines } from '../http/header-lines.js';
import { HttpError, type RefusedCredentials, type WrongCredentials } from '../http/http-error.js';
import { sharedThrottles } from '../http/shared-throttles.js';
import { isThrottling, type Throttles } from '../http/throttle.js';
import { introspectedTokens } from '../introspection/introspected-tokens.js';
import type { Introspector } from '../introspection/introspector.js';
import { onlyAbout } from '../introspection/only-about.js';
import { shownSubjects } from '../introspection/pairwise.js';
import { defaultPolicy } from '../introspection/policy.js';
import { storeIntrospector } from '../introspection/store-introspector.js';
import { storedTokens } from '../introspection/stored-tokens.js';
import { SigningKeys } from '../signing/signing-keys.js';
import { watchedFind } from '../telemetry/store-probe.js';
import { type Telemetry, telemetryOf } from '../telemetry/telemetry.js';
import { tokenTest } from '../tokens/token-format.js';
import type { TokenStore } from '../tokens/token-store.js';
import { type CommonOptions, type ContextOptions, checkApiOptions } from './api-options.js';
import { CallerAttempt } from './caller-attempt.js';
import { callerKey } from './caller-key.js';
import { VisibleTokens } from './visible-tokens.js';

/** What the APIs of one router share: where the tokens are, who may call, how often, and what they may see. */
export class ApiContext {
  /** Who is asked about the token of a Bearer caller. */
  readonly introspector: Introspector;
  readonly clients: ClientStore;
  /** Remembers which secrets were right, however they came. */
  readonly verifier: ClientVerifier;
  /** Which credentials were right lately. */
  readonly verified: VerifiedSecrets;
  readonly realm: string;
  readonly audit: Audit | undefined;
  readonly requestId: CommonOptions['requestId'];
  readonly clock: () => number;
  readonly requireTls: boolean;
  readonly telemetry: Telemetry;
  /** The tokens, as callers may see them. */
  readonly tokens: VisibleTokens;
  /** What answers are signed with, where they are. */
  readonly signingKeys: SigningKeys | undefined;
  readonly #throttles: Throttles;
  readonly #attempts = new WeakMap<Call, CallerAttempt>();
  /** Of our own: the app's global one has its own strategies. */
  readonly #passport = new passport.Passport();

  /** @throws TypeError that names a bad, missing or unknown option */
  constructor(factory: string, options: ContextOptions, ...ownOptions: readonly string[]) {
    checkApiOptions(factory, options, ownOptions);
    const { clock = Date.now, tokens, introspector } = options;
    const telemetry = telemetryOf(factory, options.telemetry);
    const clients = watchedFind(telemetry, 'clients', options.clients);
    this.clients = clients;
    this.telemetry = telemetry;
    this.realm = options.realm ?? 'token introspection';
    this.audit = options.audit;
    this.requestId = options.requestId;
    this.clock = clock;
    this.requireTls = options.requireTls ?? false;
    const isToken = tokenTest(factory, options.tokenFormat);
    const asked =
      introspector ??
      storeIntrospector(tokens as TokenStore, {
        clients: options.clients,
        clock,
        ...(options.telemetry !== undefined && { telemetry: options.telemetry }),
      });
    this.introspector = isToken ? onlyAbout(isToken, asked) : asked;
    this.signingKeys = options.keys === undefined ? undefined : new SigningKeys(factory, options.keys);
    const source = introspector
      ? introspectedTokens({ introspector: this.introspector, clients, clock })
      : storedTokens({ tokens: tokens as TokenStore, clients, clock, isToken, telemetry });
    const shownTo = shownSubjects(factory, options.pairwise);
    this.#throttles = sharedThrottles(factory, options.clients, options.rateLimit, clock, telemetry);
    const { inactive } = this.#throttles;
    this.tokens = new VisibleTokens({ source, policy: options.policy ?? defaultPolicy, shownTo, inactive });
    const comparisons = sharedComparisons(options.clients, clock);
    this.verified = comparisons.verified;
    this.verifier = new ClientVerifier(clients, clock, comparisons);
    const acceptRaw = options.acceptRawBasic ?? true;
    this.#passport.use(new ClientBasicStrategy({ realm: this.realm, acceptRaw, verifier: this.verifier }));
  }

  /** What all endpoints have in common. */
  get common(): Pick<Endpoint, 'requireTls' | 'audit' | 'telemetry' | 'clock' | 'requestId'> {
    const { requireTls, audit, telemetry, clock, requestId } = this;
    return { requireTls, audit, telemetry, clock, requestId };
  }

  /** Whether callers may be told to slow down. */
  get isThrottled(): boolean {
    return isThrottling(this.#throttles);
  }

  /**
   * Takes one more way in which clients prove who they are, for {@link callerBy}.
   *
   * @param strategy one of Passport's; its type would be part of our declarations, which must do without those of Passport
   */
  addStrategy(strategy: { readonly name?: string }): void {
    this.#passport.use(strategy as passport.Strategy);
  }

  /** The client whose Basic credentials the request carries, as {@link callerBy}. */
  basicCaller(call: Call): Promise<Client> {
    return this.callerBy('basic', call, authorizationLines(call.req));
  }

  /**
   * The client that presents this, in the way that a strategy knows.
   *
   * @throws HttpError 401 with a challenge and with `credentials` saying why; an API may answer otherwise
   */
  callerBy<Presented>(strategy: string, call: Call, presented: Presented): Promise<Client> {
    const told = this.#attemptOf(call);
    return new Promise((resolve, reject) => {
      const attempt = new ClientAttempt(presented, told, (error, client, failure) => {
        if (error) {
          reject(error);
        } else if (client) {
          call.clientId = client.clientId;
          resolve(client);
        } else {
          const { claimed, credentials, wrong } = failure as ClientFailure;
          call.clientId = claimed;
          reject(this.refusedCredentials(credentials, wrong));
        }
      });
      this.#passport.authenticate(strategy, { session: false }, attempt.done)(attempt, attempt, attempt.done);
    });
  }

  /**
   * The client of an access token, empty if it is malformed, which `verify` finds out. One that was right lately is no guess, and is looked at however
   * often others at its address have failed.
   *
   * @throws HttpError 429, and what `verify` throws
   */
  async tokenCaller(call: Call, token: string, verify: () => Promise<Client>): Promise<Client> {
    const attempt = this.#attemptOf(call);
    attempt.begin(this.verified.hasProof('access_token', token));
    const caller = await verify();
    attempt.remember(() => this.verified.addProof('access_token', token));
    return caller;
  }

  /**
   * The public client with this id, which it need only name; `undefined` if there is none.
   *
   * @throws HttpError 429, and StoreUnavailableError when the clients cannot be asked
   */
  async publicCaller(call: Call, clientId: string): Promise<Client | undefined> {
    const attempt = this.#attemptOf(call);
    const credentials = { clientId, secret: '' };
    attempt.claim(clientId);
    attempt.begin(this.verified.secret(this.verified.nameOf(credentials)) !== undefined);
    const client = await findClient(this.clients, clientId);
    if (!client || client.disabled || !isPublic(client)) return undefined;
    call.clientId = clientId;
    attempt.remember(() => this.verified.add(credentials, { clientId, storedHash: undefined }));
    return client;
  }

  #attemptOf(call: Call): CallerAttempt {
    const attempt = this.#attempts.get(call) ?? new CallerAttempt(this.#throttles, call.ip);
    this.#attempts.set(call, attempt);
    return attempt;
  }

  refusedCredentials(credentials: RefusedCredentials, wrong?: WrongCredentials): HttpError {
    return new HttpError(401, 'invalid_client', 'Client authentication failed', {
      credentials,
      wrong,
      headers: { 'WWW-Authenticate': basicChallenge(this.realm) },
    });
  }

  /**
   * Authenticates a caller under the limit for failures, and admits it under the limit
   * for calls.
   *
   * @throws HttpError of `authenticate`, or 429
   */
  async admit(call: Call, authenticate: () => Promise<Client>): Promise<Client> {
    const { calls } = this.#throttles;
    const attempt = this.#attemptOf(call);
    let caller: Client;
    try {
      caller = await authenticate();
    } catch (error) {
      if (isFailedAttempt(error)) await attempt.failed();
      throw error;
    }
    attempt.admitted();
    const key = callerKey(caller, call.ip);
    calls.check(() => key);
    await calls.count(key);
    return caller;
  }
}

/** Whether somebody tried credentials that are wrong; to have none is no attempt. */
function isFailedAttempt(error: unknown): boolean {
  if (!(error instanceof HttpError)) return false;
  const { credentials, code } = error;
  // What else is wrong with a form says nothing about who sends it.
  return credentials === undefined ? code === 'invalid_token' : credentials !== 'missing';
}
