import { describe, expect, it } from '@jest/globals';
import { ProcessReplayMemory } from '../../lib/guard/dpop/replay-memory.js';

describe('ProcessReplayMemory', () => {
  it('T-09 knows a key until its time is up, and drops it then', () => {
    let now = 0;
    const memory = new ProcessReplayMemory(() => now);
    expect([memory.remember('a', 10), memory.remember('a', 10), memory.remember('b', 20)]).toStrictEqual([
      true,
      false,
      true,
    ]);
    now = 9;
    expect(memory.remember('a', 10)).toBe(false);
    now = 10;
    expect([memory.remember('a', 10), memory.remember('a', 10)]).toStrictEqual([true, false]);
    now = 30;
    expect(memory.remember('c', 10)).toBe(true);
    expect(memory.size).toBe(1);
  });

  it('T-09 is bounded, and when it is full takes nothing new rather than forget', () => {
    let now = 0;
    const memory = new ProcessReplayMemory(() => now, 3);
    for (const key of ['a', 'b', 'c']) expect(memory.remember(key, 10)).toBe(true);
    expect(() => memory.remember('d', 10)).toThrow(/full/);
    expect(memory.remember('a', 10)).toBe(false);
    now = 10;
    expect(memory.remember('d', 10)).toBe(true);
    expect(memory.size).toBe(1);
  });
});
