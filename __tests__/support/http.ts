import type { RequestListener } from 'node:http';
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  /** Name, value, name, value: as they go over the wire, so that a name may come twice. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** Runs `use` while `listener` serves on a free port. */
export async function serving<T>(
  listener: RequestListener,
  use: (origin: string, server: Server) => Promise<T>,
): Promise<T> {
  const server = createServer(listener);
  // On a busy machine, a client may use an idle connection in the moment in which the server closes it.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, server);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A request byte for byte as given; supertest cannot repeat a header or send a malformed path. */
export function raw(
  origin: string,
  { method = 'POST', path, headers = [], body = '' }: RawRequest,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const length = method === 'GET' ? [] : ['Content-Length', String(Buffer.byteLength(body))];
    const outgoing = request(
      {
        hostname,
        port,
        method,
        path,
        headers: ['Host', hostname, 'Connection', 'close', ...length, ...headers] as never,
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(chunks).toString(),
          }),
        );
        answer.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export const FORM: readonly string[] = ['Content-Type', 'application/x-www-form-urlencoded'];
