import { brand } from './sound.js';

/** What is known to be plain data, frozen all the way down. */
const frozen = brand<object>();

/** A copy of plain data, frozen all the way down; the value itself where it is such a copy. */
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return frozen.of(value) ?? frozen.mark(copyOf(value));
}

/** The same, at once, for a new object all of whose members are frozen plain data already. */
export function frozenShallow<T extends object>(value: T): T {
  frozen.mark(value);
  return value;
}

function copyOf(value: object): object {
  if (Array.isArray(value)) return value.map(frozenMember);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, frozenMember(inner)]));
}

function frozenMember(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? Object.freeze(copyOf(value)) : value;
}

/**
 * A copy as JSON sees it, frozen all the way down.
 *
 * @throws TypeError for what JSON cannot write
 */
export function frozenJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_key, inner: unknown) => Object.freeze(inner));
}
