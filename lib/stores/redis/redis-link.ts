import { randomUUID } from 'node:crypto';
import type { LinkEvents, RevocationLink } from '../revocation-feed.js';
import { isMark, type Keys } from './keys.js';
import type { RedisCommands, RedisConnection, RedisDuplicate } from './redis-client.js';
import type { LocalCopyOptions } from './redis-options.js';

export interface LinkOptions {
  readonly client: RedisConnection;
  readonly keys: Keys;
  /** What is sent by hand goes this way. */
  readonly redis: RedisCommands;
  readonly localCopy: Required<LocalCopyOptions> | undefined;
  /** How long (ms) a command may wait. */
  readonly timeout: number;
}

/** What tells that a connection, or one of those of a cluster, is gone. */
const LOSSES = ['error', 'end', 'reconnecting', 'node-error', 'node-reconnecting', 'node-disconnect'];

/**
 * The connections on which a server tells of changes: one that is subscribed to revocations, and
 * where a local copy is wanted one that reads, whose copies the server voids. They stand and fall
 * together: without the one or the other nothing may be remembered.
 */
export class RedisLink implements RevocationLink {
  readonly #redis: RedisCommands;
  readonly #reader: RedisDuplicate | undefined;
  readonly #signal: AbortSignal;
  readonly #probes: string;
  #probed: (() => void) | undefined;

  private constructor(
    redis: RedisCommands,
    probes: string,
    reader: RedisDuplicate | undefined,
    signal: AbortSignal,
  ) {
    this.#redis = redis;
    this.#probes = probes;
    this.#reader = reader;
    this.#signal = signal;
  }

  /** Where copies are read, as long as the link stands. */
  get reader(): RedisDuplicate | undefined {
    return this.#signal.aborted ? undefined : this.#reader;
  }

  static async open(options: LinkOptions, events: LinkEvents): Promise<RedisLink> {
    const { client, keys, redis, localCopy, timeout } = options;
    const { channel } = keys;
    const commandOptions = { timeout, typeMapping: {} };
    const subscriber = duplicate(client, events, { commandOptions });
    const reader =
      localCopy &&
      duplicate(client, events, {
        commandOptions,
        RESP: 3,
        disableOfflineQueue: true,
        clientSideCache: { ttl: localCopy.maxAge, maxEntries: localCopy.maxEntries, evictPolicy: 'LRU' },
      });
    await Promise.all([subscriber.connect(), reader?.connect()]);
    const probes = `${channel}:probe:${randomUUID()}`;
    const link = new RedisLink(redis, probes, reader, events.signal);
    await subscriber.subscribe([channel, probes], (message, heard) => {
      if (heard === probes) link.#probed?.();
      else link.#hear(message.split(' '), keys, events);
    });
    for (const connection of [subscriber, reader]) if (connection) letProcessEnd(connection);
    return link;
  }

  /** The server voids what has changed on another connection, which may be later: nobody may be told and then read an old copy. */
  #hear(words: readonly string[], keys: Keys, { revoked }: LinkEvents): void {
    const copies = this.#reader?.clientSideCache;
    if (copies) for (const word of words) copies.invalidate(keys.told(word));
    for (const word of words) if (!isMark(word)) revoked(word);
  }

  /** Sends a message to itself: what was told before it has come before it. */
  async probe(): Promise<void> {
    const probed = new Promise<void>((resolve) => {
      this.#probed = resolve;
    });
    // The reader remembers what it reads, but not what a script answers.
    const answered = this.#reader?.eval('return 1', { keys: [this.#probes], arguments: [] });
    await Promise.all([this.#redis.publish(this.#probes, ''), answered, probed]);
  }
}

function duplicate(client: RedisConnection, { lost, signal }: LinkEvents, overrides: object): RedisDuplicate {
  const connection = client.duplicate(overrides);
  for (const event of LOSSES) connection.on(event, lost);
  signal.addEventListener('abort', () => destroy(connection), { once: true });
  return connection;
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
