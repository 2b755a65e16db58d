import { scryptSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isQuick, parseSecretHash, type SecretHash, verifySecret } from '../../lib/clients/client-secret.js';
import { generateClientSecret, hashClientSecret } from '../../lib/index.js';

const unpadded = (buffer: Buffer): string => buffer.toString('base64').replace(/=+$/, '');

describe('hashClientSecret', () => {
  it('makes a salted scrypt string that says its own cost', async () => {
    const [first, second] = await Promise.all([hashClientSecret('secret'), hashClientSecret('secret')]);
    expect(first).toMatch(/^\$scrypt\$ln=14,r=8,p=5\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
    const stored = parseSecretHash(first);
    expect(stored && (await verifySecret('secret', stored))).toBe(true);
    expect(stored && (await verifySecret('Secret', stored))).toBe(false);
  });

  it.each([[''], [undefined], [5]])('refuses %p', async (secret) => {
    const hashed = hashClientSecret(secret as string);
    await expect(hashed).rejects.toThrow(TypeError);
    await expect(hashed).rejects.toThrow('hashClientSecret: "secret"');
  });
});

describe('generateClientSecret', () => {
  it('makes 256 random bits and a SHA-256 string', async () => {
    const { secret, hash } = generateClientSecret();
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(hash).toMatch(/^\$sha256\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(hash).not.toContain(secret);
    expect(generateClientSecret().secret).not.toBe(secret);
    const stored = parseSecretHash(hash);
    expect(stored && (await verifySecret(secret, stored))).toBe(true);
    expect(stored && (await verifySecret('other', stored))).toBe(false);
  });
});

describe('parseSecretHash', () => {
  it('reads hashes of the same format that somebody else made, at another cost', async () => {
    const salt = Buffer.from('0123456789abcdef');
    const hash = scryptSync('secret', salt, 32, { N: 2 ** 10, r: 4, p: 2 });
    const stored = parseSecretHash(`$scrypt$ln=10,r=4,p=2$${unpadded(salt)}$${unpadded(hash)}`);
    expect(stored && (await verifySecret('secret', stored))).toBe(true);
  });

  const salt = 'A'.repeat(22);
  const hash = 'A'.repeat(43);
  it.each([
    ['plain text', 'secret'],
    ['bcrypt', '$2b$10$abcdefghijklmnopqrstuv'],
    ['argon2', `$argon2id$v=19$m=65536,t=3,p=4$${salt}$${hash}`],
    ['an unknown algorithm', `$md5$${salt}$${hash}`],
    ['no salt', `$sha256$$${hash}`],
    ['a short hash', `$sha256$${salt}$AAAA`],
    ['trailing text', `$sha256$${salt}$${hash}!`],
    ['a cost that scrypt does not allow', `$scrypt$ln=16,r=1,p=1$${salt}$${hash}`],
    ['a cost of zero', `$scrypt$ln=0,r=8,p=1$${salt}$${hash}`],
    ['no block size', `$scrypt$ln=14,r=0,p=1$${salt}$${hash}`],
    ['no parallelization', `$scrypt$ln=14,r=8,p=0$${salt}$${hash}`],
    ['a cost that takes too much memory', `$scrypt$ln=24,r=8,p=1$${salt}$${hash}`],
    ['a cost that takes too much time', `$scrypt$ln=14,r=8,p=99$${salt}$${hash}`],
  ])('refuses %s', (_what, stored) => {
    expect(parseSecretHash(stored)).toBeUndefined();
  });

  it.each([
    ['the least cost, block size and parallelization', 'ln=1,r=1,p=1'],
    ['the greatest parallelization', 'ln=1,r=1,p=16'],
    ['as much memory as one may take', 'ln=18,r=8,p=1'],
  ])('takes, and can compare, a hash of %s', async (_what, cost) => {
    const stored = parseSecretHash(`$scrypt$${cost}$${salt}$${hash}`);
    expect(stored && (await verifySecret('secret', stored))).toBe(false);
  });
});

describe('isQuick', () => {
  const salt = 'A'.repeat(22);
  const hash = 'A'.repeat(43);
  it.each([
    ['a generated secret', `$sha256$${salt}$${hash}`, true],
    ['a chosen secret, as hashClientSecret makes them', `$scrypt$ln=14,r=8,p=5$${salt}$${hash}`, false],
    ['less memory', `$scrypt$ln=13,r=8,p=5$${salt}$${hash}`, true],
    ['a smaller block size', `$scrypt$ln=14,r=7,p=5$${salt}$${hash}`, true],
    ['less parallelization', `$scrypt$ln=14,r=8,p=4$${salt}$${hash}`, true],
    ['more work, though with less memory', `$scrypt$ln=13,r=8,p=11$${salt}$${hash}`, false],
  ])('A-11 says whether less is to be done for a wrong secret than for an unknown client: %s', (...row) => {
    const [, stored, isLess] = row;
    expect(isQuick(parseSecretHash(stored) as SecretHash)).toBe(isLess);
  });
});
