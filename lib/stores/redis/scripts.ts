import { createHash } from 'node:crypto';
import type { RedisCommands, ScriptInput } from './redis-client.js';

/** The characters of a digest, with which the members of an index begin. */
export const DIGEST_LENGTH = 43;

/** A step that the server does as a whole, or not at all. All keys of one are in one slot of a cluster. */
export interface Script {
  readonly source: string;
  readonly digest: string;
}

function script(source: string): Script {
  // By its SHA-1 the server knows a script (EVALSHA).
  return { source, digest: createHash('sha1').update(source).digest('hex') };
}

/** What ends later (ms since 1970) is kept for ever: the server counts no further. */
const LAST_END = 1e16;

/** A time (ms) until or for which something is kept, as a script takes it: '' for ever. */
export function instant(time: number): string {
  return time < LAST_END ? String(Math.ceil(time)) : '';
}

/** Runs a script; sends its text where the server does not have it yet, or has forgotten it. */
export async function run(
  redis: RedisCommands,
  { source, digest }: Script,
  input: ScriptInput,
): Promise<unknown> {
  try {
    return await redis.evalSha(digest, input);
  } catch (error) {
    if (!String((error as Error | undefined)?.message).startsWith('NOSCRIPT')) throw error;
    return redis.eval(source, input);
  }
}

/**
 * Keeps a token where there is none. KEYS: the token. ARGV: its entry, until when (ms, '' for ever).
 * Returns 1, or 0 where there is one.
 */
export const SAVE: Script = script(`
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
if ARGV[2] == '' then redis.call('SET', KEYS[1], ARGV[1])
else redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2]) end
return 1`);

/**
 * Puts another entry in place of one that must not have changed since it was read.
 * KEYS: the token. ARGV: the entry before, the entry, until when, the channel, what to tell there.
 * Returns 1, or 0 where it has changed.
 */
export const REPLACE: Script = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3]) end
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`);

/**
 * Revokes a token. KEYS: the token. ARGV: now, until when an endless one is kept then ('' for ever), the generation that
 * it must be of, the channel, what to tell there ('' for nothing). Returns the entry before, '' where there was
 * nothing to revoke.
 */
export const REVOKE: Script = script(`
local entry = redis.call('GET', KEYS[1])
if not entry then return '' end
local generation, id, record = string.match(entry, '^approved|([^|]*)|([^|]*)||(.*)$')
if generation ~= ARGV[3] then return '' end
local revoked = 'revoked|' .. generation .. '|' .. id .. '|' .. ARGV[1] .. '|' .. record
if ARGV[2] ~= '' and redis.call('PTTL', KEYS[1]) == -1 then redis.call('SET', KEYS[1], revoked, 'PXAT', ARGV[2])
else redis.call('SET', KEYS[1], revoked, 'KEEPTTL') end
if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
return entry`);

/**
 * Enters a token in the index of an owner. KEYS: the index, and of a grant its generation. ARGV: the member, until when (ms, '' for ever), a generation for a grant that has none. Returns the grant's generation.
 */
export const ENTER: Script = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function keep(key, existed)
  local left = redis.call('PTTL', key)
  if ARGV[2] == '' then redis.call('PERSIST', key)
  elseif not existed or (left >= 0 and now + left < tonumber(ARGV[2])) then redis.call('PEXPIREAT', key, ARGV[2]) end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local existed = redis.call('EXISTS', KEYS[1]) == 1
redis.call('ZADD', KEYS[1], 'GT', ARGV[2] == '' and '+inf' or ARGV[2], ARGV[1])
keep(KEYS[1], existed)
if not KEYS[2] then return '' end
local generation = redis.call('GET', KEYS[2])
existed = generation ~= false
if not existed then
  generation = ARGV[3]
  redis.call('SET', KEYS[2], generation)
end
keep(KEYS[2], existed)
return generation`);

/**
 * Takes a token that is not live out of the index of an owner. KEYS: the index, and of a grant its generation, which
 * stays as long as one of its tokens may be approved again. ARGV: the member, how long (ms) an endless token is kept once it is
 * revoked ('' for ever).
 */
export const LEAVE: Script = script(`
local left = redis.call('ZREM', KEYS[1], ARGV[1])
if left == 0 or not KEYS[2] or ARGV[2] == '' then return left end
if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('PTTL', KEYS[2]) == -1 then
  local time = redis.call('TIME')
  redis.call('PEXPIREAT', KEYS[2], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2])
end
return left`);

/**
 * Removes a token. KEYS: the token. ARGV: the channel, what to tell there. Returns the entry, '' where there was none.
 */
export const REMOVE: Script = script(`
local entry = redis.call('GET', KEYS[1])
if not entry then return '' end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return entry`);

/** One step of a walk over an index. KEYS: the index. ARGV: the cursor, how many about. Returns the next cursor, digests and scores. */
export const WALK: Script = script(`return redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])`);

/** One step of a walk over all keys of a server. ARGV: the cursor, a pattern, how many about. Returns the next cursor, keys. */
export const SCAN: Script = script(`return redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])`);

/**
 * Ends the generation of a grant: from here on no token of it is live. KEYS: the generation, its tokens, where those are
 * put that are to be written down. ARGV: the channel, the event, the mark of the grant, how many are told one by one.
 * Returns the generation ('' where there was none), and its members where they are that few; else '!' is told.
 */
export const END_GENERATION: Script = script(`
local generation = redis.call('GET', KEYS[1])
if not generation then return {'', 0, {}} end
local members, told, few = {}, '!', redis.call('ZCARD', KEYS[2]) <= tonumber(ARGV[4])
if few then
  members = redis.call('ZRANGE', KEYS[2], 0, -1)
  local digests = {}
  for i, member in ipairs(members) do digests[i] = string.sub(member, 1, ${DIGEST_LENGTH}) end
  told = table.concat(digests, ' ')
end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[3]) end
redis.call('PUBLISH', ARGV[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. told)
return {generation, few and 1 or 0, members}`);

/** Drops what is left of a generation. KEYS: its tokens. */
export const DROP: Script = script(`return redis.call('UNLINK', KEYS[1])`);
