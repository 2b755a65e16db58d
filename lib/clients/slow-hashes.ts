import { unavailable } from '../http/http-error.js';

/** So many at a time: Node's four threads also read files and resolve names, for the stores too. */
const AT_A_TIME = 2;
/** So many may wait, a few seconds' worth; more are refused. */
const MAX_WAITING = 32;

/**
 * Runs slow hashes a few at a time. Anybody can make us hash by sending wrong
 * credentials, and must not be able to keep the whole process busy with it.
 */
export class SlowHashes {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * Runs `hash` when its turn comes.
   *
   * @param proceed called right before; what it throws takes the place of the hash
   * @throws HttpError 503 when too many are waiting
   */
  async run<T>(hash: () => Promise<T>, proceed: () => void): Promise<T> {
    if (this.#running < AT_A_TIME) this.#running += 1;
    else await this.#turn();
    try {
      proceed();
      return await hash();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw unavailable(new Error('Too many client authentications at once'));
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
