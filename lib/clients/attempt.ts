import type { Client } from './client.js';

/**
 * One attempt of a caller to prove who it is, as far as limits have to do with it. Credentials that are remembered as right
 * are no guesses, and pass whatever others at the same address did. All others stop at a blocked address before anything
 * costly is done for them, whether they are right or wrong.
 */
export interface Attempt {
  /** Whose turns its slow hashes take: one for each network, or for each claimed client if no address is known. */
  readonly origin: string;
  /** Notes which client the credentials claim to be of. */
  claim(clientId: string): void;
  /** @throws HttpError 429 at a blocked address, unless the credentials are remembered as right */
  begin(isRemembered: boolean): void;
  /** Called right before what costs something, which may have had to wait. @throws HttpError 429 */
  proceed(): void;
  /** Called before something is kept about a client that has proved who it is. @throws HttpError 429 if it is over its own limits */
  proved(client: Client): void;
  /** Keeps `note` until the caller is admitted: of many guesses made at once, a right one must not be remembered once the wrong ones have been too many. */
  remember(note: () => void): void;
}
