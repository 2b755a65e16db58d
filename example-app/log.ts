import type { RequestHandler } from 'express';
import type { Audit, AuditEvent } from 'express-token-introspection';
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';

const LEVELS = {
  active: 'info',
  inactive: 'info',
  done: 'info',
  refused: 'info',
  unavailable: 'warn',
  failed: 'error',
} as const satisfies Record<AuditEvent['outcome'], keyof Logger>;

/** A log of lines of JSON that can be read as they are: levels have names, and nothing is said of process and host. */
export function createLog(destination?: DestinationStream): Logger {
  return pino(
    {
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destination,
  );
}

/** One line a call. An event has no token and no secret in it, and can be kept as it is. */
export function auditTo(log: Logger): Audit {
  return (event) => {
    log[LEVELS[event.outcome]]({ audit: event });
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
      const { statusCode: status } = res;
      log[status < 500 ? 'info' : 'error']({ request: { method, route, status, durationMs } });
    });
    next();
  };
}
