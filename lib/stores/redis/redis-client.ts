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
  on(event: string, listener: () => void): unknown;
  subscribe(channels: string[], listener: (message: string, channel: string) => void): Promise<unknown>;
  readonly clientSideCache?: { invalidate(key: string): void } | undefined;
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
