import type { StrategyCreatedStatic } from 'passport';
import { BasicStrategy } from 'passport-http';
import type { Attempt } from './attempt.js';
import { readBasicHeader } from './basic-credentials.js';
import { type Identified, type Identify, settle } from './client-strategy.js';
import type { ClientVerifier } from './client-verifier.js';

export interface ClientBasicStrategyOptions {
  readonly realm: string;
  /** Whether id and secret may come as they are, not form-encoded. */
  readonly acceptRaw: boolean;
  /** Finds out whose credentials a header carries. */
  readonly verifier: Pick<ClientVerifier, 'recall' | 'verify'>;
}

/**
 * Passport's Basic strategy for OAuth clients: what is presented are the `Authorization` lines of a request. It keeps the
 * base class's name and place, and replaces its parsing, which cuts a secret at its second colon, refuses
 * the empty secret of a public client, takes any scheme that contains "basic" and
 * never form-decodes.
 */
export class ClientBasicStrategy extends BasicStrategy {
  private readonly identify: Identify<readonly string[]>;

  constructor(options: ClientBasicStrategyOptions) {
    super({ realm: options.realm }, refuseEverybody);
    this.identify = (lines, attempt) => identify(options, lines, attempt);
  }

  override authenticate(this: this & StrategyCreatedStatic, req: unknown): void {
    settle(this, req, this.identify);
  }
}

async function identify(
  { acceptRaw, verifier }: ClientBasicStrategyOptions,
  lines: readonly string[],
  attempt: Attempt,
): Promise<Identified> {
  if (lines.length > 1) return { credentials: 'repeated' };
  const [line] = lines;
  const known = line === undefined ? undefined : await verifier.recall(line);
  if (known) {
    attempt.begin(true);
    return { client: known };
  }
  const header = readBasicHeader(line, acceptRaw);
  if (header.kind !== 'credentials') return { credentials: header.kind };
  const { client, ...named } = await verifier.verify('client_secret_basic', header.readings, attempt, line);
  return client ? { client } : { credentials: 'wrong', ...named };
}

/** The base class asks for a verify function; it is never called, and would let nobody in. */
function refuseEverybody(_id: string, _secret: string, done: (error: unknown, user?: unknown) => void): void {
  done(null, false);
}
