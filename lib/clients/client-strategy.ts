import passport from 'passport';
import type { RefusedCredentials, WrongCredentials } from '../http/http-error.js';
import type { Attempt } from './attempt.js';
import type { Client } from './client.js';

type Settle = (error: unknown, client?: Client | false | null, failure?: unknown) => void;

/**
 * What Passport gets to see of a request, in its place: what the client presents, and nothing else. Passport makes five
 * closures for each call, which V8 keeps until its next full collection, and with them all that they
 * can reach: were it the request, a fifth of the time would go into collecting garbage.
 */
export class ClientAttempt<Presented> {
  presented: Presented | undefined;
  readonly attempt: Attempt;
  #settle: Settle | undefined;

  constructor(presented: Presented, attempt: Attempt, settle: Settle) {
    this.presented = presented;
    this.attempt = attempt;
    this.#settle = settle;
  }

  /** Passport's callback, and its `next`. */
  readonly done: Settle = (error, client, failure) => {
    const settle = this.#settle;
    this.#settle = undefined;
    this.presented = undefined;
    settle?.(error, client, failure);
  };
}

/** What a strategy hands to Passport's `fail` as its challenge. */
export interface ClientFailure {
  readonly credentials: RefusedCredentials;
  /** With `wrong` credentials. */
  readonly wrong?: WrongCredentials;
  /** The known client that wrong credentials name. */
  readonly claimed?: string;
}

/** Whose credentials these are, or why nobody's. */
export type Identified = { readonly client: Client } | ClientFailure;

/** Finds out whose credentials these are. May reject, with an outage for one. */
export type Identify<Presented> = (presented: Presented, attempt: Attempt) => Promise<Identified>;

/**
 * What Passport lends to a strategy while it authenticates. Its own types are in a package that an app need not have, and
 * our declarations must do without them.
 */
export interface Settled {
  success(client: Client): void;
  fail(failure: never, status: number): void;
  error(error: unknown): void;
}

const Strategy: new () => object = passport.Strategy;

/** Passport's `authenticate`, for a strategy that identifies a client. */
export function settle<Presented>(strategy: Settled, req: unknown, identify: Identify<Presented>): void {
  const { presented, attempt } = req as ClientAttempt<Presented>;
  identify(presented as Presented, attempt).then(
    (outcome) =>
      'client' in outcome ? strategy.success(outcome.client) : strategy.fail(outcome as never, 401),
    (error: unknown) => strategy.error(error),
  );
}

/** A Passport strategy for one way in which a client proves who it is. */
export class ClientStrategy<Presented> extends Strategy {
  readonly name: string;
  // Passport calls methods on an object that inherits from this one, which private `#` names do not survive.
  private readonly identify: Identify<Presented>;

  constructor(name: string, identify: Identify<Presented>) {
    super();
    this.name = name;
    this.identify = identify;
  }

  authenticate(this: this & Settled, req: unknown): void {
    settle(this, req, this.identify);
  }
}
