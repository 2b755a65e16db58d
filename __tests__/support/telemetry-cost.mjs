/**
 * Prints, as JSON, how many bytes a guarded request allocates more, where nobody collects, than with `telemetry: false`;
 * and a look-up in a store more than by itself.
 */
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import {
  cachingIntrospector,
  MemoryTokenStore,
  requireActiveToken,
  storeIntrospector,
} from '../../dist/esm/index.js';
import { watchedFind } from '../../dist/esm/telemetry/store-probe.js';
import { telemetryOf } from '../../dist/esm/telemetry/telemetry.js';

const CALLS = 5000;
const ROUNDS = 7;

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

/** Look-ups that allocate nothing by themselves, as a guard would call them. */
function lookUps(watch) {
  const records = new Map(requests.map((_, i) => [`token-${i}`, { i }]));
  const plain = { find: (key) => records.get(key) };
  const store = watch ? watchedFind(telemetryOf('cost', undefined), 'tokens', plain) : plain;
  const keys = [...records.keys()];
  let at = 0;
  return (_req, _res, done) => {
    if (store.find(keys[at++ & 63])) done();
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
[on.lookUp, off.lookUp] = [lookUps(true), lookUps(false)];
const KINDS = ['store', 'cache', 'lookUp'];
for (const kind of KINDS) for (let i = 0; i < 14; i++) for (const set of [on, off]) run(set[kind]);
accepted = 0;
const more = {};
for (const kind of KINDS) {
  // The engine goes on optimizing, by which the two differ for a while; less so in the middle of many rounds.
  const differences = Array.from({ length: ROUNDS }, () => bytesOf(on[kind]) - bytesOf(off[kind]));
  more[kind] = differences.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}
console.log(JSON.stringify({ more, accepted, calls: CALLS * ROUNDS * 2 * KINDS.length }));
process.exit();
