import { basicChallenge, challenge } from '../http/challenge.js';
import { BAD_CLIENT, type ErrorExamples, type ErrorShape, errorResponse } from './errors.js';
import { named } from './responses.js';
import type { RouterFacts } from './router-facts.js';
import type { Response } from './types.js';

/*
 * What the APIs have in common that take client credentials and, in their place, an access token of the caller's own.
 */

export const ASKING_ABOUT_ITSELF: ErrorExamples = {
  askingAboutItself: ['invalid_request', 'An access token may not ask about itself'],
};

const BAD_TOKEN = 'The access token is expired, revoked or unknown';

/** The 401. */
export function badCaller(shape: ErrorShape, { realm }: Pick<RouterFacts, 'realm'>): Response {
  return errorResponse(
    shape,
    401,
    'Client authentication failed, or the access token of the caller is not valid.',
    { ...BAD_CLIENT, badToken: ['invalid_token', BAD_TOKEN] },
    {
      'WWW-Authenticate': {
        description: 'A challenge of the scheme that was used, or of `Basic` if there was none.',
        required: true,
        schema: { type: 'string', pattern: '^(?:Basic|Bearer) realm="' },
        examples: named({
          badClient: basicChallenge(realm),
          badToken: challenge('Bearer', { realm, error: 'invalid_token', error_description: BAD_TOKEN }),
        }),
      },
    },
  );
}

const NO_SCOPE = 'The access token lacks a required scope';

/** The 403, by which also `others` are refused. */
export function noRight(
  shape: ErrorShape,
  { realm, introspectionScope: scope }: Pick<RouterFacts, 'realm' | 'introspectionScope'>,
  description: string,
  others: ErrorExamples,
): Response {
  return errorResponse(
    shape,
    403,
    description,
    { noScope: ['insufficient_scope', NO_SCOPE], ...others },
    {
      'WWW-Authenticate': {
        description: 'With `insufficient_scope`: the scope that is needed.',
        schema: { type: 'string', pattern: '^Bearer realm="' },
        examples: named({
          noScope: challenge('Bearer', {
            realm,
            error: 'insufficient_scope',
            error_description: NO_SCOPE,
            scope,
          }),
        }),
      },
    },
  );
}
