import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { isNonEmptyString, must } from '../options.js';

const scryptAsync = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** 16 MiB and about a quarter of a second: the least that OWASP's password storage advice allows. */
const COST = { ln: 14, r: 8, p: 5 };
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A hash that would take more memory than this (bytes) to verify is refused. */
const MAX_MEMORY = 256 * 1024 * 1024;

interface ScryptHash {
  readonly algorithm: 'scrypt';
  readonly cost: { readonly ln: number; readonly r: number; readonly p: number };
  readonly salt: Buffer;
  readonly hash: Buffer;
}

interface Sha256Hash {
  readonly algorithm: 'sha256';
  readonly salt: Buffer;
  readonly hash: Buffer;
}

export type SecretHash = ScryptHash | Sha256Hash;

const SCRYPT =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/;
const SHA256 = /^\$sha256\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/;

/**
 * Hashes a client secret that somebody chose: scrypt with a random salt, as a
 * PHC-style string that says its own algorithm and cost.
 *
 * @throws TypeError (as a rejection) when the secret is not a non-empty string
 */
export async function hashClientSecret(secret: string): Promise<string> {
  must(isNonEmptyString(secret), 'hashClientSecret', 'secret', 'a non-empty string');
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(secret, salt, COST);
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Makes a client secret of 256 random bits, and the hash to keep. SHA-256 is enough
 * for it: nobody can guess it, so nothing is gained by slow hashing.
 */
export function generateClientSecret(): { readonly secret: string; readonly hash: string } {
  const secret = randomBytes(32).toString('base64url');
  const salt = randomBytes(SALT_BYTES);
  return { secret, hash: `$sha256$${unpadded(salt)}$${unpadded(sha256(secret, salt))}` };
}

/** The parts of a stored hash; `undefined` when it is of no format that we know, plain text included. */
export function parseSecretHash(stored: string): SecretHash | undefined {
  const generated = SHA256.exec(stored);
  if (generated) return { algorithm: 'sha256', salt: bytes(generated[1]), hash: bytes(generated[2]) };
  const chosen = SCRYPT.exec(stored);
  if (!chosen) return undefined;
  const cost = { ln: Number(chosen[1]), r: Number(chosen[2]), p: Number(chosen[3]) };
  // RFC 7914 §2: N is less than 2^(128·r/8), and so `r` is no zero.
  if (cost.ln >= 16 * cost.r) return undefined;
  if (cost.ln < 1 || cost.p < 1 || cost.p > 16 || memory(cost) > MAX_MEMORY) return undefined;
  return { algorithm: 'scrypt', cost, salt: bytes(chosen[4]), hash: bytes(chosen[5]) };
}

/** Whether `secret` is the one behind the hash, compared in constant time. */
export async function verifySecret(secret: string, stored: SecretHash): Promise<boolean> {
  const hash =
    stored.algorithm === 'sha256'
      ? sha256(secret, stored.salt)
      : await derive(secret, stored.salt, stored.cost);
  return timingSafeEqual(hash, stored.hash);
}

/** Whether a hash is compared in less time than {@link verifyNothing} takes: a generated secret's, or a cheaper one than ours. */
export function isQuick(stored: SecretHash): boolean {
  return stored.algorithm === 'sha256' || work(stored.cost) < work(COST);
}

function work({ ln, r, p }: ScryptHash['cost']): number {
  return 2 ** ln * r * p;
}

const NOBODY = randomBytes(SALT_BYTES);

/** Takes as long as verifying a chosen secret does, so that a refusal does not tell what was wrong. */
export async function verifyNothing(secret: string): Promise<void> {
  await derive(secret, NOBODY, COST);
}

function derive(secret: string, salt: Buffer, { ln, r, p }: ScryptHash['cost']): Promise<Buffer> {
  // OpenSSL counts a little more than 128·N·r and refuses at the limit itself.
  return scryptAsync(secret, salt, HASH_BYTES, { N: 2 ** ln, r, p, maxmem: 2 * MAX_MEMORY });
}

function memory({ ln, r }: ScryptHash['cost']): number {
  return 128 * 2 ** ln * r;
}

function sha256(secret: string, salt: Buffer): Buffer {
  return createHash('sha256').update(salt).update(secret).digest();
}

function unpadded(buffer: Buffer): string {
  return buffer.toString('base64').replaceAll('=', '');
}

function bytes(base64: string | undefined): Buffer {
  return Buffer.from(base64 as string, 'base64');
}
