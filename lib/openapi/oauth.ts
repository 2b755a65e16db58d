import type { ErrorShape } from './errors.js';
import { HEADERS, header, NEVER_KEPT } from './responses.js';
import type { RouterFacts } from './router-facts.js';
import type { Components, Headers, Schema } from './types.js';

/** What the OAuth endpoints have in common. */

/** Characters of RFC 6749 §5.2: printable ASCII without quote and backslash. */
const DESCRIPTION = '^[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]+$';

/** `{"error", "error_description"}` (RFC 6749 §5.2). */
export function oauthErrors(facts: Pick<RouterFacts, 'keys'>): ErrorShape {
  return {
    name: 'OAuthError',
    schema: {
      type: 'object',
      description: 'An error as OAuth writes it (RFC 6749 §5.2).',
      required: ['error', 'error_description'],
      properties: {
        error: { type: 'string', description: 'What went wrong, for programs.' },
        error_description: { type: 'string', pattern: DESCRIPTION, description: 'The same for people.' },
        error_uri: { type: 'string', description: 'Where to read more.' },
      },
      additionalProperties: false,
    },
    headers: { ...NEVER_KEPT, ...varies(facts) },
    write: ({ code, message }) => ({ error: code, error_description: message }),
    decided: ['error'],
  };
}

/** What caches need to know where the answer may be signed. */
export function varies({ keys }: Pick<RouterFacts, 'keys'>): Headers {
  return keys === 'none' ? {} : { Vary: header('Vary') };
}

export function oauthComponents(shape: ErrorShape): Pick<Required<Components>, 'schemas' | 'headers'> {
  return {
    schemas: { [shape.name]: shape.schema },
    headers: {
      ...HEADERS,
      Vary: {
        description: 'Names `Accept` in introspection responses, which may be JSON or signed.',
        schema: { type: 'string' },
        example: 'Accept',
      },
    },
  };
}

/** A token, and a word on where it may be found. */
export const TOKEN_FIELDS: Readonly<Record<string, Schema>> = {
  token: { type: 'string', minLength: 1, description: 'The token. Comes once.' },
  token_type_hint: {
    type: 'string',
    description: '`access_token` or `refresh_token`. Never a filter; any other value is ignored.',
  },
};
