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

/** Starts a child of the span that is active; `undefined` where nobody collects spans. */
export function startSpan(tracer: Tracer | undefined, name: string, options: SpanOptions): Span | undefined {
  return tracer && quietly(() => tracer.startSpan(name, options));
}

/** Does `work` with the span as the active one, so that what a driver or `fetch` reports becomes its child. */
export function within<T>(span: Span | undefined, work: () => T): T {
  return span ? context.with(trace.setSpan(context.active(), span), work) : work();
}

/**
 * @param error the kind of failure, from a closed set. No exception is recorded, since its
 *   message could quote a token.
 */
export function endSpan(span: Span | undefined, error: string | undefined, attributes?: Attributes): void {
  if (!span) return;
  quietly(() => {
    if (attributes) span.setAttributes(attributes);
    if (error !== undefined) {
      span.setAttribute('error.type', error);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  });
}
