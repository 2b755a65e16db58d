import { Agent, request } from 'node:http';

/** What came back: the status, and the body if it is JSON. */
export interface Reply {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>> | undefined;
}

export interface Question {
  readonly origin: string;
  readonly path: string;
  /** Who asks, as a proxy that the app trusts tells it. */
  readonly address: string;
  readonly authorization?: string;
  readonly form?: Readonly<Record<string, string>>;
}

/** Sends many requests over connections that are kept. */
export class Crowd {
  readonly #agent = new Agent({ keepAlive: true });

  ask({ origin, path, address, authorization, form }: Question): Promise<Reply> {
    const body = form && new URLSearchParams(form).toString();
    const headers = {
      'X-Forwarded-For': address,
      ...(authorization !== undefined && { Authorization: authorization }),
      ...(body !== undefined && {
        'Content-Type': 'application/x-www-form-urlencoded',
        'Content-Length': String(Buffer.byteLength(body)),
      }),
    };
    return new Promise((resolve, reject) => {
      request(
        origin + path,
        { method: body === undefined ? 'GET' : 'POST', headers, agent: this.#agent },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () =>
            resolve({ status: answer.statusCode ?? 0, json: parsed(Buffer.concat(chunks)) }),
          );
        },
      )
        .on('error', reject)
        .end(body);
    });
  }

  leave(): void {
    this.#agent.destroy();
  }
}

function parsed(body: Buffer): Reply['json'] {
  try {
    return JSON.parse(body.toString()) as Reply['json'];
  } catch {
    return undefined;
  }
}

/** How many honest requests got the right response, none (429, 503 and the like), or a wrong one. */
export interface Tally {
  right: number;
  unanswered: number;
  wrong: number;
  readonly examples: string[];
}

/** An honest request, and what its response has to be. */
export interface Honest {
  readonly what: string;
  readonly send: () => Promise<Reply>;
  readonly isRight: (reply: Reply) => boolean;
}

/**
 * Sends honest requests, and with each of them `ratio` hostile ones: at the same time, or in a burst right before it, in turns.
 * Several of these rounds are under way at once.
 */
export async function mixed(
  honest: Iterable<Honest>,
  hostile: () => Promise<unknown>,
  { ratio, rounds }: { readonly ratio: number; readonly rounds: number },
): Promise<Tally> {
  const tally: Tally = { right: 0, unanswered: 0, wrong: 0, examples: [] };
  const queue = honest[Symbol.iterator]();
  let sent = 0;
  const round = async ({ what, send, isRight }: Honest): Promise<void> => {
    const attack = Array.from({ length: ratio }, hostile);
    sent += 1;
    if (sent % 2 === 0) await Promise.all(attack);
    const reply = await send();
    if (isRight(reply)) tally.right += 1;
    else {
      if (reply.status === 429 || reply.status >= 500) tally.unanswered += 1;
      else tally.wrong += 1;
      if (tally.examples.length < 10)
        tally.examples.push(`${what}: ${reply.status} ${JSON.stringify(reply.json)}`);
    }
    await Promise.all(attack);
  };
  await Promise.all(
    Array.from({ length: rounds }, async () => {
      for (let next = queue.next(); !next.done; next = queue.next()) await round(next.value);
    }),
  );
  return tally;
}
