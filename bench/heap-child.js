/** Bytes of heap for a stored token and for a cached answer, ours and the plainest thing that holds the same. Prints JSON. */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { HOUR, ISSUER } from './fixture.js';
import { cachingIntrospector, MemoryTokenStore } from './library.js';

const count = process.argv.includes('--quick') ? 20_000 : 500_000;
const now = Date.now();
const scope = ['orders:read'];

/** The growth of the heap by what `fill` makes and returns, for each of `count`. */
async function bytes(fill) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const kept = await fill();
  globalThis.gc();
  const after = process.memoryUsage().heapUsed;
  if (kept.size !== count) throw new Error(`${kept.size} instead of ${count}`);
  return (after - before) / count;
}

const digest = (i) => hash('sha256', `token ${i}`, 'base64url');
/** As it comes from a server: an object and strings of its own. */
const answerOf = (i) =>
  JSON.parse(
    JSON.stringify({
      active: true,
      sub: `user-${i}`,
      client_id: 'web-app',
      token_type: 'Bearer',
      scope: 'orders:read orders:write',
      exp: Math.floor((now + HOUR) / 1000),
      iat: Math.floor(now / 1000),
      iss: ISSUER,
      aud: 'https://api.example.com',
      jti: `jti-${i}`,
      username: `user-${i}@example.com`,
    }),
  );

const plainStore = await bytes(() => {
  const map = new Map();
  for (let i = 0; i < count; i++) {
    map.set(digest(i), { clientId: 'web-app', subject: `user-${i}`, scope, expiresAt: now + HOUR });
  }
  return map;
});
const store = await bytes(async () => {
  const tokens = new MemoryTokenStore();
  for (let i = 0; i < count; i++) {
    const record = { clientId: 'web-app', subject: `user-${i}`, scope, expiresAt: now + HOUR };
    await tokens.save({ token: `token ${i}`, kind: 'access_token', issuedAt: now, ...record });
  }
  return tokens;
});
const plainCache = await bytes(() => {
  const lru = new LRUCache({ max: count });
  for (let i = 0; i < count; i++) lru.set(digest(i), answerOf(i));
  return lru;
});
const cache = await bytes(async () => {
  const inner = { introspect: async (value) => answerOf(value.slice('token '.length)) };
  const caching = cachingIntrospector(inner, { maxEntries: count, maxAge: HOUR });
  for (let i = 0; i < count; i++) await caching.introspect(`token ${i}`);
  return { caching, size: caching.stats().size };
});

process.stdout.write(JSON.stringify({ count, store, plainStore, cache, plainCache }), () => process.exit());
