import type { Soon } from '../thenable.js';
import type { IntrospectionResponse, Introspector } from './introspector.js';

/** The same question as `introspect`, for who can do without a promise: what is known at once comes at once. */
export type Ask = (token: string) => Soon<IntrospectionResponse>;

/**
 * By the `introspect` function that it does the work of, and not a member next to it: whoever
 * wraps or replaces `introspect`, to refuse more tokens say, must be the one who is asked.
 */
const asks = new WeakMap<Introspector['introspect'], Ask>();

/** Notes how a producer of ours can be asked without a promise. */
export function canAsk(introspect: Introspector['introspect'], ask: Ask): void {
  asks.set(introspect, ask);
}

/** Asks in the way that is quicker. May throw at once what `introspect` would reject with. */
export function ask(introspector: Introspector, token: string): Soon<IntrospectionResponse> {
  // oxlint-disable-next-line typescript/unbound-method -- a name here, and not called
  const quick = asks.get(introspector.introspect);
  return quick ? quick(token) : introspector.introspect(token);
}
