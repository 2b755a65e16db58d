import passport from 'passport';
import { ClientBasicStrategy } from '../clients/basic-strategy.js';
import type { Client, ClientStore } from '../clients/client.js';
import { ClientAttempt, type ClientFailure } from '../clients/client-strategy.js';
import { ClientVerifier, type Proceed } from '../clients/client-verifier.js';
import type { Audit } from '../http/audit.js';
import { basicChallenge } from '../http/challenge.js';
import type { Call, Endpoint } from '../http/endpoint.js';
import { authorizationLines } from '../http/header-lines.js';
import { HttpError, type RefusedCredentials, type WrongCredentials } from '../http/http-error.js';
import { addressKey, isThrottling, type Throttles, throttles } from '../http/throttle.js';
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
import { callerKey } from './caller-key.js';
import { VisibleTokens } from './visible-tokens.js';

/** What the APIs of one router share: where the tokens are, who may call, how often, and what they may see. */
export class ApiContext {
  /** Who is asked about the token of a Bearer caller. */
  readonly introspector: Introspector;
  readonly clients: ClientStore;
  /** Remembers which secrets were right, however they came. */
  readonly verifier: ClientVerifier;
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
    this.#throttles = throttles(factory, options.rateLimit, this.clock, telemetry);
    const { inactive } = this.#throttles;
    this.tokens = new VisibleTokens({ source, policy: options.policy ?? defaultPolicy, shownTo, inactive });
    this.verifier = new ClientVerifier(clients, clock);
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
    const proceed = this.#proceedFor(call.ip);
    return new Promise((resolve, reject) => {
      const attempt = new ClientAttempt(presented, proceed, (error, client, failure) => {
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

  /** Made apart from the call, so that what is kept of the attempt does not keep the request. */
  #proceedFor(ip: string | undefined): Proceed {
    const { failures, inactive, calls } = this.#throttles;
    return (client) => {
      failures.check(() => addressKey(ip));
      if (!client) return;
      inactive.check(() => callerKey(client, ip));
      calls.check(() => callerKey(client, ip));
    };
  }

  refusedCredentials(credentials: RefusedCredentials, wrong?: WrongCredentials): HttpError {
    return new HttpError(401, 'invalid_client', 'Client authentication failed', {
      credentials,
      wrong,
      headers: { 'WWW-Authenticate': basicChallenge(this.realm) },
    });
  }

  /**
   * Authenticates a caller under the limit for failures, and admits it under the limits
   * for callers.
   *
   * @throws HttpError of `authenticate`, or 429
   */
  async admit(call: Call, authenticate: () => Promise<Client>): Promise<Client> {
    const { failures, inactive, calls } = this.#throttles;
    const { ip } = call;
    const address = (): string => addressKey(ip);
    failures.check(address);
    let caller: Client;
    try {
      caller = await authenticate();
    } catch (error) {
      if (isFailedAttempt(error)) await failures.count(address());
      throw error;
    }
    // Of many guesses made at once, a right one must not show once the wrong ones have been too many.
    failures.check(address);
    const key = callerKey(caller, ip);
    inactive.check(() => key);
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
