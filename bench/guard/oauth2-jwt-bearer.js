import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import { AUDIENCE, ISSUER, ORDERS, orders } from '../fixture.js';
import { jwtIssuer, quietly } from './jwt.js';

export async function startWith(alg, { now }) {
  const { values, jwksUri } = await jwtIssuer(alg, now);
  const app = express();
  const guard = auth({ jwksUri, issuer: ISSUER, audience: AUDIENCE, tokenSigningAlg: alg });
  app.get('/orders', guard, requiredScopes('orders:read'), (_req, res) => res.json(ORDERS));
  app.use(quietly);
  return { handler: app, ...orders(values) };
}
