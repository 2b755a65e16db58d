import { HttpError, invalidRequest } from '../http/http-error.js';
import { storeFault } from '../introspection/stored-tokens.js';
import type { FoundToken } from '../introspection/token-source.js';
import { watchedMethods } from '../telemetry/store-probe.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { isWithinBound } from '../tokens/attributes-bound.js';
import { tokenState } from '../tokens/token-state.js';
import type { ManagedTokenStore } from '../tokens/token-store.js';
import { mergedAttributes, type RequestedUpdate } from './requested-change.js';
import type { LinkedToken } from './visible-tokens.js';

/** What changes tokens in a store. */
const CHANGES = ['revoke', 'revokeGrant', 'approve', 'update', 'remove'] as const;

/** An access token that was found, and that is to be changed. */
export interface ManagedToken {
  readonly token: string;
  readonly found: FoundToken;
  /** The refresh token that goes with it; `undefined` where there is none. May reject. */
  readonly refreshToken: () => Promise<LinkedToken | undefined>;
}

/**
 * Changes tokens in a store. Whatever the store throws, save its own NotFoundError and ConflictError, is a
 * StoreUnavailableError; a change may have been made then, and may be asked for again.
 */
export class ManagedTokens {
  readonly #store: Pick<Required<ManagedTokenStore>, (typeof CHANGES)[number]>;

  /** Of the store it needs the methods of what is switched on. */
  constructor(store: Required<ManagedTokenStore>, telemetry: Telemetry) {
    this.#store = watchedMethods(telemetry, 'tokens', store, CHANGES);
  }

  /** Revokes a token, and with `cascade` its grant and its refresh token. */
  async revoke({ token, found, refreshToken }: ManagedToken, cascade: boolean): Promise<void> {
    await this.#ask(() => this.#store.revoke(token));
    if (!cascade) return;
    const { grantId } = found.record;
    if (grantId !== undefined) await this.#ask(() => this.#store.revokeGrant(grantId));
    const linked = await refreshToken();
    if (linked) await this.#ask(() => this.#store.revoke(linked.token));
  }

  /**
   * Takes the revocation of a token back, and with `cascade` that of its refresh token before: both, or none. Being of one
   * grant, they end together, so that where the first can be approved the other can be too.
   *
   * @throws HttpError 409 for an expired token, and a refresh token of another grant; ConflictError where a grant was revoked as a whole
   */
  async approve({ token, found, refreshToken }: ManagedToken, cascade: boolean, now: number): Promise<void> {
    if (tokenState({ ...found.record, status: 'approved' }, now) === 'expired')
      throw new HttpError(409, 'conflict', 'The token has expired');
    const linked = cascade ? await refreshToken() : undefined;
    if (linked && linked.record.grantId !== found.record.grantId)
      throw new HttpError(409, 'conflict', 'The refresh token is of another grant');
    // After an outage it is to be asked for again, and is done then.
    if (linked) await this.#ask(() => this.#store.approve(linked.token));
    await this.#ask(() => this.#store.approve(token));
  }

  /** @throws HttpError 400 where all attributes together would be too large */
  async update(
    token: string,
    found: FoundToken,
    { attributes, scope }: RequestedUpdate,
    lastModifiedBy: string,
  ): Promise<void> {
    const merged = attributes && mergedAttributes(found.record.attributes, attributes);
    if (merged && !isWithinBound(merged))
      throw invalidRequest('attributes must have 64 KiB together at most');
    await this.#ask(() =>
      this.#store.update(token, {
        lastModifiedBy,
        ...(merged && { attributes: merged }),
        ...(scope && { scope }),
      }),
    );
  }

  /** Resolves to whether there was still something to remove. */
  async remove(token: string): Promise<boolean> {
    return (await this.#ask(() => this.#store.remove(token))) > 0;
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw storeFault(cause);
    }
  }
}
