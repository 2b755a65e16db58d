import { type ErrorShape, fault, notByTls, outage, wrongMethod } from './errors.js';
import { oauthComponents, oauthErrors } from './oauth.js';
import { header, json, NEVER_KEPT, OPEN_TO_ALL } from './responses.js';
import type { DescribeApi, RouterFacts } from './router-facts.js';
import type { Headers, Operation, Responses, Schema } from './types.js';

const TAG = 'Metadata';
const TAG_DESCRIPTION = 'Public documents about this server.';

/** RFC 8414. */
export const metadata: DescribeApi = (facts) => {
  const path = facts.store?.metadataPath;
  if (path === undefined) return undefined;
  const shape = publicErrors(facts);
  const operation: Operation = {
    ...common('getMetadata', 'Tell the metadata of the authorization server'),
    description: 'RFC 8414. It is at the root of the host of the issuer.',
    responses: {
      200: json('The metadata.', { schema: METADATA }, SENT),
      ...notByTls(shape, facts),
      ...refusals(shape),
      ...(facts.keys === 'changing' && { 500: fault(shape), 503: outage(shape) }),
    },
  };
  return {
    tag: { name: TAG, description: TAG_DESCRIPTION },
    paths: { [path]: { servers: [{ url: new URL(facts.issuer).origin }], get: operation } },
    components: oauthComponents(shape),
  };
};

/** The document itself. */
export const openApi: DescribeApi = (facts, { path }) => {
  const shape = publicErrors(facts);
  const operation: Operation = {
    ...common('getOpenApi', 'Tell this document'),
    description: 'OpenAPI 3.1.',
    responses: {
      200: json('This document.', { schema: DOCUMENT }, SENT),
      ...refusals(shape),
    },
  };
  return {
    tag: { name: TAG, description: TAG_DESCRIPTION },
    paths: { [path]: { get: operation } },
    components: oauthComponents(shape),
  };
};

/** It may be kept, as an error may not. */
const SENT: Headers = { ...OPEN_TO_ALL, 'X-Content-Type-Options': header('NoSniff') };

function publicErrors(facts: RouterFacts): ErrorShape {
  return { ...oauthErrors(facts), headers: { ...NEVER_KEPT, ...OPEN_TO_ALL } };
}

function common(
  operationId: string,
  summary: string,
): Pick<Operation, 'operationId' | 'tags' | 'summary' | 'security'> {
  return { operationId, tags: [TAG], summary, security: [] };
}

function refusals(shape: ErrorShape): Responses {
  return { 405: wrongMethod(shape, 'The document can only be read', 'GET, HEAD, OPTIONS') };
}

const STRINGS: Schema = { type: 'array', minItems: 1, items: { type: 'string' } };
const URL_STRING: Schema = { type: 'string', pattern: '^https?://' };

/** The members that are this router's own; an app adds others. */
const METADATA: Schema = {
  type: 'object',
  required: ['issuer', 'introspection_endpoint', 'introspection_endpoint_auth_methods_supported'],
  properties: {
    issuer: URL_STRING,
    introspection_endpoint: URL_STRING,
    introspection_endpoint_auth_methods_supported: STRINGS,
    introspection_endpoint_auth_signing_alg_values_supported: STRINGS,
    introspection_signing_alg_values_supported: STRINGS,
    introspection_encryption_alg_values_supported: STRINGS,
    introspection_encryption_enc_values_supported: STRINGS,
    revocation_endpoint: URL_STRING,
    revocation_endpoint_auth_methods_supported: STRINGS,
    revocation_endpoint_auth_signing_alg_values_supported: STRINGS,
    jwks_uri: URL_STRING,
  },
  additionalProperties: true,
};

const DOCUMENT: Schema = {
  type: 'object',
  required: ['openapi', 'info', 'paths'],
  properties: {
    openapi: { type: 'string', pattern: '^3\\.1\\.' },
    info: { type: 'object' },
    paths: { type: 'object' },
  },
  additionalProperties: true,
};
