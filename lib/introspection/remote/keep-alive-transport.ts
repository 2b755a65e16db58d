import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { plainConnections, secureConnections } from './connections.js';
import { decoded } from './content-coding.js';
import type { Cancellable, Deadline } from './deadline.js';
import {
  type Answer,
  BodyReader,
  headerLines,
  type OutgoingRequest,
  singleHeader,
  type Target,
  type Transport,
  tooLarge,
} from './transport.js';
import { TransportError } from './transport-error.js';

/** Bytes. A longer head is `malformed_answer`, whatever `--max-http-header-size` says. */
const MAX_HEAD = 16 * 1024;

/**
 * Our own keep-alive connections, over Node's HTTP client and agents of our own: nothing that the app uses or
 * configures, such as the global agents or the dispatcher of `fetch`, is changed or has an effect here.
 *
 * Idle connections do not keep the process alive.
 */
export function keepAliveTransport(): Transport {
  let plain: Agent | undefined;
  let secure: Agent | undefined;
  return {
    send(target, request, deadline) {
      if (target.isSecure) {
        secure ??= secureConnections();
        return exchange(httpsRequest, secure, target, request, deadline);
      }
      plain ??= plainConnections();
      return exchange(httpRequest, plain, target, request, deadline);
    },
  };
}

function exchange(
  open: typeof httpRequest,
  agent: Agent,
  { hostname, port, path }: Target,
  { method, headers, body }: OutgoingRequest,
  deadline: Deadline,
): Promise<Answer> {
  const request = open({
    agent,
    hostname,
    port,
    path,
    method,
    // A coding is read all the same, but costs time.
    headers: { ...headers, 'accept-encoding': 'identity' },
    maxHeaderSize: MAX_HEAD,
    insecureHTTPParser: false,
  });
  const exchanged = new Exchange(request);
  deadline.watch(exchanged);
  request.end(body);
  return exchanged.answer;
}

/** One request and its response. */
class Exchange implements Cancellable {
  readonly answer: Promise<Answer>;
  readonly #request: ClientRequest;
  readonly #body = new BodyReader();
  #resolve!: (answer: Answer) => void;
  #reject!: (reason: unknown) => void;
  #isUnderWay = true;
  #response: IncomingMessage | undefined;

  constructor(request: ClientRequest) {
    this.#request = request;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const fail = (error: unknown): void => this.#fail(error);
    request.on('response', (response) => this.#read(response, fail));
    request.on('error', fail);
    // After a response to an upgrade that nobody has asked for, this is all that is told.
    request.on('close', fail);
  }

  cancel(reason: unknown): void {
    // The connection may serve another request by now.
    if (!this.#isUnderWay) return;
    this.#reject(reason);
    this.#destroy();
  }

  #read(response: IncomingMessage, fail: (error: unknown) => void): void {
    this.#response = response;
    response.on('data', (chunk: Buffer) => {
      if (!this.#body.add(chunk)) this.#cutOff(response);
    });
    response.on('end', () => {
      this.#isUnderWay = false;
      this.#finish(response);
    });
    response.on('error', fail);
  }

  #fail(error: unknown): void {
    // If we have destroyed it ourselves, all has been said.
    if (!this.#isUnderWay) return;
    this.#reject(new TransportError(error, this.#response !== undefined));
    this.#destroy();
  }

  #cutOff(response: IncomingMessage): void {
    // Any other status says by itself all that there is to say.
    if (response.statusCode === 200) this.#reject(tooLarge());
    else this.#finish(response);
    this.#destroy();
  }

  #finish({ statusCode, rawHeaders }: IncomingMessage): void {
    // A response of a server always has one.
    const status = statusCode as number;
    const whole = this.#body.whole();
    let body = whole;
    try {
      body = decoded(whole, headerLines(rawHeaders, 'content-encoding').join());
    } catch (error) {
      if (status === 200) this.#reject(error);
    }
    this.#resolve({
      status,
      contentType: singleHeader(rawHeaders, 'content-type'),
      retryAfter: singleHeader(rawHeaders, 'retry-after'),
      body,
    });
  }

  /** A response that nobody waits for must not hold a connection, nor one that is still to come about. */
  #destroy(): void {
    this.#isUnderWay = false;
    this.#request.destroy();
  }
}
