/** Whose constructor answers the object it is given, so that a subclass puts its private field on that one. */
export class Given {
  constructor(value: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is what this class is for
    return value;
  }
}

/** Knows the values that went through {@link Brand.mark}. */
export interface Brand<T extends object> {
  /** Marks a frozen value as checked; `plain` is what stands for it where that is another one. */
  mark(value: T, plain?: T): T;
  /** What was marked; `undefined` for any other value, copies and lookalikes included. */
  of(value: unknown): T | undefined;
}

/**
 * A mark that only this module can set, by which a value that our own stores have checked
 * and frozen is not checked, copied and frozen again on each request. A private field, and
 * no WeakSet: a set with a million members costs four times as much and burdens the collector.
 */
export function brand<T extends object>(): Brand<T> {
  class Sound extends Given {
    readonly #plain: T;
    constructor(value: T, plain: T) {
      super(value);
      this.#plain = plain;
    }
    static of(value: unknown): T | undefined {
      return typeof value === 'object' && value !== null && #plain in value ? value.#plain : undefined;
    }
  }
  return {
    mark(value, plain = value) {
      new Sound(value, plain);
      return Object.freeze(value);
    },
    of: (value) => Sound.of(value),
  };
}
