/** The media type of a signed answer (RFC 9701 §5). */
export const SIGNED = 'application/token-introspection+jwt';

/** The `typ` of its JWT. */
export const SIGNED_TYP = 'token-introspection+jwt';
