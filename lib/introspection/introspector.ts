import type { Confirmation } from '../tokens/token-record.js';

/** The answer about a token that is not alive, or not the asker's to know: nothing but this (RFC 7662 §2.2). */
export interface InactiveResponse {
  readonly active: false;
}

/** The answer about a live token (RFC 7662 §2.2 and its extensions). Times are whole **seconds** since 1970. */
export interface ActiveResponse {
  readonly active: true;
  readonly sub?: string;
  /** The client that the token was issued to. */
  readonly client_id?: string;
  readonly token_type?: string;
  /** The tenant's brand. */
  readonly brand?: string;
  /** Scope values with single spaces between them. */
  readonly scope?: string;
  readonly exp?: number;
  readonly iat?: number;
  readonly nbf?: number;
  readonly iss?: string;
  readonly aud?: string | readonly string[];
  readonly jti?: string;
  readonly username?: string;
  readonly cnf?: Confirmation;
  readonly act?: Readonly<Record<string, unknown>>;
  readonly acr?: string;
  readonly auth_time?: number;
  readonly authorization_details?: readonly Readonly<Record<string, unknown>>[];
  /** Extension members. */
  readonly [member: string]: unknown;
}

export type IntrospectionResponse = ActiveResponse | InactiveResponse;

/** What goes with a question. */
export interface IntrospectOptions {
  /** `token_type_hint` (RFC 7662 §2.1); never a filter. */
  readonly hint?: string;
  /** Ends the question when the asker is gone. */
  readonly signal?: AbortSignal;
  /** Milliseconds of leeway for `exp` and `nbf` that the asker grants. Default 0. */
  readonly clockTolerance?: number;
}

/** Tells the state of a token. Everything here produces this, wraps it or asks it. */
export interface Introspector {
  /**
   * Resolves to the state of a token. Rejects (never "inactive") when it cannot know.
   *
   * @param options.hint `token_type_hint` (RFC 7662 §2.1); never a filter
   * @param options.signal ends the question when the asker is gone
   * @param options.clockTolerance milliseconds of leeway for `exp` and `nbf` that the asker grants; an introspector that judges
   *   times itself grants no less
   */
  introspect(token: string, options?: IntrospectOptions): Promise<IntrospectionResponse>;
  /**
   * Tells the digest (`tokenDigest`) of each token that it learns was revoked, so that a
   * cache in front of it can drop the answer at once. Calls `onMissed` when there may have been
   * revocations of which it did not learn: a cache then drops all answers. Returns a function
   * that ends the telling.
   */
  onRevoked?(listener: (digest: string) => void, onMissed?: () => void): () => void;
}
