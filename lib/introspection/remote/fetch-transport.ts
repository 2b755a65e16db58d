import type { Deadline } from './deadline.js';
import { type Answer, BodyReader, type OutgoingRequest, type Transport, tooLarge } from './transport.js';
import { TransportError } from './transport-error.js';

/** What the option `fetch` is called with. */
interface FetchInit {
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
}

export type Fetch = (url: string, init: FetchInit) => Promise<Response>;

/** The app's own way to the network, for client certificates, proxies and tests. */
export function fetchTransport(fetch: Fetch): Transport {
  return {
    send({ url }, request, deadline) {
      return exchange(fetch, url, request, deadline);
    },
  };
}

function exchange(fetch: Fetch, url: string, request: OutgoingRequest, deadline: Deadline): Promise<Answer> {
  const controller = new AbortController();
  const init: FetchInit = {
    ...request,
    headers: { ...request.headers },
    redirect: 'manual',
    signal: controller.signal,
  };
  // The deadline holds even where `fetch` does not listen to its signal.
  return deadline.race(answerOf(fetch, url, init), (reason) => controller.abort(reason));
}

async function answerOf(fetch: Fetch, url: string, init: FetchInit): Promise<Answer> {
  let response: Response | undefined;
  let body: Buffer | undefined;
  try {
    response = await fetch(url, init);
    body = await bodyOf(response);
  } catch (error) {
    throw new TransportError(error, response !== undefined);
  }
  if (!body) throw tooLarge();
  return {
    status: response.status,
    contentType: response.headers.get('content-type') ?? undefined,
    retryAfter: response.headers.get('retry-after') ?? undefined,
    body,
  };
}

/** `undefined` for one that is too large, which is of no account where the status is not 200. */
async function bodyOf({ body, status }: Response): Promise<Buffer | undefined> {
  const collected = new BodyReader();
  if (!body) return collected.whole();
  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return collected.whole();
    if (collected.add(value)) continue;
    await reader.cancel();
    return status === 200 ? undefined : collected.whole();
  }
}
