import type { NextFunction, Request, Response, Router } from 'express';
import type { Telemetry } from '../telemetry/telemetry.js';
import { type StoreErrorKind, storeErrorKind } from '../tokens/store-errors.js';
import {
  type ApiName,
  type Audit,
  type AuditEvent,
  faultOf,
  type InactiveReason,
  type ManagementAction,
  report,
} from './audit.js';
import { type FormParameters, formBody } from './form-body.js';
import { codeLabel, HttpError, invalidRequest, serverFault, unavailable } from './http-error.js';
import { forbidCaching, sendAnswer, sendJson } from './respond.js';

/** One call of an API, and what the audit will say about it. */
export class Call {
  readonly req: Request;
  readonly res: Response;
  /** Express's `req.ip`, read while it is known: a caller that has hung up has no address any more. */
  ip: string | undefined;
  readonly #began = performance.now();
  #form: Promise<FormParameters> | undefined;
  time = 0;
  clientId: string | undefined;
  tokenDigest: string | undefined;
  reason: InactiveReason | undefined;
  action: ManagementAction | undefined;
  cascade = false;
  introspectedAny = false;

  constructor(req: Request, res: Response) {
    this.req = req;
    this.res = res;
  }

  /** The form that it carries, read once. @throws HttpError 400, 413 or 415 */
  form(): Promise<FormParameters> {
    this.#form ??= formBody(this.req, this.res);
    return this.#form;
  }

  get durationMs(): number {
    return performance.now() - this.#began;
  }
}

/** What makes one API out of a method of a route: everything about it that is not common to all. */
export interface Endpoint {
  readonly api: ApiName;
  readonly method: 'get' | 'post' | 'delete';
  readonly requireTls: boolean;
  readonly audit: Audit | undefined;
  readonly telemetry: Telemetry;
  readonly clock: () => number;
  /** The body of a 200, to be sent as JSON unless it is a `TextAnswer`; or a rejection. */
  answer(call: Call): Promise<object>;
  /** An error in the API's own shape. */
  errorBody(error: HttpError, call: Call): object;
  /** What an error of a store is here; by default an outage, whatever it says. */
  storeError?(kind: StoreErrorKind): HttpError | undefined;
}

/** What `Allow` says of each method (RFC 9110 §9.3.2: HEAD follows GET). */
const ALLOW = { get: 'GET, HEAD', post: 'POST', delete: 'DELETE' } as const;

/**
 * Lets `router` answer at some paths, by one definition for each method: every way out, errors of Express included, has the
 * API's shape. What no method is about, a wrong one say, is the first's.
 */
export function endpoint(
  router: Router,
  paths: readonly string[],
  ...definitions: readonly [Endpoint, ...Endpoint[]]
): Router {
  const [first] = definitions;
  const serve =
    (definition: Endpoint, answer: (call: Call) => Promise<object>) =>
    (req: Request, res: Response): Promise<void> =>
      handle(definition, new Call(req, res), answer);
  const headers = { Allow: definitions.map(({ method }) => ALLOW[method]).join(', ') };
  const wrongMethod = serve(first, () =>
    Promise.reject(invalidRequest('The method is not allowed', 405, { headers })),
  );
  for (const path of paths) {
    const route = router.route(path);
    for (const definition of definitions)
      route[definition.method](serve(definition, (call) => definition.answer(call)));
    route.all(wrongMethod);
  }
  // The one error that Express raises in here is for a malformed escape in a path; it would print the path, token included.
  const malformedPath = serve(first, () => Promise.reject(invalidRequest('The path is malformed')));
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
    sendAnswer(call.res, await answer(call));
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
    action: call.action,
  };
  instruments.served({ api, outcome, status, ...details }, call.durationMs);
}

function audit(definition: Endpoint, call: Call, status: number, error?: HttpError): void {
  report(definition.audit, () => {
    const { clientId, tokenDigest, reason, action, time } = call;
    const outcome = outcomeOf(call, error);
    return {
      api: definition.api,
      outcome,
      ...(outcome === 'inactive' && reason !== undefined && { reason }),
      ...(outcome !== 'inactive' && error?.code !== undefined && { error: error.code }),
      status,
      ...credentialsOf(error),
      ...(clientId !== undefined && { clientId }),
      ...(tokenDigest !== undefined && { tokenDigest }),
      ...(action !== undefined && { action }),
      ...(call.cascade && { cascade: true }),
      ...(call.introspectedAny && { introspects: 'any' }),
      time,
      durationMs: call.durationMs,
      ...(error && error.status >= 500 && { fault: faultOf(error) }),
    };
  });
}

function credentialsOf(error: HttpError | undefined): Pick<AuditEvent, 'credentials'> {
  const { credentials, wrong } = error ?? {};
  const why = credentials === 'wrong' ? wrong : credentials;
  return why === undefined ? {} : { credentials: why };
}

function outcomeOf(call: Call, error: HttpError | undefined): AuditEvent['outcome'] {
  if (error?.status === 503) return 'unavailable';
  if (error && error.status >= 500) return 'failed';
  // The details API answers a token that the caller may not see with 404, which is no refusal.
  if (call.reason !== undefined && (!error || error.status === 404)) return 'inactive';
  if (error) return 'refused';
  return call.action === undefined ? 'active' : 'done';
}
