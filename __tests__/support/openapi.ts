import { Ajv2020, type AnySchema, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Express } from 'express';
import request from 'supertest';
import type {
  Header,
  OpenApiDocument,
  Operation,
  Reference,
  Response,
  Schema,
} from '../../lib/openapi/types.js';
import type { RawAnswer } from './http.js';

/** An operation, and where it is. */
export interface Place {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

/** What every server sends, whatever the API says. */
const OF_NO_API = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
  'x-powered-by',
]);

/** An OpenAPI document, to hold answers against. Schemas are judged by ajv, strictly. */
export class Described {
  readonly document: OpenApiDocument;
  readonly #ajv = new Ajv2020({ strict: true, allErrors: true });
  readonly #compiled = new Map<Schema, ValidateFunction>();

  constructor(document: OpenApiDocument) {
    this.document = document;
    // References in schemas are to the components of the document.
    this.#ajv.addVocabulary(['components']);
  }

  static async by(app: Express, path = '/openapi.json'): Promise<Described> {
    const { text } = await request(app).get(path);
    return new Described(JSON.parse(text) as OpenApiDocument);
  }

  get places(): readonly Place[] {
    return Object.entries(this.document.paths).flatMap(([path, { servers: _servers, ...item }]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
    );
  }

  place(operationId: string): Place {
    const found = this.places.find(({ operation }) => operation.operationId === operationId);
    if (!found) throw new Error(`no operation ${operationId}`);
    return found;
  }

  /** The places of a path as it is requested, which may fit a template. */
  placesAt(path: string): readonly Place[] {
    return this.places.filter((place) => {
      const pattern = place.path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{\w+\}/g, '[^/]+');
      return new RegExp(`^${pattern}$`).test(path);
    });
  }

  resolve<T extends object>(part: T | Reference): T {
    if (!('$ref' in part)) return part;
    const [, ...names] = part.$ref.split('/');
    return names.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], this.document) as T;
  }

  /** What is wrong with a value, by its schema. */
  wrong(schema: Schema, value: unknown): readonly string[] {
    const validate = this.#compiled.get(schema) ?? this.#compile(schema);
    validate(value);
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }

  #compile(schema: Schema): ValidateFunction {
    const { components } = this.document;
    const validate = this.#ajv.compile({ components, allOf: [schema] } as AnySchema);
    this.#compiled.set(schema, validate);
    return validate;
  }

  response({ operation }: Place, status: number): Response | undefined {
    const found = operation.responses[status];
    return found && this.resolve(found);
  }

  /** All in which an answer is not what the document says: status, headers, media type, body. */
  problems(place: Place, { status, headers, body }: RawAnswer): readonly string[] {
    const response = this.response(place, status);
    if (!response) return [`status ${status} is not described`];
    const { content } = response;
    const type = headers['content-type'] ?? 'none';
    const media = content[type];
    if (!media) return [`${status} in ${type} is not described`];
    const value: unknown = type.endsWith('json') ? JSON.parse(body) : body;
    return [
      ...this.wrong(media.schema, value).map((problem) => `body of ${status}: ${problem}`),
      ...this.#headerProblems(response, headers),
    ];
  }

  #headerProblems(response: Response, sent: RawAnswer['headers']): readonly string[] {
    const described = this.headers(response);
    const known = new Set([...OF_NO_API, ...described.map(([name]) => name.toLowerCase())]);
    return [
      ...Object.keys(sent)
        .filter((name) => !known.has(name))
        .map((name) => `header ${name} is not described`),
      ...described.flatMap(([name, { required, schema }]) => {
        const text = sent[name.toLowerCase()];
        if (text === undefined) return required ? [`header ${name} is missing`] : [];
        const value = schema.type === 'integer' ? Number(text) : text;
        return this.wrong(schema, value).map((problem) => `header ${name}: ${problem}`);
      }),
    ];
  }

  headers(response: Response): readonly (readonly [name: string, header: Header])[] {
    return Object.entries(response.headers ?? {}).map(([name, header]) => [name, this.resolve(header)]);
  }
}
