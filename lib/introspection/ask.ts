import { type HttpError, unavailable } from '../http/http-error.js';
import { attempt, type Soon } from '../thenable.js';
import { isIntrospectionUnavailable } from './introspection-unavailable.js';
import type { IntrospectionResponse, IntrospectOptions, Introspector } from './introspector.js';

/** What may go with a question for which nobody waits with a signal. */
export type AskOptions = Omit<IntrospectOptions, 'signal'>;

/** The same question as `introspect`, for who can do without a promise: what is known at once comes at once. */
export type Ask = (token: string, options?: AskOptions) => Soon<IntrospectionResponse>;

/** Whether a token can be answered about at once from memory: without asking, and without a trace of the look. */
export type Remembers = (token: string, options?: AskOptions) => boolean;

interface Producer {
  readonly ask: Ask;
  readonly remembers: Remembers | undefined;
}

/**
 * By the `introspect` function that it does the work of, and not a member next to it: whoever
 * wraps or replaces `introspect`, to refuse more tokens say, must be the one who is asked.
 */
const producers = new WeakMap<Introspector['introspect'], Producer>();

/** Notes how a producer of ours can be asked without a promise, and what it remembers if it has a memory. */
export function canAsk(introspect: Introspector['introspect'], ask: Ask, remembers?: Remembers): void {
  producers.set(introspect, { ask, remembers });
}

/**
 * Whether an introspector has a fresh response about a token in memory, active or inactive, so that no one is asked about it.
 * It counts as no look-up. `false` for introspectors without memory, and for what an app has wrapped around one.
 */
export function isRemembered(introspector: Introspector, token: string, options?: AskOptions): boolean {
  return producerOf(introspector)?.remembers?.(token, options) ?? false;
}

/**
 * Asks in the way that is quicker, and gives the answer to `use`, which has to check it.
 *
 * @throws HttpError 503 for whatever the introspector throws, with the `retryAfter` that it tells
 */
export function answerOf<R>(
  introspector: Introspector,
  token: string,
  options: AskOptions | undefined,
  use: (response: unknown) => Soon<R>,
): Soon<R> {
  return attempt(() => ask(introspector, token, options), introspectorFault, use);
}

/** Asks in the way that is quicker. May throw at once what `introspect` would reject with. */
export function ask(
  introspector: Introspector,
  token: string,
  options?: AskOptions,
): Soon<IntrospectionResponse> {
  const producer = producerOf(introspector);
  return producer ? producer.ask(token, options) : introspector.introspect(token, options);
}

function producerOf(introspector: Introspector): Producer | undefined {
  // oxlint-disable-next-line typescript/unbound-method -- a name here, and not called
  return producers.get(introspector.introspect);
}

function introspectorFault(cause: unknown): HttpError {
  return unavailable(cause, isIntrospectionUnavailable(cause) ? cause.retryAfter : undefined);
}
