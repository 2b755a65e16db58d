import type { RequestHandler } from 'express';
import type { Audit, AuditEvent } from 'express-token-introspection';
import type { Logger } from 'pino';

const LEVELS = {
  active: 'info',
  inactive: 'info',
  refused: 'info',
  unavailable: 'warn',
  failed: 'error',
} as const satisfies Record<AuditEvent['outcome'], keyof Logger>;

/** One line of JSON a call. An event has no token and no secret in it, and can be kept as it is. */
export function auditTo(log: Logger): Audit {
  return (event) => {
    log[LEVELS[event.outcome]]({ audit: event }, 'token introspection');
  };
}

/** One line a request, with the pattern of its route: the path itself may have a token in it. */
export function logRequests(log: Logger): RequestHandler {
  return (req, res, next) => {
    const began = performance.now();
    res.once('finish', () => {
      const { path: route } = (req.route ?? {}) as { readonly path?: string };
      const { method } = req;
      const durationMs = performance.now() - began;
      log.info({ request: { method, route, status: res.statusCode, durationMs } }, 'request');
    });
    next();
  };
}

/** The same for whoever sits before the terminal. A token appears as the first characters of its digest. */
export function auditLine({
  api,
  outcome,
  reason,
  error,
  clientId,
  tokenDigest,
  durationMs,
}: AuditEvent): string {
  const why = reason ?? error;
  const token = tokenDigest === undefined ? '' : ` token ${tokenDigest.slice(0, 8)}`;
  return `[audit] ${api}: ${outcome}${why ? ` (${why})` : ''}, caller ${clientId ?? 'unknown'},${token} ${durationMs.toFixed(1)} ms`;
}
