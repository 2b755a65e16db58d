import { CLIENT_SECRET } from './credentials.js';
import { badClient, type ErrorShape, errorResponse, NO_TOKEN, sharedErrors, tlsRequired } from './errors.js';
import {
  ISSUED_AT,
  ORGANIZATION,
  REFRESH_EXPIRES_AT,
  REFRESH_TOKEN,
  REQUEST_ID,
  SHOP,
  SUBJECT,
  UNKNOWN_TOKEN,
} from './example-values.js';
import { HEADERS, header, json, NEVER_KEPT, schema, tokenForm } from './responses.js';
import type { DescribeApi, RouterFacts } from './router-facts.js';
import { INACTIVE } from './token-state.js';
import type { Operation, Parameter, Response, Responses, Schema } from './types.js';

const TAG = 'Refresh-token introspection';
const PATH = '/csp/gateway/am/api/auth/introspect';

/** What is sane for an id of a request. */
const SANE = '^[\\w.:=+/-]{1,128}$';

/** The words of the documentation of this API, where it has some. */
const MESSAGES: Readonly<Record<number, string>> = {
  404: 'The requested resource could not be found',
  409: 'The request could not be processed due to a conflict',
  429: 'The user has sent too many requests',
  500: 'An unexpected error has occurred while processing the request',
};

const SHAPE: ErrorShape = {
  name: 'GatewayError',
  schema: {
    type: 'object',
    required: ['cspErrorCode', 'errorCode', 'message', 'moduleCode', 'requestId', 'statusCode'],
    properties: {
      cspErrorCode: { type: 'string', description: 'The code, with the API before it.' },
      errorCode: { type: 'string', description: 'What went wrong, for programs.' },
      message: { type: 'string', description: 'The same for people.' },
      moduleCode: { type: 'integer', const: 0 },
      requestId: { type: 'string', description: 'The `X-Request-Id` of this response.' },
      statusCode: { type: 'integer', description: 'The status of this response.' },
    },
    additionalProperties: false,
  },
  headers: { ...NEVER_KEPT, 'X-Request-Id': header('RequestId') },
  write: ({ status, code, message }) => ({
    cspErrorCode: `csp.auth.introspect.${code}`,
    errorCode: code,
    message: MESSAGES[status] ?? message,
    moduleCode: 0,
    requestId: REQUEST_ID,
    statusCode: status,
  }),
  decided: ['cspErrorCode', 'errorCode', 'statusCode'],
};

const REFRESH_TOKEN_STATE: Schema = {
  type: 'object',
  description: 'The token is active. `exp`, `orgId` and `sub` are there if the token has them.',
  required: ['active', 'iat', 'token_type'],
  properties: {
    active: { type: 'boolean', const: true },
    exp: {
      type: 'integer',
      description: 'Seconds since 1970 at which it expires. Absent: it never expires.',
    },
    iat: { type: 'integer', description: 'Seconds since 1970: when it was issued.' },
    orgId: { type: 'string', description: 'The identifier of the organization.' },
    sub: { type: 'string', description: 'The user.' },
    token_type: { type: 'string', description: '`refresh_token`, or what the token was saved with.' },
  },
  additionalProperties: false,
};

/** The state of refresh tokens only. */
export const refreshTokenIntrospection: DescribeApi = (facts) => {
  if (!facts.store) return undefined;
  const shared = sharedErrors(SHAPE, facts, { allowed: 'POST', body: 'form' });
  const common = { ...commonResponses(facts), ...shared.responses };
  return {
    tag: { name: TAG, description: 'The state of refresh tokens. An access token is inactive here.' },
    paths: {
      [PATH]: {
        post: {
          ...operation('introspectRefreshToken', 'Tell the state of a refresh token'),
          responses: { 400: badRequest(facts, 'plain'), ...common },
        },
      },
      [`${PATH}/{client_id}`]: {
        post: {
          ...operation(
            'introspectRefreshTokenOfClient',
            'Tell the state of a refresh token, with the client id in the path',
            CLIENT_ID,
          ),
          responses: { 400: badRequest(facts, 'withClientId'), ...common },
        },
      },
    },
    components: {
      schemas: {
        [SHAPE.name]: SHAPE.schema,
        RefreshTokenState: { oneOf: [schema('ActiveRefreshToken'), schema('InactiveToken')] },
        ActiveRefreshToken: REFRESH_TOKEN_STATE,
        InactiveToken: INACTIVE,
      },
      headers: {
        ...HEADERS,
        RequestId: {
          description: 'The id of the request, or a new one if the request has none that is valid.',
          required: true,
          schema: { type: 'string', pattern: SANE },
          example: REQUEST_ID,
        },
      },
      responses: shared.components,
    },
  };
};

const CLIENT_ID: Parameter = {
  name: 'client_id',
  in: 'path',
  required: true,
  description: 'The client id, the same as in the credentials.',
  schema: { type: 'string' },
  example: SHOP,
};

function operation(
  operationId: string,
  summary: string,
  ...parameters: readonly Parameter[]
): Omit<Operation, 'responses'> {
  return {
    operationId,
    tags: [TAG],
    summary,
    description: [
      'An unknown token, an inactive one, an access token and one that the caller may not see get the same response.',
      'HTTP Basic is the only credential. A public client sends its id and an empty secret, with the colon between them, and sees its own tokens only.',
    ].join(' '),
    security: [{ [CLIENT_SECRET]: [] }],
    parameters: [
      ...parameters,
      {
        name: 'X-Request-Id',
        in: 'header',
        description: 'Returned in errors, if it is 1 to 128 letters, digits and `_.:=+/-`.',
        schema: { type: 'string' },
        example: REQUEST_ID,
      },
    ],
    requestBody: tokenForm(
      { token: { type: 'string', minLength: 1, description: 'The refresh token. Comes once.' } },
      { active: { token: REFRESH_TOKEN }, inactive: { token: UNKNOWN_TOKEN } },
    ),
  };
}

function commonResponses(facts: RouterFacts): Responses {
  const active = {
    active: true,
    exp: REFRESH_EXPIRES_AT,
    iat: ISSUED_AT,
    orgId: ORGANIZATION,
    sub: SUBJECT,
    token_type: 'refresh_token',
  };
  return {
    200: json(
      'The state of the token.',
      { schema: schema('RefreshTokenState'), examples: { active, inactive: { active: false } } },
      NEVER_KEPT,
    ),
    401: badClient(SHAPE, facts, 'The credentials are well-formed, and wrong.'),
    404: errorResponse(
      SHAPE,
      404,
      'Something that the question depends on does not exist, such as the organization. Never a token.',
      { notFound: ['not_found', ''] },
    ),
    409: errorResponse(SHAPE, 409, 'Another request is changing the token.', {
      conflict: ['conflict', ''],
    }),
  };
}

function badRequest(facts: RouterFacts, path: 'plain' | 'withClientId'): Response {
  return errorResponse(SHAPE, 400, 'The request or its `Authorization` header is malformed.', {
    noAuthorization: ['invalid_request', 'Authorization header must be specified'],
    otherScheme: ['invalid_request', 'Invalid authorization header. Missing "Basic" prefix'],
    malformedAuthorization: ['invalid_request', 'Invalid authorization header'],
    ...NO_TOKEN,
    ...(path === 'withClientId' && {
      otherClient: [
        'invalid_request',
        "Bad Request - Client ID in path doesn't match the Client ID in the Basic Authorization Header.",
      ],
      malformedPath: ['invalid_request', 'The path is malformed'],
    }),
    ...tlsRequired(facts),
  });
}
