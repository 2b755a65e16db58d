import type { TokenKind, TokenRecord } from './token-record.js';

/** Where the tokens are. One method, so that a database of your own needs five lines. */
export interface TokenStore {
  /**
   * The record behind a token, whatever its state; `undefined` when there is none.
   * Throw (or reject) when you cannot know: it is answered as 503, never as an
   * inactive token. May be synchronous or asynchronous.
   */
  find(token: string): TokenRecord | undefined | Promise<TokenRecord | undefined>;
}

/** What {@link ManagedTokenStore.save} takes: the token's value, and the members that have no default. */
export type NewToken = { readonly token: string } & Pick<TokenRecord, 'kind' | 'clientId'> &
  Partial<TokenRecord>;

/** The members that an update may change or take away. */
export type RemovableMember =
  | 'expiresAt'
  | 'notBefore'
  | 'app'
  | 'appId'
  | 'apiProducts'
  | 'brand'
  | 'claims'
  | 'authorizationDetails';

/** The members that an update may change; identity and status have methods of their own. */
export type UpdatableMember =
  | RemovableMember
  | 'scope'
  | 'audience'
  | 'attributes'
  | 'refreshCount'
  | 'lastModifiedBy';

/** What {@link ManagedTokenStore.update} changes. `null` takes an optional member away. */
export type TokenChanges = {
  readonly [Member in UpdatableMember]?:
    | TokenRecord[Member]
    | (Member extends RemovableMember ? null : never);
};

/** Which tokens {@link ManagedTokenStore.revokeMatching} revokes: those whose records have every member that is given. */
export interface TokenSelector {
  readonly clientId?: string;
  readonly subject?: string;
  readonly appId?: string;
  readonly organization?: string;
  readonly kind?: TokenKind;
}

/** A store that also makes, changes and ends tokens. The built-in stores are of this kind. */
export interface ManagedTokenStore extends TokenStore {
  /**
   * Keeps a token. Defaults: `status` approved, `issuedAt` and `createdAt` now, no
   * scope, no audience, `tokenType` Bearer (DPoP where `confirmation.jkt` is set)
   * for an access token.
   *
   * Rejects with a `TypeError` that names a bad member, with `ConflictError` when
   * the token exists, with `StoreUnavailableError` when it cannot be kept.
   */
  save(token: NewToken): Promise<TokenRecord>;
  /** Changes a token and moves `lastModifiedAt`. Rejects with `NotFoundError` where there is none. */
  update(token: string, changes: TokenChanges): Promise<TokenRecord>;
  /** Revokes one token; resolves to 1, or 0 where there was nothing left to revoke. */
  revoke(token: string): Promise<number>;
  /** Revokes the access and refresh tokens of a grant together; resolves to how many. */
  revokeGrant(grantId: string): Promise<number>;
  /**
   * Takes the revocation of one token back; resolves to 1, or 0 where there is none to take back, or no such token.
   * Its expiry stays what it is. Rejects with `ConflictError` for a token whose grant was revoked since it was saved,
   * by whatever else it was revoked itself: what a grant's end has ended stays so. A store may lack it.
   */
  approve?(token: string): Promise<number>;
  /**
   * Removes one token with its record, whatever its state, and tells `onRevoked` of it; resolves to 1, or 0 where there is
   * none. The same token may be saved again then. A store may lack it.
   */
  remove?(token: string): Promise<number>;
  /** Revokes everything of a client, of a subject, or of a subject at a client; resolves to how many. */
  revokeAll(of: { readonly clientId?: string; readonly subject?: string }): Promise<number>;
  /**
   * Revokes every token whose record has all the members of `of`, such as those of a subject at an app in one
   * organization; resolves to how many. At least one of `clientId`, `subject` and `appId` must be given. Rejects with a
   * `TypeError` otherwise, so that nobody revokes a whole organization by leaving the rest out. Each token that was saved
   * before the call is revoked; one that is saved or changed during it may be. A store may lack it.
   */
  revokeMatching?(of: TokenSelector): Promise<number>;
  /** Removes the records whose retention is over; resolves to how many. Also runs by itself. */
  sweep(): Promise<number>;
  /**
   * Tells the digest of each token as it is revoked or removed, by this process or another. Calls `onMissed`
   * when revocations may have happened of which it cannot tell, as when the connection on which
   * others tell theirs was lost, and again when it is back: whoever remembers answers must forget
   * them all. Returns a function that ends the telling.
   */
  onRevoked(listener: (digest: string) => void, onMissed?: () => void): () => void;
}
