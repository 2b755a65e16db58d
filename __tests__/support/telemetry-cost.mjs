/** Prints, as JSON, how many bytes a guarded request allocates more, where nobody collects, than with `telemetry: false`. */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import {
  cachingIntrospector,
  MemoryTokenStore,
  requireActiveToken,
  storeIntrospector,
} from '../../dist/esm/index.js';

const CALLS = 5000;
const ROUNDS = 9;

const tokens = new MemoryTokenStore();
const requests = [];
for (let i = 0; i < 64; i++) {
  await tokens.save({ token: `token-${i}`, kind: 'access_token', clientId: 'app', scope: ['read'] });
  const req = new IncomingMessage(new Socket());
  req.headers = { authorization: `Bearer token-${i}` };
  req.rawHeaders = ['Authorization', `Bearer token-${i}`];
  requests.push(req);
}

async function guards(telemetry) {
  const cached = cachingIntrospector(storeIntrospector(tokens, telemetry), telemetry);
  for (let i = 0; i < 64; i++) await cached.introspect(`token-${i}`);
  return {
    store: requireActiveToken({ tokens, scope: 'read', ...telemetry }),
    cache: requireActiveToken({ introspector: cached, scope: 'read', ...telemetry }),
  };
}

let accepted = 0;
const next = (error) => {
  if (!error) accepted += 1;
};
function run(guard) {
  for (let i = 0; i < CALLS; i++) guard(requests[i & 63], undefined, next);
}

function bytesOf(guard) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  run(guard);
  return (process.memoryUsage().heapUsed - before) / CALLS;
}

const [on, off] = [await guards({}), await guards({ telemetry: false })];
for (const kind of ['store', 'cache'])
  for (let i = 0; i < 18; i++) for (const set of [on, off]) run(set[kind]);
accepted = 0;
const more = {};
for (const kind of ['store', 'cache']) {
  // The engine goes on optimizing, by which the two differ for a while; less so in the middle of many rounds.
  const differences = Array.from({ length: ROUNDS }, () => bytesOf(on[kind]) - bytesOf(off[kind]));
  more[kind] = differences.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}
console.log(JSON.stringify({ more, accepted, calls: CALLS * ROUNDS * 4 }));
process.exit();
