import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { sweepInBackground } from '../../lib/tokens/background-sweep.js';

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A store that counts its sweeps, which fail. */
function failingSweeps(): { sweep(): Promise<number>; readonly counted: { sweeps: number } } {
  const counted = { sweeps: 0 };
  return {
    counted,
    sweep() {
      counted.sweeps += 1;
      return Promise.reject(new Error('not now'));
    },
  };
}

describe('sweepInBackground', () => {
  it('sweeps again and again, whatever becomes of a sweep', async () => {
    const store = failingSweeps();
    sweepInBackground(store, 2);
    while (store.counted.sweeps < 3) await pause(2);
  });

  it('does not keep the store alive, and ends with it', async () => {
    setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    let store: ReturnType<typeof failingSweeps> | undefined = failingSweeps();
    const { counted } = store;
    const weak = new WeakRef(store);
    sweepInBackground(store, 2);
    while (counted.sweeps === 0) await pause(2);
    store = undefined;
    for (let i = 0; i < 100 && weak.deref(); i++) {
      await pause(5);
      gc();
    }
    expect(weak.deref()).toBeUndefined();
    await pause(10);
    const { sweeps } = counted;
    await pause(30);
    expect(counted.sweeps).toBe(sweeps);
  });
});
