import express from 'express';
import { Pool } from 'undici';
import { AUDIENCE, BASIC, ISSUER, ORDERS, opaqueTokens, orders } from '../fixture.js';
import { upstream } from './upstream.js';

export const name = 'hand-written guard, undici.request on each request';

export async function start({ now }) {
  const { endpoint } = await upstream(now);
  const { origin, pathname: path } = new URL(endpoint);
  const pool = new Pool(origin);
  const app = express();
  app.get(
    '/orders',
    async (req, res, next) => {
      const [scheme, value] = (req.headers.authorization ?? '').split(' ');
      if (scheme !== 'Bearer' || !value) return res.status(401).end();
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path,
        headers: { authorization: BASIC, 'content-type': 'application/x-www-form-urlencoded' },
        body: `token=${encodeURIComponent(value)}`,
      });
      const answer = await body.json();
      if (statusCode !== 200) return res.status(503).end();
      const isFresh = answer.active === true && answer.exp * 1000 > Date.now();
      if (!isFresh || answer.aud !== AUDIENCE || answer.iss !== ISSUER) return res.status(401).end();
      if (!answer.scope.split(' ').includes('orders:read')) return res.status(403).end();
      req.auth = answer;
      next();
    },
    (_req, res) => res.json(ORDERS),
  );
  return { handler: app, ...orders(opaqueTokens()) };
}
