import type { Client } from '../clients/client.js';
import { isPublic } from '../clients/client-authentication.js';
import type { ApiName, InactiveReason } from '../http/audit.js';
import type { Call } from '../http/endpoint.js';
import { HttpError } from '../http/http-error.js';
import type { Throttles } from '../http/throttle.js';
import type { shownSubjects } from '../introspection/pairwise.js';
import { type AccessPolicy, isSeenByOptOut, type ShownToken, viewOf } from '../introspection/policy.js';
import { linkedRefreshToken } from '../introspection/stored-tokens.js';
import type { FoundToken, TokenSource } from '../introspection/token-source.js';
import { tokenDigest } from '../tokens/token-digest.js';
import type { TokenRecord } from '../tokens/token-record.js';
import type { TokenState } from '../tokens/token-state.js';
import { callerKey } from './caller-key.js';

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

/** A token that goes with another one. */
export interface LinkedToken {
  readonly token: string;
  readonly record: TokenRecord;
}

interface VisibleTokensSettings {
  readonly source: TokenSource;
  readonly policy: AccessPolicy;
  readonly shownTo: ReturnType<typeof shownSubjects>;
  /** The limit for responses that show no active token: it takes the place of these, and of no other. */
  readonly inactive: Throttles['inactive'];
}

/** The tokens of one router, as its callers may see them. */
export class VisibleTokens {
  readonly #source: TokenSource;
  readonly #policy: AccessPolicy;
  readonly #shownTo: ReturnType<typeof shownSubjects>;
  readonly #inactive: Throttles['inactive'];

  constructor({ source, policy, shownTo, inactive }: VisibleTokensSettings) {
    this.#source = source;
    this.#policy = policy;
    this.#shownTo = shownTo;
    this.#inactive = inactive;
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
  async visible(
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
    return asVisible(found, shown, show(shown.record), state);
  }

  /**
   * A token that a caller has changed, as it is now; `undefined` where it is gone, or the policy does not show it any more.
   * Nothing is counted and no limit is looked at, since the change has been made.
   *
   * @throws whatever the policy and the source of the tokens throw
   */
  async changed(call: Call, caller: Client, token: string, api: ApiName): Promise<VisibleToken | undefined> {
    const found = await this.#source.find(token);
    const shown = found && (await this.#view(call, caller, found.record, api));
    if (!found || !shown) return undefined;
    const record = this.#shownTo(caller, api)(shown.record);
    return asVisible(found, shown, record, await this.#source.judge(found.record));
  }

  /**
   * The refresh token that was issued with an access token, where it is one, and not of another organization: whoever manages
   * the tokens of one has nothing to do with those of another, whatever they are linked to.
   *
   * @throws whatever the source of the tokens throws
   */
  async refreshTokenOf(found: FoundToken): Promise<LinkedToken | undefined> {
    const token = linkedRefreshToken(found);
    const linked = token === undefined ? undefined : await this.#source.find(token);
    if (token === undefined || linked?.record.kind !== 'refresh_token') return undefined;
    const { organization = found.record.organization } = linked.record;
    return organization === found.record.organization ? { token, record: linked.record } : undefined;
  }

  /**
   * A token that the caller may end: one that was issued to it (RFC 7009 §2.1). `undefined` where there is nothing left to end.
   * A refresh token of its own may be dead: where it has a grant, that can be ended by it, and the call has the `reason`.
   *
   * @throws HttpError 400 for a live token of another client that the caller may introspect, 429, and whatever the source of the tokens throws
   */
  async own(call: Call, caller: Client, token: string, hint?: string): Promise<TokenRecord | undefined> {
    call.tokenDigest = tokenDigest(token);
    const found = await this.#source.find(token, hint);
    if (!found) {
      await this.#countInactive(call, caller, 'unknown');
      return undefined;
    }
    const state = await this.#source.judge(found.record);
    const isOwn = found.record.clientId === caller.clientId;
    if (state === 'revoked' || state === 'expired') {
      // To end what has ended is no offence (RFC 7009 §2.2), and tells of nothing that the caller does not know.
      if (!isOwn) await this.#countInactive(call, caller, state);
      call.reason = state;
      return isOwn && endsGrant(found.record) ? found.record : undefined;
    }
    if (isOwn) return found.record;
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
    await this.#inactive.count(callerKey(caller, call.ip));
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

/**
 * Whether a token ends its grant (RFC 7009 §2.1), also if it is dead: a refresh token that comes once more after it was used
 * may be a stolen one (RFC 9700 §4.14.2), and whoever logs out means all of it.
 */
export function endsGrant({ kind, grantId }: TokenRecord): boolean {
  return kind === 'refresh_token' && grantId !== undefined;
}

function asVisible(
  found: FoundToken,
  { showsRefreshToken }: ShownToken,
  record: TokenRecord,
  state: TokenState,
): VisibleToken {
  return {
    record,
    state,
    found,
    refreshToken: () => (showsRefreshToken ? linkedRefreshToken(found) : undefined),
  };
}
