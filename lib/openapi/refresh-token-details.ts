import { sharedErrors } from './errors.js';
import { ISSUED_AT, REFRESH_EXPIRES_AT, REFRESH_TOKEN, SHOP } from './example-values.js';
import { managementPaths, managementRefusals, REFRESH_TOKEN_ERRORS } from './management.js';
import { HEADERS, json, NEVER_KEPT, schema } from './responses.js';
import type { DescribeApi } from './router-facts.js';
import { REFRESH_TOKENS, refreshTokenSchema } from './token-details.js';

const TAG = 'Refresh-token details';

/** What is known of a refresh token, for who holds its organization and may see them. */
export const refreshTokenDetails: DescribeApi = (facts) => {
  const { store } = facts;
  if (!store?.management.has('refreshTokens')) return undefined;
  const shape = REFRESH_TOKEN_ERRORS;
  const shared = sharedErrors(shape, facts, { allowed: 'GET, HEAD' });
  const example = { details: refreshTokenExample() };
  return {
    tag: { name: TAG, description: 'What is known of a refresh token of an organization.' },
    paths: managementPaths(REFRESH_TOKENS, {
      get: {
        tag: TAG,
        operationId: 'getRefreshToken',
        summary: 'Tell what is known of a refresh token',
        description:
          'The caller is a confidential client that has the organization and may see refresh tokens. The token is part of the path: keep paths out of logs.',
        responses: {
          200: json(
            'What is known of the token.',
            { schema: schema('RefreshTokenDetails'), examples: example },
            NEVER_KEPT,
          ),
          ...managementRefusals(shape, facts, REFRESH_TOKENS, { noRight: true }),
          ...shared.responses,
        },
      },
    }),
    components: {
      schemas: { [shape.name]: shape.schema, RefreshTokenDetails: refreshTokenSchema(store) },
      headers: HEADERS,
      responses: shared.components,
    },
  };
};

function refreshTokenExample(): object {
  const at = ISSUED_AT * 1000;
  return {
    app: '',
    attributes: [],
    clientId: SHOP,
    createdAt: at,
    createdBy: SHOP,
    expiresAt: REFRESH_EXPIRES_AT * 1000,
    grantType: '',
    issuedAt: at,
    lastModifiedAt: at,
    lastModifiedBy: SHOP,
    refreshCount: 0,
    refreshToken: REFRESH_TOKEN,
    scope: '',
    status: 'approved',
  };
}
