import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe, it } from '@jest/globals';

/** A server that tests start themselves, and the command that installs it. */
interface Service {
  readonly binary: string;
  readonly install: string;
  /** Where the binary may be besides `PATH`. */
  readonly folders?: readonly string[];
}

export const REDIS: Service = { binary: 'redis-server', install: 'apt-get install redis-server' };

export const POSTGRES: Service = {
  binary: 'postgres',
  install: 'apt-get install postgresql',
  // Debian keeps the server's programs out of PATH.
  folders: debianFolders(),
};

function debianFolders(): readonly string[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(root, version, 'bin'));
}

/** The path of a program of a service; `undefined` where it is not installed. */
export function programOf({ binary, folders = [] }: Service, program: string = binary): string | undefined {
  const all = [...folders, ...(process.env.PATH ?? '').split(delimiter)];
  return all.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

/**
 * Declares tests that need a server. Where it is missing they are skipped by a name that says
 * how to install it; with `REQUIRE_SERVICES=1` that is a failure.
 */
export function describeWith(service: Service, name: string, define: () => void): void {
  if (programOf(service)) {
    describe(name, define);
    return;
  }
  const missing = `${name}: needs ${service.binary} (${service.install})`;
  if (process.env.REQUIRE_SERVICES === '1') {
    it(missing, () => {
      throw new Error(`${service.binary} is missing: ${service.install}`);
    });
  } else {
    it.skip(missing, () => {});
  }
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What goes when the tests of a file are over. */
const folders: string[] = [];
const processes = new Set<ChildProcess>();
afterAll(async () => {
  const ended = [...processes].map((child) => once(child, 'exit'));
  for (const child of processes) child.kill('SIGKILL');
  await Promise.all(ended);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

/** A folder that goes when the tests of its file are over. */
export function temporaryFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  folders.push(folder);
  return folder;
}

/** A server process, which ends when the tests of its file are over at the latest. */
export function startProcess(
  path: string,
  args: readonly string[],
  options: { readonly uid?: number; readonly gid?: number; readonly cwd?: string } = {},
): ChildProcess {
  const child = spawn(path, args, { stdio: 'ignore', ...options });
  processes.add(child);
  child.once('exit', () => processes.delete(child));
  return child;
}

/** The ids of a user without rights, for servers that refuse to run as root; none where we are not root. */
export function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}
