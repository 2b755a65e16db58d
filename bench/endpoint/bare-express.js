import express from 'express';
import { answers, introspections } from '../fixture.js';

export const name = 'Express, express.urlencoded and res.json, no authentication';

export async function start({ now }) {
  const known = answers(now);
  const app = express();
  app.post('/v1/oauth/introspect', express.urlencoded({ extended: false }), (req, res) => {
    res.set('Cache-Control', 'no-store');
    res.json(known.get(req.body.token) ?? { active: false });
  });
  return { handler: app, ...introspections(now, { authenticates: false }) };
}
