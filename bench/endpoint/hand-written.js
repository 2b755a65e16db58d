import bodyParser from 'body-parser';
import express from 'express';
import passport from 'passport';
import { BasicStrategy } from 'passport-http';
import { answers, CALLER, introspections, SECRET } from '../fixture.js';

export const name = 'hand-written: Express, passport-http, body-parser, res.json';

export async function start({ now }) {
  const known = answers(now);
  passport.use(
    new BasicStrategy((id, secret, done) => done(null, id === CALLER && secret === SECRET ? { id } : false)),
  );
  const app = express();
  app.post(
    '/v1/oauth/introspect',
    passport.authenticate('basic', { session: false }),
    bodyParser.urlencoded({ extended: false }),
    (req, res) => {
      res.set('Cache-Control', 'no-store');
      res.json(known.get(req.body.token) ?? { active: false });
    },
  );
  return { handler: app, ...introspections(now, { authenticates: true }) };
}
