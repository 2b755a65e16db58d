import { type Attributes, context, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { DataPointType, type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';

/** Collects when it is asked to. */
class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

interface Point {
  readonly attributes: Attributes;
  /** Of a histogram, how many were recorded. */
  readonly value: number;
  /** Of a histogram, the sum of what was recorded. */
  readonly sum?: number | undefined;
}

export interface CollectedMetrics {
  readonly provider: MeterProvider;
  /** The points of a metric, by its name without the prefix. */
  points(name: string): Promise<readonly Point[]>;
  /** The names of all metrics that have points. */
  names(): Promise<readonly string[]>;
  /** All that was collected, as text, to look for what must not be in it. */
  text(): Promise<string>;
}

/** A real SDK that keeps measurements in memory. */
export function collectedMetrics(): CollectedMetrics {
  const reader = new Reader();
  const provider = new MeterProvider({ readers: [reader] });
  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) throw errors[0];
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
  };
  return {
    provider,
    async points(name) {
      const found = (await collect()).find(
        ({ descriptor }) => descriptor.name === `token_introspection.${name}`,
      );
      if (!found) return [];
      return found.dataPoints.map(({ attributes, value }) =>
        found.dataPointType === DataPointType.HISTOGRAM
          ? { attributes, value: (value as Histogram).count, sum: (value as Histogram).sum }
          : { attributes, value: value as number },
      );
    },
    names: async () =>
      (await collect())
        .filter(({ dataPoints }) => dataPoints.length > 0)
        .map(({ descriptor }) => descriptor.name),
    text: async () => JSON.stringify(await collect()),
  };
}

export interface CollectedSpans {
  readonly provider: TracerProvider;
  /** Those that have ended, the first to end first. */
  spans(): readonly ReadableSpan[];
}

/** A real SDK that keeps spans in memory. */
export function collectedSpans(): CollectedSpans {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return { provider, spans: () => exporter.getFinishedSpans() };
}

/** Makes the active span known across `await`, as every SDK for Node does. */
export function followContext(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
}

/** Takes back whatever an app has registered. */
export function unregisterAll(): void {
  metrics.disable();
  trace.disable();
  context.disable();
}
