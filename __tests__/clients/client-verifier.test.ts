import { scryptSync } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Credentials } from '../../lib/clients/basic-credentials.js';
import type { Client } from '../../lib/clients/client.js';
import { HttpError } from '../../lib/http/http-error.js';
import { generateClientSecret, hashClientSecret, MemoryClientStore } from '../../lib/index.js';
import { deferred } from '../support/upstream.js';
import { attemptOf, timeOf, timesApart, verifierFor, verifyHeader } from '../support/verifying.js';
import { basic } from '../support/world.js';

const SECRET = 'z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=';

const GENERATED = { clientId: 'app', secret: generateClientSecret().hash };

const unpadded = (buffer: Buffer): string => buffer.toString('base64').replace(/=+$/, '');

describe('ClientVerifier', () => {
  it.each([
    ['raw', SECRET],
    ['form-encoded', encodeURIComponent(SECRET)],
  ])('A-01 A-02 A-03 knows a secret with colon, plus and percent, %s', async (_what, presented) => {
    const clients = new MemoryClientStore([{ clientId: 'app', secret: await hashClientSecret(SECRET) }]);
    expect(await verifyHeader(verifierFor(clients), basic('app', presented))).toBe('app');
  });

  it.each(['secret:junk', 'secret:', ':secret', 'secre', 'secret ', 'Secret', ''])(
    'A-04 A-12 refuses "%s" for the secret "secret"',
    async (presented) => {
      const clients = new MemoryClientStore([{ clientId: 'app', secret: await hashClientSecret('secret') }]);
      expect(await verifyHeader(verifierFor(clients), basic('app', presented))).toBeUndefined();
    },
  );

  it('A-03 knows an id that is form-encoded, and one that only looks so', async () => {
    const one = generateClientSecret();
    const other = generateClientSecret();
    const clients = new MemoryClientStore([
      { clientId: 'my app', secret: one.hash },
      { clientId: 'my+app', secret: other.hash },
    ]);
    expect(await verifyHeader(verifierFor(clients), basic('my+app', one.secret))).toBe('my app');
    expect(await verifyHeader(verifierFor(clients), basic('my+app', other.secret))).toBe('my+app');
  });

  it('A-12 knows a public client by its empty secret only, and by that in Basic only', async () => {
    const clients = new MemoryClientStore([{ clientId: 'public' }]);
    expect(await verifyHeader(verifierFor(clients), basic('public', ''))).toBe('public');
    expect(await verifyHeader(verifierFor(clients), basic('public', 'x'))).toBeUndefined();
    const inForm = [{ clientId: 'public', secret: '' }] as const;
    expect(await verifierFor(clients).verify('client_secret_post', inForm, attemptOf())).toStrictEqual({
      claimed: 'public',
      wrong: 'other_method',
    });
  });

  it('hashes a known secret once in five minutes, in whichever way it is presented', async () => {
    let now = 0;
    const clients = new MemoryClientStore([{ clientId: 'app', secret: await hashClientSecret('a+b') }]);
    const verifier = verifierFor(clients, () => now);
    const verify = (): Promise<number> => timeOf(() => verifyHeader(verifier, basic('app', 'a+b')));
    const cold = await verify();
    for (let i = 0; i < 5; i++) expect(await verify()).toBeLessThan(cold / 5);
    now += 5 * 60 * 1000;
    expect(await verify()).toBeGreaterThan(cold / 5);
  });

  it('shares one hash among callers that come together', async () => {
    const clients = new MemoryClientStore([{ clientId: 'app', secret: await hashClientSecret('secret') }]);
    const one = await timeOf(() => verifyHeader(verifierFor(clients), basic('app', 'secret')));
    const verifier = verifierFor(clients);
    const many = await timeOf(() =>
      Promise.all(Array.from({ length: 40 }, () => verifyHeader(verifier, basic('app', 'secret')))),
    );
    expect(many).toBeLessThan(one * 10);
  });

  it('attack/09 is renewed by use: who never pauses for five minutes is not hashed again', async () => {
    let now = 0;
    const clients = new MemoryClientStore([{ clientId: 'app', secret: await hashClientSecret('secret') }]);
    const verifier = verifierFor(clients, () => now);
    const verify = (): Promise<number> => timeOf(() => verifyHeader(verifier, basic('app', 'secret')));
    const cold = await verify();
    for (const pause of [299_999, 30_000, 270_000, 299_999, 1, 299_998]) {
      now += pause;
      expect(await verify()).toBeLessThan(cold / 5);
    }
    now += 300_000;
    expect(await verify()).toBeGreaterThan(cold / 5);
  });

  it.each([true, false])(
    'A-11 attack/09 has equal wrong guesses at once share one hash, whether or not there is such a client (%s)',
    async (isThere) => {
      const secret = await hashClientSecret('secret');
      const clients = new MemoryClientStore(isThere ? [{ clientId: 'app', secret }] : []);
      const one = await timeOf(() => verifyHeader(verifierFor(clients), basic('app', 'wrong')));
      const verifier = verifierFor(clients);
      const many = await timeOf(async () => {
        const guesses = Array.from({ length: 40 }, () => verifyHeader(verifier, basic('app', 'wrong')));
        expect(new Set(await Promise.all(guesses))).toStrictEqual(new Set([undefined]));
      });
      expect(many).toBeLessThan(one * 10);
    },
  );

  it('attack/09 has no guess of one address wait for those of another', async () => {
    const clients = new MemoryClientStore([{ clientId: 'app', secret: await hashClientSecret('secret') }]);
    const verifier = verifierFor(clients);
    const reading = [{ clientId: 'app', secret: 'secret' }] as const;
    const verify = async (origin: string, secret = 'secret'): Promise<string> => {
      const attempt = attemptOf(undefined, origin);
      const { client } = await verifier.verify('client_secret_basic', [{ ...reading[0], secret }], attempt);
      done.push(`${origin} ${secret}`);
      return client?.clientId ?? 'nobody';
    };
    const done: string[] = [];
    const flood = Array.from({ length: 10 }, (_, i) => verify('a', `wrong ${i}`));
    // The same right secret from both.
    const [there, here] = [verify('a'), verify('b')];
    expect(await here).toBe('app');
    expect(done.filter((one) => one.startsWith('a')).length).toBeLessThan(6);
    expect(await there).toBe('app');
    await Promise.all(flood);
  });

  it('attack/09 hashes nothing for a secret that was found right at another address while it waited', async () => {
    const clients = new MemoryClientStore([{ clientId: 'app', secret: await hashClientSecret('secret') }]);
    const verifier = verifierFor(clients);
    const one = await timeOf(() => verifyHeader(verifierFor(clients), basic('app', 'secret')));
    const reading = [{ clientId: 'app', secret: 'secret' }] as const;
    const all = await timeOf(async () => {
      const verified = Array.from({ length: 30 }, (_, i) =>
        verifier.verify('client_secret_basic', reading, attemptOf(undefined, `address ${i}`)),
      );
      for (const { client } of await Promise.all(verified)) expect(client?.clientId).toBe('app');
    });
    expect(all).toBeLessThan(one * 6);
  });

  it('attack/09 A-12 knows a public client in any reading before anything is hashed', async () => {
    const clients = new MemoryClientStore([{ clientId: 'my+app' }]);
    const one = await timeOf(() => verifyHeader(verifierFor(clients), basic('my+app', 'x')));
    const verifier = verifierFor(clients);
    const took = await timeOf(async () =>
      expect(await verifyHeader(verifier, basic('my+app', ''))).toBe('my+app'),
    );
    expect(took).toBeLessThan(one / 4);
  });

  it('forgets a public client at once when it is one no more', async () => {
    let client: Client | undefined = { clientId: 'app' };
    const verifier = verifierFor({ find: () => client });
    for (let i = 0; i < 2; i++) expect(await verifyHeader(verifier, basic('app', ''))).toBe('app');
    client = { clientId: 'app', secret: GENERATED.secret };
    expect(await verifyHeader(verifier, basic('app', ''))).toBeUndefined();
  });

  it('forgets a secret at once when the stored hash changes, and a client when it is disabled', async () => {
    const old = generateClientSecret();
    let client: Client = { clientId: 'app', secret: old.hash };
    const verifier = verifierFor({ find: () => client });
    expect(await verifyHeader(verifier, basic('app', old.secret))).toBe('app');
    client = { ...client, disabled: true };
    expect(await verifyHeader(verifier, basic('app', old.secret))).toBeUndefined();
    client = { clientId: 'app', secret: generateClientSecret().hash };
    expect(await verifyHeader(verifier, basic('app', old.secret))).toBeUndefined();
  });

  it('remembers a bounded number of secrets, the latest', async () => {
    const secrets = Array.from({ length: 10_001 }, () => generateClientSecret());
    const clients = new MemoryClientStore(
      secrets.map(({ hash }, i) => ({ clientId: `c${i}`, secret: hash })),
    );
    const verifier = verifierFor(clients);
    for (const [i, { secret }] of secrets.entries()) {
      expect(await verifyHeader(verifier, basic(`c${i}`, secret))).toBe(`c${i}`);
    }
    expect(await verifyHeader(verifier, basic('c0', secrets[0]?.secret ?? ''))).toBe('c0');
  });

  it('takes no client for another that a store without regard for case answers', async () => {
    const { secret, hash } = generateClientSecret();
    const verifier = verifierFor({ find: () => ({ clientId: 'app', secret: hash }) });
    expect(await verifyHeader(verifier, basic('App', secret))).toBeUndefined();
  });

  it('reads a client with its secret from an object with getters', async () => {
    const { secret, hash } = generateClientSecret();
    class Row {
      get clientId(): string {
        return 'app';
      }
      get secret(): string {
        return hash;
      }
    }
    for (const clients of [{ find: () => new Row() }, new MemoryClientStore([new Row()])]) {
      expect(await verifyHeader(verifierFor(clients), basic('app', ''))).toBeUndefined();
      expect(await verifyHeader(verifierFor(clients), basic('app', secret))).toBe('app');
    }
  });

  it.each([
    ['an empty secret', { clientId: 'app', secret: '' }],
    ['a null secret', { clientId: 'app', secret: null }],
    ['a secret in plain text', { clientId: 'app', secret: 'x' }],
    ['a secret by another name', { clientId: 'app', secret_hash: 'x' }],
    ['the previous secret alone', { clientId: 'app', previousSecret: generateClientSecret().hash }],
    ['a previous secret by another name', { clientId: 'app', previous_secret: 'x' }],
    ['a null previous secret', { ...GENERATED, previousSecret: null }],
    ['a previous secret in plain text', { ...GENERATED, previousSecret: 'x' }],
    [
      'an end by another name',
      { ...GENERATED, previousSecret: GENERATED.secret, previous_secret_until: new Date() },
    ],
    ['a disabling by another name', { clientId: 'app', enabled: false }],
    ['a disabling by yet another name', { clientId: 'app', active: false }],
    ['no client at all', 42],
    ['an array that has an id', Object.assign([], { clientId: 'app' })],
    ['a function that has an id', Object.assign(() => {}, { clientId: 'app' })],
  ])('A-12 takes no answer with %s for a public client: it is an outage', async (_what, answer) => {
    const verifier = verifierFor({ find: () => answer as never });
    await expect(verifyHeader(verifier, basic('app', ''))).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
  });

  it.each([undefined, null])('takes a client for unknown of which a store answers %s', async (answer) => {
    const verifier = verifierFor({ find: () => answer as never });
    expect(await verifyHeader(verifier, basic('app', ''))).toBeUndefined();
  });

  const lost = new Error('lost connection');
  const failing = (): never => {
    throw lost;
  };
  it.each([
    ['find throws', failing],
    ['find rejects', () => Promise.reject(lost)],
    [
      'client has a getter that throws',
      () => Object.defineProperty({ clientId: 'app' }, 'secret', { get: failing }),
    ],
  ])('B-12 says what was the cause of an outage, of a store whose %s', async (_what, find) => {
    await expect(verifyHeader(verifierFor({ find }), basic('app', ''))).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      cause: lost,
    });
  });

  it('asks the store once for an id of which a secret can be read in two ways', async () => {
    const { secret, hash } = generateClientSecret();
    const asked: string[] = [];
    const find = (clientId: string): Client => {
      asked.push(clientId);
      return { clientId, secret: hash };
    };
    expect(await verifyHeader(verifierFor({ find }), basic('app', `+${secret}`))).toBeUndefined();
    expect(asked).toStrictEqual(['app']);
  });

  it('attack/09 compares nothing for what is remembered in either reading, also if the client of the other is gone', async () => {
    const { secret, hash } = generateClientSecret();
    const all: Client[] = ['my app', 'my+app'].map((clientId) => ({ clientId, secret: hash }));
    const verifier = verifierFor({ find: (id) => all.find(({ clientId }) => clientId === id) });
    const [decoded, raw] = all.map(({ clientId }) => ({ clientId, secret })) as [Credentials, Credentials];
    const verify = async (readings: [Credentials, ...Credentials[]], proceed?: () => void) =>
      (await verifier.verify('client_secret_basic', readings, attemptOf(proceed))).client?.clientId;
    expect(await verify([raw])).toBe('my+app');
    expect(await verify([decoded, raw], failing)).toBe('my+app');
    await expect(verify([decoded], failing)).rejects.toBe(lost);
    expect(await verify([decoded])).toBe('my app');
    all.shift();
    expect(await verify([decoded, raw], failing)).toBe('my+app');
  });

  it.each([
    [{ enabled: true, active: true }, 'app'],
    [{ disabled: false, enabled: false, active: false }, 'app'],
    [{ disabled: true, enabled: false }, undefined],
  ])('A-12 goes by the name that a client has for its disabling: %j', async (members, expected) => {
    const verifier = verifierFor({ find: () => ({ clientId: 'app', ...members }) });
    expect(await verifyHeader(verifier, basic('app', ''))).toBe(expected);
  });

  it('A-11 takes as long for a disabled client with the right secret as with a wrong one, and as for an unknown client', async () => {
    const clients = new MemoryClientStore([
      { clientId: 'off', secret: await hashClientSecret('secret'), disabled: true },
    ]);
    const verifier = verifierFor(clients);
    const works = ['off:secret', 'off:wrong', 'unknown:wrong'].map((credentials) => {
      const [id = '', secret = ''] = credentials.split(':');
      return () => verifyHeader(verifier, basic(id, secret));
    });
    expect(await timesApart(works, 1.5)).toBeLessThan(1.5);
  });

  it('hashes nothing, cheap or slow, for a caller who is stopped', async () => {
    const cheap = `$scrypt$ln=14,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
    const clients = new MemoryClientStore([
      { clientId: 'cheap', secret: cheap },
      { clientId: 'generated', secret: generateClientSecret().hash },
    ]);
    const verifier = verifierFor(clients);
    const stopped = (): never => {
      throw new Error('stopped');
    };
    const took = await timeOf(async () => {
      for (const clientId of ['cheap', 'generated', 'unknown']) {
        for (let i = 0; i < 10; i++) {
          await expect(
            verifier.verify('client_secret_basic', [{ clientId, secret: `x${i}` }], attemptOf(stopped)),
          ).rejects.toThrow('stopped');
        }
      }
    });
    expect(took).toBeLessThan(200);
  });

  it('refuses the right cheap secret like any other while too many wait', async () => {
    const salt = Buffer.from('0123456789abcdef');
    const hash = scryptSync('0042', salt, 32, { N: 2 ** 10, r: 8, p: 1 });
    const stored = `$scrypt$ln=10,r=8,p=1$${unpadded(salt)}$${unpadded(hash)}`;
    const verifier = verifierFor(new MemoryClientStore([{ clientId: 'weak', secret: stored }]));
    const flood = Array.from({ length: 34 }, (_, i) => verifyHeader(verifier, basic(`nobody-${i}`, 'x')));
    for (const guess of ['0041', '0042']) {
      await expect(verifyHeader(verifier, basic('weak', guess))).rejects.toMatchObject({ status: 503 });
    }
    await Promise.all(flood);
    expect(await verifyHeader(verifier, basic('weak', '0042'))).toBe('weak');
  });

  it('does not stop a caller because another one with the same secret was', async () => {
    const clients = new MemoryClientStore([{ clientId: 'app', secret: await hashClientSecret('secret') }]);
    const verifier = verifierFor(clients);
    const reading = [{ clientId: 'app', secret: 'secret' }] as const;
    const busy = ['x', 'y'].map((id) => verifyHeader(verifier, basic(id, 'x')));
    const stopped = verifier.verify(
      'client_secret_basic',
      reading,
      attemptOf(() => {
        throw new HttpError(429, 'slow_down', 'stopped');
      }),
    );
    const others = [
      verifier.verify('client_secret_basic', reading, attemptOf()),
      verifier.verify('client_secret_basic', reading, attemptOf()),
    ];
    await expect(stopped).rejects.toThrow('stopped');
    expect((await Promise.all(others)).map(({ client }) => client?.clientId)).toStrictEqual(['app', 'app']);
    await Promise.all(busy);
  });

  it('refuses more than it can hash in a few seconds with 503, and still knows whom it remembers', async () => {
    const known = generateClientSecret();
    const clients = new MemoryClientStore([{ clientId: 'app', secret: known.hash }]);
    const verifier = verifierFor(clients);
    await verifyHeader(verifier, basic('app', known.secret));
    const flood = Array.from({ length: 40 }, (_, i) =>
      verifyHeader(verifier, basic(`nobody-${i}`, 'x')).catch((error: unknown) => error),
    );
    expect(await verifyHeader(verifier, basic('app', known.secret))).toBe('app');
    const answers = await Promise.all(flood);
    expect(answers.filter((answer) => answer === undefined)).toHaveLength(34);
    expect(answers.filter((answer) => (answer as { status?: number })?.status === 503)).toHaveLength(6);
  }, 30_000);

  it('attack/09 refuses a stranger while strangers have taken all places to wait, and no client that there is', async () => {
    const { promise: isRight, resolve: open } = deferred<boolean>();
    const secret = 'a hash that somebody else made';
    const verifier = verifierFor(
      new MemoryClientStore(
        ['a', 'b', 'app'].map((clientId) => ({ clientId, secret })),
        { verifySecret: () => isRight },
      ),
    );
    const stopped = (): never => {
      throw new HttpError(429, 'slow_down', 'stopped');
    };
    const verify = async (clientId: string, proceed?: () => void): Promise<unknown> => {
      const attempt = attemptOf(proceed, clientId);
      return verifier
        .verify('client_secret_basic', [{ clientId, secret: 'x' }], attempt)
        .then(({ client }) => client?.clientId)
        .catch(({ status }: HttpError) => status);
    };
    const running = ['a', 'b'].map((clientId) => verify(clientId));
    await nextTurn();
    const strangers = Array.from({ length: 64 }, (_, i) => verify(`stranger ${i}`, stopped));
    await nextTurn();
    const known = verify('app');
    await nextTurn();
    expect(await verify('one more')).toBe(503);
    open(true);
    expect(await Promise.all([...running, known])).toStrictEqual(['a', 'b', 'app']);
    expect((await Promise.all(strangers)).map(String).toSorted()).toStrictEqual([
      ...Array.from({ length: 63 }, () => '429'),
      '503',
    ]);
  });

  it('A-11 takes as long for an unknown client, a generated secret and a public client as for a wrong chosen secret', async () => {
    const clients = new MemoryClientStore([
      { clientId: 'chosen', secret: await hashClientSecret('secret') },
      { clientId: 'generated', secret: generateClientSecret().hash },
      { clientId: 'cheap', secret: `$scrypt$ln=4,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}` },
      { clientId: 'public' },
    ]);
    const verifier = verifierFor(clients);
    const works = ['chosen', 'generated', 'cheap', 'public', 'unknown'].map(
      (id) => (round: number) => verifyHeader(verifier, basic(id, `wrong-${round}`)),
    );
    expect(await timesApart(works, 1.5)).toBeLessThan(1.5);
  });
});
