import { describe, expect, it } from '@jest/globals';
import { WindowCounter } from '../../lib/http/window-counter.js';

describe('WindowCounter', () => {
  it('counts each key by itself, in a window that begins with its first event', async () => {
    let now = 1000;
    const counter = new WindowCounter(100, () => now);
    expect(await counter.count('a')).toStrictEqual({ hits: 1, left: 100 });
    now = 1050;
    expect(await counter.count('a')).toStrictEqual({ hits: 2, left: 50 });
    expect(await counter.count('b')).toStrictEqual({ hits: 1, left: 100 });
    now = 1100;
    expect(await counter.count('a')).toStrictEqual({ hits: 1, left: 100 });
    expect(await counter.count('b')).toStrictEqual({ hits: 2, left: 50 });
  });

  it('counts a bounded number of keys, and forgets the oldest first', async () => {
    const counter = new WindowCounter(100, () => 0, 2);
    for (const key of ['a', 'b', 'c']) await counter.count(key);
    expect([await counter.count('c'), await counter.count('b'), await counter.count('a')]).toMatchObject([
      { hits: 2 },
      { hits: 2 },
      { hits: 1 },
    ]);
  });
});
