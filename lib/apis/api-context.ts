import passport from 'passport';
import { ClientBasicStrategy } from '../clients/basic-strategy.js';
import type { Client, ClientStore } from '../clients/client.js';
import { isPublic } from '../clients/client-authentication.js';
import { ClientAttempt, type ClientFailure } from '../clients/client-strategy.js';
import { ClientVerifier, type Proceed } from '../clients/client-verifier.js';
import type { ApiName, Audit, InactiveReason } from '../http/audit.js';
import { basicChallenge } from '../http/challenge.js';
import type { Call } from '../http/endpoint.js';
import { authorizationLines } from '../http/header-lines.js';
import { HttpError, type RefusedCredentials } from '../http/http-error.js';
import { addressKey, isThrottling, type Throttles, throttles } from '../http/throttle.js';
import { introspectedTokens } from '../introspection/introspected-tokens.js';
import type { Introspector } from '../introspection/introspector.js';
import { onlyAbout } from '../introspection/only-about.js';
import { shownSubjects } from '../introspection/pairwise.js';
import {
  type AccessPolicy,
  defaultPolicy,
  isSeenByOptOut,
  type ShownToken,
  viewOf,
} from '../introspection/policy.js';
import { storeIntrospector } from '../introspection/store-introspector.js';
import { linkedRefreshToken, storedTokens } from '../introspection/stored-tokens.js';
import type { FoundToken, TokenSource } from '../introspection/token-source.js';
import { SigningKeys } from '../signing/signing-keys.js';
import { watchedFind } from '../telemetry/store-probe.js';
import { type Telemetry, telemetryOf } from '../telemetry/telemetry.js';
import { tokenDigest } from '../tokens/token-digest.js';
import { tokenTest } from '../tokens/token-format.js';
import type { TokenRecord } from '../tokens/token-record.js';
import type { TokenState } from '../tokens/token-state.js';
import type { TokenStore } from '../tokens/token-store.js';
import { type ContextOptions, checkApiOptions } from './api-options.js';

/** What an API itself demands of a token: why it is not to be shown to this caller here, whatever the policy says. */
export type Hides = (record: TokenRecord, caller: Client) => InactiveReason | undefined;

/** A token that a caller may know of. */
export interface VisibleToken {
  readonly record: TokenRecord;
  readonly state: TokenState;
  /** As it is in the store, whatever the policy shows of it. */
  readonly found: FoundToken;
  /** Opens the linked refresh token, where the policy shows it. @throws StoreUnavailableError when that fails */
  readonly refreshToken: () => string | undefined;
}

/** What the APIs of one router share: where the tokens are, who may call, how often, and what they may see. */
export class ApiContext {
  /** Who is asked about the token of a Bearer caller. */
  readonly introspector: Introspector;
  readonly clients: ClientStore;
  /** Remembers which secrets were right, however they came. */
  readonly verifier: ClientVerifier;
  readonly realm: string;
  readonly audit: Audit | undefined;
  readonly clock: () => number;
  readonly requireTls: boolean;
  readonly telemetry: Telemetry;
  /** What answers are signed with, where they are. */
  readonly signingKeys: SigningKeys | undefined;
  readonly #source: TokenSource;
  readonly #policy: AccessPolicy;
  readonly #shownTo: ReturnType<typeof shownSubjects>;
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
    this.#source = introspector
      ? introspectedTokens({ introspector: this.introspector, clients, clock })
      : storedTokens({ tokens: tokens as TokenStore, clients, clock, isToken, telemetry });
    this.#policy = options.policy ?? defaultPolicy;
    this.#shownTo = shownSubjects(factory, options.pairwise);
    this.#throttles = throttles(factory, options.rateLimit, this.clock, telemetry);
    this.verifier = new ClientVerifier(clients, clock);
    const acceptRaw = options.acceptRawBasic ?? true;
    this.#passport.use(new ClientBasicStrategy({ realm: this.realm, acceptRaw, verifier: this.verifier }));
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
          const { claimed, credentials } = failure as ClientFailure;
          call.clientId = claimed;
          reject(this.refusedCredentials(credentials));
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

  refusedCredentials(credentials: RefusedCredentials): HttpError {
    return new HttpError(401, 'invalid_client', 'Client authentication failed', {
      credentials,
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

  /**
   * A token as this caller may see it, in whatever state; `undefined` where the caller
   * must not learn that there is one, be it that the API itself hides it, or that the
   * policy does not show it.
   *
   * @param hint `token_type_hint`, for whoever is asked
   * @throws HttpError 429 when such answers have been too many, HookError for a pairwise caller where the router has no
   *   `pairwise`, and whatever the source of the tokens throws
   */
  async visibleToken(
    call: Call,
    caller: Client,
    token: string,
    api: ApiName,
    hides: Hides,
    hint?: string,
  ): Promise<VisibleToken | undefined> {
    call.tokenDigest = tokenDigest(token);
    // First, so that a caller who cannot be told the right thing is not told of any token.
    const show = this.#shownTo(caller, api);
    const found = await this.#source.find(token, hint);
    const reason = found ? hides(found.record, caller) : 'unknown';
    const shown =
      found && reason === undefined ? await this.#view(call, caller, found.record, api) : undefined;
    if (!found || !shown) {
      await this.#countInactive(call, caller, reason ?? 'not_yours');
      return undefined;
    }
    // Only now, since a caller must not learn of a hidden token by a failure to judge it.
    const state = await this.#source.judge(found.record);
    // Who manages tokens has to do with dead ones too: that is no sign of scanning.
    if (state !== 'active' && call.action === undefined) await this.#countInactive(call, caller, state);
    // Of many guesses made at once, a right one must not show once the wrong ones have been too many.
    else this.#throttles.inactive.check(() => callerKey(caller, call.ip));
    return {
      record: show(shown.record),
      state,
      found,
      refreshToken: () => (shown.showsRefreshToken ? linkedRefreshToken(found) : undefined),
    };
  }

  /**
   * A token that the caller may end: one that was issued to it (RFC 7009 §2.1). `undefined` where there is nothing left to end.
   *
   * @throws HttpError 400 for a live token of another client that the caller may introspect, 429, and whatever the source of the tokens throws
   */
  async ownToken(call: Call, caller: Client, token: string, hint?: string): Promise<TokenRecord | undefined> {
    call.tokenDigest = tokenDigest(token);
    const found = await this.#source.find(token, hint);
    if (!found) {
      await this.#countInactive(call, caller, 'unknown');
      return undefined;
    }
    const state = await this.#source.judge(found.record);
    if (state === 'revoked' || state === 'expired') {
      await this.#countInactive(call, caller, state);
      return undefined;
    }
    if (found.record.clientId === caller.clientId) return found.record;
    // RFC 7009 §2.1 has the caller told so; one that may not know of the token is told as much as of one that is not there.
    const mayKnow =
      !isPublic(caller) &&
      (await this.#view(call, caller, found.record, 'oauth-introspection')) !== undefined;
    await this.#countInactive(call, caller, 'not_yours');
    if (mayKnow) throw new HttpError(400, 'unauthorized_client', 'The token was issued to another client');
    return undefined;
  }

  /** Notes that the caller is shown no live token. @throws HttpError 429 when that was once too often */
  async #countInactive(call: Call, caller: Client, reason: InactiveReason): Promise<void> {
    call.reason = reason;
    await this.#throttles.inactive.count(callerKey(caller, call.ip));
  }

  async #view(
    call: Call,
    caller: Client,
    record: TokenRecord,
    api: ApiName,
  ): Promise<ShownToken | undefined> {
    const shown = viewOf(record, await this.#policy(caller, record, api));
    call.introspectedAny = shown !== undefined && isSeenByOptOut(caller, record, api);
    return shown;
  }
}

/** Whether somebody tried credentials that are wrong; to have none is no attempt. */
function isFailedAttempt(error: unknown): boolean {
  if (!(error instanceof HttpError)) return false;
  const { credentials, code } = error;
  // What else is wrong with a form says nothing about who sends it.
  return credentials === undefined ? code === 'invalid_token' : credentials !== 'missing';
}

/** Anybody can name a public client, so one who does must not use up the limit of all the others. */
function callerKey(caller: Client, ip: string | undefined): string {
  return isPublic(caller) ? `${caller.clientId} ${addressKey(ip)}` : caller.clientId;
}
