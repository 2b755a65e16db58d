import { isObject } from '../../options.js';
import { IntrospectionUnavailableError } from '../introspection-unavailable.js';
import { jsonText, requireOk } from './answer.js';
import { Deadline } from './deadline.js';
import type { ServerMetadata } from './oauth-types.js';
import { type Target, type Transport, target, withOneRetry } from './transport.js';
import { bareCause, TransportError } from './transport-error.js';

export interface DiscoverySettings {
  readonly issuer: URL;
  readonly transport: Transport;
  /** Milliseconds for both documents together. */
  readonly timeout: number;
  readonly allowInsecureRequests: boolean;
  readonly clock: () => number;
}

/** Takes out of a server's metadata what is needed of it; throws where that is not there ({@link namedTarget}). */
export type Demand<T> = (metadata: ServerMetadata) => T;

/**
 * Finds what is needed of a server by its metadata (RFC 8414 §3, OpenID Connect Discovery §4) when it is
 * first needed. Callers that come together share one attempt, which none of them can
 * cancel for the others; a failure is not remembered.
 */
export class Discovery<T> {
  readonly #settings: DiscoverySettings;
  readonly #demand: Demand<T>;
  #pending: Promise<T> | undefined;
  /** What was demanded, once it is known. */
  known: T | undefined;

  constructor(settings: DiscoverySettings, demand: Demand<T>) {
    this.#settings = settings;
    this.#demand = demand;
  }

  find(): Promise<T> {
    this.#pending ??= discover(this.#settings, this.#demand)
      .then((found) => {
        this.known = found;
        return found;
      })
      .finally(() => {
        this.#pending = undefined;
      });
    return this.#pending;
  }
}

async function discover<T>(settings: DiscoverySettings, demand: Demand<T>): Promise<T> {
  const deadline = new Deadline(settings.timeout);
  try {
    return await firstUsable(settings, demand, deadline);
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
async function firstUsable<T>(
  settings: DiscoverySettings,
  demand: Demand<T>,
  deadline: Deadline,
): Promise<T> {
  try {
    return demand(await fromDocument('oauth2', settings, deadline));
  } catch (error) {
    if (deadline.isOver || error instanceof TransportError) throw error;
    try {
      return demand(await fromDocument('oidc', settings, deadline));
    } catch (other) {
      // Where the second one is not there, it is the first that has something wrong with it.
      throw isStatus(other) && !isStatus(error) ? error : other;
    }
  }
}

/** Whether a document is not there, or not for now. */
function isStatus(error: unknown): boolean {
  return (
    error instanceof IntrospectionUnavailableError &&
    error.reason === 'status' &&
    error.retryAfter === undefined
  );
}

async function fromDocument(
  kind: 'oauth2' | 'oidc',
  settings: DiscoverySettings,
  deadline: Deadline,
): Promise<ServerMetadata> {
  const { issuer } = settings;
  const document = await getDocument(settings, documentUrl(kind, issuer), deadline);
  if (!isObject(document) || typeof document.issuer !== 'string') throw unusable('names no "issuer"');
  // As URLs: by the letter, few servers with a root path would have the issuer that their users write.
  if (new URL(document.issuer).href !== issuer.href) {
    throw unusable('has another "issuer" than the one that is asked');
  }
  return document as ServerMetadata;
}

/** RFC 8414 §3.1 puts its name between host and path, without a slash at the end; OpenID Connect Discovery §4 after the path. */
function documentUrl(kind: 'oauth2' | 'oidc', issuer: URL): string {
  const url = new URL(issuer);
  const path = url.pathname.replace(/\/$/, '');
  url.pathname =
    kind === 'oauth2'
      ? `/.well-known/oauth-authorization-server${path}`
      : `${path}/.well-known/openid-configuration`;
  return url.href;
}

function unusable(problem: string): IntrospectionUnavailableError {
  return new IntrospectionUnavailableError(
    'discovery',
    `The metadata of the authorization server ${problem}`,
  );
}

/**
 * Where a URL of a server's metadata leads, for a {@link Demand}.
 *
 * @throws IntrospectionUnavailableError where there is none, or none that may be used
 */
export function namedTarget(
  value: unknown,
  what: 'introspection endpoint' | 'keys',
  allowHttp: boolean,
): Target {
  const url = endpointUrl(value, allowHttp);
  if (url) return target(url);
  throw unusable(`names no ${what} that may be used`);
}

/** Servers have keys and metadata under many names; one that minds `Accept` must not refuse for that. */
const DOCUMENT = 'application/json, application/jwk-set+json, */*;q=0.1';

/**
 * A document of the server's, over the same connections as everything else: any JSON, whatever it is called.
 *
 * @throws IntrospectionUnavailableError, and SyntaxError for what is no JSON
 */
export async function getDocument(
  { transport, clock }: Pick<DiscoverySettings, 'transport' | 'clock'>,
  url: string,
  deadline: Deadline,
): Promise<unknown> {
  const to = target(new URL(url));
  const request = { method: 'GET', headers: { accept: DOCUMENT } } as const;
  const answer = await withOneRetry(deadline, () => transport.send(to, request, deadline));
  requireOk(answer, clock());
  return JSON.parse(jsonText(answer.body));
}

/** An absolute `https:` URL without credentials; `http:` only where that is allowed. */
export function endpointUrl(value: unknown, allowHttp: boolean): URL | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  const isAllowed = url.protocol === 'https:' || (allowHttp && url.protocol === 'http:');
  return isAllowed && url.username === '' && url.password === '' && url.hash === '' ? url : undefined;
}

/** Our own errors quote nobody; of others, only the code is kept. */
function causeOf(error: unknown): Error {
  return error instanceof IntrospectionUnavailableError ? error : bareCause(error);
}
