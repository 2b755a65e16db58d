import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ShardedMap } from '../../lib/tokens/sharded-map.js';

describe('ShardedMap', () => {
  it('property: behaves as a Map', () => {
    const key = fc.oneof(fc.constantFrom('', 'a', 'grant-1', 'grant-2'), fc.string());
    const steps = fc.array(fc.tuple(fc.boolean(), key, fc.integer()), { maxLength: 50 });
    fc.assert(
      fc.property(steps, (all) => {
        const sharded = new ShardedMap<number>();
        const map = new Map<string, number>();
        for (const [add, name, value] of all) {
          if (add) {
            sharded.set(name, value);
            map.set(name, value);
          } else {
            expect(sharded.delete(name)).toBe(map.delete(name));
          }
          expect([sharded.size, sharded.get(name)]).toStrictEqual([map.size, map.get(name)]);
        }
        const entries = sharded.shards().flatMap((shard) => [...shard]);
        expect(new Map(entries)).toStrictEqual(map);
        expect(entries).toHaveLength(map.size);
      }),
    );
  });

  it('spreads ids that count up over its parts', () => {
    const sharded = new ShardedMap<number>();
    for (let i = 0; i < 25_600; i++) sharded.set(`grant-${i}`, i);
    const sizes = sharded.shards().map((shard) => shard.size);
    expect(Math.max(...sizes)).toBeLessThan(300);
    expect(Math.min(...sizes)).toBeGreaterThan(20);
  });
});
