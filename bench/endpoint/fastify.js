import basicAuth from '@fastify/basic-auth';
import formBody from '@fastify/formbody';
import fastify from 'fastify';
import { answers, CALLER, introspections, SECRET } from '../fixture.js';

export const name = 'Fastify, @fastify/formbody, @fastify/basic-auth';

export async function start({ now }) {
  const known = answers(now);
  const app = fastify();
  await app.register(formBody);
  await app.register(basicAuth, {
    authenticate: true,
    validate(id, secret, _request, _reply, done) {
      done(id === CALLER && secret === SECRET ? undefined : new Error('wrong'));
    },
  });
  app.after(() => {
    app.post('/v1/oauth/introspect', { onRequest: app.basicAuth }, async (request, reply) => {
      reply.header('Cache-Control', 'no-store');
      return known.get(request.body.token) ?? { active: false };
    });
  });
  await app.ready();
  return { handler: (req, res) => app.routing(req, res), ...introspections(now, { authenticates: true }) };
}
