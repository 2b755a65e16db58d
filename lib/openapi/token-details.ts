import { NOT_FOUND_MESSAGE, REFRESH_TOKEN_NOT_FOUND } from '../apis/access-token-details.js';
import {
  ACCESS_EXPIRES_AT,
  ACCESS_TOKEN,
  APP_ID,
  ISSUED_AT,
  REFRESH_TOKEN,
  SCOPES,
  SHOP,
} from './example-values.js';
import type { Resource } from './management.js';
import type { StoreFacts } from './router-facts.js';
import type { Schema } from './types.js';

type Form = Pick<StoreFacts, 'scopeSeparator'>;

export const ACCESS_TOKENS: Resource = {
  name: 'accesstokens',
  parameter: {
    name: 'access_token',
    in: 'path',
    required: true,
    description: 'The access token.',
    schema: { type: 'string' },
    example: ACCESS_TOKEN,
  },
  notFoundMessage: NOT_FOUND_MESSAGE,
};

export const REFRESH_TOKENS: Resource = {
  name: 'refreshtokens',
  parameter: {
    name: 'refresh_token',
    in: 'path',
    required: true,
    description: 'The refresh token.',
    schema: { type: 'string' },
    example: REFRESH_TOKEN,
  },
  notFoundMessage: REFRESH_TOKEN_NOT_FOUND.notFoundMessage,
};

function milliseconds(description: string): Schema {
  return { type: 'number', description: `Milliseconds since 1970: ${description}` };
}

function text(description: string): Schema {
  return { type: 'string', description };
}

/** `[{ name, value }]`, each name once, 64 KiB as JSON together. */
export const ATTRIBUTES: Schema = {
  type: 'array',
  items: {
    type: 'object',
    required: ['name', 'value'],
    properties: { name: { type: 'string' }, value: { type: 'string' } },
    additionalProperties: false,
  },
};

/** The members that are the same of both kinds of tokens. */
function common({ scopeSeparator }: Form): Readonly<Record<string, Schema>> {
  return {
    apiProducts: {
      type: 'array',
      items: { type: 'string' },
      description: 'The products that it is good for.',
    },
    app: text('The name of the app, or nothing.'),
    appId: text('The identifier of the app.'),
    attributes: ATTRIBUTES,
    clientId: text('The client that it was issued to.'),
    createdAt: milliseconds('when it was made.'),
    createdBy: text('Who made it: the client, if no one else is known.'),
    expiresAt: milliseconds('when it expires. -1: it never expires.'),
    grantType: text('How it was granted, or nothing.'),
    issuedAt: milliseconds('when it was issued.'),
    lastModifiedAt: milliseconds('when it was changed last.'),
    lastModifiedBy: text('Who changed it last.'),
    refreshCount: { type: 'integer', minimum: 0, description: 'How often it was refreshed.' },
    scope: text(`Scope values with ${JSON.stringify(scopeSeparator)} between them, or nothing.`),
    status: {
      type: 'string',
      enum: ['approved', 'revoked', 'expired'],
      description:
        '`revoked` also if the client is disabled or removed; `approved` also before the token becomes active.',
    },
  };
}

function object(properties: Readonly<Record<string, Schema>>, ...optional: readonly string[]): Schema {
  return {
    type: 'object',
    required: Object.keys(properties).filter((name) => !optional.includes(name)),
    properties,
    additionalProperties: false,
  };
}

export function accessTokenSchema(form: Form): Schema {
  const properties = {
    ...common(form),
    refreshToken: text('The refresh token that was issued with it. Absent if there is none to show.'),
    token: text('The access token.'),
    tokenType: { type: 'string', const: 'BearerToken' } as const,
  };
  return object(properties, 'apiProducts', 'appId', 'refreshToken');
}

export function refreshTokenSchema(form: Form): Schema {
  return object({ ...common(form), refreshToken: text('The refresh token.') }, 'apiProducts', 'appId');
}

/** The details of the access token of the examples. */
export function accessTokenExample({ scopeSeparator }: Form): Readonly<Record<string, unknown>> {
  const at = ISSUED_AT * 1000;
  return {
    apiProducts: ['orders'],
    app: 'Example Shop',
    appId: APP_ID,
    attributes: [{ name: 'channel', value: 'web' }],
    clientId: SHOP,
    createdAt: at,
    createdBy: SHOP,
    expiresAt: ACCESS_EXPIRES_AT * 1000,
    grantType: 'authorization_code',
    issuedAt: at,
    lastModifiedAt: at,
    lastModifiedBy: SHOP,
    refreshCount: 0,
    refreshToken: REFRESH_TOKEN,
    scope: SCOPES.join(scopeSeparator),
    status: 'approved',
    token: ACCESS_TOKEN,
    tokenType: 'BearerToken',
  };
}
