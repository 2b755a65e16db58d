/**
 * Milliseconds by which `nbf` of a response with `active: true` may lie ahead: the server, which knows, has judged it by its
 * own clock (RFC 7662 §4), and two clocks are seldom the same to the second. Never for `exp`, nor for a JWT, of which nobody
 * but us has judged the times.
 */
export const NBF_LEEWAY = 10_000;
