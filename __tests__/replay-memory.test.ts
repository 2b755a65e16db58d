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

  it('attack/23 gives each owner as much as is still free, so that none can fill it', () => {
    let now = 0;
    const memory = new ProcessReplayMemory(() => now, 12);
    let keys = 0;
    const noted = (owner: string): number => {
      for (let count = 0; ; count++) {
        try {
          memory.remember(`key-${keys++}`, 10, owner);
        } catch (error) {
          expect((error as Error).message).toMatch(/share of this owner/);
          return count;
        }
      }
    };
    expect([noted('greedy'), noted('greedy')]).toStrictEqual([6, 0]);
    // What it has noted it still knows.
    expect(memory.remember('key-0', 10, 'greedy')).toBe(false);
    expect([noted('second'), noted('third')]).toStrictEqual([3, 2]);
    expect([memory.size, memory.remember('last', 10, 'fourth')]).toStrictEqual([11, true]);
    expect(() => memory.remember('more', 10, 'fifth')).toThrow('The replay memory is full');
    now = 5;
    expect(noted('greedy')).toBe(0);
    now = 10;
    // The older generation is still good, and still counts.
    expect(() => memory.remember('more', 10, 'greedy')).toThrow('The share of this owner');
    now = 20;
    expect(noted('greedy')).toBe(6);
  });

  it('attack/23 keeps nothing of owners that are over', () => {
    let now = 0;
    const memory = new ProcessReplayMemory(() => now, 10);
    for (let i = 0; i < 100; i++) {
      now += 10;
      for (let j = 0; j < 2; j++) expect(memory.remember(`${i}-${j}`, 10, 'same')).toBe(true);
    }
    expect(memory.size).toBe(4);
  });

  it('is one for all that go by the same clock', () => {
    const clock = (): number => 0;
    expect(processReplayMemory(clock)).toBe(processReplayMemory(clock));
    expect(processReplayMemory(clock)).not.toBe(processReplayMemory(() => 0));
  });
});
