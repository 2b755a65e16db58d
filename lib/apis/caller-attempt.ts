import { hash } from 'node:crypto';
import type { Attempt } from '../clients/attempt.js';
import type { Client } from '../clients/client.js';
import { addressOf, NETWORK, networkOf } from '../http/address.js';
import { addressKey, type Throttles } from '../http/throttle.js';
import { callerKey } from './caller-key.js';

/** One attempt at an API. Made apart from the call, so that what is kept of it does not keep the request. */
export class CallerAttempt implements Attempt {
  readonly #throttles: Throttles;
  readonly #ip: string | undefined;
  readonly #notes: (() => void)[] = [];
  #claimed: string | undefined;
  #isRemembered = false;

  constructor(throttles: Throttles, ip: string | undefined) {
    this.#throttles = throttles;
    this.#ip = ip;
  }

  get origin(): string {
    const address = addressOf(this.#ip);
    return address === undefined ? this.#claimedKey : networkOf(address, NETWORK);
  }

  /** By which failures are counted. */
  get key(): string {
    return addressOf(this.#ip) === undefined ? this.#claimedKey : addressKey(this.#ip);
  }

  /**
   * Whoever comes without an address, by a Unix socket, is told from others by the client that is claimed, right or wrong: an
   * id that does not exist counts like one that does. As a digest, since it could be a mistyped secret.
   */
  get #claimedKey(): string {
    return this.#claimed === undefined ? 'unknown' : `client ${hash('sha256', this.#claimed, 'base64url')}`;
  }

  claim(clientId: string): void {
    this.#claimed = clientId;
  }

  begin(isRemembered: boolean): void {
    this.#isRemembered = isRemembered;
    this.proceed();
  }

  proceed(): void {
    if (!this.#isRemembered) this.#throttles.failures.check(() => this.key);
  }

  proved(client: Client): void {
    this.proceed();
    this.#throttles.calls.check(() => callerKey(client, this.#ip));
  }

  remember(note: () => void): void {
    this.#notes.push(note);
  }

  /** Counts a failure. @throws HttpError 429 when that was one too many */
  async failed(): Promise<void> {
    await this.#throttles.failures.count(this.key);
  }

  /** Of many guesses made at once, a right one must not show once the wrong ones have been too many. @throws HttpError 429 */
  admitted(): void {
    this.proceed();
    for (const note of this.#notes) note();
  }
}
