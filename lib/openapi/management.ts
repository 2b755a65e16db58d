import { REFRESH_TOKEN_NOT_FOUND } from '../apis/access-token-details.js';
import { ASKING_ABOUT_ITSELF, badCaller, noRight } from './bearer-caller.js';
import { CALLER_TOKEN, CLIENT_SECRET } from './credentials.js';
import { type ErrorExamples, type ErrorShape, errorResponse, tlsRequired } from './errors.js';
import { ORGANIZATION } from './example-values.js';
import { NEVER_KEPT } from './responses.js';
import type { RouterFacts, StoreFacts } from './router-facts.js';
import type { ApiDescription, Operation, Parameter, PathItem, Responses } from './types.js';

/*
 * What the calls of the management API have in common.
 */

/** A kind of token, as the API knows it. */
export interface Resource {
  /** In the path. */
  readonly name: 'accesstokens' | 'refreshtokens';
  readonly parameter: Parameter;
  /** What its 404 says. */
  readonly notFoundMessage: string;
}

/** How the API writes errors. Both kinds of tokens have the same, but for the code of the 404. */
export function managementErrors(notFoundCode: string): ErrorShape {
  return {
    name: 'ManagementError',
    schema: {
      type: 'object',
      required: ['code', 'message', 'contexts'],
      properties: {
        code: { type: 'string', description: 'What went wrong, for programs.' },
        message: { type: 'string', description: 'The same for people.' },
        contexts: { type: 'array', maxItems: 0 },
      },
      additionalProperties: false,
    },
    headers: NEVER_KEPT,
    write: ({ status, code, message }) => ({
      code: status === 404 ? notFoundCode : `keymanagement.service.${code}`,
      message,
      contexts: [],
    }),
    decided: ['code'],
  };
}

export const REFRESH_TOKEN_ERRORS: ErrorShape = managementErrors(REFRESH_TOKEN_NOT_FOUND.notFoundCode);

/** Of the calls that change access tokens. */
export const TOKEN_MANAGEMENT: ApiDescription['tag'] = {
  name: 'Token management',
  description: 'What may be done with access tokens of an organization.',
};

/** For a description: who may change tokens. */
export const WHO_MAY_CHANGE =
  'The caller is a confidential client that has the organization and the right to do this.';

const ORG_NAME: Parameter = {
  name: 'org_name',
  in: 'path',
  required: true,
  description: 'The organization that the token belongs to.',
  schema: { type: 'string' },
  example: ORGANIZATION,
};

/** What an operation of the API has that others have not. */
type OwnPart = Pick<Operation, 'operationId' | 'summary' | 'description' | 'requestBody' | 'responses'> & {
  readonly tag: string;
  readonly parameters?: readonly Parameter[];
};

type Operations = Readonly<Partial<Record<'get' | 'post' | 'delete', OwnPart>>>;

/** The operations at the two paths of a token, which differ in name alone. */
export function managementPaths(
  { name, parameter }: Resource,
  operations: Operations,
): Readonly<Record<string, PathItem>> {
  return organizationPaths(`${name}/{${parameter.name}}`, operations, parameter);
}

/** Those at the two paths of something that an organization has. */
export function organizationPaths(
  place: string,
  operations: Operations,
  ...inPath: readonly Parameter[]
): Readonly<Record<string, PathItem>> {
  const at = (base: string, suffix: string, again: string): readonly [string, PathItem] => [
    `${base}/{org_name}/oauth2/${place}`,
    Object.fromEntries(
      Object.entries(operations).map(([method, { tag, operationId, summary, parameters = [], ...own }]) => [
        method,
        {
          operationId: operationId + suffix,
          tags: [tag],
          summary: summary + again,
          security: [{ [CLIENT_SECRET]: [] }, { [CALLER_TOKEN]: [] }],
          ...own,
          parameters: [ORG_NAME, ...inPath, ...parameters],
        },
      ]),
    ),
  ];
  return Object.fromEntries([
    at('/v1/o', '', ''),
    at('/v1/organizations', 'ByLongPath', ', by the longer path'),
  ]);
}

const NO_RIGHT =
  'The caller has no right in the organization, which may not even exist, or its access token lacks the scope.';

/** What of the errors of an operation others have not. */
interface OwnErrors {
  readonly badRequests?: ErrorExamples;
  readonly noRight?: true;
}

/** The errors that follow from the request and from who calls. */
export function callerRefusals(shape: ErrorShape, facts: RouterFacts, own: OwnErrors): Responses {
  return {
    400: errorResponse(shape, 400, 'The request is malformed.', {
      malformedPath: ['invalid_request', 'The path is malformed'],
      ...own.badRequests,
      ...tlsRequired(facts),
    }),
    401: badCaller(shape, facts),
    403: noRight(shape, facts, NO_RIGHT, {
      stranger: ['unauthorized_client', 'The client may not read access tokens of this organization'],
      ...(own.noRight && {
        noRight: [
          'unauthorized_client',
          'The client may not do this to tokens of this organization',
        ] as const,
      }),
    }),
  };
}

export const CONFLICT: ErrorExamples = {
  conflict: ['conflict', 'The request could not be processed due to a conflict'],
};

/** The same, and those that follow from what is at the path of a token. */
export function managementRefusals(
  shape: ErrorShape,
  facts: RouterFacts,
  { name, notFoundMessage }: Resource,
  own: OwnErrors & { readonly conflicts?: ErrorExamples } = {},
): Responses {
  const badRequests = { ...(name === 'accesstokens' && ASKING_ABOUT_ITSELF), ...own.badRequests };
  return {
    ...callerRefusals(shape, facts, { ...own, badRequests }),
    404: errorResponse(
      shape,
      404,
      'There is no such token in the organization, or not for the caller to see.',
      { notFound: ['not_found', notFoundMessage] },
    ),
    409: errorResponse(
      shape,
      409,
      'The token cannot be changed this way, or another request is changing it.',
      {
        ...CONFLICT,
        ...own.conflicts,
      },
    ),
  };
}

/** The methods that are at the path of an access token, as `Allow` says them. */
export function accessTokenMethods({ management }: Pick<StoreFacts, 'management'>): string {
  const changes = management.has('revoke') || management.has('approve') || management.has('update');
  return ['GET, HEAD', ...(changes ? ['POST'] : []), ...(management.has('delete') ? ['DELETE'] : [])].join(
    ', ',
  );
}
