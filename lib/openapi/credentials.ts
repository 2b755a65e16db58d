import { ASSERTION_TYPE } from '../clients/client-assertion.js';
import type { RouterFacts } from './router-facts.js';
import type { Schema, SecurityRequirement, SecurityScheme } from './types.js';

type Methods = Pick<RouterFacts, 'methods'>;

/** The names of the security schemes. */
export const CLIENT_SECRET = 'clientSecret';
export const CALLER_TOKEN = 'callerToken';
const CLIENT_CERTIFICATE = 'clientCertificate';

export function securitySchemes({
  issuer,
  introspectionScope,
}: Pick<RouterFacts, 'issuer' | 'introspectionScope'>): Readonly<Record<string, SecurityScheme>> {
  return {
    [CLIENT_SECRET]: {
      type: 'http',
      scheme: 'basic',
      description:
        'Client id and client secret (`client_secret_basic`), each form-encoded before they are joined (RFC 6749 §2.3.1).',
    },
    [CALLER_TOKEN]: {
      type: 'http',
      scheme: 'bearer',
      description: `An access token of the caller's own, with the scope \`${introspectionScope}\` and with \`${issuer}\` in its \`aud\`.`,
    },
    [CLIENT_CERTIFICATE]: {
      type: 'mutualTLS',
      description:
        'A certificate that is registered for the client (RFC 8705 §2), with the `client_id` in the form: `tls_client_auth` or `self_signed_tls_client_auth`.',
    },
  };
}

/** The ways in which a client may prove who it is at an OAuth endpoint, after those of `others`. The last is by the form alone. */
export function clientSecurity(facts: Methods, ...others: readonly string[]): readonly SecurityRequirement[] {
  const schemes = [CLIENT_SECRET, ...others, ...(takesCertificates(facts) ? [CLIENT_CERTIFICATE] : [])];
  return [...schemes.map((name) => ({ [name]: [] })), {}];
}

/** The fields of a form by which a client proves who it is. */
export function credentialFields(
  facts: Methods & Pick<RouterFacts, 'algorithms'>,
  clientId: string,
): Readonly<Record<string, Schema>> {
  return {
    client_id: { type: 'string', description: clientId },
    client_secret: {
      type: 'string',
      description: 'The client secret, where the client is registered for `client_secret_post`.',
    },
    ...(takesAssertions(facts) && {
      client_assertion_type: {
        type: 'string',
        const: ASSERTION_TYPE,
        description: 'Comes with a `client_assertion`.',
      },
      client_assertion: {
        type: 'string',
        description: `A JWT that the client has signed (\`private_key_jwt\` or \`client_secret_jwt\`, RFC 7523 §2.2), by one of ${facts.algorithms.join(', ')}. Good for one request.`,
      },
    }),
  };
}

/** For a description: how a client may prove who it is, beside the security schemes. */
export function formCredentials(facts: Methods): string {
  const ways = [
    '`client_id` and `client_secret`',
    ...(takesAssertions(facts) ? ['a `client_assertion`'] : []),
  ];
  return `Credentials come in one way only: by a security scheme, or in the form, as ${ways.join(' or ')}.`;
}

function takesAssertions({ methods }: Methods): boolean {
  return methods.includes('private_key_jwt');
}

function takesCertificates({ methods }: Methods): boolean {
  return methods.includes('tls_client_auth');
}
