import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PostgresServer } from './support/postgres.js';
import { RedisServer, startCluster } from './support/redis.js';
import { describeWith, POSTGRES, REDIS, temporaryFolder } from './support/services.js';

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

/** Starts the built sample app, with a folder of its own, and waits until it listens or ends. */
async function start(port: number, settings: Readonly<Record<string, string>> = {}): Promise<Running> {
  const child = spawn(process.execPath, ['dist/example-app/main.js'], {
    env: { ...process.env, PORT: String(port), DATA: temporaryFolder('sample-app-'), ...settings },
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

/** Runs every printed line. */
async function answersAsPrinted(app: Running): Promise<void> {
  for (const { title, command, status, body } of printedExamples(app.output())) {
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    const [head = '', text = ''] = stdout.split('\r\n\r\n');
    const context = `${title}: ${command}`;
    expect([context, head.split(' ')[1]]).toStrictEqual([context, String(status)]);
    if (body.endsWith(',…}'))
      expect(JSON.parse(text)).toMatchObject(JSON.parse(body.replace(',…}', '}')) as object);
    else if (body.endsWith('…')) expect(text.startsWith(body.slice(0, -1))).toBe(true);
    else expect([context, text]).toStrictEqual([context, body]);
    if (status === 401) expect(head).toMatch(/\r\nWWW-Authenticate: (?:Basic|Bearer) realm=/i);
  }
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
    () => answersAsPrinted(app),
    30_000,
  );

  it('says what STORE can be, and why a store cannot be opened', async () => {
    for (const [settings, reason] of [
      [{ STORE: 'oracle' }, 'STORE must be one of memory, lmdb, redis, postgres'],
      [{ STORE: 'constructor' }, 'STORE must be one of'],
      [{ DATA: '/dev/null/x' }, 'the database cannot be opened'],
      [{ STORE: 'postgres', DATABASE_URL: 'postgres://127.0.0.1:1/x' }, 'ECONNREFUSED'],
    ] as const) {
      const running = await start(0, settings);
      expect(await running.exited).toBe(1);
      expect(running.output()).toContain(reason);
    }
  });

  it('forgets its tokens with STORE=memory', async () => {
    const running = await start(0, { STORE: 'memory' });
    expect(running.output()).toContain('in memory, until it ends');
    expect(printedExamples(running.output()).length).toBeGreaterThan(15);
    running.process.kill('SIGTERM');
    expect(await running.exited).toBe(0);
  });

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

  it('has outages to look at that end, also where one is begun during another', async () => {
    const running = await start(0, { STORE: 'memory' });
    const origin = originOf(running);
    const status = async (): Promise<number> =>
      (await fetch(`${origin}/orders`, { headers: { authorization: 'Bearer access-live' } })).status;
    const outage = async (seconds: string): Promise<number> =>
      (await fetch(`${origin}/demo/outage`, { method: 'POST', body: new URLSearchParams({ seconds }) }))
        .status;
    for (const seconds of ['60', '0.2']) expect(await outage(seconds)).toBe(204);
    expect(await status()).toBe(503);
    for (let i = 0; i < 100 && (await status()) === 503; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await status()).toBe(200);
    running.process.kill('SIGTERM');
  });

  it('logs a line of JSON for a call, without the token', async () => {
    const origin = originOf(app);
    const before = app.output().length;
    await fetch(`${origin}/v1/o/acme/oauth2/accesstokens/access-live`);
    for (let i = 0; i < 100 && app.output().length === before; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const lines = app.output().slice(before).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toStrictEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        audit: {
          api: 'access-token-details',
          outcome: 'refused',
          error: 'invalid_client',
          credentials: 'missing',
          status: 401,
          address: '127.0.0.1',
          userAgent: 'node',
          time: expect.any(Number),
          durationMs: expect.any(Number),
        },
      },
    ]);
    expect(lines[0]).not.toContain('access-live');
    expect(lines[0]?.length).toBeLessThan(300);
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

/** What holds for the sample app on every store that outlives it. */
function keepsItsTokens(settings: () => Promise<Readonly<Record<string, string>>>): void {
  it('keeps its tokens across a restart, and has something to try again', async () => {
    const store = await settings();
    const post = async (app: Running, path: string, fields: Record<string, string>): Promise<number> =>
      (await fetch(`${originOf(app)}${path}`, { method: 'POST', body: new URLSearchParams(fields) })).status;
    const statusOf = async (app: Running, token: string): Promise<number> =>
      (await fetch(`${originOf(app)}/orders`, { headers: { authorization: `Bearer ${token}` } })).status;

    const before = await start(0, store);
    expect(before.output()).toContain('across restarts');
    expect(await post(before, '/demo/tokens', { token: 'kept' })).toBe(201);
    expect(await post(before, '/demo/tokens', { token: 'dead' })).toBe(201);
    expect(await post(before, '/demo/revoke', { token: 'dead' })).toBe(200);
    if (hasCurl()) await answersAsPrinted(before);
    before.process.kill('SIGTERM');
    expect(await before.exited).toBe(0);

    const after = await start(0, store);
    expect([await statusOf(after, 'kept'), await statusOf(after, 'dead')]).toStrictEqual([200, 401]);
    if (hasCurl()) await answersAsPrinted(after);
    expect(await post(after, '/demo/revoke', { token: 'access-live-2' })).toBe(200);
    after.process.kill('SIGTERM');
    expect(await after.exited).toBe(0);
    // One of its own tokens is dead: the next ones have another name.
    const last = await start(0, store);
    expect([await statusOf(last, 'access-live-2'), await statusOf(last, 'access-live-3')]).toStrictEqual([
      401, 200,
    ]);
    last.process.kill('SIGTERM');
    expect(await last.exited).toBe(0);
  }, 60_000);
}

describe('the sample app with STORE=lmdb', () => {
  keepsItsTokens(async () => ({ STORE: 'lmdb', DATA: temporaryFolder('sample-app-') }));
});

describeWith(REDIS, 'the sample app with STORE=redis', () => {
  const servers: RedisServer[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.kill())));
  keepsItsTokens(async () => {
    servers.push(await RedisServer.start());
    return { STORE: 'redis', REDIS_URL: servers[0]?.url as string };
  });
});

describeWith(REDIS, 'the sample app with STORE=redis on a cluster', () => {
  const servers: RedisServer[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.kill())));
  keepsItsTokens(async () => {
    servers.push(...(await startCluster()));
    return { STORE: 'redis', REDIS_URL: servers.map(({ url }) => url).join(',') };
  });
});

describeWith(POSTGRES, 'the sample app with STORE=postgres', () => {
  const servers: PostgresServer[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.stop())));
  keepsItsTokens(async () => {
    servers.push(await PostgresServer.start());
    return { STORE: 'postgres', DATABASE_URL: servers[0]?.url as string };
  });
});
