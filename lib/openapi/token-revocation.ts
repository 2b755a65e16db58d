import { REVOCATION_PATH } from '../apis/revocation.js';
import { clientSecurity, credentialFields, formCredentials } from './credentials.js';
import {
  badClient,
  errorResponse,
  NO_TOKEN,
  oauthThrottling,
  sharedErrors,
  TWO_CREDENTIALS,
  tlsRequired,
} from './errors.js';
import { MOBILE_REFRESH_TOKEN, REFRESH_TOKEN, SHOP_MOBILE } from './example-values.js';
import { oauthComponents, oauthErrors, TOKEN_FIELDS } from './oauth.js';
import { json, NEVER_KEPT, tokenForm } from './responses.js';
import type { DescribeApi } from './router-facts.js';

const TAG = 'Token revocation';

/** RFC 7009. */
export const tokenRevocation: DescribeApi = (facts) => {
  if (!facts.store?.revokes) return undefined;
  const shape = oauthErrors(facts);
  const shared = sharedErrors(shape, oauthThrottling(facts), { allowed: 'POST', body: 'form' });
  const clientId =
    'The client id: alone, of a public client; with a `client_secret`, with a certificate, or once more beside other credentials.';
  return {
    tag: { name: TAG, description: 'Revoking tokens before they expire (RFC 7009).' },
    paths: {
      [REVOCATION_PATH]: {
        post: {
          operationId: 'revokeToken',
          tags: [TAG],
          summary: 'Revoke a token',
          description: [
            'A client revokes a token that was issued to it. Revoking a refresh token also revokes every token of its grant.',
            'The response is the same for a token that is unknown, that is expired or revoked already, or that was issued to another client and is not for the caller to see.',
            formCredentials(facts),
            'A public client sends its `client_id` alone.',
          ].join(' '),
          security: clientSecurity(facts),
          requestBody: tokenForm(
            { ...TOKEN_FIELDS, ...credentialFields(facts, clientId) },
            {
              ended: { token: REFRESH_TOKEN, token_type_hint: 'refresh_token' },
              publicClient: { token: MOBILE_REFRESH_TOKEN, client_id: SHOP_MOBILE },
            },
          ),
          responses: {
            200: json(
              'The token is revoked, or there was nothing to revoke.',
              { schema: { type: 'object', additionalProperties: false }, examples: { ended: {} } },
              NEVER_KEPT,
            ),
            400: errorResponse(
              shape,
              400,
              'The request is malformed, or the token is that of another client, which the caller may see.',
              {
                ...NO_TOKEN,
                ...TWO_CREDENTIALS,
                notYours: ['unauthorized_client', 'The token was issued to another client'],
                ...tlsRequired(facts),
              },
            ),
            401: badClient(shape, facts),
            ...shared.responses,
          },
        },
      },
    },
    components: { ...oauthComponents(shape), responses: shared.components },
  };
};
