import { setTimeout as pause } from 'node:timers/promises';
import { RevocationListeners } from '../tokens/revocation-listeners.js';

/** A connection on which an engine tells what other processes revoke. */
export interface RevocationLink {
  /** Resolves when everything that was told before this call has arrived. Rejects, or never resolves, when the connection is dead. */
  probe(): Promise<void>;
}

/** What a link calls. */
export interface LinkEvents {
  /** `event` tells one revocation from another of the same token, which was saved again in between, say. */
  readonly revoked: (digest: string, event: string) => void;
  /** So much was revoked that it is not told one by one. */
  readonly missed: () => void;
  /** The connection is gone. */
  readonly lost: () => void;
  /** Aborted when the link is not wanted any more, whether it stands or is still being opened: it closes then. */
  readonly signal: AbortSignal;
}

export interface FeedOptions {
  /** Opens a link; resolves when it tells of everything that happens from then on. */
  readonly open: (events: LinkEvents) => Promise<RevocationLink>;
  /** How often (ms) the link is probed, and how long after a loss a new one is opened. */
  readonly interval: number;
  /** How long (ms) opening and probing may take. */
  readonly timeout: number;
}

/** How long (ms) an event that was told is known, so that the echo of an own revocation is not told again. */
const ECHO = 2000;

/**
 * Tells of revocations, those of this process and those that come over a link. The link is open
 * as long as somebody listens. When it is lost, every so often until it stands again, and then, it
 * tells that revocations may have been missed: so nothing is remembered for longer than `interval`
 * by those who heed it.
 */
export class RevocationFeed {
  readonly #options: FeedOptions;
  readonly #listeners = new RevocationListeners();
  #running: AbortController | undefined;
  #told = new Set<string>();
  #toldBefore = new Set<string>();
  #turn = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** Returns a function that ends the telling. */
  add(listener: (digest: string) => void, onMissed?: () => void): () => void {
    const remove = this.#listeners.add(listener, onMissed);
    this.#start();
    return () => {
      remove();
      if (this.#listeners.size === 0) this.stop();
    };
  }

  /** Tells of a revocation once, whether this process has made it, or the link says so, or both. */
  tell(digest: string, event: string): void {
    if (this.#listeners.size === 0) return;
    const told = `${event} ${digest}`;
    const now = performance.now();
    if (now >= this.#turn) {
      this.#toldBefore = now >= this.#turn + ECHO ? new Set() : this.#told;
      this.#told = new Set();
      this.#turn = now + ECHO;
    }
    if (this.#told.has(told) || this.#toldBefore.has(told)) return;
    this.#told.add(told);
    this.#listeners.tell(digest);
  }

  /** Tells that there were revocations of which it tells no digests. */
  tellMissed(): void {
    this.#listeners.tellMissed();
  }

  /** Closes the link. Who listens is told nothing more by it. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  #start(): void {
    if (this.#running) return;
    this.#running = new AbortController();
    void this.#run(this.#running.signal);
  }

  async #run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      await this.#follow(stopped);
      await pause(this.#options.interval, undefined, { ref: false, signal: stopped }).catch(ignore);
    }
  }

  /** Opens a link and follows it to its end. Never rejects. */
  async #follow(stopped: AbortSignal): Promise<void> {
    const { open, interval, timeout } = this.#options;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    stopped.addEventListener('abort', end, { once: true });
    const { signal } = ended;
    const events = {
      revoked: (digest: string, event: string): void => this.tell(digest, event),
      missed: (): void => this.tellMissed(),
    };
    const opening = (async () => open({ ...events, lost: end, signal }))();
    try {
      const link = await within(timeout, opening, signal);
      // What was revoked before it stood was told to nobody.
      this.#listeners.tellMissed();
      while (!signal.aborted) {
        await pause(interval, undefined, { ref: false, signal }).catch(ignore);
        if (!signal.aborted) await within(timeout, link.probe(), signal);
      }
    } catch {
      // The next attempt comes by itself.
    }
    stopped.removeEventListener('abort', end);
    end();
    if (!stopped.aborted) this.#listeners.tellMissed();
  }
}

/** @throws Error when it takes too long, or `signal` ends it */
function within<T>(timeout: number, promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new Error('The link is gone'));
    const timer = setTimeout(() => reject(new Error('The link does not answer')), timeout).unref();
    signal.addEventListener('abort', lost, { once: true });
    promise
      .then(resolve, reject)
      .finally(() => {
        clearTimeout(timer);
        signal.removeEventListener('abort', lost);
      })
      .catch(ignore);
  });
}

function ignore(): void {}
