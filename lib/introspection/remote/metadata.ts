import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import { requireOk } from './answer.js';
import { Deadline } from './deadline.js';
import type { AuthorizationServer } from './oauth-types.js';
import { type Target, type Transport, target, withOneRetry } from './transport.js';
import { bareCause, TransportError } from './transport-error.js';

/** Where to ask, and what is known of whom. */
export interface Server {
  readonly metadata: AuthorizationServer;
  readonly endpoint: Target;
}

export interface DiscoverySettings {
  readonly issuer: URL;
  readonly transport: Transport;
  /** Milliseconds for both documents together. */
  readonly timeout: number;
  readonly allowInsecureRequests: boolean;
  /** Whether the server must publish keys. */
  readonly signedResponse: boolean;
  readonly clock: () => number;
}

/**
 * Finds the server by its metadata (RFC 8414 §3, OpenID Connect Discovery §4) when it is
 * first needed. Callers that come together share one attempt, which none of them can
 * cancel for the others; a failure is not remembered.
 */
export class Discovery {
  readonly #settings: DiscoverySettings;
  #pending: Promise<Server> | undefined;
  /** The server, once it is known. */
  known: Server | undefined;

  constructor(settings: DiscoverySettings) {
    this.#settings = settings;
  }

  find(): Promise<Server> {
    this.#pending ??= discover(this.#settings)
      .then((server) => {
        this.known = server;
        return server;
      })
      .finally(() => {
        this.#pending = undefined;
      });
    return this.#pending;
  }
}

async function discover(settings: DiscoverySettings): Promise<Server> {
  const deadline = new Deadline(settings.timeout);
  try {
    return await firstUsable(settings, deadline);
  } catch (error) {
    if (error instanceof IntrospectionUnavailableError && error.reason === 'timeout') throw error;
    throw new IntrospectionUnavailableError(
      'discovery',
      'The metadata of the authorization server cannot be had, or is not usable',
      { cause: causeOf(error), retryAfter: (error as { retryAfter?: number }).retryAfter },
    );
  } finally {
    deadline.release();
  }
}

/** RFC 8414's document, or else OpenID's: many servers have only one, and some of them a web page in place of the other. */
async function firstUsable(settings: DiscoverySettings, deadline: Deadline): Promise<Server> {
  try {
    return await fromDocument('oauth2', settings, deadline);
  } catch (error) {
    if (deadline.isOver || error instanceof TransportError) throw error;
    return await fromDocument('oidc', settings, deadline);
  }
}

async function fromDocument(
  algorithm: 'oauth2' | 'oidc',
  settings: DiscoverySettings,
  deadline: Deadline,
): Promise<Server> {
  // Loaded here, since CommonJS that cannot load an ES module, Jest's for one, shall still load the rest of the package.
  const oauth = await import('oauth4webapi');
  const response = await oauth.discoveryRequest(settings.issuer, {
    algorithm,
    [oauth.allowInsecureRequests]: settings.allowInsecureRequests,
    [oauth.customFetch]: (url) => getDocument(settings, url, deadline),
  });
  const metadata = await oauth.processDiscoveryResponse(settings.issuer, response);
  const { introspection_endpoint: endpoint, jwks_uri: keys } = metadata;
  const url = endpointUrl(endpoint, settings.allowInsecureRequests);
  if (!url) throw unusable('names no introspection endpoint that may be used');
  if (settings.signedResponse && !endpointUrl(keys, settings.allowInsecureRequests)) {
    throw unusable('names no keys that may be used');
  }
  return { metadata, endpoint: target(url) };
}

/** A document of the server's, over the same connections as everything else. */
export async function getDocument(
  { transport, clock }: Pick<DiscoverySettings, 'transport' | 'clock'>,
  url: string,
  deadline: Deadline,
): Promise<Response> {
  const to = target(new URL(url));
  const request = { method: 'GET', headers: { accept: 'application/json' } } as const;
  const answer = await withOneRetry(deadline, () => transport.send(to, request, deadline));
  requireOk(answer, clock());
  return new Response(answer.body, { headers: { 'content-type': answer.contentType ?? '' } });
}

/** An absolute `https:` URL without credentials; `http:` only where that is allowed. */
export function endpointUrl(value: unknown, allowHttp: boolean): URL | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  const isAllowed = url.protocol === 'https:' || (allowHttp && url.protocol === 'http:');
  return isAllowed && url.username === '' && url.password === '' && url.hash === '' ? url : undefined;
}

function unusable(problem: string): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError(
    'discovery',
    `The metadata of the authorization server ${problem}`,
  );
}

/** Our own errors quote nobody; of others, only the code is kept. */
function causeOf(error: unknown): Error {
  return error instanceof IntrospectionUnavailableError ? error : bareCause(error);
}
