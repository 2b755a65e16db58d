/**
 * Milliseconds by which a token that its server calls active may begin in our future: the server knows, and our clock may be
 * a few seconds behind its.
 */
export const NBF_LEEWAY = 10_000;
