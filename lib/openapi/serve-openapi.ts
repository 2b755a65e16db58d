import type { Router } from 'express';
import { type Reporter, watchDocument } from '../http/audit.js';
import { publicDocument } from '../http/public-document.js';
import { onRejection } from '../thenable.js';
import type { OpenApiSettings } from './openapi-options.js';
import type { RouterFacts } from './router-facts.js';

/** Lets `router` serve the OpenAPI document of what it has mounted, made once. */
export function serveOpenApi(
  router: Router,
  settings: OpenApiSettings,
  facts: RouterFacts,
  reporter: Reporter,
): void {
  // Loaded here, so that whoever wants no document pays nothing for it.
  const made = import('./openapi-document.js').then(({ openApiDocument }) =>
    openApiDocument(settings, facts),
  );
  // Told to who asks for it, with a 500; it must not end the process.
  onRejection(made, () => {});
  router.use(
    publicDocument(settings.path, () => made, {
      of: 'url',
      watch: (req) => watchDocument(reporter, 'openapi', req),
    }),
  );
}
