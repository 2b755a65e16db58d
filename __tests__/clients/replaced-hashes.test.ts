import { describe, expect, it } from '@jest/globals';
import { hash as bcrypt, compare } from 'bcryptjs';
import { SecretComparisons } from '../../lib/clients/secret-comparison.js';
import { HttpError } from '../../lib/http/http-error.js';
import type { Client, ClientStore } from '../../lib/index.js';
import { deferred } from '../support/upstream.js';
import { attemptOf } from '../support/verifying.js';
import { A, basic, postToken, world } from '../support/world.js';

const SECRET = 'a chosen secret';

const failing: NonNullable<ClientStore['replaceSecret']> = () => {
  throw new Error('read-only');
};

describe('issuer/10 a hash of ours in place of one that somebody else made', () => {
  /** A store that keeps what it is given, and a router over it. */
  async function migrating(replaceSecret?: ClientStore['replaceSecret']) {
    const kept = new Map<string, Client>([['app', { clientId: 'app', secret: await bcrypt(SECRET, 4) }]]);
    const seen: [string, string, string][] = [];
    const clients: ClientStore = {
      find: (clientId) => kept.get(clientId),
      verifySecret: compare,
      replaceSecret(clientId, newHash, oldHash) {
        seen.push([clientId, newHash, oldHash]);
        return replaceSecret
          ? replaceSecret(clientId, newHash, oldHash)
          : kept.set(clientId, { clientId, secret: newHash });
      },
    };
    const { app, clock } = await world({ clients });
    const ask = async (secret: string): Promise<number> =>
      (await postToken(app, A, basic('app', secret), 'x')).status;
    return { kept, seen, ask, clock };
  }
  /** Comparisons of a store that keeps nothing, and the ids of those whose hash it was given, in order. */
  function comparing(verifySecret?: NonNullable<ClientStore['verifySecret']>) {
    const replaced: string[] = [];
    const clients: ClientStore = {
      find: () => undefined,
      ...(verifySecret && { verifySecret }),
      replaceSecret: (clientId) => replaced.push(clientId),
    };
    return { clients, replaced, comparisons: new SecretComparisons(Date.now) };
  }
  const until = async (done: () => boolean): Promise<void> => {
    for (const began = Date.now(); !done() && Date.now() - began < 30_000; )
      await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('is given to a store that can keep it, once the secret was right, and is good from then on', async () => {
    const { kept, seen, ask } = await migrating();
    const old = kept.get('app')?.secret;
    expect(await ask('wrong')).toBe(401);
    expect(await ask(SECRET)).toBe(200);
    await until(() => seen.length > 0);
    expect(seen).toStrictEqual([['app', expect.stringMatching(/^\$scrypt\$/), old]]);
    expect([await ask(SECRET), await ask('wrong')]).toStrictEqual([200, 401]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen).toHaveLength(1);
  });

  it.each([
    ['throws', failing],
    ['rejects', () => Promise.reject(new Error('read-only'))],
    ['keeps nothing', () => undefined],
  ] as const)('harms no response where the store %s, and is tried again', async (_what, replaceSecret) => {
    const { seen, ask, clock } = await migrating(replaceSecret as never);
    expect(await ask(SECRET)).toBe(200);
    await until(() => seen.length > 0);
    expect(await ask(SECRET)).toBe(200);
    expect(seen).toHaveLength(1);
    clock.now += 5 * 60_000;
    expect(await ask(SECRET)).toBe(200);
    await until(() => seen.length > 1);
    expect(seen).toHaveLength(2);
  });

  it('delays no response where the store never answers, and is asked for once at a time', async () => {
    const { seen, ask, clock } = await migrating(() => new Promise(() => {}));
    expect(await ask(SECRET)).toBe(200);
    await until(() => seen.length > 0);
    clock.now += 5 * 60_000;
    expect(await ask(SECRET)).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen).toHaveLength(1);
  });

  it('is made of no guess that came too late to be answered', async () => {
    const secret = await bcrypt(SECRET, 4);
    const seen: unknown[] = [];
    const clients: ClientStore = {
      find: () => ({ clientId: 'app', secret }),
      verifySecret: compare,
      replaceSecret: (...given) => seen.push(given),
    };
    const { app } = await world({ clients, rateLimit: { failures: { windowMs: 60_000, limit: 1 } } });
    const guesses = ['w1', 'w2', 'w3', SECRET].map((guess) => postToken(app, A, basic('app', guess), 'x'));
    expect((await Promise.all(guesses)).map(({ status }) => status)).not.toContain(200);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(seen).toStrictEqual([]);
  });

  it('is made for one client after the other, so that none is refused when more than can wait come at once', async () => {
    const { clients, replaced, comparisons } = comparing();
    const all = Array.from({ length: 36 }, (_, i) => `app ${i}`);
    for (const clientId of all) comparisons.moveToOurs(clients, { clientId, secret: SECRET }, clientId);
    await until(() => replaced.length === all.length);
    expect(replaced).toStrictEqual(all);
  });

  it('attack/09 is made though strangers have taken all places to wait', async () => {
    const { promise: isRight, resolve: open } = deferred<boolean>();
    const { clients, replaced, comparisons } = comparing(() => isRight);
    const compare = (origin: string, storedHashes: readonly string[], proceed?: () => void) => {
      const comparison = { clientId: origin, secret: SECRET, storedHashes, isKnown: storedHashes.length > 0 };
      return comparisons.matchingHash(clients, comparison, attemptOf(proceed, origin));
    };
    const running = ['a', 'b'].map((origin) => compare(origin, ['some hash']));
    const stopped = (): never => {
      throw new HttpError(429, 'slow_down', 'stopped');
    };
    const strangers = Array.from({ length: 64 }, (_, i) => compare(`stranger ${i}`, [], stopped));
    const outcomes = Promise.allSettled(strangers);
    comparisons.moveToOurs(clients, { clientId: 'app', secret: SECRET }, 'old hash');
    await new Promise((resolve) => setTimeout(resolve, 20));
    open(true);
    expect(await Promise.all(running)).toStrictEqual(['some hash', 'some hash']);
    await outcomes;
    await until(() => replaced.length > 0);
    expect(replaced).toStrictEqual(['app']);
  });

  it('attack/09 is made for a thousand at a time that wait, and for others once these have theirs', async () => {
    const { clients, replaced, comparisons } = comparing();
    const move = (clientId: string, secret = SECRET) =>
      comparisons.moveToOurs(clients, { clientId, secret }, `hash of ${clientId}`);
    // An empty one has no hash, and so takes its place, but no time.
    for (let i = 1; i < 1000; i++) move(`client ${i}`, '');
    move('the last one');
    move('one too many');
    await until(() => replaced.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    move('a later one');
    await until(() => replaced.length > 1);
    expect(replaced).toStrictEqual(['the last one', 'a later one']);
  });
});
