import type { NextFunction, Request, Response, Router } from 'express';
import type { Telemetry } from '../telemetry/telemetry.js';
import { type StoreErrorKind, storeErrorKind } from '../tokens/store-errors.js';
import { type ApiName, type Audit, type AuditEvent, faultOf, type InactiveReason, report } from './audit.js';
import { codeLabel, HttpError, invalidRequest, serverFault, unavailable } from './http-error.js';
import { forbidCaching, sendJson } from './respond.js';

/** One call of an API, and what the audit will say about it. */
export class Call {
  readonly req: Request;
  readonly res: Response;
  /** Express's `req.ip`, read while it is known: a caller that has hung up has no address any more. */
  ip: string | undefined;
  readonly #began = performance.now();
  time = 0;
  clientId: string | undefined;
  tokenDigest: string | undefined;
  reason: InactiveReason | undefined;
  introspectedAny = false;

  constructor(req: Request, res: Response) {
    this.req = req;
    this.res = res;
  }

  get durationMs(): number {
    return performance.now() - this.#began;
  }
}

/** What makes one API out of a route: everything about it that is not common to all. */
export interface Endpoint {
  readonly api: ApiName;
  readonly method: 'get' | 'post';
  readonly paths: readonly string[];
  readonly requireTls: boolean;
  readonly audit: Audit | undefined;
  readonly telemetry: Telemetry;
  readonly clock: () => number;
  /** The body of a 200, or a rejection. */
  answer(call: Call): Promise<object>;
  /** An error in the API's own shape. */
  errorBody(error: HttpError, call: Call): object;
  /** What an error of a store is here; by default an outage, whatever it says. */
  storeError?(kind: StoreErrorKind): HttpError | undefined;
}

/** Lets `router` answer one API: every path out of it, errors of Express included, has the API's shape. */
export function endpoint(router: Router, definition: Endpoint): Router {
  const allow = definition.method === 'get' ? 'GET, HEAD' : 'POST';
  const serve =
    (answer: (call: Call) => Promise<object>) =>
    (req: Request, res: Response): Promise<void> =>
      handle(definition, new Call(req, res), answer);
  for (const path of definition.paths) {
    router
      .route(path)
      [definition.method](serve((call) => definition.answer(call)))
      .all(
        serve(() =>
          Promise.reject(invalidRequest('The method is not allowed', 405, { headers: { Allow: allow } })),
        ),
      );
  }
  // The one error that Express raises in here is for a malformed escape in a path; it would print the path, token included.
  const malformedPath = serve(() => Promise.reject(invalidRequest('The path is malformed')));
  router.use((_error: unknown, req: Request, res: Response, _next: NextFunction) => malformedPath(req, res));
  return router;
}

async function handle(
  definition: Endpoint,
  call: Call,
  answer: (call: Call) => Promise<object>,
): Promise<void> {
  if (call.res.headersSent) return;
  forbidCaching(call.res);
  try {
    call.ip = call.req.ip;
    call.time = definition.clock();
    if (definition.requireTls && !call.req.secure) throw invalidRequest('TLS is required');
    sendJson(call.res, 200, await answer(call));
    measure(definition, call, 200);
    audit(definition, call, 200);
  } catch (thrown) {
    const error = asHttpError(definition, thrown);
    sendJson(call.res, error.status, definition.errorBody(error, call), error.headers);
    measure(definition, call, error.status, error);
    audit(definition, call, error.status, error);
  }
}

function asHttpError(definition: Endpoint, thrown: unknown): HttpError {
  if (thrown instanceof HttpError) return thrown;
  const kind = storeErrorKind(thrown);
  if (kind === undefined) return serverFault(thrown);
  return definition.storeError?.(kind) ?? unavailable(thrown);
}

/** 404 and 409 for the two APIs that have such answers. */
export function notFoundOrConflict(kind: StoreErrorKind): HttpError | undefined {
  if (kind === 'not_found') {
    return new HttpError(404, 'not_found', 'The requested resource could not be found');
  }
  if (kind === 'conflict') {
    return new HttpError(409, 'conflict', 'The request could not be processed due to a conflict');
  }
  return undefined;
}

function measure({ api, telemetry }: Endpoint, call: Call, status: number, error?: HttpError): void {
  const { instruments } = telemetry;
  if (!instruments) return;
  const outcome = outcomeOf(call, error);
  const isInactive = outcome === 'inactive';
  const details = {
    reason: isInactive ? call.reason : undefined,
    error: error && !isInactive ? codeLabel(error) : undefined,
  };
  instruments.served({ api, outcome, status, ...details }, call.durationMs);
}

function audit(definition: Endpoint, call: Call, status: number, error?: HttpError): void {
  report(definition.audit, () => {
    const { clientId, tokenDigest, reason, time } = call;
    const outcome = outcomeOf(call, error);
    return {
      api: definition.api,
      outcome,
      ...(outcome === 'inactive' && reason !== undefined && { reason }),
      ...(outcome !== 'inactive' && error?.code !== undefined && { error: error.code }),
      status,
      ...(clientId !== undefined && { clientId }),
      ...(tokenDigest !== undefined && { tokenDigest }),
      ...(call.introspectedAny && { introspects: 'any' }),
      time,
      durationMs: call.durationMs,
      ...(error && error.status >= 500 && { fault: faultOf(error) }),
    };
  });
}

function outcomeOf(call: Call, error: HttpError | undefined): AuditEvent['outcome'] {
  if (error?.status === 503) return 'unavailable';
  if (error && error.status >= 500) return 'failed';
  // The details API answers a token that the caller may not see with 404, which is no refusal.
  if (call.reason !== undefined && (!error || error.status === 404)) return 'inactive';
  return error ? 'refused' : 'active';
}
