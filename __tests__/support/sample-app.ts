import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { temporaryFolder } from './services.js';

/** The built sample app in a process of its own. */
export class SampleApp {
  readonly #child: ChildProcess;
  /** Everything that it has printed to its standard output. */
  printed = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.printed += chunk.toString();
    });
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<SampleApp> {
    const child = spawn(process.execPath, ['dist/example-app/main.js'], {
      env: { ...process.env, PORT: '0', DATA: temporaryFolder('sample-app-'), ...settings },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const app = new SampleApp(child);
    while (!app.printed.includes('Listening on')) await once(child.stdout as NodeJS.ReadableStream, 'data');
    return app;
  }

  get origin(): string {
    return /Listening on (http:\S+)\. /.exec(this.printed)?.[1] as string;
  }

  async fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(this.origin + path, init);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
