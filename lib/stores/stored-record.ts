import { frozenJson } from '../frozen-copy.js';
import type { TokenRecord } from '../tokens/token-record.js';

/** Members in which anything may stand that JSON has. */
const FREE_FORM = ['attributes', 'claims', 'confirmation', 'actor', 'authorizationDetails'] as const;

/**
 * A record as an engine keeps it: strings, numbers and lists of strings as they are, and
 * everything of a free form as one JSON text, so that an engine's own encoding can lose nothing of it.
 */
export type StoredRecord = Omit<TokenRecord, (typeof FREE_FORM)[number] | 'refreshToken'> & {
  readonly free?: string;
  /** The linked refresh token, which only the access token opens. */
  readonly sealed?: Uint8Array;
};

export function stored(record: TokenRecord, sealed: Uint8Array | undefined): StoredRecord {
  const { attributes, claims, confirmation, actor, authorizationDetails, ...rest } = record;
  const free = {
    attributes: attributes?.length ? attributes : undefined,
    claims,
    confirmation,
    actor,
    authorizationDetails,
  };
  const isFree = FREE_FORM.some((member) => free[member] !== undefined);
  return { ...rest, ...(isFree && { free: JSON.stringify(free) }), ...(sealed && { sealed }) };
}

const NONE: readonly never[] = Object.freeze([]);

/** The record again, a new one that is frozen but for its own members. */
export function recordOf({ free, sealed: _sealed, ...rest }: StoredRecord): TokenRecord {
  Object.freeze(rest.scope);
  Object.freeze(rest.audience);
  Object.freeze(rest.apiProducts);
  return free === undefined
    ? { ...rest, attributes: NONE }
    : { ...rest, attributes: NONE, ...(frozenJson(JSON.parse(free)) as Partial<TokenRecord>) };
}
