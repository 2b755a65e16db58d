import { createServer } from 'node:http';
import express from 'express';
import { Client } from 'undici';
import { AUDIENCE, CALLER, ISSUER, introspection, token } from './fixture.js';
import { introspectionRouter, MemoryClientStore } from './library.js';
import { hashOfSecret } from './secret.js';
import { clientIds, numbers } from './stores-tokens.js';

/** Serves the introspection endpoint on a store; resolves to its port. */
export async function serve(tokens) {
  const clients = new MemoryClientStore([
    { clientId: CALLER, secret: hashOfSecret(), audiences: [AUDIENCE] },
    ...clientIds().map((clientId) => ({ clientId })),
  ]);
  const server = createServer(express().use(introspectionRouter({ tokens, clients, issuer: ISSUER })));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}

/** Asks about live access tokens, one after the other: in microseconds, as the one who asks sees it. */
export async function introspect(port, { size, count, seed }) {
  const random = numbers(size, seed);
  const client = new Client(`http://127.0.0.1:${port}`);
  const times = [];
  const began = performance.now();
  for (let asked = 0; asked < count; asked++) {
    // Those of an odd number are refresh tokens, which are none of this caller's business.
    const i = random.next().value & ~1;
    const { path, method, headers, body } = introspection(token(i), '');
    const start = performance.now();
    const answer = await client.request({ path, method, headers, body });
    const text = await answer.body.text();
    times.push((performance.now() - start) * 1000);
    const { active, sub } = JSON.parse(text);
    if (active !== true || sub !== `user-${i >> 2}`)
      throw new Error(`the endpoint answers wrongly for ${i}: ${answer.statusCode} ${text}`);
  }
  const seconds = (performance.now() - began) / 1000;
  await client.close();
  return { times, seconds, p50: times.toSorted((a, b) => a - b)[count >> 1] };
}
