import { connect } from 'node:net';

export interface PipelinedAnswer {
  readonly status: number;
  readonly body: string;
}

/** How many requests go out at a time. */
const BATCH = 100;

/**
 * Sends requests, as they go over the wire, one after the other over one connection without waiting for the answers, which
 * come in the same order. Tens of thousands of requests take a fraction of the time that a client takes which can do more.
 */
export function pipelined(
  origin: string,
  count: number,
  request: (index: number) => string,
  onAnswer: (answer: PipelinedAnswer, index: number) => void,
): Promise<void> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let sent = 0;
    let answered = 0;
    let received = '';
    const send = (): void => {
      const until = Math.min(sent + BATCH, count);
      let batch = '';
      while (sent < until) batch += request(sent++);
      socket.write(batch, 'latin1');
    };
    socket.setEncoding('latin1');
    socket.on('connect', send);
    socket.on('data', (chunk: string) => {
      received += chunk;
      for (;;) {
        const found = /^HTTP\/1\.1 (\d{3}) [\s\S]*?\r\nContent-Length: (\d+)\r\n[\s\S]*?\r\n\r\n/i.exec(
          received,
        );
        const end = found ? found[0].length + Number(found[2]) : Number.POSITIVE_INFINITY;
        if (!found || received.length < end) break;
        const body = Buffer.from(received.slice(found[0].length, end), 'latin1').toString();
        received = received.slice(end);
        onAnswer({ status: Number(found[1]), body }, answered++);
      }
      if (answered === count) socket.end();
      else if (answered === sent) send();
    });
    socket.on('error', reject);
    socket.on('close', () =>
      answered === count ? resolve() : reject(new Error(`${answered} answers only`)),
    );
  });
}
