import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { SlowHashes } from '../../lib/clients/slow-hashes.js';

/** Hashes that are done when they are told to be, one after the other. */
class Hashes {
  readonly queue = new SlowHashes();
  /** Who has had a turn. */
  readonly turns: string[] = [];
  readonly #running: (() => void)[] = [];

  /** Wants a hash; resolves to what becomes of it. */
  async want(name: string, origin: string, isKnown = false, proceed = (): void => {}): Promise<string> {
    try {
      await this.queue.run({ origin, isKnown }, () => this.#hash(name), proceed);
      return 'done';
    } catch (error) {
      return `${(error as { status?: number }).status ?? (error as Error).message}`;
    }
  }

  /** Ends one hash after the other until none is left. */
  async finish(): Promise<void> {
    for (await wait(0); this.#running.length > 0; await wait(0)) this.#running.shift()?.();
  }

  #hash(name: string): Promise<void> {
    this.turns.push(name);
    return new Promise((resolve) => this.#running.push(resolve));
  }
}

const many = (count: number, want: (i: number) => Promise<string>): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => want(i)));

describe('attack/09 slow hashes', () => {
  it('run two at a time', async () => {
    const hashes = new Hashes();
    const all = many(4, (i) => hashes.want(`${i}`, 'a'));
    await wait(0);
    expect(hashes.turns).toHaveLength(2);
    await hashes.finish();
    expect(await all).toStrictEqual(['done', 'done', 'done', 'done']);
  });

  it('take turns by address: who comes from another one waits for a round, whatever others have in the queue', async () => {
    const hashes = new Hashes();
    const attackers = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const flood = Promise.all(
      attackers.map((origin) => many(34, (i) => hashes.want(`${origin}${i}`, origin))),
    );
    const right = hashes.want('right', 'z');
    await hashes.finish();
    expect(await right).toBe('done');
    // The two that were running, one turn for each of the eight, and then it.
    expect(hashes.turns.indexOf('right')).toBeLessThanOrEqual(2 + attackers.length);
    for (const of of await flood) expect(of.filter((what) => what === '503').length).toBeLessThanOrEqual(2);
  });

  it('go on taking turns while one address keeps its share full', async () => {
    const hashes = new Hashes();
    for (let i = 0; i < 34; i++) void hashes.want(`a${i}`, 'a');
    const others = [hashes.want('b0', 'b'), hashes.want('b1', 'b'), hashes.want('c0', 'c')];
    await hashes.finish();
    await Promise.all(others);
    const order = hashes.turns.slice(2, 9);
    expect(order).toStrictEqual(['a2', 'b0', 'c0', 'a3', 'b1', 'a4', 'a5']);
  });

  it('give each address 32 places to wait, whether or not the clients exist that it claims', async () => {
    const hashes = new Hashes();
    const all = many(40, (i) => hashes.want(`${i}`, 'a', i % 2 === 0));
    await hashes.finish();
    expect((await all).map((what, i) => [i < 34 ? 'done' : '503', what])).toStrictEqual(
      (await all).map((_, i) => (i < 34 ? ['done', 'done'] : ['503', '503'])),
    );
  });

  it('let addresses wait up to a number, and then a known client in the place of one with unknown ids only', async () => {
    const hashes = new Hashes();
    const busy = many(2, (i) => hashes.want(`busy${i}`, 'busy', true));
    const unknown = many(63, (i) => hashes.want(`u${i}`, `unknown ${i}`));
    const known = hashes.want('known', 'known', true);
    const more = await Promise.all([hashes.want('u', 'one more'), hashes.want('u', 'and another')]);
    expect(more).toStrictEqual(['503', '503']);
    // Of an address that waits already there may be more, and an unknown id does not make it one of unknown ids only.
    const second = hashes.want('known2', 'known', false);
    const right = hashes.want('right', 'right', true);
    expect((await Promise.race([unknown.then(String), wait(20)])) ?? 'waiting').toBe('waiting');
    await hashes.finish();
    expect([await known, await second, await right]).toStrictEqual(['done', 'done', 'done']);
    expect(await busy).toStrictEqual(['done', 'done']);
    expect((await unknown).map((what, i) => (what === '503' ? i : -1)).filter((i) => i >= 0)).toStrictEqual([
      62,
    ]);
  });

  it('push out nobody who is known, be it by another who is', async () => {
    const hashes = new Hashes();
    const all = many(66, (i) => hashes.want(`k${i}`, `${i}`, true));
    expect(await hashes.want('late', 'late', true)).toBe('503');
    await hashes.finish();
    expect(new Set(await all)).toStrictEqual(new Set(['done']));
  });

  it('take the next one at once where somebody is stopped meanwhile, and where a hash fails', async () => {
    const hashes = new Hashes();
    const busy = many(2, (i) => hashes.want(`busy${i}`, 'busy'));
    const stopped = hashes.want('stopped', 'a', false, () => {
      throw new Error('stopped');
    });
    const failed = hashes.queue
      .run(
        { origin: 'b', isKnown: false },
        () => Promise.reject(new Error('failed')),
        () => {},
      )
      .catch((error: Error) => error.message);
    const last = hashes.want('last', 'c');
    await hashes.finish();
    expect([await stopped, await failed, await last]).toStrictEqual(['stopped', 'failed', 'done']);
    expect(hashes.turns).toStrictEqual(['busy0', 'busy1', 'last']);
    await busy;
  });
});
