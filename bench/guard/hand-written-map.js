import { hash } from 'node:crypto';
import express from 'express';
import { AUDIENCE, answers, ISSUER, ORDERS, opaqueTokens, orders } from '../fixture.js';

export const name = 'hand-written guard, a Map by digest, no upstream';

export async function start({ now }) {
  const known = new Map(
    [...answers(now)].map(([value, answer]) => [hash('sha256', value, 'base64url'), answer]),
  );
  const app = express();
  app.get(
    '/orders',
    (req, res, next) => {
      const [scheme, value] = (req.headers.authorization ?? '').split(' ');
      if (scheme !== 'Bearer' || !value) return res.status(401).end();
      const answer = known.get(hash('sha256', value, 'base64url'));
      const isFresh = answer?.active === true && answer.exp * 1000 > Date.now();
      if (!isFresh || answer.aud !== AUDIENCE || answer.iss !== ISSUER) return res.status(401).end();
      if (!answer.scope.split(' ').includes('orders:read')) return res.status(403).end();
      req.auth = answer;
      next();
    },
    (_req, res) => res.json(ORDERS),
  );
  return { handler: app, ...orders(opaqueTokens()) };
}
