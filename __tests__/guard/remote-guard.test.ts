import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { cachingIntrospector, remoteIntrospector, requireActiveToken } from '../../lib/index.js';
import { optionsFor, upstream } from '../support/scripted-server.js';

describe('requireActiveToken over a cached remote introspector', () => {
  it('I-26 B-05 asks the server once, judges each request by its own rules, and never shares a mutable token', async () => {
    const server = await upstream((res) => {
      res.setHeader('Content-Type', 'application/json');
      res.end('{"active":true,"sub":"alice","scope":"read","aud":"https://api.example.com"}');
    });
    const introspector = cachingIntrospector(remoteIntrospector(optionsFor(server)));
    const seen: unknown[] = [];
    const app = express();
    const lax = requireActiveToken({ introspector, audience: 'https://api.example.com' });
    const strict = requireActiveToken({ introspector, audience: 'https://other.example.com' });
    const writers = requireActiveToken({ introspector, scope: 'write' });
    app.get('/lax', lax, (req, res) => {
      seen.push(req.activeToken);
      res.json(req.activeToken);
    });
    app.get('/strict', strict, (_req, res) => res.json('reached'));
    app.get('/writers', writers, (_req, res) => res.json('reached'));
    const get = (path: string) => request(app).get(path).set('Authorization', 'Bearer abc');
    for (let i = 0; i < 3; i++) {
      const answer = await get('/lax');
      expect(answer.body).toMatchObject({ active: true, sub: 'alice', scopes: ['read'] });
      expect((await get('/strict')).status).toBe(401);
      expect((await get('/writers')).status).toBe(403);
    }
    expect(server.seen).toHaveLength(1);
    expect(new Set(seen).size).toBe(1);
    expect(Object.isFrozen(seen[0])).toBe(true);
    await introspector.invalidate('abc');
    expect((await get('/lax')).status).toBe(200);
    expect(server.seen).toHaveLength(2);
  });

  it('I-30 is 503 with what the server says of when to come back', async () => {
    let retryAfter = '7';
    const server = await upstream((res) => {
      res.writeHead(429, { 'Retry-After': retryAfter });
      res.end();
    });
    const introspector = cachingIntrospector(remoteIntrospector(optionsFor(server)));
    const app = express().get('/', requireActiveToken({ introspector }), (_req, res) => res.json('reached'));
    const answer = await request(app).get('/').set('Authorization', 'Bearer abc');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('7');
    // One token's 429 says nothing of others; and nobody is told to wait for longer than the cache itself would.
    retryAfter = '3600';
    const other = await request(app).get('/').set('Authorization', 'Bearer other').expect(503);
    expect(other.headers['retry-after']).toBe('10');
    expect(server.seen).toHaveLength(2);
  });
});
