import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

interface Example {
  readonly title: string;
  readonly command: string;
  readonly status: number;
  readonly body: string;
}

interface Running {
  readonly process: ChildProcess;
  /** Everything printed so far. */
  output(): string;
  exited: Promise<number | null>;
}

const children: ChildProcess[] = [];

function originOf(running: Running): string {
  return /Listening on (http:\S+)\. /.exec(running.output())?.[1] as string;
}

/** Starts the built sample app and waits until it listens or ends. */
async function start(port: number): Promise<Running> {
  const child = spawn(process.execPath, ['dist/example-app/main.js'], {
    env: { ...process.env, PORT: String(port) },
  });
  children.push(child);
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise<void>((resolve) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('Listening on')) resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void exited.then(() => resolve());
  });
  return { process: child, output: () => output, exited };
}

/** The examples as a person finds them in the terminal: a title, a line to paste, and what it answers. */
function printedExamples(output: string): readonly Example[] {
  return [...output.matchAll(/^ {2}# (.+)\n {2}(curl .+)\n {2}#=> (\d{3}) ?(.*)$/gm)].map(
    ([, title = '', command = '', status, body = '']) => ({ title, command, status: Number(status), body }),
  );
}

function hasCurl(): boolean {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('the sample app', () => {
  let app: Running;
  beforeAll(async () => {
    app = await start(0);
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  it('prints its tokens and what to try', () => {
    const output = app.output();
    for (const token of [
      'access-live',
      'access-expired',
      'access-revoked',
      'refresh-live',
      'mobile-refresh-live',
    ]) {
      expect(output).toContain(`  ${token} `);
    }
    expect(printedExamples(output).length).toBeGreaterThan(15);
  });

  const curl = hasCurl();
  if (!curl && process.env.REQUIRE_SERVICES !== '1') {
    console.warn('Skipped: the printed curl lines. curl is missing: apt-get install curl');
  }
  (curl || process.env.REQUIRE_SERVICES === '1' ? it : it.skip)(
    'answers every printed curl line as it says',
    async () => {
      for (const { title, command, status, body } of printedExamples(app.output())) {
        const { stdout } = await promisify(execFile)('sh', ['-c', command]);
        const [head = '', text = ''] = stdout.split('\r\n\r\n');
        const context = `${title}: ${command}`;
        expect([context, head.split(' ')[1]]).toStrictEqual([context, String(status)]);
        if (body.endsWith(',…}'))
          expect(JSON.parse(text)).toMatchObject(JSON.parse(body.replace(',…}', '}')) as object);
        else expect([context, text]).toStrictEqual([context, body]);
        if (status === 401) expect(head).toMatch(/\r\nWWW-Authenticate: (?:Basic|Bearer) realm=/i);
      }
    },
    30_000,
  );

  it('answers bad input to its demo routes with 400 and 409', async () => {
    const origin = originOf(app);
    const post = async (path: string, fields: Record<string, string>): Promise<number> =>
      (await fetch(`${origin}${path}`, { method: 'POST', body: new URLSearchParams(fields) })).status;
    expect(await post('/demo/tokens', { expires_in: 'soon' })).toBe(400);
    expect(await post('/demo/tokens', { token: 'access-live' })).toBe(409);
    expect(await post('/demo/tokens', { kind: 'refresh_token' })).toBe(201);
    expect(await post('/demo/revoke', {})).toBe(400);
    expect(await post('/demo/revoke', { token: 'unknown' })).toBe(200);
  });

  it('prints an audit line a call, without the token', async () => {
    const origin = originOf(app);
    const before = app.output().length;
    await fetch(`${origin}/v1/o/acme/oauth2/accesstokens/access-live`);
    for (let i = 0; i < 100 && app.output().length === before; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const line = app.output().slice(before);
    expect(line).toMatch(
      /^\[audit\] access-token-details: refused \(invalid_client\), caller unknown, [\d.]+ ms$/m,
    );
    expect(line).not.toContain('access-live');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends cleanly on %s, with a connection open', async (signal) => {
    const running = await start(0);
    const origin = originOf(running);
    await fetch(`${origin}/orders`);
    running.process.kill(signal);
    expect(await running.exited).toBe(0);
  });

  it('says so when its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const running = await start((other.address() as AddressInfo).port);
    expect(await running.exited).toBe(1);
    expect(running.output()).toContain('PORT=3001 npm start');
    other.close();
  });
});
