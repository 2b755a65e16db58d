const SHARDS = 256;

/**
 * A map in 256 parts. One large `Map` stops the process for tens of milliseconds
 * whenever it grows or shrinks, since all of it is hashed anew; here 1/256 of it is.
 * The parts are also the slices in which a long walk gives way to other work.
 */
export class ShardedMap<Value> {
  readonly #shards: readonly Map<string, Value>[] = Array.from(
    { length: SHARDS },
    () => new Map<string, Value>(),
  );
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): Value | undefined {
    return this.#shardOf(key).get(key);
  }

  set(key: string, value: Value): void {
    const shard = this.#shardOf(key);
    if (!shard.has(key)) this.#size += 1;
    shard.set(key, value);
  }

  delete(key: string): boolean {
    const deleted = this.#shardOf(key).delete(key);
    if (deleted) this.#size -= 1;
    return deleted;
  }

  /** The parts, one after the other. Entries may be deleted while a part is walked. */
  shards(): readonly ReadonlyMap<string, Value>[] {
    return this.#shards;
  }

  /** FNV-1a over the last characters, the ones that differ in ids such as `grant-000123`. */
  #shardOf(key: string): Map<string, Value> {
    let hash = 0x811c9dc5;
    for (let i = Math.max(0, key.length - 8); i < key.length; i++) {
      hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
    }
    return this.#shards[(hash >>> 8) & (SHARDS - 1)] as Map<string, Value>;
  }
}
