import { metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { RequestHandler } from 'express';

/** Collects what the library measures, and answers with it in the form that Prometheus reads. */
export function collectMetrics(): RequestHandler {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [exporter] }));
  return (req, res) => exporter.getMetricsRequestHandler(req, res);
}
