import { Given } from './sound.js';

/** Plain data, frozen all the way down, with room for one thing that is derived from it. */
class Frozen extends Given {
  #derived: object | undefined = undefined;

  static is(value: object): boolean {
    return #derived in value;
  }

  static derived<T extends object>(value: object, derive: () => T): T {
    if (!(#derived in value)) return derive();
    // Nothing but what has been frozen by this module gets here: what is derived from it stays true.
    value.#derived ??= derive();
    return value.#derived as T;
  }
}

/** A copy of plain data, frozen all the way down; the value itself where it is such a copy. */
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Frozen.is(value) ? value : frozenShallow(copyOf(value));
}

/** The same, at once, for a new object all of whose members are frozen plain data already. */
export function frozenShallow<T extends object>(value: T): T {
  new Frozen(value);
  return Object.freeze(value);
}

/** What `derive` makes of such a copy: made once, and kept with it. Of anything else it is made each time. */
export function derivedFrom<T extends object>(value: object, derive: () => T): T {
  return Frozen.derived(value, derive);
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
