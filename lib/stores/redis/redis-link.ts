import { randomUUID } from 'node:crypto';
import type { LinkEvents, RevocationLink } from '../revocation-feed.js';
import type { Keys } from './keys.js';
import type { LocalCopy } from './local-copy.js';
import { isCluster, type RedisCommands, type RedisConnection, type RedisDuplicate } from './redis-client.js';

export interface LinkOptions {
  readonly client: RedisConnection;
  readonly keys: Keys;
  /** What is sent by hand goes this way. */
  readonly redis: RedisCommands;
  /** Forgets what has changed. */
  readonly copy: LocalCopy | undefined;
  /** How long (ms) a command may wait. */
  readonly timeout: number;
}

/** What tells that a connection, or one of those of a cluster, is gone. */
const LOSSES = ['error', 'end', 'reconnecting', 'node-error', 'node-reconnecting', 'node-disconnect'];

/**
 * The connections on which a server tells of changes: one that is subscribed to what stores tell
 * each other, and where a local copy is wanted one that reads, about whose keys the server itself
 * tells (client-side caching). They stand and fall together: without the one or the other nothing
 * may be remembered. In a cluster, whose driver may read a key elsewhere from one moment to the
 * next, what stores tell each other has to do.
 */
export class RedisLink implements RevocationLink {
  readonly #redis: RedisCommands;
  readonly #reader: RedisDuplicate | undefined;
  readonly #signal: AbortSignal;
  readonly #probes: string;
  /** Who waits for the messages of a probe. */
  readonly #probing: (() => void)[] = [];

  private constructor(
    { redis }: LinkOptions,
    probes: string,
    reader: RedisDuplicate | undefined,
    { signal }: LinkEvents,
  ) {
    this.#redis = redis;
    this.#probes = probes;
    this.#reader = reader;
    this.#signal = signal;
  }

  static async open(options: LinkOptions, events: LinkEvents): Promise<RedisLink> {
    const { client, keys, copy } = options;
    const subscriber = duplicate(options, events, { emitInvalidate: false });
    const reader = copy && !isCluster(client) ? duplicateReader(copy, options, events) : undefined;
    await Promise.all([connect(subscriber, events), reader && connect(reader, events)]);
    const probes = `${keys.channel}:probe:${randomUUID()}`;
    const link = new RedisLink(options, probes, reader, events);
    await subscriber.subscribe([keys.channel, probes], (message, heard) => {
      if (heard === probes) link.#arrived();
      else hear(message, options, events);
    });
    letProcessEnd(subscriber);
    return link;
  }

  /** Whether a copy may be kept, as long as the link stands. */
  get stands(): boolean {
    return !this.#signal.aborted;
  }

  /** Where it is read what a copy is kept of. */
  get reader(): RedisCommands {
    return this.#reader ?? this.#redis;
  }

  /**
   * Sends a message to itself: what was told before has come before it. The reader sends one too, else
   * it might be connected to another server, and go on answering.
   */
  async probe(): Promise<void> {
    const senders = [this.#redis, ...(this.#reader ? [this.#reader] : [])];
    const arrived = senders.map(() => new Promise<void>((resolve) => this.#probing.push(resolve)));
    await Promise.all([...senders.map((sender) => sender.publish(this.#probes, '')), ...arrived]);
  }

  #arrived(): void {
    for (const resolve of this.#probing.splice(0, 1)) resolve();
  }
}

/** `event word word …`, a word being a digest, the mark of a grant, `~` and the digest of what was only changed, or `!` for many. */
function hear(message: string, { keys, copy }: LinkOptions, { revoked, missed }: LinkEvents): void {
  const [event, ...words] = message.split(' ') as [string, ...string[]];
  // First: whoever is told must not read an old copy then.
  if (copy) for (const word of words) copy.forget(keys.told(word));
  for (const word of words) {
    if (word === '!') missed();
    else if (/^[\w-]/.test(word)) revoked(word, event);
  }
}

function duplicate(
  { client, timeout }: LinkOptions,
  { lost, signal }: LinkEvents,
  overrides: object,
): RedisDuplicate {
  const connection = client.duplicate({ commandOptions: { timeout, typeMapping: {} }, ...overrides });
  for (const event of LOSSES) connection.on(event, lost);
  // A cluster opens some connections later than others.
  connection.on('node-ready', () => letProcessEnd(connection));
  signal.addEventListener('abort', () => destroy(connection), { once: true });
  return connection;
}

/** A connection about whose keys the server tells when they have changed. */
function duplicateReader(copy: LocalCopy, options: LinkOptions, events: LinkEvents): RedisDuplicate {
  const reader = duplicate(options, events, { RESP: 3, disableOfflineQueue: true, emitInvalidate: true });
  reader.on('invalidate', (key) => {
    // Everything is gone. Else a key, which comes as bytes.
    if (key === null) copy.forgetAll();
    else copy.forget((key as Uint8Array | string).toString());
  });
  return reader;
}

async function connect(connection: RedisDuplicate, { signal }: LinkEvents): Promise<void> {
  try {
    const connected = connection.connect();
    letProcessEnd(connection);
    await connected;
    letProcessEnd(connection);
  } finally {
    // The driver does not give up what it is opening.
    if (signal.aborted) destroy(connection);
  }
}

function destroy(connection: RedisDuplicate): void {
  try {
    connection.destroy();
  } catch {
    // It was closed already.
  }
}

/** Nothing of ours keeps a process alive. */
function letProcessEnd(connection: RedisDuplicate): void {
  const { masters = [], pubSubNode } = connection;
  const clients = [...masters.map(({ client }) => client), pubSubNode?.client, connection];
  for (const client of clients) client?.unref?.();
}
