import { type RequestHandler, Router } from 'express';
import {
  activeToken,
  cachingIntrospector,
  remoteIntrospector,
  requireActiveToken,
} from 'express-token-introspection';
import { ISSUER, ORDERS_API } from './seed.js';

/** The same API as it would be in another process: it asks the issuer over HTTP, and remembers the answers. */
export function remoteApi(issuer: string, before: RequestHandler): Router {
  const introspector = cachingIntrospector(
    remoteIntrospector({
      endpoint: `${issuer}/v1/oauth/introspect`,
      clientId: 'orders-api',
      clientSecret: 'orders:api+secret',
      allowInsecureRequests: true,
    }),
    // So few that one can see it at work at `/metrics`.
    { maxAge: 5000, staleIfError: 5000, maxEntries: 100 },
  );
  const guard = requireActiveToken({ introspector, audience: ORDERS_API, issuer: ISSUER, realm: 'orders' });
  return Router().get('/remote/orders', before, guard, (req, res) => {
    res.json({ orders: [{ id: 1, item: 'bolt' }], for: activeToken(req).sub });
  });
}
