import type { OpenApiServer } from './openapi-options.js';

/*
 * As much of the OpenAPI Specification 3.1 as the document uses. A Schema Object is a JSON Schema of 2020-12.
 */

export interface Reference {
  readonly $ref: string;
}

export interface Schema {
  readonly $ref?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: Schema | false;
  readonly prefixItems?: readonly Schema[];
  readonly minItems?: number;
  readonly minProperties?: number;
  readonly maxItems?: number;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minLength?: number;
  readonly minimum?: number;
  readonly pattern?: string;
  readonly contentMediaType?: string;
  readonly contentSchema?: Schema;
  readonly examples?: readonly unknown[];
}

/** Examples by name. */
type Examples = Readonly<Record<string, { readonly value: unknown }>>;

interface MediaType {
  readonly schema: Schema;
  readonly examples?: Examples;
}

export interface Header {
  readonly description: string;
  /** Default false. */
  readonly required?: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
  /** By the names of the examples of the bodies that come with them. */
  readonly examples?: Examples;
}

export type Headers = Readonly<Record<string, Header | Reference>>;

export interface Response {
  readonly description: string;
  readonly headers?: Headers;
  readonly content: Readonly<Record<string, MediaType>>;
}

/** Responses by status. */
export type Responses = Readonly<Record<string, Response | Reference>>;

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly description: string;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface SecurityScheme {
  readonly type: 'http' | 'mutualTLS';
  readonly scheme?: 'basic' | 'bearer';
  readonly description: string;
}

/** The names of schemes that are needed together; several requirements are a choice. */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security: readonly SecurityRequirement[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly content: Readonly<Record<string, MediaType>>;
  };
  readonly responses: Responses;
}

export interface PathItem {
  readonly servers?: readonly OpenApiServer[];
  readonly get?: Operation;
  readonly post?: Operation;
  readonly delete?: Operation;
}

export interface Components {
  readonly schemas?: Readonly<Record<string, Schema>>;
  readonly responses?: Readonly<Record<string, Response>>;
  readonly headers?: Readonly<Record<string, Header>>;
  readonly securitySchemes?: Readonly<Record<string, SecurityScheme>>;
}

/** What one API brings to the document. */
export interface ApiDescription {
  /** Under which its operations are shown together. */
  readonly tag: { readonly name: string; readonly description: string };
  readonly paths: Readonly<Record<string, PathItem>>;
  /** Those that nothing refers to are left out. */
  readonly components: Omit<Components, 'securitySchemes'>;
}

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: Readonly<Record<string, unknown>>;
  readonly servers?: readonly OpenApiServer[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: Components;
}
