import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { Client } from 'pg';
import { freePort, POSTGRES, programOf, startProcess, temporaryFolder, unprivileged } from './services.js';

/** How long (ms) a server may take until it answers, on a machine that has much to do. */
const PATIENCE = 60_000;

interface PostgresOptions {
  /** Whether a commit is on disk when it is answered; for tests that kill the server. Default false, which is faster. */
  readonly durable?: boolean;
  /** More settings, by the names that they have in `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** All go after the tests of the file: the runner's process may live on, or be killed. */
const started: PostgresServer[] = [];
afterAll(async () => {
  for (const server of started.splice(0)) {
    await server.stop();
    rmSync(server.folder, { recursive: true, force: true });
  }
});

/** A PostgreSQL of the test's own, in a folder of its own. */
export class PostgresServer {
  readonly port: number;
  readonly url: string;
  /** Where its files are: `base` has the tables, `pg_wal` what was written, `log/server.log` what it says. */
  readonly folder: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;
  #schemas = 0;

  private constructor(folder: string, port: number, { durable = false, settings = {} }: PostgresOptions) {
    this.folder = folder;
    this.port = port;
    this.url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    const all = {
      port: String(port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: durable ? 'on' : 'off',
      max_connections: '200',
      // Else a server that is killed leaves files where nobody looks.
      dynamic_shared_memory_type: 'mmap',
      logging_collector: 'on',
      log_filename: 'server.log',
      ...settings,
    };
    this.#args = [
      '-D',
      folder,
      ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ];
  }

  static async start(options: PostgresOptions = {}): Promise<PostgresServer> {
    const folder = temporaryFolder('postgres-');
    const user = unprivileged();
    if (user) chownSync(folder, user.uid, user.gid);
    const initdb = programOf(POSTGRES, 'initdb') as string;
    const args = [
      '-D',
      folder,
      '-U',
      'postgres',
      '--auth=trust',
      '--encoding=UTF8',
      '--no-locale',
      '--no-sync',
    ];
    execFileSync(initdb, args, { ...user, cwd: folder, stdio: 'ignore' });
    const server = new PostgresServer(folder, await freePort(), options);
    started.push(server);
    await server.restart();
    return server;
  }

  /** A schema that no other test has. */
  newSchema(): string {
    this.#schemas += 1;
    return `test_${this.#schemas}`;
  }

  /** Starts it (again), on the same port; resolves when it answers. */
  async restart(): Promise<void> {
    await this.stop();
    const end = performance.now() + PATIENCE;
    let child = this.#spawn();
    while (!(await this.#answers())) {
      if (performance.now() > end) throw new Error(`PostgreSQL does not start:\n${this.log()}`);
      // It refuses to start as long as a process of one that was killed is left.
      if (child.exitCode !== null) child = this.#spawn();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    await this.#end('SIGINT');
  }

  /** kill -9, of all its processes: nothing is written any more. */
  async kill(): Promise<void> {
    const all = this.#children();
    await this.#end('SIGKILL', () => {
      for (const pid of all) killIfThere(pid);
    });
  }

  /** Lets all its processes stand still, as a machine does that has no memory left. */
  freeze(): void {
    this.#signal('SIGSTOP');
  }

  /** Lets them go on. */
  thaw(): void {
    this.#signal('SIGCONT');
  }

  /** What it has written into its log. */
  log(): string {
    const path = join(this.folder, 'log/server.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Runs a statement, as the superuser. */
  async query(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    const client = new Client(this.url);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  #spawn(): ChildProcess {
    const user = unprivileged();
    this.#process = startProcess(programOf(POSTGRES) as string, this.#args, { ...user, cwd: this.folder });
    return this.#process;
  }

  async #answers(): Promise<boolean> {
    return this.query('SELECT 1').then(
      () => true,
      () => false,
    );
  }

  async #end(signal: NodeJS.Signals, then: () => void = () => {}): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    then();
    await ended;
  }

  #signal(signal: NodeJS.Signals): void {
    for (const pid of [...this.#children(), this.#process?.pid ?? 0]) killIfThere(pid, signal);
  }

  /** The processes of its connections and of its work behind the scenes. Each is the leader of a group of its own. */
  #children(): readonly number[] {
    const pid = this.#process?.pid;
    const path = `/proc/${pid}/task/${pid}/children`;
    // Elsewhere they end by themselves, a bit later.
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split(' ').map(Number) : [];
  }
}

function killIfThere(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    if (pid > 0) process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
