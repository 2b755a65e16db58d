export type { RedisCommands, RedisConnection, RedisDuplicate, ScriptInput } from './redis-client.js';
export type { LocalCopyOptions, RedisTokenStoreOptions } from './redis-options.js';
export { RedisTokenStore } from './redis-token-store.js';
