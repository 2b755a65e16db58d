import express from 'express';
import { AUDIENCE, ISSUER, ORDERS, opaqueTokens, orders } from '../fixture.js';
import { requireActiveToken } from '../library.js';

/** An Express API behind our guard, with every check that a careful API asks for. */
export function guarded(options) {
  const app = express();
  const guard = requireActiveToken({ audience: AUDIENCE, issuer: ISSUER, scope: 'orders:read', ...options });
  app.get('/orders', guard, (_req, res) => res.json(ORDERS));
  return { handler: app, ...orders(opaqueTokens()) };
}
