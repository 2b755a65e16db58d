import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ClientVerifier } from '../../lib/clients/client-verifier.js';
import { type Client, generateClientSecret, hashClientSecret, MemoryClientStore } from '../../lib/index.js';
import { attemptOf, timesApart, verifierFor, verifyHeader } from '../support/verifying.js';
import { basic, NOW, postToken, world } from '../support/world.js';

interface Secret {
  readonly secret: string;
  readonly hash: string;
}

const one = generateClientSecret();
const other = generateClientSecret();
let chosen: Secret;

beforeAll(async () => {
  chosen = { secret: 'chosen', hash: await hashClientSecret('chosen') };
});

/** Each pair of which one at most is chosen: the secret, and the one before. */
const pairs = (): readonly (readonly [Secret, Secret])[] => [
  [one, other],
  [one, chosen],
  [chosen, one],
];

const rotated = (secret: Secret, previous: Secret, until?: number): Client => ({
  clientId: 'app',
  secret: secret.hash,
  previousSecret: previous.hash,
  ...(until !== undefined && { previousSecretUntil: until }),
});

const header = ({ secret }: { readonly secret: string }): string => basic('app', secret);

/** How many hashes a call has compared, cheap and slow. */
async function comparisons(
  verifier: ClientVerifier,
  { secret }: { readonly secret: string },
): Promise<number> {
  let count = 0;
  const counted = attemptOf(() => {
    count += 1;
  });
  await verifier.verify('client_secret_basic', [{ clientId: 'app', secret }], counted);
  return count;
}

describe('a client with two secrets', () => {
  it('A-01 A-12 is known by either, and by nothing else', async () => {
    for (const [secret, previous] of pairs()) {
      const verifier = verifierFor(new MemoryClientStore([rotated(secret, previous)]));
      for (let time = 0; time < 2; time++) {
        expect(await verifyHeader(verifier, header(secret))).toBe('app');
        expect(await verifyHeader(verifier, header(previous))).toBe('app');
      }
      expect(await verifier.recall(header(secret))).toMatchObject({ clientId: 'app' });
      expect(await verifier.recall(header(previous))).toMatchObject({ clientId: 'app' });
      for (const wrong of ['', 'x', secret.hash, previous.hash, `${secret.secret} ${previous.secret}`]) {
        expect(await verifyHeader(verifier, basic('app', wrong))).toBeUndefined();
      }
    }
  });

  it('A-11 takes as long for a wrong secret as an unknown client, and for either chosen secret as for an only one', async () => {
    const clients = pairs().map(([secret, previous], i) => ({
      ...rotated(secret, previous),
      clientId: `pair-${i}`,
    }));
    const store = new MemoryClientStore([...clients, { clientId: 'only', secret: chosen.hash }]);
    const wrong = ['unknown', 'only', 'pair-0', 'pair-1', 'pair-2'].map((id) => [id, 'wrong']);
    const right = ['only', 'pair-1', 'pair-2'].map((id) => [id, chosen.secret]);
    const works = [...wrong, ...right].map(
      ([id = '', secret = '']) =>
        () =>
          verifyHeader(verifierFor(store), basic(id, secret)),
    );
    expect(await timesApart(works, 1.5)).toBeLessThan(1.5);
  });

  it('lets either generated secret in without a slow hash, and either secret again', async () => {
    const both = verifierFor(new MemoryClientStore([rotated(one, other)]));
    // A wrong one each time: no result of it is kept.
    for (let time = 0; time < 2; time++) expect(await comparisons(both, { secret: 'x' })).toBe(3);
    expect(await comparisons(both, one)).toBe(2);
    expect(await comparisons(both, other)).toBe(2);
    const mixed = verifierFor(new MemoryClientStore([rotated(chosen, one)]));
    expect(await comparisons(mixed, one)).toBe(1);
    expect(await comparisons(mixed, chosen)).toBe(2);
    for (const verifier of [both, mixed]) expect(await comparisons(verifier, one)).toBe(0);
    expect(await comparisons(mixed, chosen)).toBe(0);
  });

  it('needs no slow hash for a secret that becomes the previous one, and forgets it at once when that is taken away', async () => {
    let client: Client = { clientId: 'app', secret: chosen.hash };
    const verifier = verifierFor({ find: () => client });
    expect(await verifyHeader(verifier, header(chosen))).toBe('app');
    client = rotated(one, chosen);
    expect(await comparisons(verifier, chosen)).toBe(0);
    expect(await verifyHeader(verifier, header(one))).toBe('app');
    client = { clientId: 'app', secret: one.hash };
    expect(await verifyHeader(verifier, header(chosen))).toBeUndefined();
    expect(await verifyHeader(verifier, header(one))).toBe('app');
    client = { ...rotated(other, one), disabled: true };
    expect(await verifyHeader(verifier, header(one))).toBeUndefined();
  });

  it('is known by the previous one until its end only, remembered or not', async () => {
    let now = NOW;
    const store = new MemoryClientStore([rotated(one, other, NOW + 1000)]);
    const verifier = verifierFor(store, () => now);
    now += 999;
    expect(await verifyHeader(verifier, header(other))).toBe('app');
    now += 1;
    expect(await verifyHeader(verifier, header(other))).toBeUndefined();
    expect(
      await verifyHeader(
        verifierFor(store, () => now),
        header(other),
      ),
    ).toBeUndefined();
    expect(await verifyHeader(verifier, header(one))).toBe('app');
  });

  it('lets nobody in whose secret was taken away while another one with it is waited for', async () => {
    let client = rotated(one, chosen);
    const verifier = verifierFor({ find: () => client });
    const before = verifyHeader(verifier, header(chosen));
    await nextTurn();
    client = rotated(one, other);
    const after = verifyHeader(verifier, header(chosen));
    expect(await Promise.all([before, after])).toStrictEqual(['app', undefined]);
    expect(await verifyHeader(verifier, header(chosen))).toBeUndefined();
  });

  it('shares one slow hash among callers that come together, with either secret', async () => {
    const verifier = verifierFor(new MemoryClientStore([rotated(one, chosen)]));
    const each = await Promise.all(Array.from({ length: 40 }, () => comparisons(verifier, chosen)));
    expect(each.toSorted((a, b) => b - a).slice(0, 2)).toStrictEqual([2, 0]);
  });

  it('has neither compared for a caller who is stopped', async () => {
    for (const [secret, previous] of pairs()) {
      const verifier = verifierFor(new MemoryClientStore([rotated(secret, previous)]));
      for (const { secret: presented } of [secret, previous, { secret: 'x' }]) {
        const stopped = verifier.verify(
          'client_secret_basic',
          [{ clientId: 'app', secret: presented }],
          attemptOf(() => {
            throw new Error('stopped');
          }),
        );
        await expect(stopped).rejects.toThrow('stopped');
      }
    }
  });

  it('calls the APIs with either, and with the previous one no more from the call on after which it is gone', async () => {
    let client: Client = rotated(one, other);
    const { app } = await world({ clients: { find: () => client }, clock: Date.now });
    const statuses = async (): Promise<readonly number[]> => {
      const calls = [one, other].map((secret) => postToken(app, '/v1/oauth/introspect', header(secret), 't'));
      return (await Promise.all(calls)).map(({ status }) => status);
    };
    expect(await statuses()).toStrictEqual([200, 200]);
    client = { clientId: 'app', secret: one.hash };
    expect(await statuses()).toStrictEqual([200, 401]);
  });
});
