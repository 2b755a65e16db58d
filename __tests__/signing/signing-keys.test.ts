import { describe, expect, it } from '@jest/globals';
import { HookError, HttpError } from '../../lib/http/http-error.js';
import type { PrivateJwk } from '../../lib/signing/signing-key.js';
import { SigningKeys } from '../../lib/signing/signing-keys.js';
import { EC, ED, RSA, secretsOf } from '../support/signing.js';

const made = (keys: unknown): SigningKeys => new SigningKeys('factory', keys);
const kids = async (keys: SigningKeys): Promise<readonly string[]> =>
  (await keys.current()).map(({ kid }) => kid);

function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('threw nothing');
}

const locked = {
  get kid(): string {
    throw new Error('locked');
  },
};

const BAD: readonly [string, unknown, string][] = [
  ['null', null, 'must be an array of one key or more'],
  ['no array', { keys: [RSA] }, 'must be an array of one key or more'],
  ['an empty array', [], 'must be an array of one key or more'],
  ['a second key that is none', [RSA, 'x'], 'the key at 1 is no JWK'],
  ['a hole', [RSA, undefined], 'the key at 1 is no JWK'],
  ['a key without a kid', [{ ...RSA, kid: undefined }], 'the key at 0 has no "kid"'],
  ['one kid for two keys', [RSA, ED, { ...EC, kid: 'rsa' }], 'the key at 2 has the "kid" of another'],
  ['the same key twice', [RSA, RSA], 'the key at 1 has the "kid" of another'],
  ['what JSON cannot write', [{ ...RSA, kid: 1n }], 'the key at 0 is no JSON'],
  ['what cannot be read', [locked], 'the key at 0 cannot be read'],
  ['a hole that is first', Object.assign(new Array(2), { 1: RSA }), 'the key at 0 is no JWK'],
];

describe('SigningKeys', () => {
  it.each(BAD)(
    'refuses %s at construction, naming the option and quoting nothing',
    (_what, keys, problem) => {
      const error = thrownBy(() => made(keys));
      expect(error).toStrictEqual(new TypeError(`factory: "keys": ${problem}`));
      for (const secret of secretsOf(RSA, EC, ED))
        expect(String((error as Error).stack)).not.toContain(secret);
    },
  );

  it.each(BAD)('calls it the fault of the function when that answers %s', async (_what, keys, problem) => {
    expect(thrownBy(() => made(() => keys).current())).toStrictEqual(new HookError(`keys: ${problem}`));
    const later = made(async () => keys).current();
    await expect(later).rejects.toStrictEqual(new HookError(`keys: ${problem}`));
    await expect(later).rejects.toBeInstanceOf(HookError);
  });

  it('calls it an outage when the function fails', async () => {
    const cause = new Error('vault is sealed');
    const throwing = made(() => {
      throw cause;
    });
    const rejecting = made(() => Promise.reject(cause));
    const thrown = thrownBy(() => throwing.current());
    for (const error of [thrown, await Promise.resolve(rejecting.current()).catch((why: unknown) => why)]) {
      expect(error).toBeInstanceOf(HttpError);
      expect(error).toMatchObject({ status: 503, cause, headers: { 'Retry-After': '5' } });
    }
  });

  it('knows a key by its members, in whatever object they are', async () => {
    class Row {}
    for (const member of ['kid', 'kty', 'crv', 'x', 'y', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'alg'])
      Object.defineProperty(Row.prototype, member, {
        get(this: { jwk: PrivateJwk }) {
          return this.jwk[member];
        },
      });
    const row = (jwk: PrivateJwk): object => Object.defineProperty(new Row(), 'jwk', { value: jwk });
    let now = row(EC);
    const keys = made(() => [now]);
    expect(await kids(keys)).toStrictEqual(['ec']);
    now = row(ED);
    expect(await kids(keys)).toStrictEqual(['ed']);
  });

  it('asks a function each time that its keys are needed, and not before', async () => {
    let asked = 0;
    const keys = made(() => {
      asked += 1;
      return [RSA];
    });
    expect(asked).toBe(0);
    await keys.current();
    await keys.current();
    expect(asked).toBe(2);
  });

  it('keeps the order, at once where the keys are there', () => {
    const both = made([ED, RSA]).current() as readonly { kid: string }[];
    expect(both.map(({ kid }) => kid)).toStrictEqual(['ed', 'rsa']);
    const answered = made(() => [RSA, EC]).current() as readonly { kid: string }[];
    expect(answered.map(({ kid }) => kid)).toStrictEqual(['rsa', 'ec']);
  });

  it('has the keys that its function answers by now, a list that was changed in place among them', async () => {
    const list = [RSA];
    const keys = made(async () => list);
    expect(await kids(keys)).toStrictEqual(['rsa']);
    list.unshift(EC);
    expect(await kids(keys)).toStrictEqual(['ec', 'rsa']);
    list[1] = { ...RSA, kid: 'renamed' };
    expect(await kids(keys)).toStrictEqual(['ec', 'renamed']);
    list.pop();
    expect(await kids(keys)).toStrictEqual(['ec']);
  });

  it('never takes another key for one that had the same kid', async () => {
    let list = [EC];
    const keys = made(() => list);
    const [old] = await keys.current();
    list = [{ ...ED, kid: 'ec' }];
    const [now] = await keys.current();
    expect([old?.published.x, now?.published.x]).toStrictEqual([EC.x, ED.x]);
    list = [{ ...EC, alg: undefined }];
    expect((await keys.current())[0]).toMatchObject({ kid: 'ec', alg: 'ES256' });
  });

  it('reads a key once, also where each answer is a new copy of it', async () => {
    const keys = made(() => structuredClone([RSA, EC]));
    const [rsa, ec] = await keys.current();
    expect(await keys.current()).toStrictEqual([rsa, ec]);
    const again = await keys.current();
    expect([again[0] === rsa, again[1] === ec]).toStrictEqual([true, true]);
  });

  it('keeps a fixed list as it was, whatever becomes of the array', async () => {
    const list = [RSA];
    const keys = made(list);
    list[0] = EC;
    expect(await kids(keys)).toStrictEqual(['rsa']);
  });
});
