import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pinnedTo } from './child.js';

/** What the parts cost without HTTP, each in a process of its own. */
export function core({ node, quick }) {
  return {
    ...run(node, './core-child.js', quick, true),
    heap: run(node, './heap-child.js', quick, true),
    // Not on one core: the collector works on others, as it does in a server.
    sweep: run(node, './sweep-child.js', quick, false),
  };
}

/** Runs a script of this folder that prints JSON. */
function run(node, script, quick, pinned) {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const command = [node, '--expose-gc', file, ...(quick ? ['--quick'] : [])];
  const [program, ...args] = pinned ? pinnedTo(0, command) : command;
  return JSON.parse(execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
}
