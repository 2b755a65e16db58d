import express from 'express';
import passport from 'passport';
import { Strategy } from 'passport-http-bearer';
import { answers, ORDERS, opaqueTokens, orders } from '../fixture.js';

export const name = 'passport-http-bearer over a Map, no check but that the token is there';

export async function start({ now }) {
  const known = answers(now);
  passport.use(new Strategy((value, done) => done(null, known.get(value) ?? false)));
  const app = express();
  app.get('/orders', passport.authenticate('bearer', { session: false }), (_req, res) => res.json(ORDERS));
  return { handler: app, ...orders(opaqueTokens()) };
}
