/** What the store asks of a server: what a client and a cluster client of the package `redis` both have. */
export interface RedisCommands {
  get(key: string): Promise<unknown>;
  eval(script: string, input: ScriptInput): Promise<unknown>;
  evalSha(digest: string, input: ScriptInput): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
}

/** What a script is run on. */
export interface ScriptInput {
  readonly keys: string[];
  readonly arguments: string[];
}

interface HasUnref {
  unref?(): unknown;
}

/** A connection of the store's own to the same server. */
export interface RedisDuplicate extends RedisCommands, HasUnref {
  connect(): Promise<unknown>;
  destroy(): unknown;
  on(event: string, listener: (subject: unknown) => void): unknown;
  subscribe(channels: string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  /** The connections of a cluster client. */
  readonly masters?: readonly { readonly client?: HasUnref | undefined }[];
  readonly pubSubNode?: { readonly client: HasUnref } | undefined;
}

/** A client (`createClient`) or a cluster client (`createCluster`) of the package `redis`, connected by its owner. */
export interface RedisConnection extends RedisCommands {
  withCommandOptions(options: {
    readonly timeout: number;
    readonly typeMapping: Record<string, never>;
  }): RedisCommands;
  duplicate(overrides?: object): RedisDuplicate;
}

/** Of a cluster: the nodes that have its keys, and the connection to one of them. */
interface ClusterConnection extends RedisConnection {
  readonly masters: readonly object[];
  nodeClient(node: object): Promise<RedisConnection>;
}

/** Whether a client is one of a cluster. */
export function isCluster(client: RedisConnection): client is ClusterConnection {
  return 'masters' in client;
}

/** The connections to all servers that have keys: to the one there is, or to each master of a cluster. */
export async function serversOf(client: RedisConnection): Promise<readonly RedisConnection[]> {
  return isCluster(client) ? Promise.all(client.masters.map((node) => client.nodeClient(node))) : [client];
}

/** Settings of a client that would make wrong answers of ours. */
interface ClientSettings {
  readonly keyPrefix?: unknown;
  readonly useReplicas?: unknown;
}

/** Says what of a client's own settings the store cannot work with; `undefined` where there is nothing. */
export function clientProblem(
  client: RedisConnection & {
    readonly options?: ClientSettings | undefined;
    readonly _options?: ClientSettings | undefined;
    readonly clientSideCache?: unknown;
  },
): string | undefined {
  const settings = client.options ?? client._options ?? {};
  // A replica is late: what was revoked would be read there as live.
  if (settings.useReplicas) return 'a client without "useReplicas": a replica knows of a revocation later';
  if (client.clientSideCache) return 'a client without "clientSideCache": use "localCopy"';
  // The server tells of changes by whole keys, which the store would not know.
  if (settings.keyPrefix) return 'a client without "keyPrefix": use "prefix"';
  return undefined;
}
