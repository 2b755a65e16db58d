import { sharedErrors } from './errors.js';
import { accessTokenMethods, managementErrors, managementPaths, managementRefusals } from './management.js';
import { HEADERS, json, NEVER_KEPT, schema } from './responses.js';
import type { DescribeApi } from './router-facts.js';
import { ACCESS_TOKENS, accessTokenExample, accessTokenSchema } from './token-details.js';

const TAG = 'Access-token details';

/** What is known of an access token, for who holds its organization. */
export const accessTokenDetails: DescribeApi = (facts) => {
  const { store } = facts;
  if (!store) return undefined;
  const shape = managementErrors(store.notFoundCode);
  const shared = sharedErrors(shape, facts, { allowed: accessTokenMethods(store) });
  return {
    tag: { name: TAG, description: 'What is known of an access token of an organization.' },
    paths: managementPaths(ACCESS_TOKENS, {
      get: {
        tag: TAG,
        operationId: 'getAccessToken',
        summary: 'Tell what is known of an access token',
        description:
          'The caller is a confidential client that has the organization. A token that is revoked or expired is shown while its record is kept. The token is part of the path: keep paths out of logs.',
        responses: {
          200: json(
            'What is known of the token.',
            { schema: schema('AccessTokenDetails'), examples: { details: accessTokenExample(store) } },
            NEVER_KEPT,
          ),
          ...managementRefusals(shape, facts, ACCESS_TOKENS),
          ...shared.responses,
        },
      },
    }),
    components: {
      schemas: { [shape.name]: shape.schema, AccessTokenDetails: accessTokenSchema(store) },
      headers: HEADERS,
      responses: shared.components,
    },
  };
};
