import { KeyObject } from 'node:crypto';
import express from 'express';
import { expressjwt } from 'express-jwt';
import { AUDIENCE, ISSUER, ORDERS, orders } from '../fixture.js';
import { jwtIssuer, quietly } from './jwt.js';

export const name = 'express-jwt, RS256';

export async function start({ now }) {
  const { values, publicKey } = await jwtIssuer('RS256', now);
  const secret = KeyObject.from(publicKey).export({ type: 'spki', format: 'pem' });
  const app = express();
  app.get(
    '/orders',
    expressjwt({ secret, algorithms: ['RS256'], audience: AUDIENCE, issuer: ISSUER }),
    (_req, res) => res.json(ORDERS),
  );
  app.use(quietly);
  return { handler: app, ...orders(values) };
}
