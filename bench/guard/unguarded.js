import express from 'express';
import { ORDERS, opaqueTokens, orders } from '../fixture.js';

export const name = 'no guard';

export async function start() {
  const app = express();
  app.get('/orders', (_req, res) => res.json(ORDERS));
  return { handler: app, ...orders(opaqueTokens(), { guarded: false }) };
}
