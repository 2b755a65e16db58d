import {
  createNoopMeter,
  type MeterProvider,
  metrics,
  ProxyTracerProvider,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { hasMethods, isObject, knownOptions, must } from '../options.js';
import { Instruments } from './instruments.js';
import { quietly } from './quietly.js';

/** Where measurements and spans go (OpenTelemetry). */
export interface TelemetryOptions {
  /** Default: the global one, whenever the app registers it. */
  readonly meterProvider?: MeterProvider;
  /** Default: the global one, whenever the app registers it. */
  readonly tracerProvider?: TracerProvider;
}

/** What is there to measure with: asked for anew each time, since an app may register its SDK late. */
export interface Telemetry {
  /** `undefined` while nobody collects measurements. */
  readonly instruments: Instruments | undefined;
  /** `undefined` while nobody collects spans. */
  readonly tracer: Tracer | undefined;
}

/** The instrumentation scope. */
const SCOPE = 'express-token-introspection';

/** Each provider gets one set for all routers, guards and caches: a callback that is registered twice would count twice. */
const sets = new WeakMap<MeterProvider, Instruments>();

/**
 * Two look-ups and two comparisons where no SDK is registered. The API late-binds tracers
 * by itself, meters it does not.
 */
class Collected implements Telemetry {
  readonly #given: TelemetryOptions;
  #meters: MeterProvider | undefined;
  #instruments: Instruments | undefined;
  #tracers: TracerProvider | undefined;
  #tracer: Tracer | undefined;

  constructor(given: TelemetryOptions) {
    this.#given = given;
  }

  get instruments(): Instruments | undefined {
    const meters = this.#given.meterProvider ?? metrics.getMeterProvider();
    if (meters !== this.#meters) {
      this.#meters = meters;
      this.#instruments = instrumentsOf(meters);
    }
    return this.#instruments;
  }

  get tracer(): Tracer | undefined {
    const registered = this.#given.tracerProvider ?? trace.getTracerProvider();
    // A proxy stays the same when the app registers what is behind it.
    const tracers = registered instanceof ProxyTracerProvider ? registered.getDelegate() : registered;
    if (tracers !== this.#tracers) {
      this.#tracers = tracers;
      this.#tracer = tracerOf(registered);
    }
    return this.#tracer;
  }
}

function instrumentsOf(meters: MeterProvider): Instruments | undefined {
  const known = sets.get(meters);
  if (known) return known;
  return quietly(() => {
    const meter = meters.getMeter(SCOPE);
    if (meter === createNoopMeter()) return undefined;
    const instruments = new Instruments(meter);
    sets.set(meters, instruments);
    return instruments;
  });
}

function tracerOf(tracers: TracerProvider): Tracer | undefined {
  return quietly(() =>
    tracers instanceof ProxyTracerProvider ? tracers.getDelegateTracer(SCOPE) : tracers.getTracer(SCOPE),
  );
}

const GLOBAL: Telemetry = new Collected({});
/** For `false`. */
const NO_TELEMETRY: Telemetry = Object.freeze({ instruments: undefined, tracer: undefined });

/**
 * The telemetry that an option asks for.
 *
 * @throws TypeError that names the bad option
 */
export function telemetryOf(factory: string, option: TelemetryOptions | false | undefined): Telemetry {
  if (option === undefined) return GLOBAL;
  if (option === false) return NO_TELEMETRY;
  must(isObject(option), factory, 'telemetry', 'an object or false');
  knownOptions(`${factory}: "telemetry"`, option, ['meterProvider', 'tracerProvider']);
  const { meterProvider, tracerProvider } = option;
  must(
    meterProvider === undefined || hasMethods(meterProvider, 'getMeter'),
    factory,
    'telemetry.meterProvider',
    'a MeterProvider of OpenTelemetry',
  );
  must(
    tracerProvider === undefined || hasMethods(tracerProvider, 'getTracer'),
    factory,
    'telemetry.tracerProvider',
    'a TracerProvider of OpenTelemetry',
  );
  return new Collected({ ...option });
}
