import { expect, it } from '@jest/globals';
import type { ManagedTokenStore } from '../../lib/index.js';
import { StoreProcess } from './other-process.js';

/** The long form of the tests of faults: `npm run test:faults`. */
export const IS_LONG: boolean = process.env.FAULTS === 'long';

type Closable = ManagedTokenStore & { close(): Promise<void> };

interface FaultSettings {
  readonly kind: string;
  /** What another process opens the store with; asked once for each test. */
  readonly options: () => object;
  /** The same tokens in this process. */
  readonly open: (options: object) => Closable | Promise<Closable>;
  /** How many processes are killed, and how many end by themselves, in the short form. Default 10 and 6. */
  readonly rounds?: readonly [kills: number, ends: number];
}

/** What holds for each store that several processes share, and that outlives them. */
export function testFaults(settings: FaultSettings): void {
  testRevocations(settings);
  testEndings(settings);
}

/** How soon a revocation is felt in another process. */
export function testRevocations({ kind, options: newOptions, open }: FaultSettings): void {
  const revocations = IS_LONG ? 1000 : 100;
  it(`R-07 ${revocations} revocations are refused by another process that has them cached: p99 under 50 ms`, async () => {
    const options = newOptions();
    const store = await open(options);
    const other = await StoreProcess.start(kind, options);
    const delays: number[] = [];
    for (let i = 0; i < revocations; i++) {
      const token = `token-${i}`;
      await store.save({ token, kind: 'access_token', clientId: 'app' });
      expect(await other.call('introspect', token)).toMatchObject({ active: true });
      const refused = other.call('refused', token);
      await store.revoke(token);
      const revoked = process.hrtime.bigint();
      delays.push(Number(BigInt((await refused) as string) - revoked) / 1e6);
    }
    await store.close();
    const p99 = delays.toSorted((a, b) => a - b)[Math.floor(revocations * 0.99) - 1];
    expect(p99).toBeLessThan(50);
  }, 120_000);
}

/** What is left by a process that ends at any moment. */
function testEndings({ kind, options: newOptions, open, rounds = [10, 6] }: FaultSettings): void {
  const [kills, ends] = IS_LONG ? [200, 40] : rounds;
  it(`keeps whatever had resolved when its writer is killed, and nothing by halves (${kills} kills)`, async () => {
    const options = newOptions();
    for (let round = 0; round < kills; round++) {
      const run = `run-${round}`;
      const writer = await StoreProcess.start(kind, options);
      writer.begin('churn', run);
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 180));
      await writer.kill();
      // What it had sent to a server by then may still be done.
      await new Promise((resolve) => setTimeout(resolve, 20));
      const store = await open(options);
      const lines = writer.printed.split('\n').slice(0, -1);
      const check = async (line: string): Promise<void> => {
        const [what, token] = line.split(' ') as [string, string];
        const found = await store.find(token);
        expect([token, found?.claims, found?.refreshToken]).toStrictEqual([
          token,
          { whole: token },
          `${token}-refresh`,
        ]);
        if (what === 'revoked') expect([token, found?.status]).toStrictEqual([token, 'revoked']);
      };
      await Promise.all(lines.map(check));
      // What was under way is there whole, or not at all.
      const checkGrant = async (i: number): Promise<void> => {
        const [at, rt] = [await store.find(`${run}-at-${i}`), await store.find(`${run}-rt-${i}`)];
        if (i % 3 === 1 && at && rt) expect([i, at.status]).toStrictEqual([i, rt.status]);
        const live = [at, rt].filter((record) => record?.status === 'approved').length;
        expect([i, await store.revokeGrant(`${run}-g-${i}`)]).toStrictEqual([i, live]);
      };
      await Promise.all(Array.from({ length: lines.length + 8 }, (_, i) => checkGrant(i)));
      await store.close();
    }
  }, 600_000);

  it('lets the others write on when one ends in the middle of a change, by an exit or an exception', async () => {
    const options = newOptions();
    const store = await open(options);
    for (let round = 0; round < ends; round++) {
      const other = await StoreProcess.start(kind, options);
      other.begin('end', round % 2 === 0 ? 'exit' : 'throw');
      await other.ended();
      const token = `round-${round}`;
      await store.save({ token, kind: 'access_token', clientId: 'app' });
      expect(await store.revoke(token)).toBe(1);
    }
    await store.close();
  }, 120_000);
}
