import { describe, expect, it } from '@jest/globals';
import { MemoryTokenStore, storeIntrospector, type TokenRecord } from '../lib/index.js';
import { brand } from '../lib/sound.js';

describe('brand', () => {
  it('knows what it has marked, and freezes it', () => {
    const marked = brand<{ a: number }>();
    const value = marked.mark({ a: 1 });
    expect(marked.of(value)).toBe(value);
    expect(Object.isFrozen(value)).toBe(true);
    expect(Object.keys(value)).toStrictEqual(['a']);
  });

  it('tells what stands for a value', () => {
    const marked = brand<{ a?: number }>();
    const plain = {};
    expect(marked.of(marked.mark({ a: 1 }, plain))).toBe(plain);
  });

  it('knows no copy, no descendant, no proxy, nothing that another brand has marked, and no primitive', () => {
    const marked = brand<object>();
    const value = marked.mark({ a: 1 });
    const others = [
      { ...value },
      Object.create(value),
      new Proxy(value, {}),
      brand<object>().mark({}),
      null,
      1,
    ];
    for (const other of others) expect(marked.of(other)).toBeUndefined();
  });
});

describe('a store made out of one of ours', () => {
  class Careless extends MemoryTokenStore {
    override find(token: string): TokenRecord | undefined {
      const record = super.find(token);
      // A database's seconds.
      return record && { ...record, expiresAt: 1_700_000_000 };
    }
  }

  it('has its own records checked', async () => {
    const tokens = new Careless();
    await tokens.save({ token: 'abc', kind: 'access_token', clientId: 'app' });
    await expect(storeIntrospector(tokens).introspect('abc')).rejects.toThrow('"expiresAt" must be');
  });
});
