import type { Request } from 'express';
import type { StrategyCreatedStatic } from 'passport';
import { BasicStrategy } from 'passport-http';
import { authorizationLines } from '../http/authorization.js';
import type { RefusedCredentials } from '../http/http-error.js';
import { type Credentials, readBasicHeader } from './basic-credentials.js';
import type { Proceed, Verification } from './client-verifier.js';

export interface ClientBasicStrategyOptions {
  readonly realm: string;
  /** Whether id and secret may come as they are, not form-encoded. */
  readonly acceptRaw: boolean;
  /** Finds out whose these credentials are. */
  verify(readings: readonly Credentials[], proceed: Proceed): Promise<Verification>;
}

/** What one call of Passport's `authenticate` hands to the strategy among its options. */
export interface ClientBasicRequest {
  readonly proceed: Proceed;
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

  override authenticate(
    this: this & StrategyCreatedStatic,
    req: Request,
    { proceed }: ClientBasicRequest,
  ): void {
    const refuse = (failure: BasicFailure): void => this.fail(failure as never, 401);
    const lines = authorizationLines(req);
    const header =
      lines.length > 1 ? ({ kind: 'repeated' } as const) : readBasicHeader(lines[0], this.options.acceptRaw);
    if (header.kind !== 'credentials') {
      refuse({ credentials: header.kind });
      return;
    }
    this.options.verify(header.readings, proceed).then(
      ({ client, ...named }) => (client ? this.success(client) : refuse({ credentials: 'wrong', ...named })),
      (error: unknown) => this.error(error),
    );
  }
}

/** The base class asks for a verify function; it is never called, and would let nobody in. */
function refuseEverybody(_id: string, _secret: string, done: (error: unknown, user?: unknown) => void): void {
  done(null, false);
}
