/** Nanoseconds of the parts. Prints JSON. */
import { hash } from 'node:crypto';
import { do_not_optimize, measure } from 'mitata';
import { request } from 'undici';
import { readBasicHeader } from '../dist/esm/clients/basic-credentials.js';
import { judge } from '../dist/esm/guard/judge.js';
import { challenge } from '../dist/esm/http/challenge.js';
import { ask } from '../dist/esm/introspection/ask.js';
import { AUDIENCE, answer, answers, BASIC, ISSUER, newToken, TOKENS, token } from './fixture.js';
import { upstream } from './guard/upstream.js';
import { cachingIntrospector, MemoryTokenStore, remoteIntrospector, storeIntrospector } from './library.js';

const quick = process.argv.includes('--quick');
const now = Date.now();
const options = { min_cpu_time: (quick ? 0.05 : 1) * 1e9 };
const nanoseconds = {};

async function time(name, work) {
  const { p50, avg } = await measure(
    work.constructor.name === 'AsyncFunction'
      ? async () => do_not_optimize(await work())
      : () => do_not_optimize(work()),
    options,
  );
  nanoseconds[name] = { median: p50, mean: avg };
}

const tokens = new MemoryTokenStore();
const known = new Map();
const byDigest = new Map();
const values = Array.from({ length: TOKENS }, (_, i) => token(i));
for (const [i, value] of values.entries()) {
  const record = await tokens.save(newToken(i, now));
  known.set(value, record);
  byDigest.set(hash('sha256', value, 'base64url'), record);
}
let turn = 0;
const next = () => values[turn++ % TOKENS];

await time('Map.get', () => known.get(next()));
await time('SHA-256 and Map.get: the engine of the memory store', () =>
  byDigest.get(hash('sha256', next(), 'base64url')),
);
await time('MemoryTokenStore.find', () => tokens.find(next()));
const local = storeIntrospector(tokens);
await time('storeIntrospector, by the guard', () => ask(local, next()));
await time('storeIntrospector, introspect and await', async () => await local.introspect(next()));
const all = answers(now);
const cache = cachingIntrospector({ introspect: async (value) => all.get(value) });
for (const value of values) await cache.introspect(value);
await time('cachingIntrospector, a hit, by the guard', () => ask(cache, next()));
await time('cachingIntrospector, a hit, introspect and await', async () => await cache.introspect(next()));
const requirements = {
  audience: [AUDIENCE],
  issuer: [ISSUER],
  scope: ['orders:read'],
  anyScope: [],
  clockTolerance: 0,
};
const hit = ask(cache, values[0]);
await time("judging a guard's requirements", () => judge(hit, requirements, now));
await time('reading Basic credentials', () => readBasicHeader(BASIC, true));
const parameters = { realm: 'api', error: 'invalid_token', error_description: 'The access token is expired' };
await time('writing a challenge', () => challenge('Bearer', parameters));

// One question of a hundred that come together, against a question each.
const server = await upstream(now);
const introspector = remoteIntrospector(server);
await introspector.introspect(values[0]);
const together = async (ask) => {
  const began = performance.now();
  const seen = await Promise.all(Array.from({ length: 100 }, ask));
  const took = performance.now() - began;
  if (seen.some(({ sub }) => sub !== answer(0, now).sub)) throw new Error('a wrong answer of the upstream');
  return took;
};
const median = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)];
const coalesced = [];
const oneEach = [];
for (let i = 0; i < (quick ? 5 : 50); i++) {
  const cold = cachingIntrospector(introspector, { maxEntries: 100 });
  coalesced.push(await together(() => cold.introspect(values[0])));
  oneEach.push(
    await together(async () => {
      const { body } = await request(server.endpoint, {
        method: 'POST',
        headers: { authorization: BASIC, 'content-type': 'application/x-www-form-urlencoded' },
        body: `token=${values[0]}`,
      });
      return body.json();
    }),
  );
}

const result = {
  nanoseconds,
  together: { coalesced: median(coalesced), oneEach: median(oneEach) },
};
process.stdout.write(JSON.stringify(result), () => process.exit());
