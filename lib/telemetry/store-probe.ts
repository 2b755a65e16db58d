import { type Attributes, type Span, SpanKind } from '@opentelemetry/api';
import { isThenable } from '../thenable.js';
import { storeErrorKind } from '../tokens/store-errors.js';
import { endSpan, startSpan, timeOf, within } from './spans.js';
import { systemOf } from './store-system.js';
import type { Telemetry } from './telemetry.js';

/** The stores of the app's that are called. */
export type StoreName = 'tokens' | 'clients' | 'shared_cache' | 'rate_limit' | 'replay';

/**
 * Measures one operation of a store. What is answered at once is answered at once here too, and
 * has no span: there would be nothing to see in it.
 */
export class StoreProbe {
  readonly #telemetry: Telemetry;
  readonly #name: string;
  readonly #attributes: Attributes;
  /** Whether it has ever answered later: then there is a span before it is called, for its driver's own to be in. */
  #answersLater = false;

  constructor(telemetry: Telemetry, name: StoreName, operation: string, store: object) {
    const system = systemOf(store);
    this.#telemetry = telemetry;
    this.#name = `${operation} ${name}`;
    this.#attributes = Object.freeze({
      'token_introspection.store': name,
      'db.operation.name': operation,
      ...(system !== undefined && { 'db.system.name': system }),
    });
  }

  /** Whether anybody collects what it measures. */
  get isOn(): boolean {
    return this.#telemetry.instruments !== undefined || this.#telemetry.tracer !== undefined;
  }

  /** Does what `call` does, once. A promise of another kind becomes one of Node's. */
  run<T>(call: () => T): T {
    if (!this.isOn) return call();
    const { instruments } = this.#telemetry;
    const began = performance.now();
    let span = this.#answersLater ? this.#span(began) : undefined;
    const done = (error?: string): void => {
      instruments?.stored(this.#attributes, error, performance.now() - began);
      endSpan(span, error);
    };
    let answered: T;
    let isLater: boolean;
    try {
      answered = within(span, call);
      isLater = isThenable(answered);
    } catch (error) {
      done(errorType(error));
      throw error;
    }
    if (!isLater) {
      done();
      return answered;
    }
    if (!this.#answersLater) {
      this.#answersLater = true;
      span = this.#span(began);
    }
    // Its own `then` is called once only: there are promises that begin to work when it is.
    return Promise.resolve(answered).then(
      (value) => {
        done();
        return value;
      },
      (error: unknown) => {
        done(errorType(error));
        throw error;
      },
    ) as T;
  }

  /** Internal: the call of the server, if there is one, is its driver's to report. */
  #span(began: number): Span | undefined {
    const options = { kind: SpanKind.INTERNAL, attributes: this.#attributes, startTime: timeOf(began) };
    return startSpan(this.#telemetry.tracer, this.#name, options);
  }
}

/** What a store throws that is none of our errors counts as an outage. */
function errorType(error: unknown): string {
  return storeErrorKind(error) ?? 'unavailable';
}

/** The `find` of a store, measured, as {@link watchedCall}. Its hooks for secrets, if it has them, are called as they are. */
export function watchedFind<T>(
  telemetry: Telemetry,
  name: StoreName,
  store: { find(key: string): T } & SecretHooks,
): { find(key: string): T } & SecretHooks {
  return {
    find: watchedCall(new StoreProbe(telemetry, name, 'find', store), (key) => store.find(key)),
    ...(store.verifySecret && { verifySecret: (...given) => store.verifySecret?.(...given) as boolean }),
    ...(store.replaceSecret && { replaceSecret: (...given) => store.replaceSecret?.(...given) }),
  };
}

/** What a store of clients may have beside `find`. */
interface SecretHooks {
  verifySecret?(secret: string, storedHash: string): boolean | Promise<boolean>;
  replaceSecret?(clientId: string, newHash: string, oldHash: string): unknown;
}

/** A call about a key, measured. Where nobody measures, it costs two look-ups and allocates nothing. */
export function watchedCall<T>(probe: StoreProbe, call: (key: string) => T): (key: string) => T {
  // A function of its own, since whoever calls one with a closure in it pays for that, whether or not it is made.
  const measured = (key: string): T => probe.run(() => call(key));
  return (key) => (probe.isOn ? measured(key) : call(key));
}

/** Methods of a store, each measured. They need not be there until they are called. */
export function watchedMethods<Store extends object, Method extends keyof Store & string>(
  telemetry: Telemetry,
  name: StoreName,
  store: Store,
  methods: readonly Method[],
): Pick<Store, Method> {
  const target = store as unknown as Record<Method, (...given: readonly unknown[]) => unknown>;
  const entries = methods.map((method) => {
    const probe = new StoreProbe(telemetry, name, method, store);
    return [method, (...given: readonly unknown[]) => probe.run(() => target[method](...given))] as const;
  });
  return Object.fromEntries(entries) as unknown as Pick<Store, Method>;
}
