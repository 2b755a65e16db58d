// The attribute lets the types of an ES module stand in the declarations of the CommonJS build.
type OAuth = typeof import('oauth4webapi', { with: { 'resolution-mode': 'import' }});

/** A server's metadata (RFC 8414 §2). */
export type AuthorizationServer = Parameters<OAuth['introspectionRequest']>[0];

/** Adds a client's credentials to the headers or the form of a request. */
export type ClientAuth = Parameters<OAuth['introspectionRequest']>[2];
