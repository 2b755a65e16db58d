import { describe, expect, it } from '@jest/globals';
import { derivedFrom, frozenCopy, frozenShallow } from '../lib/frozen-copy.js';

describe('frozenCopy', () => {
  it('copies all the way down, and freezes the copy alone', () => {
    const given = { a: { b: [1, { c: 'd' }] } };
    const copy = frozenCopy(given) as typeof given;
    expect(copy).toStrictEqual(given);
    expect(copy).not.toBe(given);
    for (const part of [copy, copy.a, copy.a.b, copy.a.b[1]]) expect(Object.isFrozen(part)).toBe(true);
    for (const part of [given, given.a, given.a.b]) expect(Object.isFrozen(part)).toBe(false);
  });

  it('gives back what is such a copy already, and copies what only looks like one', () => {
    const copy = frozenCopy({ a: 1 });
    expect(frozenCopy(copy)).toBe(copy);
    const shallow = frozenShallow({ a: 1 });
    expect(frozenCopy(shallow)).toBe(shallow);
    const frozenByOthers = Object.freeze({ a: { b: 1 } });
    expect(frozenCopy(frozenByOthers)).not.toBe(frozenByOthers);
    expect(frozenCopy('text')).toBe('text');
  });
});

describe('derivedFrom', () => {
  it('derives once from what cannot change, and each time from what can', () => {
    let derived = 0;
    const derive = (): { n: number } => {
      derived += 1;
      return { n: derived };
    };
    const copy = frozenShallow({ a: 1 });
    expect(derivedFrom(copy, derive)).toBe(derivedFrom(copy, derive));
    expect(derived).toBe(1);
    const open = { a: 1 };
    expect(derivedFrom(open, derive)).not.toBe(derivedFrom(open, derive));
    expect(derived).toBe(3);
  });
});
