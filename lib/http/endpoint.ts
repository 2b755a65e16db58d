import { randomUUID } from 'node:crypto';
import type { NextFunction, Request, Response, Router } from 'express';
import type { Telemetry } from '../telemetry/telemetry.js';
import { type StoreErrorKind, storeErrorKind } from '../tokens/store-errors.js';
import { ipOf } from './address.js';
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
import {
  codeLabel,
  HttpError,
  type HttpHeaders,
  httpErrorOf,
  invalidRequest,
  unavailable,
} from './http-error.js';
import { type RequestFacts, type RequestIdOf, requestFacts } from './request-facts.js';
import { forbidCaching, sendAnswer, sendError } from './respond.js';

/** One call of an API, and what the audit will say about it. */
export class Call {
  readonly req: Request;
  readonly res: Response;
  /** By {@link ipOf}, read while it is known: a caller that has hung up has no address any more. */
  ip: string | undefined;
  readonly #began = performance.now();
  readonly #requestIdOf: RequestIdOf<Request> | undefined;
  #form: Promise<FormParameters> | undefined;
  #facts: RequestFacts | undefined;
  /** When it began by the app's clock; unknown if that fails. */
  time: number | undefined;
  clientId: string | undefined;
  tokenDigest: string | undefined;
  reason: InactiveReason | undefined;
  action: ManagementAction | undefined;
  cascade = false;
  /** Whether the `action` was done, though there is a `reason` why the token was dead before. */
  done = false;
  introspectedAny = false;

  constructor(req: Request, res: Response, requestIdOf: RequestIdOf<Request> | undefined) {
    this.req = req;
    this.res = res;
    this.#requestIdOf = requestIdOf;
  }

  /** What the audit says of the request. The first to ask should do so early: a caller that has hung up has no address any more. */
  get facts(): RequestFacts {
    this.#facts ??= requestFacts(this.req, this.#requestIdOf);
    return this.#facts;
  }

  /** The id of the request, or a new one where it came with none: the same each time, and in the audit. */
  requestId(): string {
    const { requestId = randomUUID() } = this.facts;
    this.#facts = { ...this.facts, requestId };
    return requestId;
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
  /** Names requests, where the app has a way of its own. */
  readonly requestId: RequestIdOf<Request> | undefined;
  /** The body of a 200, to be sent as JSON unless it is a `TextAnswer`; or a rejection. */
  answer(call: Call): Promise<object>;
  /** An error in the API's own shape. */
  errorBody(error: HttpError, call: Call): object;
  /** Header fields of each error, beside its own. */
  errorHeaders?(call: Call): HttpHeaders;
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
      handle(definition, new Call(req, res, definition.requestId), answer);
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

/**
 * Answers a call, and tells of it once. Never rejects: Express 4 does not look at promises, and an unhandled rejection ends
 * the process.
 */
async function handle(
  definition: Endpoint,
  call: Call,
  answer: (call: Call) => Promise<object>,
): Promise<void> {
  // The app had responded before the call came here: it is none of ours.
  if (call.res.headersSent) return;
  const { status, error, isSent } = await respond(definition, call, answer);
  measure(definition, call, status, error);
  audit(definition, call, { status, error, isSent });
}

/** How a call was answered. */
interface Answered {
  readonly status: number;
  readonly error?: HttpError | undefined;
  /** Whether the response was sent. */
  readonly isSent: boolean;
}

async function respond(
  definition: Endpoint,
  call: Call,
  answer: (call: Call) => Promise<object>,
): Promise<Answered> {
  try {
    forbidCaching(call.res);
    if (definition.audit) void call.facts;
    call.ip = ipOf(call.req);
    call.time = definition.clock();
    if (definition.requireTls && !call.req.secure) throw invalidRequest('TLS is required');
    return { status: 200, isSent: sendAnswer(call.res, await answer(call)) };
  } catch (thrown) {
    const error = asHttpError(definition, thrown);
    const sent = sendError(call.res, error, (sending) => ({
      body: definition.errorBody(sending, call),
      headers: definition.errorHeaders?.(call),
    }));
    return { status: sent.error.status, ...sent };
  }
}

function asHttpError(definition: Endpoint, thrown: unknown): HttpError {
  return httpErrorOf(thrown, () => {
    const kind = storeErrorKind(thrown);
    return kind && (definition.storeError?.(kind) ?? unavailable(thrown));
  });
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

function audit(definition: Endpoint, call: Call, { status, error, isSent }: Answered): void {
  const event = (): AuditEvent => {
    const { clientId, tokenDigest, reason, action, time = Date.now() } = call;
    const outcome = outcomeOf(call, error);
    const isTold = outcome === 'inactive' || outcome === 'done';
    return {
      api: definition.api,
      outcome,
      ...(isTold && reason !== undefined && { reason }),
      ...(outcome !== 'inactive' && error?.code !== undefined && { error: error.code }),
      status,
      ...(!isSent && { unsent: true }),
      ...call.facts,
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
  };
  report(definition.audit, event, call.req);
}

function credentialsOf(error: HttpError | undefined): Pick<AuditEvent, 'credentials'> {
  const { credentials, wrong } = error ?? {};
  const why = credentials === 'wrong' ? wrong : credentials;
  return why === undefined ? {} : { credentials: why };
}

function outcomeOf(call: Call, error: HttpError | undefined): AuditEvent['outcome'] {
  if (error?.status === 503) return 'unavailable';
  if (error && error.status >= 500) return 'failed';
  if (call.done && !error) return 'done';
  // The details API answers a token that the caller may not see with 404, which is no refusal.
  if (call.reason !== undefined && (!error || error.status === 404)) return 'inactive';
  if (error) return 'refused';
  return call.action === undefined ? 'active' : 'done';
}
