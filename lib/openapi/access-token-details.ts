import { CLIENT_SECRET } from './credentials.js';
import { type ErrorShape, errorResponse, sharedErrors, tlsRequired } from './errors.js';
import {
  ACCESS_EXPIRES_AT,
  ACCESS_TOKEN,
  ISSUED_AT,
  ORGANIZATION,
  REFRESH_TOKEN,
  SCOPES,
  SHOP,
} from './example-values.js';
import { basicHeader, HEADERS, json, NEVER_KEPT, schema } from './responses.js';
import type { DescribeApi, RouterFacts, StoreFacts } from './router-facts.js';
import type { Operation, Parameter, Responses, Schema } from './types.js';

const TAG = 'Access-token details';

/** How this API, and those beside it, write errors. */
function managementErrors({ notFoundCode }: Pick<StoreFacts, 'notFoundCode'>): ErrorShape {
  return {
    name: 'ManagementError',
    schema: {
      type: 'object',
      required: ['code', 'message', 'contexts'],
      properties: {
        code: { type: 'string', description: 'What went wrong, for programs.' },
        message: { type: 'string', description: 'The same for people.' },
        contexts: { type: 'array', maxItems: 0 },
      },
      additionalProperties: false,
    },
    headers: NEVER_KEPT,
    write: ({ status, code, message }) => ({
      code: status === 404 ? notFoundCode : `keymanagement.service.${code}`,
      message,
      contexts: [],
    }),
    decided: ['code'],
  };
}

/** What is known of an access token, for who holds its organization. */
export const accessTokenDetails: DescribeApi = (facts) => {
  const { store } = facts;
  if (!store) return undefined;
  const shape = managementErrors(store);
  const shared = sharedErrors(shape, facts, { allowed: 'GET, HEAD', hasForm: false });
  const responses = { ...ownResponses(shape, facts, store), ...shared.responses };
  const operation = (operationId: string, summary: string): Operation => ({
    operationId,
    tags: [TAG],
    summary,
    description:
      'The caller is a confidential client that has the organization. A token that is revoked or expired is shown while its record is kept. The token is part of the path: keep paths out of logs.',
    security: [{ [CLIENT_SECRET]: [] }],
    parameters: [ORG_NAME, TOKEN],
    responses,
  });
  return {
    tag: { name: TAG, description: 'What is known of an access token of an organization.' },
    paths: {
      '/v1/o/{org_name}/oauth2/accesstokens/{access_token}': {
        get: operation('getAccessToken', 'Tell what is known of an access token'),
      },
      '/v1/organizations/{org_name}/oauth2/accesstokens/{access_token}': {
        get: operation('getAccessTokenByLongPath', 'The same by a longer path'),
      },
    },
    components: {
      schemas: { [shape.name]: shape.schema, AccessTokenDetails: details(store) },
      headers: HEADERS,
      responses: shared.components,
    },
  };
};

const ORG_NAME: Parameter = {
  name: 'org_name',
  in: 'path',
  required: true,
  description: 'The organization that the token belongs to.',
  schema: { type: 'string' },
  example: ORGANIZATION,
};

const TOKEN: Parameter = {
  name: 'access_token',
  in: 'path',
  required: true,
  description: 'The access token.',
  schema: { type: 'string' },
  example: ACCESS_TOKEN,
};

function milliseconds(description: string): Schema {
  return { type: 'number', description: `Milliseconds since 1970: ${description}` };
}

function details({ scopeSeparator }: StoreFacts): Schema {
  const text = (description: string): Schema => ({ type: 'string', description });
  const properties: Readonly<Record<string, Schema>> = {
    apiProducts: {
      type: 'array',
      items: { type: 'string' },
      description: 'The products that it is good for.',
    },
    app: text('The name of the app, or nothing.'),
    appId: text('The identifier of the app.'),
    attributes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'value'],
        properties: { name: { type: 'string' }, value: { type: 'string' } },
        additionalProperties: false,
      },
    },
    clientId: text('The client that it was issued to.'),
    createdAt: milliseconds('when it was made.'),
    createdBy: text('Who made it: the client, where nobody else is known.'),
    expiresAt: milliseconds('from then on it is dead. -1: it never expires.'),
    grantType: text('How it was granted, or nothing.'),
    issuedAt: milliseconds('when it was issued.'),
    lastModifiedAt: milliseconds('when it was changed last.'),
    lastModifiedBy: text('Who changed it last.'),
    refreshCount: { type: 'integer', minimum: 0, description: 'How often it was refreshed.' },
    refreshToken: text('The refresh token that was issued with it. Absent where there is none to show.'),
    scope: text(`Scope values with ${JSON.stringify(scopeSeparator)} between them, or nothing.`),
    status: {
      type: 'string',
      enum: ['approved', 'revoked', 'expired'],
      description:
        '`revoked` also where the client is disabled or gone; `approved` also before the token is alive.',
    },
    token: text('The access token.'),
    tokenType: { type: 'string', const: 'BearerToken' },
  };
  const optional = ['apiProducts', 'appId', 'refreshToken'];
  return {
    type: 'object',
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    properties,
    additionalProperties: false,
  };
}

function detailsExample({ scopeSeparator }: StoreFacts): object {
  const at = ISSUED_AT * 1000;
  return {
    apiProducts: ['orders'],
    app: 'Example Shop',
    appId: 'example-app-1',
    attributes: [{ name: 'channel', value: 'web' }],
    clientId: SHOP,
    createdAt: at,
    createdBy: SHOP,
    expiresAt: ACCESS_EXPIRES_AT * 1000,
    grantType: 'authorization_code',
    issuedAt: at,
    lastModifiedAt: at,
    lastModifiedBy: SHOP,
    refreshCount: 0,
    refreshToken: REFRESH_TOKEN,
    scope: SCOPES.join(scopeSeparator),
    status: 'approved',
    token: ACCESS_TOKEN,
    tokenType: 'BearerToken',
  };
}

function ownResponses(shape: ErrorShape, facts: RouterFacts, store: StoreFacts): Responses {
  return {
    200: json(
      'What is known of the token.',
      { schema: schema('AccessTokenDetails'), examples: { details: detailsExample(store) } },
      NEVER_KEPT,
    ),
    400: errorResponse(shape, 400, 'The request is malformed.', {
      malformedPath: ['invalid_request', 'The path is malformed'],
      ...tlsRequired(facts),
    }),
    401: errorResponse(
      shape,
      401,
      'The caller has not proved who it is.',
      { badClient: ['invalid_client', 'Client authentication failed'] },
      basicHeader(facts.realm),
    ),
    403: errorResponse(shape, 403, 'The caller has no right in the organization, which may not even exist.', {
      stranger: ['unauthorized_client', 'The client may not read access tokens of this organization'],
    }),
    404: errorResponse(
      shape,
      404,
      'There is no such access token in the organization, or not for the caller to see.',
      { notFound: ['not_found', 'Access Token doesnt exists'] },
    ),
    409: errorResponse(shape, 409, 'Somebody else has the token in hand right now.', {
      conflict: ['conflict', 'The request could not be processed due to a conflict'],
    }),
  };
}
