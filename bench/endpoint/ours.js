import express from 'express';
import { AUDIENCE, CALLER, ISSUER, introspections, newToken, TOKENS } from '../fixture.js';
import { introspectionRouter, MemoryClientStore, MemoryTokenStore } from '../library.js';
import { hashOfSecret } from '../secret.js';

export const name = 'introspectionRouter, memory store';

export async function start({ now, tokens: size }) {
  const clients = new MemoryClientStore([
    { clientId: CALLER, secret: hashOfSecret(), audiences: [AUDIENCE] },
    { clientId: 'web-app' },
  ]);
  const tokens = new MemoryTokenStore();
  for (let i = 0; i < Math.max(size, TOKENS); i++) await tokens.save(newToken(i, now));
  const events = new Map();
  const audit = ({ outcome }) => events.set(outcome, (events.get(outcome) ?? 0) + 1);
  const app = express().use(introspectionRouter({ tokens, clients, issuer: ISSUER, audit }));
  return { handler: app, ...introspections(now, { authenticates: true }) };
}
