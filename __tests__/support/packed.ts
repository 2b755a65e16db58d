import { execFile } from 'node:child_process';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const run: (
  file: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
) => Promise<{ readonly stdout: string; readonly stderr: string }> = promisify(execFile);

const root = process.cwd();

/** The package as npm would publish it. */
export interface Packed {
  readonly tarball: string;
  readonly files: readonly string[];
}

/** Packs the build that is there already: a second one would pull it from under the other tests. */
export async function pack(folder: string): Promise<Packed> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', args, { cwd: root });
  const packed = JSON.parse(stdout) as unknown;
  const [made] = Array.isArray(packed) ? packed : Object.values(packed as object);
  const { filename, files } = made as { filename: string; files: { path: string }[] };
  return { tarball: join(folder, filename), files: files.map(({ path }) => path) };
}

/** An app in a new folder, with these packages, and with the files of `support/consumer`. */
export async function installed(folder: string, packages: readonly string[]): Promise<void> {
  await mkdir(folder);
  await writeFile(join(folder, 'package.json'), '{ "private": true }');
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
  await run('npm', ['install', ...options, ...packages], { cwd: folder });
  await cp(join(root, '__tests__/support/consumer'), folder, { recursive: true });
}
