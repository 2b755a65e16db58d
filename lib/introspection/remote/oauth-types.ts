/** A server's metadata (RFC 8414 §2), as it has sent it: nothing but `issuer` is checked. */
export type ServerMetadata = Readonly<Record<string, unknown>> & { readonly issuer: string };

/**
 * What a {@link ClientAuth} function is told of the authorization server: its metadata. For an introspector
 * with an `endpoint`, `issuer` is that URL and there is nothing else.
 */
// A type, not an interface: those have no index signature, which the parameters of such functions may have.
export type AuthorizationServer = {
  /** The audience of a signed assertion. */
  readonly issuer: string;
  readonly token_endpoint?: string;
  readonly introspection_endpoint?: string;
  readonly jwks_uri?: string;
};

/** What it is told of us. */
type AuthenticatingClient = { readonly client_id: string };

/** Adds our credentials to the headers or the form of a request, as the functions of the packages `oauth4webapi` and `openid-client` do. */
export type ClientAuth = (
  server: AuthorizationServer,
  client: AuthenticatingClient,
  form: URLSearchParams,
  headers: Headers,
) => void | Promise<void>;
