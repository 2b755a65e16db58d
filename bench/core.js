import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pinnedTo } from './child.js';

/** What the parts cost without HTTP, each in a process of its own. */
export function core({ node, quick }) {
  return { ...run(node, './core-child.js', quick), heap: run(node, './heap-child.js', quick) };
}

/** Runs a script of this folder that prints JSON. */
export function run(node, script, quick) {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const [command, ...args] = pinnedTo(0, [node, '--expose-gc', file, ...(quick ? ['--quick'] : [])]);
  return JSON.parse(execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
}
