import { isDeepStrictEqual } from 'node:util';
import { child } from './child.js';

const SERVER_CORE = 0;
const LOAD_CORE = 1;
let port = 41_000;

/**
 * Runs variants in turn (A B C, A B C, …), so that whatever the machine does meanwhile
 * meets all of them. Each turn is a process of its own, warmed up before it is measured:
 * one process is up to a tenth quicker than the next of the same program, for all its life.
 *
 * @throws Error when a variant answers anything wrongly
 */
export async function sideBySide({
  node,
  modules,
  rounds,
  seconds,
  warmUp,
  connections = 32,
  flags = [],
  log,
}) {
  const variants = modules.map((module) => ({ module, rounds: [] }));
  const loader = child(node, LOAD_CORE, './load.js');
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const variant of variants) {
        const { id, name, seen } = await turn([node, ...flags], variant.module, loader, {
          seconds,
          warmUp,
          connections,
        });
        Object.assign(variant, { id, name });
        variant.rounds.push(seen);
        log(`round ${round}  ${name}: ${Math.round(seen.rps)}/s, ${seen.cpu.toFixed(1)} us`);
      }
    }
  } finally {
    loader.stop();
  }
  return variants.map(({ id, name, rounds: seen }) => ({ id, name, rounds: seen }));
}

/** One process: asked everything once, warmed up, measured. */
async function turn(node, module, loader, { seconds, warmUp, connections }) {
  port += 1;
  const server = child(node, SERVER_CORE, './serve.js', module, port, Date.now());
  try {
    const { name, load, once } = await server.next();
    const id = module
      .split('/')
      .at(-1)
      .replace(/\.js.*/, '');
    const variant = { id, port, server, requests: [] };
    for (const question of once) await asked(variant, question);
    for (const question of load) {
      const { expected, ...request } = question;
      variant.requests.push({ ...request, status: expected.status, text: await asked(variant, question) });
    }
    await run(loader, variant, { seconds: warmUp, connections });
    return { id, name, seen: await run(loader, variant, { seconds, connections }) };
  } finally {
    server.stop();
  }
}

/** Asks one question and compares the whole answer. */
async function asked({ id, port: at }, { method, path, headers, body, expected }) {
  const answer = await fetch(`http://127.0.0.1:${at}${path}`, { method, headers, body });
  const text = await answer.text();
  const right =
    answer.status === expected.status &&
    (expected.body === undefined || isDeepStrictEqual(JSON.parse(text), expected.body));
  if (!right) throw new Error(`${id} answers wrongly: ${answer.status} ${text.slice(0, 300)}`);
  return text;
}

async function run(loader, { id, port: at, server, requests }, { seconds, connections }) {
  const before = await server.ask({ ask: 'cpu' });
  const began = performance.now();
  const seen = await loader.ask({ port: at, requests, connections, seconds });
  const took = (performance.now() - began) * 1000;
  const after = await server.ask({ ask: 'cpu' });
  if (seen.wrong > 0)
    throw new Error(`${id} answered ${seen.wrong} requests wrongly, such as: ${seen.example}`);
  const used = after.cpu.user + after.cpu.system - before.cpu.user - before.cpu.system;
  return {
    rps: seen.requests / seen.seconds,
    /** Processor microseconds of the server for each request. */
    cpu: used / seen.requests,
    /** How much of its core the server had. */
    load: used / took,
    p50: seen.p50,
    p99: seen.p99,
  };
}
