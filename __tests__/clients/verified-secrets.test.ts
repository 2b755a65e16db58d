import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { VerifiedSecrets } from '../../lib/clients/verified-secrets.js';

const MINUTE = 60_000;
const APP = { clientId: 'app', secret: 'secret' };
const BY_HASH = { clientId: 'app', storedHash: 'its hash' };

/** What is remembered at a time that can be set. */
function remembering() {
  const clock = { now: 0 };
  const verified = new VerifiedSecrets(() => clock.now);
  return { clock, verified, secret: () => verified.secret(verified.nameOf(APP)) };
}

describe('VerifiedSecrets', () => {
  it('knows a secret again, and its header, and nothing that is another one', () => {
    const { verified, secret } = remembering();
    verified.add(APP, BY_HASH, 'Basic right');
    expect([secret(), verified.header('Basic right')]).toStrictEqual([BY_HASH, BY_HASH]);
    for (const other of ['', 'Basic', 'Basic Right', 'Basic right '])
      expect(verified.header(other)).toBeUndefined();
    for (const other of [
      { ...APP, secret: 'Secret' },
      { ...APP, clientId: 'App' },
      { clientId: 'apps', secret: 'ecret' },
      { clientId: '', secret: 'appsecret' },
    ])
      expect(verified.secret(verified.nameOf(other))).toBeUndefined();
  });

  it.each(['undefined', '', 'header:undefined'])(
    'A-12 takes the header "%s" for that of no client whose secret came without one',
    (header) => {
      const { verified } = remembering();
      verified.add(APP, BY_HASH);
      verified.add({ ...APP, clientId: 'other' }, BY_HASH, 'Basic other');
      expect(verified.header(header)).toBeUndefined();
    },
  );

  it('knows a proof again by its kind and all its parts only', () => {
    const { verified } = remembering();
    expect(verified.hasProof('access_token', 'a', 'b')).toBe(false);
    verified.addProof('access_token', 'a', 'b');
    expect(verified.hasProof('access_token', 'a', 'b')).toBe(true);
    expect(verified.hasProof('assertion', 'a', 'b')).toBe(false);
    for (const parts of [[], ['a'], ['ab'], ['b', 'a'], ['a', 'b', ''], ['a","b']])
      expect(verified.hasProof('access_token', ...parts)).toBe(false);
  });

  it('issuer/17 forgets five minutes after the last use, to the millisecond', () => {
    const { clock, verified, secret } = remembering();
    verified.add(APP, BY_HASH, 'Basic right');
    verified.addProof('certificate', 'app');
    const known = () => [secret(), verified.header('Basic right'), verified.hasProof('certificate', 'app')];
    for (const pause of [0, 1, MINUTE - 1, MINUTE, 5 * MINUTE - 1, 5 * MINUTE - 1]) {
      clock.now += pause;
      expect(known()).toStrictEqual([BY_HASH, BY_HASH, true]);
    }
    clock.now += 5 * MINUTE;
    expect(known()).toStrictEqual([undefined, undefined, false]);
  });

  it('attack/09 forgets of too many the one that was not used for longest, by the minute', () => {
    const { clock, verified, secret } = remembering();
    const add = (i: number): void => verified.add({ clientId: `client ${i}`, secret: 'x' }, BY_HASH);
    verified.add(APP, BY_HASH);
    for (let i = 1; i < 10_000; i++) add(i);
    clock.now += MINUTE;
    expect(secret()).toStrictEqual(BY_HASH);
    for (let i = 10_000; i < 19_999; i++) add(i);
    expect(secret()).toStrictEqual(BY_HASH);
    add(19_999);
    expect(secret()).toBeUndefined();
  });

  it('keeps HMAC-SHA256 only, under a key of 384 bits', () => {
    const made: Buffer[] = [];
    const verified = new VerifiedSecrets(Date.now, (bytes) => {
      const random = randomBytes(bytes);
      made.push(random);
      return random;
    });
    expect(made.map(({ length }) => length)).toStrictEqual([48]);
    const key = made[0]?.toString('base64url') as string;
    const hmac = (message: string): string => createHmac('sha256', key).update(message).digest('base64url');
    expect(verified.nameOf(APP)).toBe(hmac('3:app0:secret'));
    expect(verified.nameOf(APP, 'context')).toBe(hmac('3:app7:contextsecret'));
  });

  it('has a random key that no other process has', () => {
    const names = Array.from({ length: 3 }, () => new VerifiedSecrets(Date.now).nameOf(APP));
    expect(new Set(names).size).toBe(3);
  });
});
