import { generateKeyPairSync, randomUUID } from 'node:crypto';
import express, { type Express, type RequestHandler } from 'express';
import {
  activeToken,
  type ClientStore,
  introspectionRouter,
  type ManagedTokenStore,
  type PrivateJwk,
  requireActiveToken,
} from 'express-token-introspection';
import type { Logger } from 'pino';
import { demoRoutes } from './demo-routes.js';
import { auditTo, logRequests } from './log.js';
import { ISSUER, ORDERS_API } from './seed.js';

export interface Parts {
  readonly tokens: ManagedTokenStore;
  readonly clients: ClientStore;
  readonly log: Logger;
  /** What answers with the measurements. */
  readonly metrics: RequestHandler;
  /** Under which clients reach it. */
  readonly origin: string;
}

/** For signed answers. A real issuer keeps its keys, and gives the new one beside the old when it changes them. */
function newSigningKey(): PrivateJwk {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256' };
}

/** An issuer and an API in one app. They could as well be two. */
export function createApp({ tokens, clients, log, metrics, origin }: Parts): Express {
  const app = express();
  app.disable('x-powered-by');

  // In production, let nobody but Prometheus reach it.
  app.get('/metrics', metrics);

  // The issuer: all APIs at their published paths, and metadata and a document that tell of them.
  app.use(
    introspectionRouter({
      tokens,
      clients,
      issuer: ISSUER,
      baseUrl: origin,
      keys: [newSigningKey()],
      management: { revoke: true, approve: true },
      openapi: true,
      audit: auditTo(log),
    }),
  );

  // The API: a route for everybody with a live token for it, and one that needs a scope as well.
  const guard = { tokens, clients, audience: ORDERS_API, issuer: ISSUER, realm: 'orders' };
  app.use(['/me', '/orders'], logRequests(log));
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
