import { type Attributes, SpanKind, type Tracer } from '@opentelemetry/api';
import { endSpan, startSpan, within } from '../../telemetry/spans.js';
import type { Telemetry } from '../../telemetry/telemetry.js';
import { reasonLabel } from '../introspection-unavailable.js';
import type { Deadline } from './deadline.js';
import type { Answer, OutgoingRequest, Target, Transport } from './transport.js';

/** The same transport, with a span around each request, as OpenTelemetry's conventions for HTTP clients have it. */
export function watchedTransport(transport: Transport, telemetry: Telemetry): Transport {
  return {
    send(target, request, deadline) {
      const { tracer } = telemetry;
      return tracer
        ? watched(tracer, transport, target, request, deadline)
        : transport.send(target, request, deadline);
    },
  };
}

async function watched(
  tracer: Tracer,
  transport: Transport,
  target: Target,
  request: OutgoingRequest,
  deadline: Deadline,
): Promise<Answer> {
  const span = startSpan(tracer, request.method, {
    kind: SpanKind.CLIENT,
    attributes: { 'http.request.method': request.method, ...placeOf(target) },
  });
  try {
    const answer = await within(span, () => transport.send(target, request, deadline));
    const { status } = answer;
    endSpan(span, status < 400 ? undefined : String(status), { 'http.response.status_code': status });
    return answer;
  } catch (error) {
    endSpan(span, deadline.isCancelled ? 'cancelled' : reasonLabel(error));
    throw error;
  }
}

function placeOf({ url }: Target): Attributes {
  const { origin, pathname } = new URL(url);
  // The token is in the body. A query is left out all the same: keys have been seen in there.
  return { ...serverOf(url), 'url.full': origin + pathname };
}

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** The host and port of a URL. */
export function serverOf(url: string): Attributes {
  const { hostname, port, protocol } = new URL(url);
  return {
    'server.address': hostname.replace(/^\[|\]$/g, ''),
    'server.port': port === '' ? (PORTS[protocol] as number) : Number(port),
  };
}
