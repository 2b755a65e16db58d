import express, { type Express } from 'express';
import {
  type AuditEvent,
  activeToken,
  type ClientStore,
  introspectionRouter,
  type ManagedTokenStore,
  requireActiveToken,
} from 'express-token-introspection';
import { demoRoutes } from './demo-routes.js';
import { ISSUER, ORDERS_API } from './seed.js';

export interface Stores {
  readonly tokens: ManagedTokenStore;
  readonly clients: ClientStore;
}

/** An issuer and an API in one app. They could as well be two. */
export function createApp({ tokens, clients }: Stores): Express {
  const app = express();
  app.disable('x-powered-by');

  // The issuer: the three introspection APIs, at their published paths.
  app.use(introspectionRouter({ tokens, clients, issuer: ISSUER, audit: printAudit }));

  // The API: a route for everybody with a live token for it, and one that needs a scope as well.
  const guard = { tokens, clients, audience: ORDERS_API, issuer: ISSUER, realm: 'orders' };
  app.get('/me', requireActiveToken(guard), (req, res) => {
    const { sub, client_id, scopes } = activeToken(req);
    res.json({ sub, client_id, scopes });
  });
  app.get('/orders', requireActiveToken({ ...guard, scope: 'orders:read' }), (req, res) => {
    res.json({ orders: [{ id: 1, item: 'bolt' }], for: activeToken(req).sub });
  });
  app.delete('/orders/:id', requireActiveToken({ ...guard, scope: 'orders:write' }), (_req, res) => {
    res.status(204).end();
  });

  // For trying it by hand: make and revoke tokens while it runs.
  app.use('/demo', demoRoutes(tokens));
  return app;
}

/** One line a call. Tokens appear as the first characters of their digest, never as themselves. */
function printAudit({ api, outcome, reason, error, clientId, tokenDigest, durationMs }: AuditEvent): void {
  const why = reason ?? error;
  const token = tokenDigest === undefined ? '' : ` token ${tokenDigest.slice(0, 8)}`;
  console.log(
    `[audit] ${api}: ${outcome}${why ? ` (${why})` : ''}, caller ${clientId ?? 'unknown'},${token} ${durationMs.toFixed(1)} ms`,
  );
}
