import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach } from '@jest/globals';

/** Every process is killed after the test that has started it. */
const running: StoreProcess[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.kill()));
});

/** Another process that has a store open. */
export class StoreProcess {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  /** What it has printed. */
  printed = '';
  #calls = 0;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.stdout?.on('data', (text: Buffer) => {
      this.printed += text.toString();
    });
    child.on('message', ({ id, value, error }: { id?: number; value?: unknown; error?: string }) => {
      if (id === undefined) return;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
  }

  static async start(kind: string, options: object): Promise<StoreProcess> {
    const program = ['__tests__/support/store-process.mjs', kind, JSON.stringify(options)];
    const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
    const started = new StoreProcess(child);
    running.push(started);
    await once(child, 'message');
    return started;
  }

  call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    this.#calls += 1;
    const id = this.#calls;
    this.#process.send({ id, method, args });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** Tells it to do something that does not end. */
  begin(method: string, ...args: readonly unknown[]): void {
    this.#process.send({ id: 0, method, args });
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null)
      await once(this.#process, 'exit');
  }

  /** kill -9. Resolves when it is gone and all it has printed is here. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const closed = once(this.#process, 'close');
    this.#process.kill('SIGKILL');
    await closed;
  }
}
