import {
  type ActiveResponse,
  type CachingIntrospector,
  type CachingIntrospectorOptions,
  cachingIntrospector,
  type Introspector,
} from '../../lib/index.js';
import { API, ISSUER, NOW, SECONDS } from './world.js';

/** What a live token's answer looks like, for a minute. */
export const LIVE: ActiveResponse = {
  active: true,
  sub: 'alice',
  scope: 'read write',
  aud: API,
  iss: ISSUER,
  exp: SECONDS + 60,
};

/** An introspector that says what it is told to, and keeps who asked. */
export interface Upstream extends Introspector {
  /** What it says: a function is called with the token. A promise is waited for, an Error is thrown. */
  says: unknown;
  readonly asked: string[];
  readonly hints: (string | undefined)[];
  readonly signals: AbortSignal[];
}

export function upstream(says: unknown = LIVE): Upstream {
  return {
    says,
    asked: [],
    hints: [],
    signals: [],
    async introspect(token, options = {}) {
      this.asked.push(token);
      this.hints.push(options.hint);
      this.signals.push(options.signal as AbortSignal);
      const said: unknown = await (typeof this.says === 'function' ? this.says(token) : this.says);
      if (said instanceof Error) throw said;
      return said as never;
    },
  };
}

/** A cache before an upstream, with a clock to turn. */
export function cached(
  says?: unknown,
  options: CachingIntrospectorOptions = {},
): { inner: Upstream; cache: CachingIntrospector; clock: { now: number } } {
  const inner = upstream(says);
  const clock = { now: NOW };
  return { inner, clock, cache: cachingIntrospector(inner, { clock: () => clock.now, ...options }) };
}

/** A promise, and what settles it. */
export function deferred<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Lets everything that is ready to go on do so. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
