import { accessTokenDetails } from './access-token-details.js';
import { securitySchemes } from './credentials.js';
import { oauthIntrospection } from './oauth-introspection.js';
import type { OpenApiSettings } from './openapi-options.js';
import { metadata, openApi } from './public-documents.js';
import { publishedKeys } from './published-keys.js';
import { refreshTokenDetails } from './refresh-token-details.js';
import { refreshTokenIntrospection } from './refresh-token-introspection.js';
import { revocationByOwner } from './revocation-by-owner.js';
import type { DescribeApi, RouterFacts } from './router-facts.js';
import { tokenManagement } from './token-management.js';
import { tokenRevocation } from './token-revocation.js';
import type { ApiDescription, Components, OpenApiDocument, PathItem } from './types.js';
import { usedComponents } from './used-components.js';

/** Of every API that a router may have, in the order in which they are shown: a file each. */
const APIS: readonly DescribeApi[] = [
  oauthIntrospection,
  publishedKeys,
  tokenRevocation,
  refreshTokenIntrospection,
  accessTokenDetails,
  tokenManagement,
  revocationByOwner,
  refreshTokenDetails,
  metadata,
  openApi,
];

/** The OpenAPI document of what a router has mounted. */
export function openApiDocument(settings: OpenApiSettings, facts: RouterFacts): OpenApiDocument {
  const { info, servers } = settings;
  const described = APIS.flatMap((describe) => describe(facts, settings) ?? []);
  const paths = mergedPaths(described);
  const components = described.reduce(merged, {
    schemas: {},
    responses: {},
    headers: {},
    securitySchemes: securitySchemes(facts),
  });
  const reachedAt = servers ?? (facts.baseUrl === undefined ? undefined : [{ url: facts.baseUrl }]);
  return {
    openapi: '3.1.0',
    info: { title: 'Token introspection', version: '1.0.0', description: describeAll(facts), ...info },
    ...(reachedAt && { servers: reachedAt }),
    tags: [...new Map(described.map(({ tag }) => [tag.name, tag])).values()],
    paths,
    components: usedComponents(components, paths),
  };
}

function describeAll({ requireTls }: RouterFacts): string {
  return [
    'Tells the state of OAuth tokens.',
    'A token that the caller may not see gets the same response as one that does not exist.',
    'An outage returns 503 with `Retry-After`, and never an inactive token.',
    '`HEAD` gets the response to `GET`, without its body.',
    ...(requireTls ? ['Requests about tokens or keys must come by TLS.'] : []),
  ].join(' ');
}

/** Two files may describe two methods of one path. */
function mergedPaths(described: readonly ApiDescription[]): Readonly<Record<string, PathItem>> {
  const paths: Record<string, PathItem> = {};
  for (const [path, item] of described.flatMap((one) => Object.entries(one.paths))) {
    paths[path] = { ...paths[path], ...item };
  }
  return paths;
}

function merged(all: Required<Components>, { components }: ApiDescription): Required<Components> {
  return {
    ...all,
    schemas: { ...all.schemas, ...components.schemas },
    responses: { ...all.responses, ...components.responses },
    headers: { ...all.headers, ...components.headers },
  };
}
