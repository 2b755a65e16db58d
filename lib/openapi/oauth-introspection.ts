import { INTROSPECTION_PATH } from '../apis/oauth-introspection.js';
import { SIGNED } from '../introspection/signed-type.js';
import { ASKING_ABOUT_ITSELF, badCaller, noRight } from './bearer-caller.js';
import { CALLER_TOKEN, clientSecurity, credentialFields, formCredentials } from './credentials.js';
import {
  type ErrorShape,
  errorResponse,
  NO_TOKEN,
  oauthThrottling,
  sharedErrors,
  TWO_CREDENTIALS,
  tlsRequired,
} from './errors.js';
import { ACCESS_TOKEN, ORDERS_API, ORDERS_API_SECRET, UNKNOWN_TOKEN } from './example-values.js';
import { oauthComponents, oauthErrors, TOKEN_FIELDS, varies } from './oauth.js';
import { json, NEVER_KEPT, schema, tokenForm } from './responses.js';
import type { DescribeApi, RouterFacts } from './router-facts.js';
import { activeExample, tokenStateSchemas } from './token-state.js';
import type { Operation, Response } from './types.js';

const TAG = 'OAuth introspection';

/** RFC 7662, and RFC 9701 where answers are signed. */
export const oauthIntrospection: DescribeApi = (facts) => {
  const shape = oauthErrors(facts);
  const shared = sharedErrors(shape, oauthThrottling(facts), { allowed: 'POST', body: 'form' });
  const { schemas, headers } = oauthComponents(shape);
  return {
    tag: { name: TAG, description: 'The state of access and refresh tokens (RFC 7662).' },
    paths: {
      [INTROSPECTION_PATH]: {
        post: {
          operationId: 'introspectToken',
          tags: [TAG],
          summary: 'Tell the state of a token',
          description: describe(facts),
          security: clientSecurity(facts, CALLER_TOKEN),
          requestBody: requestBody(facts),
          responses: {
            200: answer(facts),
            400: badRequest(shape, facts),
            401: badCaller(shape, facts),
            403: forbidden(shape, facts),
            ...shared.responses,
          },
        },
      },
    },
    components: {
      schemas: { ...schemas, ...tokenStateSchemas(facts.issuer) },
      headers,
      responses: shared.components,
    },
  };
};

function describe(facts: RouterFacts): string {
  const lines = [
    'An unknown token, an inactive one and one that the caller may not see get the same response.',
    formCredentials(facts),
    'The caller is a confidential client, or presents an access token of its own, which must not be the token that it introspects.',
  ];
  if (facts.keys !== 'none') {
    lines.push(
      `The response is signed if \`Accept\` prefers \`${SIGNED}\` to JSON, and if the caller is registered for encrypted responses.`,
    );
  }
  return lines.join(' ');
}

function requestBody(facts: RouterFacts): NonNullable<Operation['requestBody']> {
  const clientId =
    'The client id: with a `client_secret`, with a certificate, or once more beside other credentials.';
  return tokenForm(
    { ...TOKEN_FIELDS, ...credentialFields(facts, clientId) },
    {
      active: { token: ACCESS_TOKEN, token_type_hint: 'access_token' },
      inactive: { token: UNKNOWN_TOKEN },
      secretInForm: { token: ACCESS_TOKEN, client_id: ORDERS_API, client_secret: ORDERS_API_SECRET },
    },
  );
}

function answer(facts: RouterFacts): Response {
  const vary = varies(facts);
  const response = json(
    'The state of the token.',
    {
      schema: schema('TokenState'),
      examples: { active: activeExample(facts.issuer), inactive: { active: false } },
    },
    NEVER_KEPT,
    vary,
  );
  if (facts.keys === 'none') return response;
  return { ...response, content: { ...response.content, [SIGNED]: { schema: schema('SignedTokenState') } } };
}

function badRequest(shape: ErrorShape, facts: RouterFacts): Response {
  return errorResponse(shape, 400, 'The request is malformed.', {
    ...NO_TOKEN,
    ...TWO_CREDENTIALS,
    ...ASKING_ABOUT_ITSELF,
    ...tlsRequired(facts),
  });
}

function forbidden(shape: ErrorShape, facts: RouterFacts): Response {
  return noRight(
    shape,
    facts,
    'The caller may not introspect tokens: its access token lacks the scope, or it is a public client.',
    { publicClient: ['unauthorized_client', 'A public client may not introspect tokens here'] },
  );
}
