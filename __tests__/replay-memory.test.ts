import { describe, expect, it } from '@jest/globals';
import { ProcessReplayMemory, processReplayMemory } from '../lib/replay-memory.js';

describe('ProcessReplayMemory', () => {
  it('T-09 knows a key for its whole time, and not much longer', () => {
    let now = 0;
    const memory = new ProcessReplayMemory(() => now);
    const seen: [number, boolean][] = [];
    expect(memory.remember('a', 10)).toBe(true);
    for (now of [0, 5, 9]) seen.push([now, memory.remember('a', 10)]);
    now = 9;
    expect(memory.remember('late', 10)).toBe(true);
    for (now of [10, 18]) seen.push([now, memory.remember('late', 10)]);
    expect(seen.map(([, isNew]) => isNew)).toStrictEqual([false, false, false, false, false]);
    now = 40;
    expect([memory.remember('a', 10), memory.remember('late', 10), memory.size]).toStrictEqual([
      true,
      true,
      2,
    ]);
  });

  it('T-09 keeps what lives longest, whenever it came', () => {
    let now = 0;
    const memory = new ProcessReplayMemory(() => now);
    memory.remember('short', 10);
    now = 9;
    expect(memory.remember('long', 100)).toBe(true);
    for (now = 9; now < 109; now += 5) {
      memory.remember(`other-${now}`, 10);
      expect([now, memory.remember('long', 100)]).toStrictEqual([now, false]);
    }
  });

  it('T-09 forgets all at once after a pause', () => {
    let now = 0;
    const memory = new ProcessReplayMemory(() => now);
    for (let i = 0; i < 1000; i++) memory.remember(`key-${i}`, 10);
    now = 1000;
    memory.remember('new', 10);
    expect(memory.size).toBe(1);
  });

  it('T-09 is bounded, and when it is full takes nothing new rather than forget', () => {
    let now = 0;
    const memory = new ProcessReplayMemory(() => now, 3);
    for (const key of ['a', 'b', 'c']) expect(memory.remember(key, 10)).toBe(true);
    expect(() => memory.remember('d', 10)).toThrow(/full/);
    expect(memory.remember('a', 10)).toBe(false);
    now = 20;
    expect(memory.remember('d', 10)).toBe(true);
    expect(memory.size).toBe(1);
  });

  it('is one for all that go by the same clock', () => {
    const clock = (): number => 0;
    expect(processReplayMemory(clock)).toBe(processReplayMemory(clock));
    expect(processReplayMemory(clock)).not.toBe(processReplayMemory(() => 0));
  });
});
