/** One process that has a store open and does what it is asked to: `<variant> <where> <now>`. */
import { isDeepStrictEqual } from 'node:util';
import { token } from './fixture.js';
import { tokenDigest } from './library.js';
import { OPENERS } from './stores-open.js';
import { serve } from './stores-requests.js';
import { atATime, expected, issued, numbers } from './stores-tokens.js';

const [variant, where, time] = process.argv.slice(2);
const now = Number(time);
const opened = await OPENERS[variant](where);
const { store } = opened;
/** How many go into one statement, where that is how a store is loaded. */
const AT_ONCE = 500;
/** As many as one transaction of LMDB may have: each writes all that leads to its pages. */
const LOADING = variant === 'lmdb' ? 20_000 : 2000;
const UNKNOWN = 'a token that nobody has issued';

const TASKS = {
  async load({ from, to }) {
    if (!opened.load) return atATime(LOADING, from, to, (i) => store.save(issued(i, now)));
    await atATime(2, 0, Math.ceil((to - from) / AT_ONCE), (batch) => {
      const first = from + batch * AT_ONCE;
      const length = Math.min(AT_ONCE, to - first);
      return opened.load(Array.from({ length }, (_, i) => issued(first + i, now)));
    });
  },

  /** Compares whole answers. */
  async check({ from = 0, size, count, seed }) {
    const random = numbers(size - from, seed);
    await atATime(16, 0, count, async () => demandRight(from + random.next().value));
    if ((await store.find(UNKNOWN)) !== undefined) throw new Error(`${variant} finds what is not there`);
  },

  /** That what has ended is seen to have ended, at once, and told of. */
  async end({ size, grant }) {
    const told = new Set();
    store.onRevoked((digest) => told.add(digest));
    if ((await store.revoke(token(size - 1))) !== 1) throw new Error(`${variant} does not revoke`);
    if ((await store.revokeGrant(`grant-${grant}`)) !== 2)
      throw new Error(`${variant} does not revoke a grant`);
    for (const i of [size - 1, 2 * grant, 2 * grant + 1]) {
      const found = await store.find(token(i));
      if (found?.status !== 'revoked') throw new Error(`${variant} shows ${i} as ${found?.status}`);
      if (!told.has(tokenDigest(token(i)))) throw new Error(`${variant} does not tell that ${i} has ended`);
    }
    await demandRight(2 * grant + 2);
  },

  async warm({ size, count, seed }) {
    const random = numbers(size, seed);
    await atATime(16, 0, count, () => store.find(token(random.next().value)));
  },

  async find({ size, count, seed, many, hot }) {
    const random = numbers(size, seed);
    const some = hot && Array.from({ length: hot }, () => random.next().value);
    const which = Array.from({ length: count }, (_, i) => token(some ? some[i % hot] : random.next().value));
    if (some) await atATime(16, 0, hot, (i) => store.find(token(some[i])));
    globalThis.gc();
    return timed(count, many, (i) => store.find(which[i]), 'find');
  },

  /** After lookups whose answers nobody keeps. */
  async memory({ size, count, seed }) {
    const random = numbers(size, seed);
    await atATime(16, 0, count, () => store.find(token(random.next().value)));
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 100));
    globalThis.gc();
    return process.memoryUsage();
  },

  async save({ from, count, many }) {
    return timed(count, many, (i) => store.save(issued(from + i, now)));
  },

  async revoke({ from, count, many }) {
    return timed(count, many, async (i) => {
      if ((await store.revoke(token(from + i))) !== 1)
        throw new Error(`${variant} does not revoke ${from + i}`);
    });
  },

  serve: async () => ({ port: await serve(store) }),

  close: () => opened.close(),
};

async function demandRight(i) {
  const found = await store.find(token(i));
  const wanted = expected(i, now);
  const seen = found && Object.fromEntries(Object.keys(wanted).map((name) => [name, found[name]]));
  if (!isDeepStrictEqual(JSON.stringify(seen), JSON.stringify(wanted)))
    throw new Error(`${variant} answers wrongly for ${i}: ${JSON.stringify(found)}`);
}

/** In microseconds. */
async function timed(count, many, work, finding) {
  const times = new Array(count).fill(0);
  let missing = 0;
  const before = process.cpuUsage();
  const began = performance.now();
  await atATime(many, 0, count, async (i) => {
    const start = performance.now();
    const answer = work(i);
    // Where a store answers at once, so do those who ask: without a turn of the event loop.
    const found = answer instanceof Promise ? await answer : answer;
    times[i] = (performance.now() - start) * 1000;
    if (found === undefined) missing += 1;
  });
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  if (finding && missing > 0) throw new Error(`${variant} does not find ${missing} of ${count}`);
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.floor((count - 1) * share)];
  const seen = { p50: at(0.5), p99: at(0.99), perSecond: count / seconds, cpu: (user + system) / count };
  return finding ? { ...seen, seconds, times } : seen;
}

process.on('message', async ({ task, ...input }) => {
  const began = performance.now();
  const result = await TASKS[task](input);
  process.send({ took: performance.now() - began, ...result });
});
process.send('open');
