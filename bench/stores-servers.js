import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pinnedTo } from './child.js';

/** Servers have the core that the processes that ask do not have. */
const SERVER_CORE = 1;
const PATIENCE = 120_000;

/** A folder that goes with this process. */
export function temporaryFolder(name) {
  const folder = mkdtempSync(join(tmpdir(), `bench-${name}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The path of a program; `undefined` where it is not installed. */
export function programOf(name) {
  // Debian keeps the programs of PostgreSQL out of PATH.
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(root, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** A Redis of our own that writes nothing to disk until it is told to. */
export async function startRedis() {
  const { createClient } = await import('redis');
  const port = await freePort();
  const settings = { port, bind: '127.0.0.1', dir: temporaryFolder('redis'), save: '', appendonly: 'no' };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = start(programOf('redis-server'), args);
  const url = `redis://127.0.0.1:${port}`;
  const command = async (...words) => {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on('error', () => {});
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  };
  await answering(() => command('PING'));
  const usedMemory = async () => Number(/used_memory:(\d+)/.exec(await command('INFO', 'memory'))[1]);
  const empty = await usedMemory();
  return {
    where: url,
    bytes: async () => (await usedMemory()) - empty,
    cpu: () => processorTime([server.pid]),
    /** From now on changes are written to disk: `always` before they are answered, or `everysec`. */
    async writeToDisk(appendfsync) {
      await command('CONFIG', 'SET', 'appendfsync', appendfsync);
      await command('CONFIG', 'SET', 'appendonly', 'yes');
      const isWriting = async () =>
        /aof_rewrite_(in_progress|scheduled):1/.test(await command('INFO', 'persistence'));
      while (await isWriting()) await pause(100);
    },
    async settle() {},
    stop: () => server.stop('SIGKILL'),
  };
}

/** Like the defaults, but for a share of memory that a server of its own is given. */
const POSTGRES_SETTINGS = { shared_buffers: '2GB', max_wal_size: '4GB' };

/** A PostgreSQL of our own. It loses what it has when its machine fails, until `writeToDisk`. */
export async function startPostgres() {
  const { default: pg } = await import('pg');
  const folder = temporaryFolder('postgres');
  const user = unprivileged();
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  execFileSync(
    programOf('initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
    { ...user, cwd: folder, stdio: 'ignore' },
  );
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const query = async (text) => {
    const client = new pg.Client(url);
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  const startWith = async (fsync) => {
    const settings = {
      ...POSTGRES_SETTINGS,
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const started = start(programOf('postgres'), ['-D', data, ...args], { ...user, cwd: folder });
    await answering(() => query('SELECT 1'));
    return started;
  };
  let server = await startWith('off');
  return {
    where: url,
    async bytes() {
      const [row] = await query(
        `SELECT pg_total_relation_size('token_introspection.tokens')::float8 AS bytes`,
      );
      return row.bytes;
    },
    cpu: () => processorTime(childrenOf(server.pid)),
    async writeToDisk() {},
    /** What the server would do in the background some time after so many rows came, and a restart with `fsync`. */
    async settle() {
      await query('VACUUM (ANALYZE) token_introspection.tokens');
      await query('CHECKPOINT');
      await server.stop('SIGINT');
      server = await startWith('on');
    },
    stop: () => server.stop('SIGINT'),
  };
}

function start(program, args, options = {}) {
  const [file, ...rest] = pinnedTo(SERVER_CORE, [program, ...args]);
  const child = spawn(file, rest, { stdio: 'ignore', ...options });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  return {
    pid: child.pid,
    async stop(signal) {
      process.removeListener('exit', kill);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill(signal);
      await ended;
    },
  };
}

async function answering(ask) {
  const end = performance.now() + PATIENCE;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(50);
    }
  }
}

/** Microseconds of processor time that each of these processes has had, as far as the system says. */
function processorTime(pids) {
  const times = new Map();
  for (const pid of pids) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
      // In ticks of 10 ms.
      times.set(pid, (Number(fields[11]) + Number(fields[12])) * 10_000);
    } catch {
      // It has ended by itself.
    }
  }
  return times;
}

function childrenOf(pid) {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split(' ').map(Number) : [];
}

/** PostgreSQL refuses to run as root. */
function unprivileged() {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
