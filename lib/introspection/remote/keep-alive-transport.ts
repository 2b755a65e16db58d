import type { IncomingHttpHeaders } from 'node:http';
import { Client, type Dispatcher } from 'undici';
import type { Cancellable } from './deadline.js';
import { type Answer, BodyReader, singleHeader, type Transport, tooLarge } from './transport.js';
import { TransportError } from './transport-error.js';

/** More idle connections than this to one server are closed. */
const MAX_IDLE = 128;

/**
 * Our own keep-alive connections. One layer below `undici.request`: no stream, no signal
 * and no `Response` are made for an answer that is a few hundred bytes of JSON.
 *
 * Idle connections do not keep the process alive: undici lets go of them.
 *
 * @param timeout milliseconds for a connection to come about
 */
export function keepAliveTransport(timeout: number): Transport {
  const servers = new Map<string, Connections>();
  return {
    send({ origin, path }, { method, headers, body = null }, deadline) {
      let connections = servers.get(origin);
      if (!connections) {
        connections = new Connections(origin, timeout);
        servers.set(origin, connections);
      }
      const exchange = new Exchange(connections);
      deadline.watch(exchange);
      exchange.client.dispatch({ path, method, headers, body }, exchange);
      return exchange.answer;
    },
  };
}

/**
 * The connections to one server, one question at a time on each. Not undici's `Pool`:
 * that opens a new connection for every one that is cut off at a deadline, and so
 * hammers a server that hangs.
 */
class Connections {
  readonly #origin: string;
  readonly #options: Client.Options;
  /** The last one used comes first, so that the others can time out. */
  readonly #idle: Client[] = [];

  constructor(origin: string, timeout: number) {
    this.#origin = origin;
    this.#options = {
      // The deadline, which is exact, takes the place of undici's timers.
      headersTimeout: 0,
      bodyTimeout: 0,
      // RFC 7662 §4: the certificate is checked, whatever NODE_TLS_REJECT_UNAUTHORIZED says.
      connect: { timeout, rejectUnauthorized: true },
    };
  }

  take(): Client {
    return this.#idle.pop() ?? new Client(this.#origin, this.#options);
  }

  giveBack(client: Client): void {
    if (this.#idle.length < MAX_IDLE) this.#idle.push(client);
    else void client.close();
  }
}

/** One request and its answer, told by undici step by step. */
class Exchange implements Dispatcher.DispatchHandler, Cancellable {
  readonly answer: Promise<Answer>;
  readonly client: Client;
  readonly #connections: Connections;
  readonly #body = new BodyReader();
  #resolve!: (answer: Answer) => void;
  #reject!: (reason: unknown) => void;
  #isUnderWay = true;
  #status = 0;
  #headers: IncomingHttpHeaders = {};

  constructor(connections: Connections) {
    this.#connections = connections;
    this.client = connections.take();
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  cancel(reason: unknown): void {
    // The connection may serve somebody else by now.
    if (!this.#isUnderWay) return;
    this.#reject(reason);
    this.#destroy();
  }

  onRequestStart(): void {}

  onResponseStart(_controller: unknown, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    if (this.#body.add(chunk)) return;
    // Any other status says by itself all that there is to say.
    if (this.#status === 200) this.#reject(tooLarge());
    else this.#finish();
    this.#destroy();
  }

  onResponseEnd(): void {
    this.#release();
    this.#finish();
  }

  onResponseError(_controller: unknown, error: Error): void {
    // We have destroyed it ourselves: all has been said.
    if (!this.#isUnderWay) return;
    this.#release();
    this.#reject(new TransportError(error, this.#status !== 0));
  }

  #release(): void {
    this.#isUnderWay = false;
    this.#connections.giveBack(this.client);
  }

  #finish(): void {
    this.#resolve({
      status: this.#status,
      contentType: singleHeader(this.#headers, 'content-type'),
      retryAfter: singleHeader(this.#headers, 'retry-after'),
      body: this.#body.whole(),
    });
  }

  /** An answer that nobody waits for must not hold a connection, nor one that is still to come about. */
  #destroy(): void {
    this.#isUnderWay = false;
    void this.client.destroy();
  }
}
