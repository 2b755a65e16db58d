import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import type { StrategyCreatedStatic } from 'passport';
import { BasicStrategy } from 'passport-http';
import { authorizationLines } from '../http/header-lines.js';
import type { RefusedCredentials } from '../http/http-error.js';
import { readBasicHeader } from './basic-credentials.js';
import type { Client } from './client.js';
import type { ClientVerifier, Proceed } from './client-verifier.js';

export interface ClientBasicStrategyOptions {
  readonly realm: string;
  /** Whether id and secret may come as they are, not form-encoded. */
  readonly acceptRaw: boolean;
  /** Finds out whose credentials a header carries. */
  readonly verifier: Pick<ClientVerifier, 'recall' | 'verify'>;
}

type Settle = (error: unknown, client?: Client | false | null, failure?: unknown) => void;

/**
 * What Passport gets to see of a request, in its place. Passport makes five closures for
 * each call, which V8 keeps until its next full collection, and with them all that they
 * can reach: were it the request, a fifth of the time would go into collecting garbage.
 */
export class BasicAttempt {
  lines: readonly string[];
  readonly proceed: Proceed;
  #settle: Settle | undefined;

  constructor(req: IncomingMessage, proceed: Proceed, settle: Settle) {
    this.lines = authorizationLines(req);
    this.proceed = proceed;
    this.#settle = settle;
  }

  /** Passport's callback, and its `next`. */
  readonly done: Settle = (error, client, failure) => {
    const settle = this.#settle;
    this.#settle = undefined;
    this.lines = [];
    settle?.(error, client, failure);
  };
}

/** What the strategy hands to Passport's `fail` as its challenge. */
export interface BasicFailure {
  readonly credentials: RefusedCredentials;
  /** The known client that wrong credentials name. */
  readonly claimed?: string;
}

/**
 * Passport's Basic strategy for OAuth clients. It keeps the base class's name and
 * place, and replaces its parsing, which cuts a secret at its second colon, refuses
 * the empty secret of a public client, takes any scheme that contains "basic" and
 * never form-decodes.
 */
export class ClientBasicStrategy extends BasicStrategy {
  // Passport calls methods on an object that inherits from this one, which private `#` names do not survive.
  private readonly options: ClientBasicStrategyOptions;

  constructor(options: ClientBasicStrategyOptions) {
    super({ realm: options.realm }, refuseEverybody);
    this.options = options;
  }

  override authenticate(this: this & StrategyCreatedStatic, req: Request): void {
    identify(this.options, req as unknown as BasicAttempt).then(
      (outcome) => ('client' in outcome ? this.success(outcome.client) : this.fail(outcome as never, 401)),
      (error: unknown) => this.error(error),
    );
  }
}

/** Whose credentials a request carries, or why nobody's. */
async function identify(
  { acceptRaw, verifier }: ClientBasicStrategyOptions,
  { lines, proceed }: BasicAttempt,
): Promise<{ readonly client: Client } | BasicFailure> {
  if (lines.length > 1) return { credentials: 'repeated' };
  const [line] = lines;
  const known = line === undefined ? undefined : await verifier.recall(line);
  if (known) return { client: known };
  const header = readBasicHeader(line, acceptRaw);
  if (header.kind !== 'credentials') return { credentials: header.kind };
  const { client, ...named } = await verifier.verify(header.readings, proceed, line);
  return client ? { client } : { credentials: 'wrong', ...named };
}

/** The base class asks for a verify function; it is never called, and would let nobody in. */
function refuseEverybody(_id: string, _secret: string, done: (error: unknown, user?: unknown) => void): void {
  done(null, false);
}
