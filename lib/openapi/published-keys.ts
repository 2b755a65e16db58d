import { JWKS_PATH } from '../apis/jwks.js';
import { fault, notByTls, outage, wrongMethod } from './errors.js';
import { PUBLISHED_KEY } from './example-values.js';
import { oauthComponents, oauthErrors } from './oauth.js';
import { always, NEVER_KEPT, named } from './responses.js';
import type { DescribeApi } from './router-facts.js';
import type { Response, Schema } from './types.js';

const TAG = 'Public keys';

const HALVES: Readonly<Record<string, Schema>> = {
  kty: { type: 'string', enum: ['RSA', 'EC', 'OKP'] },
  crv: { type: 'string' },
  x: { type: 'string' },
  y: { type: 'string' },
  n: { type: 'string' },
  e: { type: 'string' },
};

const JWK: Schema = {
  type: 'object',
  description:
    'A public key (RFC 7517 §4) that verifies signed responses: with `n` and `e`, or `crv` and `x`, and with `y` on the curves that have one.',
  required: ['kty', 'kid', 'alg', 'use'],
  properties: {
    ...HALVES,
    kid: { type: 'string' },
    alg: { type: 'string' },
    use: { type: 'string', const: 'sig' },
  },
  additionalProperties: false,
};

const OTHER_JWK: Schema = {
  type: 'object',
  description: 'A public key of another signer of this issuer.',
  required: ['kty', 'kid'],
  properties: {
    ...HALVES,
    kid: { type: 'string' },
    alg: { type: 'string' },
    use: { type: 'string' },
    x5u: { type: 'string' },
    x5c: { type: 'array', items: { type: 'string' } },
    x5t: { type: 'string' },
    'x5t#S256': { type: 'string' },
  },
  additionalProperties: false,
};

/** RFC 7517 §5. */
export const publishedKeys: DescribeApi = (facts) => {
  if (facts.keys === 'none') return undefined;
  const shape = { ...oauthErrors(facts), headers: NEVER_KEPT };
  const { schemas, headers } = oauthComponents(shape);
  return {
    tag: {
      name: TAG,
      description: 'The keys that verify signed responses and anything else that the issuer signs.',
    },
    paths: {
      [JWKS_PATH]: {
        get: {
          operationId: 'getPublishedKeys',
          tags: [TAG],
          summary: 'Tell the public keys',
          description: 'May be cached for five minutes. If a `kid` is unknown, request the keys again.',
          security: [],
          responses: {
            200: answer(),
            ...notByTls(shape, facts),
            405: wrongMethod(shape, 'The keys can only be read', 'GET, HEAD'),
            ...(facts.keys === 'changing' && { 500: fault(shape), 503: outage(shape) }),
          },
        },
      },
    },
    components: {
      schemas: { ...schemas, KeySet: KEY_SET, PublicKey: JWK, OtherPublicKey: OTHER_JWK },
      headers,
    },
  };
};

const KEY_SET: Schema = {
  type: 'object',
  required: ['keys'],
  properties: {
    keys: {
      type: 'array',
      minItems: 1,
      items: {
        anyOf: [{ $ref: '#/components/schemas/PublicKey' }, { $ref: '#/components/schemas/OtherPublicKey' }],
      },
    },
  },
  additionalProperties: false,
};

function answer(): Response {
  return {
    description: 'The keys (RFC 7517 §5).',
    headers: {
      'Cache-Control': always('For how many seconds the keys may be cached.', 'public, max-age=300'),
      'X-Content-Type-Options': { $ref: '#/components/headers/NoSniff' },
    },
    content: {
      'application/jwk-set+json': {
        schema: { $ref: '#/components/schemas/KeySet' },
        examples: named({ keys: { keys: [PUBLISHED_KEY] } }),
      },
    },
  };
}
