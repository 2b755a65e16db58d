/** What a token is for. Nothing else (codes, ID tokens, …) is ever answered as a live token. */
export type TokenKind = 'access_token' | 'refresh_token';

/** How a token is bound to its holder's key: RFC 7800, RFC 8705 §3.1, RFC 9449 §6. */
export interface Confirmation {
  /** SHA-256 thumbprint of the client certificate, base64url. */
  readonly 'x5t#S256'?: string;
  /** SHA-256 thumbprint of the DPoP key, base64url. */
  readonly jkt?: string;
  readonly [method: string]: unknown;
}

/**
 * A token as its issuer knows it, without the token's own value. Each API turns it
 * into its own members. All times are epoch **milliseconds**.
 */
export interface TokenRecord {
  readonly kind: TokenKind;
  /** The client that the token was issued to. At a gateway whose server does not tell: a NUL character, which no client is called. */
  readonly clientId: string;
  readonly status: 'approved' | 'revoked';
  /** At a gateway whose server does not tell: 0. */
  readonly issuedAt: number;
  /** The moment from which the token is dead; absent for a token that never expires. */
  readonly expiresAt?: number;
  /** The moment from which the token is alive. */
  readonly notBefore?: number;
  /** RFC 7662 `sub`. */
  readonly subject?: string;
  readonly username?: string;
  /** `orgId` of the refresh-token API and `{org_name}` of the details API. */
  readonly organization?: string;
  /** Scope values, one each (RFC 6749 §3.3). */
  readonly scope: readonly string[];
  /** RFC 7662 `aud`: the resources that the token is meant for. */
  readonly audience: readonly string[];
  /** RFC 7662 `iss`. */
  readonly issuer?: string;
  /** `Bearer` or `DPoP` for an access token (RFC 6749 §5.1); for a refresh token, what the refresh-token API answers. */
  readonly tokenType?: string;
  readonly jti?: string;
  /** The tenant's brand. */
  readonly brand?: string;
  readonly app?: string;
  readonly appId?: string;
  readonly apiProducts?: readonly string[];
  readonly attributes?: readonly { readonly name: string; readonly value: string }[];
  readonly grantType?: string;
  /** Ties the access and refresh tokens of one grant together, so that they end together. */
  readonly grantId?: string;
  /** The refresh token that was issued with this access token; only the details API shows it. */
  readonly refreshToken?: string;
  readonly refreshCount?: number;
  readonly createdAt?: number;
  readonly createdBy?: string;
  readonly lastModifiedAt?: number;
  readonly lastModifiedBy?: string;
  /** `cnf`: the key that the token is bound to. */
  readonly confirmation?: Confirmation;
  /** `act` (RFC 8693 §4.1). */
  readonly actor?: Readonly<Record<string, unknown>>;
  /** `acr` (RFC 9470 §6.2). */
  readonly acr?: string;
  /** `auth_time` (RFC 9470 §6.2), here in milliseconds. */
  readonly authTime?: number;
  /** RFC 9396 §9. */
  readonly authorizationDetails?: readonly Readonly<Record<string, unknown>>[];
  /** Extension members of the OAuth introspection answer. They cannot replace a registered member. */
  readonly claims?: Readonly<Record<string, unknown>>;
}
