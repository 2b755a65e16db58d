import { SIGNED_TYP } from '../introspection/signed-type.js';
import {
  ACCESS_EXPIRES_AT,
  ISSUED_AT,
  ORDERS_API,
  ORDERS_RESOURCE,
  PUBLISHED_KEY,
  SCOPES,
  SHOP,
  SUBJECT,
} from './example-values.js';
import { schema } from './responses.js';
import type { Schema } from './types.js';

const SECONDS: Schema = { type: 'integer', description: 'Seconds since 1970.' };

function text(description: string): Schema {
  return { type: 'string', description };
}

/** The answer about a token that is dead, unknown or not for the caller to see: nothing but this. */
export const INACTIVE: Schema = {
  type: 'object',
  description: 'The token is inactive, or unknown, or not for the caller to see. There are no other members.',
  required: ['active'],
  properties: { active: { type: 'boolean', const: false } },
  additionalProperties: false,
};

/** RFC 7662 §2.2 and its extensions. */
const ACTIVE: Schema = {
  type: 'object',
  description:
    'The token is active. Members are there if the token has them and the caller may see them. There may be extension members, too.',
  required: ['active'],
  properties: {
    active: { type: 'boolean', const: true },
    sub: text('The user.'),
    client_id: text('The client that the token was issued to.'),
    token_type: {
      type: 'string',
      enum: ['Bearer', 'DPoP'],
      description: 'How the token is presented. A refresh token has none.',
    },
    token_use: text('`refresh_token` for a refresh token: what has it is no access token.'),
    brand: text("The tenant's brand."),
    scope: text('Scope values with single spaces between them.'),
    exp: {
      ...SECONDS,
      description: 'Seconds since 1970 at which the token expires. Absent: it never expires.',
    },
    iat: { ...SECONDS, description: 'Seconds since 1970: when it was issued.' },
    nbf: { ...SECONDS, description: 'Seconds since 1970 from which on it is active.' },
    iss: text('Who issued it.'),
    aud: {
      description:
        'The resources that it is meant for: a string if there is one, an array if there are several.',
      oneOf: [{ type: 'string' }, { type: 'array', minItems: 2, items: { type: 'string' } }],
    },
    jti: text('Its own identifier.'),
    username: text('A name of the user, for people.'),
    cnf: {
      type: 'object',
      description: 'The key that the token is bound to: without a proof of that key it is worth nothing.',
      properties: {
        jkt: text('The thumbprint of a DPoP key (RFC 9449 §6).'),
        'x5t#S256': text('The thumbprint of a client certificate (RFC 8705 §3.1).'),
      },
    },
    act: { type: 'object', description: 'Who acts for the user (RFC 8693 §4.1).' },
    acr: text('How the user was authenticated (RFC 9470).'),
    auth_time: { ...SECONDS, description: 'Seconds since 1970: when the user was authenticated (RFC 9470).' },
    authorization_details: {
      type: 'array',
      items: { type: 'object' },
      description: 'What the token is good for, in detail (RFC 9396 §9).',
    },
  },
  additionalProperties: true,
};

/** What a signed answer is made of: the header, and the claims (RFC 9701 §5). */
function signed(issuer: string): Schema {
  const header: Schema = {
    type: 'object',
    required: ['alg', 'kid', 'typ'],
    properties: {
      alg: text('How it is signed: as the caller is registered, or RS256.'),
      kid: text('Which of the published keys has signed it.'),
      typ: { type: 'string', const: SIGNED_TYP },
    },
    additionalProperties: false,
  };
  const claims: Schema = {
    type: 'object',
    required: ['iss', 'aud', 'iat', 'token_introspection'],
    properties: {
      iss: { type: 'string', const: issuer },
      aud: text('The client id of the caller.'),
      iat: { ...SECONDS, description: 'Seconds since 1970: when it was said.' },
      token_introspection: schema('TokenState'),
    },
    additionalProperties: false,
  };
  return {
    type: 'array',
    prefixItems: [header, claims],
    items: false,
    minItems: 2,
    examples: [
      [
        { alg: PUBLISHED_KEY.alg, kid: PUBLISHED_KEY.kid, typ: SIGNED_TYP },
        { iss: issuer, aud: ORDERS_API, iat: ISSUED_AT, token_introspection: activeExample(issuer) },
      ],
    ],
  };
}

export function tokenStateSchemas(issuer: string): Readonly<Record<string, Schema>> {
  return {
    TokenState: { oneOf: [schema('ActiveToken'), schema('InactiveToken')] },
    ActiveToken: ACTIVE,
    InactiveToken: INACTIVE,
    SignedTokenState: {
      type: 'string',
      description:
        'A JWT with the same response in it (RFC 9701), in the compact serialization. For a caller that is registered for encrypted responses it is encrypted after it is signed.',
      // Three parts, or five where it is encrypted; the key of ECDH-ES is an empty one.
      pattern: '^[\\w-]+\\.[\\w-]*\\.[\\w-]+(?:\\.[\\w-]+\\.[\\w-]+)?$',
      contentMediaType: 'application/jwt',
      contentSchema: signed(issuer),
    },
  };
}

export function activeExample(issuer: string): Readonly<Record<string, unknown>> {
  return {
    active: true,
    sub: SUBJECT,
    client_id: SHOP,
    token_type: 'Bearer',
    scope: SCOPES.join(' '),
    exp: ACCESS_EXPIRES_AT,
    iat: ISSUED_AT,
    iss: issuer,
    aud: ORDERS_RESOURCE,
  };
}
