import {
  type Attributes,
  context,
  type Span,
  type SpanOptions,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { quietly } from './quietly.js';

/**
 * A time of `performance.now()` as SDKs take it as it is: of another form they make one by a clock of whole milliseconds,
 * by which a span could end before it began.
 */
export function timeOf(now: number): number {
  return performance.timeOrigin + now;
}

/** Starts a child of the span that is active; `undefined` where nobody collects spans. */
export function startSpan(tracer: Tracer | undefined, name: string, options: SpanOptions): Span | undefined {
  return (
    tracer && quietly(() => tracer.startSpan(name, { startTime: timeOf(performance.now()), ...options }))
  );
}

/** Does `work` with the span as the active one, so that what a driver or `fetch` reports becomes its child. */
export function within<T>(span: Span | undefined, work: () => T): T {
  if (!span) return work();
  let hasBegun = false;
  const begin = (): T => {
    hasBegun = true;
    return work();
  };
  try {
    return context.with(trace.setSpan(context.active(), span), begin);
  } catch (error) {
    if (hasBegun) throw error;
    // A fault of the app's context manager.
    return work();
  }
}

/**
 * @param error the kind of failure, from a closed set. No exception is recorded, since its
 *   message could quote a token.
 */
export function endSpan(span: Span | undefined, error: string | undefined, attributes?: Attributes): void {
  if (!span) return;
  const now = timeOf(performance.now());
  quietly(() => {
    if (attributes) span.setAttributes(attributes);
    if (error !== undefined) {
      span.setAttribute('error.type', error);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
  });
  quietly(() => span.end(now));
}
