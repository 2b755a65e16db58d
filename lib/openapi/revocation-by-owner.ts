import { type ErrorExamples, errorResponse, sharedErrors } from './errors.js';
import { APP_ID, SUBJECT } from './example-values.js';
import {
  CONFLICT,
  callerRefusals,
  managementErrors,
  organizationPaths,
  TOKEN_MANAGEMENT,
  WHO_MAY_CHANGE,
} from './management.js';
import { HEADERS, json, NEVER_KEPT } from './responses.js';
import type { DescribeApi } from './router-facts.js';
import { ACCESS_TOKENS } from './token-details.js';
import type { Parameter } from './types.js';

const PARAMETERS: readonly Parameter[] = [
  {
    name: 'app',
    in: 'query',
    description:
      'The identifier of the app whose tokens are meant. Comes once. There is `app` or `enduser`, or both.',
    schema: { type: 'string', minLength: 1 },
    example: APP_ID,
  },
  {
    name: 'enduser',
    in: 'query',
    description:
      'The user whose tokens are meant: their `sub`. With `app`: the tokens of this user at this app. Comes once.',
    schema: { type: 'string', minLength: 1 },
    example: SUBJECT,
  },
  {
    name: 'cascade',
    in: 'query',
    description: 'Whether the refresh tokens are revoked as well. Default `false`.',
    schema: { type: 'string', enum: ['true', 'false'] },
    example: 'true',
  },
];

const BAD_REQUESTS: ErrorExamples = {
  noOwner: ['invalid_request', 'The app or the enduser parameter is required'],
  emptyOwner: ['invalid_request', 'The app parameter must not be empty'],
  repeatedOwner: ['invalid_request', 'The enduser parameter must not be repeated'],
  badCascade: ['invalid_request', 'The cascade parameter must be true or false'],
  otherParameter: ['invalid_request', 'The query must have app, enduser and cascade only'],
  malformedQuery: ['invalid_request', 'The query is malformed'],
  body: ['invalid_request', 'The call takes no body'],
};

/** What ends the tokens of an app or a user in an organization. */
export const revocationByOwner: DescribeApi = (facts) => {
  const { store } = facts;
  if (!store?.revokesMatching || !store.management.has('revoke')) return undefined;
  const shape = managementErrors(store.notFoundCode);
  const shared = sharedErrors(shape, facts, { allowed: 'POST' });
  return {
    tag: TOKEN_MANAGEMENT,
    paths: organizationPaths('revoke', {
      post: {
        tag: TOKEN_MANAGEMENT.name,
        operationId: 'revokeTokensOfOwner',
        summary: 'Revoke the access tokens of an app, of a user, or of a user at an app',
        description: [
          WHO_MAY_CHANGE,
          'Tokens of other organizations, and those of none, stay as they are.',
          'The request has no body, and can be repeated.',
        ].join(' '),
        parameters: PARAMETERS,
        responses: {
          200: json(
            'They are revoked.',
            {
              schema: {
                type: 'object',
                required: ['revoked'],
                properties: {
                  revoked: {
                    type: 'integer',
                    minimum: 0,
                    description:
                      'How many tokens this call has revoked; those that were revoked before do not count.',
                  },
                },
                additionalProperties: false,
              },
              examples: { revoked: { revoked: 1 }, nothingLeft: { revoked: 0 } },
            },
            NEVER_KEPT,
          ),
          ...callerRefusals(shape, facts, { noRight: true, badRequests: BAD_REQUESTS }),
          404: errorResponse(
            shape,
            404,
            'The server lacks something that it needs. That there is nothing to revoke is a 200.',
            {
              notFound: ['not_found', ACCESS_TOKENS.notFoundMessage],
            },
          ),
          409: errorResponse(
            shape,
            409,
            'Another request is changing one of the tokens: send the request again.',
            CONFLICT,
          ),
          ...shared.responses,
        },
      },
    }),
    components: {
      schemas: { [shape.name]: shape.schema },
      headers: HEADERS,
      responses: shared.components,
    },
  };
};
