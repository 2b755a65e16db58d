import type { HttpErrorCode } from '../http/http-error.js';
import { allow, basicHeader, json, retryAfter, schema } from './responses.js';
import type { RouterFacts } from './router-facts.js';
import type { Headers, Response, Responses, Schema } from './types.js';

/** How an API writes its errors. */
export interface ErrorShape {
  /** Of the schema, and before the names of the responses that its operations share. */
  readonly name: string;
  readonly schema: Schema;
  /** What each of its errors carries. */
  readonly headers: Headers;
  /** The body of an error. */
  write(error: WrittenError): Readonly<Record<string, unknown>>;
  /** The members of the body that follow from status and code. */
  readonly decided: readonly string[];
}

interface WrittenError {
  readonly status: number;
  readonly code: HttpErrorCode;
  readonly message: string;
}

/** The code and the message of an error, each by the name of the example that it is. There is one at least for each code. */
export type ErrorExamples = Readonly<Record<string, readonly [HttpErrorCode, string]>>;

export function errorResponse(
  shape: ErrorShape,
  status: number,
  description: string,
  errors: ErrorExamples,
  headers: Headers = {},
): Response {
  const bodies = Object.entries(errors).map(
    ([name, [code, message]]) => [name, shape.write({ status, code, message })] as const,
  );
  const properties = shape.decided.map((member) => [
    member,
    { enum: [...new Set(bodies.map(([, body]) => body[member]))] },
  ]);
  return json(
    description,
    {
      schema: {
        allOf: [
          schema(shape.name),
          { type: 'object', properties: Object.fromEntries(properties) as Record<string, Schema> },
        ],
      },
      examples: Object.fromEntries(bodies),
    },
    shape.headers,
    headers,
  );
}

export interface SharedErrors {
  /** By status, for an operation. */
  readonly responses: Responses;
  /** By name, for the components. */
  readonly components: Readonly<Record<string, Response>>;
}

type NamedResponse = readonly [name: string, response: Response];

/** What a request may carry. */
const BODIES = {
  form: {
    type: 'application/x-www-form-urlencoded',
    tooMuch: 'The body has more than 64 KiB, or more than 100 parameters.',
    other: 'The body is no form',
  },
  json: {
    type: 'application/json',
    tooMuch: 'The body has more than 64 KiB.',
    other: 'The body is no JSON',
  },
} as const;

function bodyErrors(shape: ErrorShape, body: keyof typeof BODIES): Readonly<Record<string, NamedResponse>> {
  const { type, tooMuch, other } = BODIES[body];
  const wrongType = `${other}, or has a charset or an encoding that is not supported.`;
  return {
    413: [
      'TooLarge',
      errorResponse(shape, 413, tooMuch, { tooLarge: ['invalid_request', 'The body is too large'] }),
    ],
    415: [
      'WrongType',
      errorResponse(shape, 415, wrongType, { wrongType: ['invalid_request', `The body must be ${type}`] }),
    ],
  };
}

/** With assertions, one client may have used up its share of the memory for them, whatever is throttled. */
export function oauthThrottling({
  isThrottled,
  algorithms,
}: Pick<RouterFacts, 'isThrottled' | 'algorithms'>): Pick<RouterFacts, 'isThrottled'> {
  return { isThrottled: isThrottled || algorithms.length > 0 };
}

/** The errors that every operation of a shape has. All but the 405 are the same in each. */
export function sharedErrors(
  shape: ErrorShape,
  { isThrottled }: Pick<RouterFacts, 'isThrottled'>,
  { allowed, body }: { readonly allowed: string; readonly body?: keyof typeof BODIES },
): SharedErrors {
  const all: Readonly<Record<string, NamedResponse>> = {
    ...(body && bodyErrors(shape, body)),
    ...(isThrottled && { 429: ['SlowDown', slowDown(shape)] }),
    500: ['Fault', fault(shape)],
    503: ['Outage', outage(shape)],
  };
  return {
    responses: {
      405: wrongMethod(shape, 'The method is not allowed', allowed),
      ...Object.fromEntries(
        Object.entries(all).map(([status, [name]]) => [
          status,
          { $ref: `#/components/responses/${shape.name}${name}` },
        ]),
      ),
    },
    components: Object.fromEntries(
      Object.values(all).map(([name, response]) => [shape.name + name, response]),
    ),
  };
}

export function wrongMethod(shape: ErrorShape, message: string, allowed: string): Response {
  const description = `Another method than ${allowed}.`;
  return errorResponse(
    shape,
    405,
    description,
    { wrongMethod: ['invalid_request', message] },
    allow(allowed),
  );
}

function slowDown(shape: ErrorShape): Response {
  const description = 'Too many failed authentications, calls, or responses about inactive tokens.';
  const examples: ErrorExamples = { slowDown: ['slow_down', 'Too many requests; slow down'] };
  return errorResponse(shape, 429, description, examples, retryAfter(60));
}

export function fault(shape: ErrorShape): Response {
  return errorResponse(shape, 500, 'A fault in the server.', {
    fault: ['server_error', 'An unexpected error has occurred while processing the request'],
  });
}

export function outage(shape: ErrorShape): Response {
  const description = 'A service that this server depends on is down. This says nothing about any token.';
  const examples: ErrorExamples = {
    outage: ['temporarily_unavailable', 'The service cannot answer right now; try again later'],
  };
  return errorResponse(shape, 503, description, examples, retryAfter(5));
}

/** What a form with a token in it can lack. */
export const NO_TOKEN: ErrorExamples = {
  missingToken: ['invalid_request', 'The token parameter is required'],
  repeatedParameter: ['invalid_request', 'A parameter must not be repeated'],
};

/** What is wrong with credentials that come in more than one way. */
export const TWO_CREDENTIALS: ErrorExamples = {
  severalCredentials: ['invalid_request', 'Only one way of client authentication may be used'],
  otherClient: ['invalid_request', 'The client_id differs from the authenticated client'],
};

export const BAD_CLIENT: ErrorExamples = {
  badClient: ['invalid_client', 'Client authentication failed'],
};

/** The 401 of what takes client credentials only. */
export function badClient(
  shape: ErrorShape,
  { realm }: Pick<RouterFacts, 'realm'>,
  description = 'The caller has not proved who it is.',
): Response {
  return errorResponse(shape, 401, description, BAD_CLIENT, basicHeader(realm));
}

/** The only 400 of what takes nothing from a request. */
export function notByTls(shape: ErrorShape, facts: Pick<RouterFacts, 'requireTls'>): Responses {
  if (!facts.requireTls) return {};
  return { 400: errorResponse(shape, 400, 'The request did not come by TLS.', tlsRequired(facts)) };
}

/** The example of a 400 where only TLS is taken. */
export function tlsRequired({ requireTls }: Pick<RouterFacts, 'requireTls'>): ErrorExamples {
  return requireTls ? { tlsRequired: ['invalid_request', 'TLS is required'] } : {};
}
