import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'redis';
import { freePort, programOf, REDIS, startProcess, temporaryFolder } from './services.js';

/** How long (ms) a server may take until it answers, on a machine that has much to do. */
const PATIENCE = 60_000;

interface RedisOptions {
  /** Whether a write is on disk when it is answered; for tests that kill the server. Default false: nothing is written. */
  readonly durable?: boolean;
  readonly cluster?: boolean;
  /** More settings, by the names that they have in `redis.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A Redis of the test's own, in a folder that goes with the process. */
export class RedisServer {
  readonly port: number;
  readonly url: string;
  /** Where its files are. */
  readonly folder: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number, { durable, cluster, settings = {} }: RedisOptions) {
    this.folder = folder;
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    const all = {
      port: String(port),
      bind: '127.0.0.1',
      dir: folder,
      save: '',
      ...(durable && { appendonly: 'yes', appendfsync: 'always' }),
      ...(cluster && { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' }),
      ...settings,
    };
    this.#args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  }

  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    // The bus of a cluster is 10,000 above the port.
    let port = await freePort();
    while (port > 55_000) port = await freePort();
    const server = new RedisServer(temporaryFolder('redis-'), port, options);
    await server.restart();
    return server;
  }

  /** Starts it (again), on the same port; resolves when it answers. */
  async restart(): Promise<void> {
    await this.kill();
    this.#process = startProcess(programOf(REDIS) as string, this.#args, { cwd: this.folder });
    const end = performance.now() + PATIENCE;
    while (!(await this.#answers())) {
      if (performance.now() > end) throw new Error('Redis does not start');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** kill -9 */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Sends one command. */
  async command(...args: string[]): Promise<unknown> {
    const [answer] = await this.commands([args]);
    return answer;
  }

  /** Sends commands, on one connection. */
  async commands(all: readonly string[][]): Promise<unknown[]> {
    const client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
    client.on('error', () => {});
    await client.connect();
    try {
      return await Promise.all(all.map((args) => client.sendCommand(args)));
    } finally {
      client.destroy();
    }
  }

  /** The keys that begin with this, without it, each with how long (ms) it is kept yet; -1 for ever. */
  async keysOf(prefix: string): Promise<Map<string, number>> {
    const keys = (await this.command('KEYS', `${prefix}*`)) as string[];
    const ends = await this.commands(keys.map((key) => ['PTTL', key]));
    return new Map(keys.map((key, i) => [key.slice(prefix.length), Number(ends[i])]));
  }

  /** All that is in its files. */
  files(): Buffer {
    const paths = readdirSync(this.folder, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    return Buffer.concat(paths.map(({ parentPath, name }) => readFileSync(join(parentPath, name))));
  }

  async #answers(): Promise<boolean> {
    return this.command('PING').then(
      () => true,
      () => false,
    );
  }
}

const SLOTS = 16_384;

/** Starts a cluster of three masters, each of which has a third of the slots. */
export async function startCluster(): Promise<readonly RedisServer[]> {
  const servers = await Promise.all([0, 1, 2].map(() => RedisServer.start({ cluster: true })));
  const [first] = servers as [RedisServer, ...RedisServer[]];
  for (const [i, server] of servers.entries()) {
    const [from, to] = [Math.ceil((SLOTS * i) / 3), Math.ceil((SLOTS * (i + 1)) / 3)];
    const slots = Array.from({ length: to - from }, (_, slot) => String(from + slot));
    await server.command('CLUSTER', 'ADDSLOTS', ...slots);
    // Before they meet: two of one age would wait for each other.
    await server.command('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    if (server !== first) await server.command('CLUSTER', 'MEET', '127.0.0.1', String(first.port));
  }
  const end = performance.now() + PATIENCE;
  while (!(await Promise.all(servers.map(isWhole))).every(Boolean)) {
    if (performance.now() > end) throw new Error('The cluster does not form');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return servers;
}

async function isWhole(server: RedisServer): Promise<boolean> {
  const info = String(await server.command('CLUSTER', 'INFO'));
  return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:3');
}
