import { type ErrorExamples, type ErrorShape, sharedErrors } from './errors.js';
import { SUPPORT_DESK } from './example-values.js';
import {
  accessTokenMethods,
  managementErrors,
  managementPaths,
  managementRefusals,
  TOKEN_MANAGEMENT,
  WHO_MAY_CHANGE,
} from './management.js';
import { HEADERS, json, NEVER_KEPT, named, schema } from './responses.js';
import type { DescribeApi, RouterFacts, StoreFacts } from './router-facts.js';
import { ACCESS_TOKENS, ATTRIBUTES, accessTokenExample, accessTokenSchema } from './token-details.js';
import type { Operation, Parameter, Responses, Schema } from './types.js';

type Rights = StoreFacts['management'];

/** What may be done with access tokens, by who holds their organization and has the right to. */
export const tokenManagement: DescribeApi = (facts) => {
  const { store } = facts;
  if (!store) return undefined;
  const { management: rights } = store;
  const isChanged = rights.has('revoke') || rights.has('approve') || rights.has('update');
  const isDeleted = rights.has('delete');
  if (!isChanged && !isDeleted) return undefined;
  const shape = managementErrors(store.notFoundCode);
  const allowed = accessTokenMethods(store);
  const ofChange = sharedErrors(shape, facts, { allowed, ...(rights.has('update') && { body: 'json' }) });
  const ofRemoval = sharedErrors(shape, facts, { allowed });
  return {
    tag: TOKEN_MANAGEMENT,
    paths: managementPaths(ACCESS_TOKENS, {
      ...(isChanged && {
        post: {
          tag: TOKEN_MANAGEMENT.name,
          operationId: 'changeAccessToken',
          summary: 'Change an access token',
          description: describeChange(rights),
          parameters: parameters(rights),
          ...(rights.has('update') && { requestBody: update(rights) }),
          responses: { ...changed(shape, facts, store), ...ofChange.responses },
        },
      }),
      ...(isDeleted && {
        delete: {
          tag: TOKEN_MANAGEMENT.name,
          operationId: 'deleteAccessToken',
          summary: 'Remove an access token and its record',
          description: `${WHO_MAY_CHANGE} No other token is removed.`,
          responses: {
            200: details('The token as it was.', { removed: accessTokenExample(store) }),
            ...managementRefusals(shape, facts, ACCESS_TOKENS, { noRight: true }),
            ...ofRemoval.responses,
          },
        },
      }),
    }),
    components: {
      schemas: {
        [shape.name]: shape.schema,
        AccessTokenDetails: accessTokenSchema(store),
        AccessTokenUpdate: UPDATE,
      },
      headers: HEADERS,
      responses: { ...ofChange.components, ...ofRemoval.components },
    },
  };
};

function describeChange(rights: Rights): string {
  const ways = [
    ...(rights.has('revoke')
      ? ['`action=revoke` revokes the token, and with `cascade=true` all others of its grant.']
      : []),
    ...(rights.has('approve')
      ? [
          '`action=approve` takes its revocation back, and with `cascade=true` that of its refresh token. What was revoked as a whole grant stays so.',
        ]
      : []),
    ...(rights.has('update') ? ['Without `action` the body says what of the token is changed.'] : []),
  ];
  return [WHO_MAY_CHANGE, ...ways, 'Each request can be repeated.'].join(' ');
}

function actions(rights: Rights): readonly string[] {
  return (['revoke', 'approve'] as const).filter((action) => rights.has(action));
}

function parameters(rights: Rights): readonly Parameter[] {
  const [first, ...others] = actions(rights);
  if (first === undefined) return [];
  return [
    {
      name: 'action',
      in: 'query',
      required: !rights.has('update'),
      description: 'What is to be done. Comes once.',
      schema: { type: 'string', enum: [first, ...others] },
      example: first,
    },
    {
      name: 'cascade',
      in: 'query',
      description:
        'Whether the tokens that belong to it are changed as well. Default `false`. Goes with `action`.',
      schema: { type: 'string', enum: ['true', 'false'] },
      example: 'true',
    },
  ];
}

const UPDATE: Schema = {
  type: 'object',
  description: 'What is changed; there is one member at least.',
  minProperties: 1,
  properties: {
    attributes: {
      ...ATTRIBUTES,
      description: 'Each name once. Those that are not named stay as they are.',
    },
    scope: {
      type: 'string',
      description:
        'Scope values with commas or spaces between them, in place of the whole scope. Nothing: no scope.',
    },
  },
  additionalProperties: false,
};

function update(rights: Rights): NonNullable<Operation['requestBody']> {
  return {
    required: actions(rights).length === 0,
    content: {
      'application/json': {
        schema: schema('AccessTokenUpdate'),
        examples: named({
          updated: { attributes: [{ name: 'channel', value: 'phone' }], scope: 'orders:read' },
        }),
      },
    },
  };
}

function details(description: string, examples: Readonly<Record<string, unknown>>): Responses[string] {
  return json(description, { schema: schema('AccessTokenDetails'), examples }, NEVER_KEPT);
}

function changed(shape: ErrorShape, facts: RouterFacts, store: StoreFacts): Responses {
  const { management: rights } = store;
  const before = accessTokenExample(store);
  return {
    200: details('The token as it is now.', {
      ...(rights.has('revoke') && { revoked: { ...before, status: 'revoked' } }),
      ...(rights.has('approve') && { approved: before }),
      ...(rights.has('update') && {
        updated: {
          ...before,
          attributes: [{ name: 'channel', value: 'phone' }],
          lastModifiedBy: SUPPORT_DESK,
          scope: 'orders:read',
        },
      }),
    }),
    ...managementRefusals(shape, facts, ACCESS_TOKENS, {
      noRight: true,
      badRequests: badRequests(rights),
      ...(rights.has('approve') && { conflicts: { expired: ['conflict', 'The token has expired'] } }),
    }),
  };
}

function badRequests(rights: Rights): ErrorExamples {
  return {
    otherAction: ['invalid_request', 'The action is not supported'],
    repeatedAction: ['invalid_request', 'The action parameter must not be repeated'],
    ...(actions(rights).length > 0 && {
      badCascade: ['invalid_request', 'The cascade parameter must be true or false'],
      actionWithBody: ['invalid_request', 'An action takes no body'],
    }),
    ...(rights.has('update')
      ? {
          nothingToUpdate: ['invalid_request', 'The body must be a JSON object with attributes or scope'],
          noObject: ['invalid_request', 'The body must be a JSON object'],
          otherMember: ['invalid_request', 'These members cannot be updated: status'],
          badAttributes: ['invalid_request', 'attributes must be an array of { name, value } with strings'],
          repeatedAttribute: ['invalid_request', 'attributes must have each name once'],
          tooManyAttributes: ['invalid_request', 'attributes must have 64 KiB together at most'],
          badScope: [
            'invalid_request',
            'scope must be a string of scope values, with commas or spaces between them',
          ],
        }
      : { noAction: ['invalid_request', 'The action parameter is required'] }),
  };
}
