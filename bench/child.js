import { execFileSync, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

const HAS_TASKSET = availableParallelism() > 1 && works('taskset', ['-c', '1', 'true']);

/** Whether the server and the load each have a core of their own. */
export const isPinned = HAS_TASKSET;

/** A command that runs on one core, where that can be had. */
export function pinnedTo(core, command) {
  return HAS_TASKSET ? ['taskset', '-c', String(core), ...command] : command;
}

/** A script of this folder in a process of its own, on one core where that can be had, with `ask` for its answers. `node` may have flags. */
export function child(node, core, script, ...args) {
  const command = [
    ...[node].flat(),
    '--disable-warning=ExperimentalWarning',
    fileURLToPath(new URL(script, import.meta.url)),
    ...args.map(String),
  ];
  const [file, ...rest] = pinnedTo(core, command);
  const process_ = spawn(file, rest, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const next = () =>
    new Promise((resolve, reject) => {
      const ended = (code) => reject(new Error(`${script} ${args[0] ?? ''} ended with ${code}`));
      process_.once('exit', ended);
      process_.once('message', (message) => {
        process_.off('exit', ended);
        resolve(message);
      });
    });
  return {
    next,
    ask(question) {
      const answer = next();
      process_.send(question);
      return answer;
    },
    stop() {
      process_.removeAllListeners('exit');
      process_.kill();
    },
  };
}

function works(file, args) {
  try {
    execFileSync(file, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Keeps the core of the load from going to sleep: what waking it costs a server depends on how busy
 * that server keeps it, and would be measured with it, several microseconds a request on some machines.
 */
export function awake() {
  if (!HAS_TASKSET) return { stop() {} };
  const spinner = spawn('taskset', ['-c', '1', 'nice', '-n', '19', process.execPath, '-e', 'for (;;);'], {
    stdio: 'ignore',
  });
  process.on('exit', () => spinner.kill('SIGKILL'));
  return { stop: () => spinner.kill('SIGKILL') };
}
