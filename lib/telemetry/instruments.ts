import { type Attributes, type Counter, type Histogram, type Meter, ValueType } from '@opentelemetry/api';
import { cacheGauges, type SharedGauges } from './cache-gauges.js';
import { quietly } from './quietly.js';

/*
 * What is measured. Every attribute is from a closed set or from the configuration: a token, a
 * client id or a path would make as many series as there are tokens, and be a secret in them.
 */

const API = 'token_introspection.api';
const OUTCOME = 'token_introspection.outcome';
const ACTION = 'token_introspection.action';
const REASON = 'token_introspection.reason';
const RESULT = 'token_introspection.result';
const ERROR_TYPE = 'error.type';
const STATUS = 'http.response.status_code';

/** Seconds: from an answer out of memory to an upstream's deadline. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What became of a call of an API. */
export interface ServedCall {
  readonly api: string;
  readonly outcome: string;
  readonly reason: string | undefined;
  readonly error: string | undefined;
  /** What a call that is to change a token is to do. */
  readonly action: string | undefined;
  readonly status: number;
}

/** What became of a request at a guard. `anonymous`: it came without a token, which was optional. */
export type GuardOutcome = 'accepted' | 'anonymous' | 'refused' | 'unavailable' | 'failed';

/** How a cache has come to an answer. */
export type CacheResult =
  | 'hit'
  | 'negative_hit'
  | 'miss'
  | 'shared_flight'
  | 'shared_hit'
  | 'stale'
  | 'circuit_open';

/** The instruments of one meter. Nothing that they do may harm an answer, so none of it throws. Times are in milliseconds. */
export class Instruments {
  readonly caches: SharedGauges;
  readonly #calls: Counter;
  readonly #callDuration: Histogram;
  readonly #guarded: Counter;
  readonly #guardDuration: Histogram;
  readonly #storeDuration: Histogram;
  readonly #upstreamDuration: Histogram;
  readonly #lookups: Counter;
  readonly #evictions: Counter;

  constructor(meter: Meter) {
    const counter = (name: string, unit: string, description: string): Counter =>
      meter.createCounter(`token_introspection.${name}`, { unit, description, valueType: ValueType.INT });
    const histogram = (name: string, description: string): Histogram =>
      meter.createHistogram(`token_introspection.${name}`, {
        unit: 's',
        description,
        advice: { explicitBucketBoundaries: [...BUCKETS] },
      });
    this.#calls = counter('server.requests', '{request}', 'Calls of the APIs');
    this.#callDuration = histogram('server.request.duration', 'How long calls of the APIs took');
    this.#guarded = counter('guard.requests', '{request}', 'Requests that a guard has decided about');
    this.#guardDuration = histogram('guard.duration', 'How long guards took to decide');
    this.#storeDuration = histogram('store.duration', 'How long calls of stores took');
    this.#upstreamDuration = histogram(
      'upstream.duration',
      'How long questions to authorization servers took',
    );
    this.#lookups = counter(
      'cache.lookups',
      '{lookup}',
      'Questions to caches, by where the answer came from',
    );
    this.#evictions = counter('cache.evictions', '{entry}', 'Active answers dropped for want of room');
    this.caches = cacheGauges(meter);
  }

  served({ api, outcome, reason, error, action, status }: ServedCall, duration: number): void {
    const attributes: Attributes = { [API]: api, [OUTCOME]: outcome };
    count(this.#calls, {
      ...attributes,
      ...(action !== undefined && { [ACTION]: action }),
      ...(reason !== undefined && { [REASON]: reason }),
      ...(error !== undefined && { [ERROR_TYPE]: error }),
      [STATUS]: status,
    });
    record(this.#callDuration, duration, attributes);
  }

  guarded(outcome: GuardOutcome, error: string | undefined, duration: number): void {
    const attributes: Attributes = { [OUTCOME]: outcome };
    count(this.#guarded, error === undefined ? attributes : { ...attributes, [ERROR_TYPE]: error });
    record(this.#guardDuration, duration, attributes);
  }

  stored(call: Attributes, error: string | undefined, duration: number): void {
    record(this.#storeDuration, duration, error === undefined ? call : { ...call, [ERROR_TYPE]: error });
  }

  asked(question: Attributes, outcome: string, error: string | undefined, duration: number): void {
    const attributes: Attributes = { ...question, [OUTCOME]: outcome };
    if (error !== undefined) attributes[ERROR_TYPE] = error;
    record(this.#upstreamDuration, duration, attributes);
  }

  lookedUp(result: CacheResult): void {
    count(this.#lookups, { [RESULT]: result });
  }

  evicted(): void {
    count(this.#evictions);
  }
}

function count(counter: Counter, attributes?: Attributes): void {
  quietly(() => counter.add(1, attributes));
}

function record(histogram: Histogram, milliseconds: number, attributes: Attributes): void {
  quietly(() => histogram.record(milliseconds / 1000, attributes));
}
