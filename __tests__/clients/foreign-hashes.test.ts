import { pbkdf2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { hash as bcrypt, compare } from 'bcryptjs';
import { argon2id, argon2Verify } from 'hash-wasm';
import { findClient } from '../../lib/clients/client-verifier.js';
import {
  type Client,
  type ClientStore,
  generateClientSecret,
  hashClientSecret,
  MemoryClientStore,
  requireActiveToken,
} from '../../lib/index.js';
import { attemptOf, timeOf, verifierFor, verifyHeader } from '../support/verifying.js';
import { A, basic, NOW, postToken, world } from '../support/world.js';

type Verify = NonNullable<ClientStore['verifySecret']>;

const SECRET = 'a chosen secret';
const derive = promisify(pbkdf2);

/** Django's form of PBKDF2. */
async function django(secret: string, iterations = 20_000, salt = 'salt'): Promise<string> {
  const key = await derive(secret, salt, iterations, 32, 'sha256');
  return `pbkdf2_sha256$${iterations}$${salt}$${key.toString('base64')}`;
}

const verifyDjango: Verify = async (secret, stored) => {
  const [, iterations, salt, key = ''] = stored.split('$');
  const derived = await derive(secret, salt as string, Number(iterations), 32, 'sha256');
  const kept = Buffer.from(key, 'base64');
  return kept.length === derived.length && timingSafeEqual(kept, derived);
};

const argon = (secret: string): Promise<string> =>
  argon2id({
    password: secret,
    salt: new Uint8Array(16).fill(7),
    parallelism: 1,
    iterations: 2,
    memorySize: 1024,
    hashLength: 32,
    outputType: 'encoded',
  });

const LIBRARIES: readonly (readonly [string, (secret: string) => Promise<string>, Verify])[] = [
  ['bcrypt', (secret) => bcrypt(secret, 6), compare],
  ['argon2id', argon, (secret, stored) => argon2Verify({ password: secret, hash: stored })],
  ["Django's PBKDF2", django, verifyDjango],
];

const never: Verify = () => {
  throw new Error('must not be asked');
};

describe('issuer/10 secrets that others have hashed', () => {
  it.each(LIBRARIES)('are verified by the hook of the store: %s', async (_name, hashed, verifySecret) => {
    const secret = await hashed(SECRET);
    const stores: readonly ClientStore[] = [
      new MemoryClientStore([{ clientId: 'app', secret }], { verifySecret }),
      { find: () => ({ clientId: 'app', secret }), verifySecret },
    ];
    for (const clients of stores) {
      const { app } = await world({ clients });
      const status = async (presented: string): Promise<number> =>
        (await postToken(app, A, basic('app', presented), 'x')).status;
      expect([await status(SECRET), await status('wrong'), await status('')]).toStrictEqual([200, 401, 401]);
      expect([await status(SECRET), await status(secret)]).toStrictEqual([200, 401]);
    }
  });

  it('are an error that names the hook where there is none, from whichever store', async () => {
    const secret = await bcrypt(SECRET, 4);
    expect(() => new MemoryClientStore([{ clientId: 'app', secret }])).toThrow(
      new TypeError(
        'MemoryClientStore: client "app": "secret" must be a hash: what hashClientSecret resolves to, or the `hash` of generateClientSecret; for one that others made, the store needs "verifySecret"',
      ),
    );
    const withHook = new MemoryClientStore([{ clientId: 'app', secret }], { verifySecret: compare });
    // What is lost on the way to the router.
    const wrapped: ClientStore = { find: (clientId) => withHook.find(clientId) };
    const plain: ClientStore = { find: () => ({ clientId: 'app', secret }) };
    for (const clients of [wrapped, plain]) {
      const { app, events } = await world({ clients });
      expect((await postToken(app, A, basic('app', SECRET), 'x')).status).toBe(503);
      expect(events.at(-1)?.fault?.message).toContain('"verifySecret"');
    }
  });

  it('may be none of no secret at all: an empty column makes no public client', async () => {
    for (const secret of ['', null, 5, undefined]) {
      const make = () =>
        new MemoryClientStore([{ clientId: 'app', secret } as Client], { verifySecret: never });
      if (secret === undefined) expect(make).not.toThrow();
      else expect(make).toThrow('"secret" must be a hash');
    }
  });

  it('may be the previous secret beside a generated one, but not beside another that is slow to compare', async () => {
    const [previousSecret, generated, chosen] = [
      await bcrypt(SECRET, 4),
      generateClientSecret(),
      await hashClientSecret('new'),
    ];
    const clients = new MemoryClientStore([{ clientId: 'app', secret: generated.hash, previousSecret }], {
      verifySecret: compare,
    });
    const verifier = verifierFor(clients);
    for (const secret of [SECRET, generated.secret])
      expect(await verifyHeader(verifier, basic('app', secret))).toBe('app');
    const make = () =>
      new MemoryClientStore([{ clientId: 'app', secret: chosen, previousSecret }], { verifySecret: compare });
    expect(make).toThrow('only one can be a chosen secret');
  });

  it('are no matter for what does not verify secrets: tokens of such a client are active', async () => {
    const secret = await bcrypt(SECRET, 4);
    const clients: ClientStore = {
      find: (clientId) => ({ clientId, secret, audiences: ['https://api.example.com'] }),
      verifySecret: compare,
    };
    const { app, tokens } = await world({ clients });
    expect((await postToken(app, A, basic('app', SECRET), 'at-live')).body).toMatchObject({ active: true });
    app.get('/guarded', requireActiveToken({ tokens, clients, clock: () => NOW }), (_req, res) => {
      res.end('in');
    });
    const { default: request } = await import('supertest');
    expect((await request(app).get('/guarded').set('Authorization', 'Bearer at-live')).text).toBe('in');
  });

  it.each([
    ['throws', never],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['returns no boolean', (() => 'yes') as never],
    ['returns nothing', (() => undefined) as never],
    ['resolves to no boolean', (async () => 1) as never],
  ] as const)('B-12 are 503 when the hook %s, right or wrong', async (what, verifySecret: Verify) => {
    const clients = new MemoryClientStore([{ clientId: 'app', secret: 'some hash' }], { verifySecret });
    const { app, events } = await world({ clients });
    const statuses = await Promise.all(
      [1, 2, 3].map(async () => (await postToken(app, A, basic('app', SECRET), 'x')).status),
    );
    expect(statuses).toStrictEqual([503, 503, 503]);
    if (what !== 'throws' && what !== 'rejects')
      expect(events[0]?.fault?.message).toContain('"verifySecret"');
    // For those whom it would only be asked about in vain, it is the same.
    expect((await postToken(app, A, basic('nobody', SECRET), 'x')).status).toBe(503);
  });

  it('share one question to the hook that fails among those who ask at once', async () => {
    let asked = 0;
    const verifySecret: Verify = async () => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      throw new Error('down');
    };
    const verifier = verifierFor(
      new MemoryClientStore([{ clientId: 'app', secret: 'some hash' }], { verifySecret }),
    );
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => verifyHeader(verifier, basic('app', 'x'))));
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'ERR_STORE_UNAVAILABLE',
          message: expect.stringContaining('"verifySecret"'),
          cause: { message: 'down' },
        },
      });
    expect(asked).toBe(1);
  });

  it('are not asked about for secrets that are right by a hash of ours', async () => {
    const { secret, hash } = generateClientSecret();
    const clients = new MemoryClientStore(
      [
        { clientId: 'generated', secret: hash },
        { clientId: 'chosen', secret: await hashClientSecret(SECRET) },
        { clientId: 'foreign', secret: 'some hash' },
      ],
      { verifySecret: never },
    );
    const verifier = verifierFor(clients);
    expect(await verifyHeader(verifier, basic('generated', secret))).toBe('generated');
    expect(await verifyHeader(verifier, basic('chosen', SECRET))).toBe('chosen');
  });

  it('attack/09 are not asked about again for a secret that was found right at another address while it waited', async () => {
    let asked = 0;
    const verifySecret: Verify = async () => {
      asked += 1;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return true;
    };
    const verifier = verifierFor(
      new MemoryClientStore([{ clientId: 'app', secret: 'some hash' }], { verifySecret }),
    );
    const reading = [{ clientId: 'app', secret: SECRET }] as const;
    const verified = Array.from({ length: 10 }, (_, i) =>
      verifier.verify('client_secret_basic', reading, attemptOf(undefined, `address ${i}`)),
    );
    for (const { client } of await Promise.all(verified)) expect(client?.clientId).toBe('app');
    // Two at a time, and two more that had started before the first was remembered.
    expect(asked).toBeLessThan(5);
  });

  it('are not asked about before one of them is known: the hook is never called without a hash', async () => {
    const { hash } = generateClientSecret();
    const verifySecret: Verify = never;
    const stores: readonly ClientStore[] = [
      new MemoryClientStore([{ clientId: 'app', secret: hash }], { verifySecret }),
      { find: () => ({ clientId: 'app', secret: hash }), verifySecret },
    ];
    for (const clients of stores)
      expect(await verifyHeader(verifierFor(clients), basic('app', 'wrong'))).toBeUndefined();
  });

  it('A-11 cost one question to the hook and one hash of ours for everybody who is wrong, from the first call on', async () => {
    let asked: [string, string][] = [];
    const verifySecret: Verify = async (secret, stored) => {
      asked.push([secret, stored]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return false;
    };
    const clients = new MemoryClientStore(
      [
        { clientId: 'foreign', secret: 'their hash' },
        { clientId: 'off', secret: 'their hash', disabled: true },
        { clientId: 'chosen', secret: await hashClientSecret(SECRET) },
        { clientId: 'generated', secret: generateClientSecret().hash },
        { clientId: 'public' },
      ],
      { verifySecret },
    );
    const { app } = await world({ clients, rateLimit: false });
    const times: number[] = [];
    for (const [clientId, secret] of [
      ['unknown', 'wrong'],
      ['foreign', 'wrong'],
      ['chosen', 'wrong'],
      ['generated', 'wrong'],
      ['off', 'wrong'],
      ['public', 'wrong'],
      ['foreign', ''],
      ['unknown', ''],
    ] as const) {
      asked = [];
      times.push(await timeOf(() => postToken(app, A, basic(clientId, secret), 'x')));
      expect([clientId, asked]).toStrictEqual([clientId, [[secret === '' ? '-' : secret, 'their hash']]]);
    }
    // That both are done for each, and neither twice: other processes make one take longer now and then.
    const sorted = times.toSorted((a, b) => a - b);
    expect((sorted.at(-2) as number) / (sorted[1] as number)).toBeLessThan(1.5);
  }, 60_000);

  it('A-11 cost the same in a store of the app, once one of them was looked up', async () => {
    const asked: string[] = [];
    const verifySecret: Verify = (_secret, stored) => asked.push(stored) < 0;
    const clients: ClientStore = {
      find: (clientId): Client | undefined =>
        clientId === 'app' ? { clientId, secret: 'their hash' } : undefined,
      verifySecret,
    };
    const verifier = verifierFor(clients);
    for (const clientId of ['app', 'nobody']) await verifyHeader(verifier, basic(clientId, 'wrong'));
    expect(asked).toStrictEqual(['their hash', 'their hash']);
  });

  it.each([
    ['verifySecret', true],
    ['replaceSecret', 'x'],
  ])('a "%s" that is no method is a TypeError', async (name, hook) => {
    const clients = { find: () => undefined, [name]: hook };
    await expect(world({ clients } as never)).rejects.toThrow(`"clients.${name}" must be a method`);
  });

  it.each([
    ['"verifySecret" must be', { verifySecret: 'bcrypt' }],
    ['unknown option "verify"', { verify: compare }],
  ])('an option that is wrong is a TypeError that names it: %s', (problem, options) => {
    const make = () => new MemoryClientStore([], options as never);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`MemoryClientStore: ${problem}`);
  });

  it('are not verified where a client is only looked up', async () => {
    const clients: ClientStore = {
      find: () => ({ clientId: 'app', secret: 'their hash' }),
      verifySecret: never,
    };
    expect(await findClient(clients, 'app')).toMatchObject({ clientId: 'app' });
  });
});
