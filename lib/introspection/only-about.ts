import type { TokenTest } from '../tokens/token-format.js';
import { ask, canAsk, isRemembered } from './ask.js';
import { inactive } from './inactivity.js';
import type { IntrospectionResponse, Introspector } from './introspector.js';

/**
 * Asks an introspector about what can be a token only; any other is inactive, as one that nobody
 * knows. For who asks, not for a cache to stand before it: it tells no revocations.
 */
export function onlyAbout(isToken: TokenTest, introspector: Introspector): Introspector {
  const introspect: Introspector['introspect'] = async (token, asked): Promise<IntrospectionResponse> =>
    isToken(token) ? introspector.introspect(token, asked) : inactive('malformed');
  canAsk(
    introspect,
    (token, asked) => (isToken(token) ? ask(introspector, token, asked) : inactive('malformed')),
    (token, asked) => isToken(token) && isRemembered(introspector, token, asked),
  );
  return { introspect };
}
