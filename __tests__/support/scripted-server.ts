import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { afterEach } from '@jest/globals';
import type { remoteIntrospector } from '../../lib/index.js';

interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

/** What the server does with a request. */
export type Script = (res: ServerResponse, request: SeenRequest, socket: Socket) => unknown;

/** An authorization server that does what a test tells it, on a real port. */
export interface Upstream {
  readonly origin: string;
  readonly endpoint: string;
  readonly seen: readonly SeenRequest[];
  /** How many connections were opened, and how many are open. */
  readonly connections: { opened: number; open: number };
  /** Resolves when the next connection closes. */
  closed(): Promise<void>;
  stop(): Promise<void>;
}

/** Every server is stopped after the test that has started it. */
const started: Pick<Upstream, 'stop'>[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

export const SECRET = 'a secret: 100% + more';
export const TOKEN = 'a-token.of~ours';

export async function upstream(
  script: Script,
  { tls = false, host }: { readonly tls?: boolean; readonly host?: string } = {},
): Promise<Upstream> {
  const seen: SeenRequest[] = [];
  const listener: Parameters<typeof createServer>[1] = (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const { method = '', url = '', headers } = req;
      const request = {
        method,
        path: url,
        headers,
        form: new URLSearchParams(Buffer.concat(chunks).toString()),
      };
      seen.push(request);
      script(res, request, req.socket);
    });
  };
  const server: Server = tls ? createTlsServer(await selfSigned(), listener) : createServer(listener);
  const watched = await watch(server, tls ? 'https' : 'http', host);
  return {
    ...watched,
    endpoint: `${watched.origin}/introspect`,
    seen,
  };
}

/** Counts the connections of a server, and ends them all with it. */
export async function watch(
  server: NetServer,
  scheme = 'http',
  host = '127.0.0.1',
): Promise<Omit<Upstream, 'seen' | 'endpoint'>> {
  const connections = { opened: 0, open: 0 };
  const sockets = new Set<Socket>();
  const waiting: (() => void)[] = [];
  server.on('connection', (socket: Socket) => {
    connections.opened += 1;
    connections.open += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      connections.open -= 1;
      sockets.delete(socket);
      for (const resolve of waiting.splice(0)) resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const watched: Omit<Upstream, 'seen' | 'endpoint'> = {
    origin: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    connections,
    closed: () => new Promise((resolve) => waiting.push(resolve)),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  started.push(watched);
  return watched;
}

async function selfSigned(): Promise<{ key: Buffer; cert: Buffer }> {
  const [key, cert] = await Promise.all([
    readFile('__tests__/support/tls/self-signed.key'),
    readFile('__tests__/support/tls/self-signed.crt'),
  ]);
  return { key, cert };
}

export function json(body: unknown, status = 200, headers: Record<string, string> = {}): Script {
  return (res) => {
    res.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    res.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** The options of an introspector for an upstream, with what a test adds. */
export function optionsFor(
  { endpoint }: Pick<Upstream, 'endpoint'>,
  more: Partial<Parameters<typeof remoteIntrospector>[0]> = {},
): Parameters<typeof remoteIntrospector>[0] {
  return { endpoint, clientId: 'api', clientSecret: SECRET, allowInsecureRequests: true, ...more };
}

/** What a promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`resolved to ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

/**
 * How long (milliseconds) after a bare timer of the same time a question was rejected, and with what. On a busy
 * machine every timer is late; what counts is how much later than that the question ends.
 */
export async function rejectedAfter(
  timeout: number,
  ask: () => Promise<unknown>,
): Promise<{ readonly error: unknown; readonly took: number; readonly late: number }> {
  const began = performance.now();
  const bare = new Promise<number>((resolve) => setTimeout(() => resolve(performance.now()), timeout));
  const error = await rejection(ask());
  const ended = performance.now();
  return { error, took: ended - began, late: ended - (await bare) };
}
