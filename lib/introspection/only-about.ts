import type { TokenTest } from '../tokens/token-format.js';
import { ask, canAsk, isRemembered } from './ask.js';
import type { InactiveResponse, IntrospectionResponse, Introspector } from './introspector.js';

const INACTIVE: InactiveResponse = Object.freeze({ active: false });

/**
 * Asks an introspector about what can be a token only; any other is inactive, as one that nobody
 * knows. For who asks, not for a cache to stand before it: it tells no revocations.
 */
export function onlyAbout(isToken: TokenTest, introspector: Introspector): Introspector {
  const introspect: Introspector['introspect'] = async (token, asked): Promise<IntrospectionResponse> =>
    isToken(token) ? introspector.introspect(token, asked) : INACTIVE;
  canAsk(
    introspect,
    (token, asked) => (isToken(token) ? ask(introspector, token, asked) : INACTIVE),
    (token, asked) => isToken(token) && isRemembered(introspector, token, asked),
  );
  return { introspect };
}
