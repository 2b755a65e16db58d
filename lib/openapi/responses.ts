import { basicChallenge } from '../http/challenge.js';
import type { Header, Headers, Operation, Reference, Response, Schema } from './types.js';

/** What every answer of an API carries. */
export const NEVER_KEPT: Headers = {
  'Cache-Control': header('NoStore'),
  Pragma: header('NoCache'),
  'X-Content-Type-Options': header('NoSniff'),
};

export const OPEN_TO_ALL: Headers = { 'Access-Control-Allow-Origin': header('AnyOrigin') };

export const HEADERS: Readonly<Record<string, Header>> = {
  NoStore: always('Responses about tokens must not be cached.', 'no-store'),
  NoCache: always('The same for caches of HTTP/1.0.', 'no-cache'),
  NoSniff: always('The media type is the one that is said.', 'nosniff'),
  AnyOrigin: always('Pages of any origin may read it.', '*'),
};

export function header(name: string): Reference {
  return { $ref: `#/components/headers/${name}` };
}

export function schema(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** A header that is there each time, with this value. */
export function always(description: string, value: string): Header {
  return { description, required: true, schema: { type: 'string', const: value }, example: value };
}

/** `Allow`, of a 405. */
export function allow(methods: string): Headers {
  return { Allow: always('The methods that are there.', methods) };
}

/** `Retry-After`, of a 429 and a 503. */
export function retryAfter(seconds: number): Headers {
  return {
    'Retry-After': {
      description: 'Whole seconds to wait before the next attempt.',
      required: true,
      schema: { type: 'integer', minimum: 1 },
      example: seconds,
    },
  };
}

/** A response in JSON, with examples by name. */
export function json(
  description: string,
  content: { readonly schema: Schema; readonly examples?: Readonly<Record<string, unknown>> },
  ...headers: readonly Headers[]
): Response {
  return {
    description,
    headers: Object.assign({}, ...headers) as Headers,
    content: {
      'application/json': {
        schema: content.schema,
        ...(content.examples && { examples: named(content.examples) }),
      },
    },
  };
}

/** The body of a request about a token: a form. */
export function tokenForm(
  properties: Readonly<Record<string, Schema>>,
  examples: Readonly<Record<string, Readonly<Record<string, string>>>>,
): NonNullable<Operation['requestBody']> {
  return {
    required: true,
    content: {
      'application/x-www-form-urlencoded': {
        schema: { type: 'object', required: ['token'], properties },
        examples: named(examples),
      },
    },
  };
}

/** Examples as OpenAPI writes them. */
export function named<T>(
  values: Readonly<Record<string, T>>,
): Readonly<Record<string, { readonly value: T }>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}

/** `WWW-Authenticate`, of a 401 where Basic is what is asked for (RFC 7617). */
export function basicHeader(realm: string): Headers {
  return { 'WWW-Authenticate': always('The challenge for client credentials.', basicChallenge(realm)) };
}
