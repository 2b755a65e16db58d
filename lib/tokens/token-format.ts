import { randomInt } from 'node:crypto';
import { checkBoolean, isObject, knownOptions, must } from '../options.js';
import { crc32 } from './crc32.js';
import { isTokenSyntax } from './token-digest.js';

/** Of a new token. */
export interface GenerateTokenOptions {
  /** What the token begins with, such as `myapp_at`: 1 to 32 letters and digits, and `_` between them. */
  readonly prefix: string;
}

/** Which tokens are looked up. */
export interface TokenFormatOptions {
  /** The prefixes that were given to `generateToken`, of every kind of token: access and refresh tokens. */
  readonly prefixes: readonly string[];
  /**
   * Whether tokens that begin with none of the prefixes and `_` are looked up as well, such as
   * those that were issued before. One of these that happens to begin so is refused: of tokens in
   * base64url one in 64^5 does where the prefix has 4 characters. Default false.
   */
  readonly acceptOthers?: boolean;
}

/** Whether text is a token that there can be; any other is not looked up. */
export type TokenTest = (token: string) => boolean;

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** By character code: 1 where it is one of those. */
const IS_DIGIT = Uint8Array.from({ length: 128 }, (_, code) =>
  DIGITS.includes(String.fromCharCode(code)) ? 1 : 0,
);
/** 62^43 is more than 2^256, and 62^6 more than 2^32. */
const RANDOM_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const SEPARATOR = '_';
const PREFIX = '1 to 32 letters and digits, and "_" between them';

/**
 * Makes a token: `<prefix>_`, 43 random characters and 6 of a checksum, such as
 * `myapp_at_` and 49 letters and digits.
 *
 * Each of the 43 is one of 62 with the same probability, which makes 43 · log2(62) = 256.03
 * random bits. The prefix lets a secret scanner know the token: `myapp_at_[0-9A-Za-z]{49}`.
 * The checksum, CRC-32 of all before it, finds junk and errors of typing. It is no secret, and
 * anybody can compute one: whether the token is alive, the store alone knows.
 *
 * @throws TypeError that names a bad, missing or unknown option
 */
export function generateToken(options: GenerateTokenOptions): string {
  const factory = 'generateToken';
  knownOptions(factory, options, ['prefix']);
  must(isPrefix(options.prefix), factory, 'prefix', PREFIX);
  let token = options.prefix + SEPARATOR;
  // `randomInt` has no bias, which the remainder of a random byte would have.
  for (let i = 0; i < RANDOM_LENGTH; i++) token += digit(randomInt(DIGITS.length));
  return token + checksum(token);
}

/**
 * The test that an option `tokenFormat` asks for; `undefined` where there is no such option.
 *
 * @throws TypeError that names what is bad in it
 */
export function tokenTest(factory: string, tokenFormat: unknown): TokenTest | undefined {
  if (tokenFormat === undefined) return undefined;
  must(isObject(tokenFormat), factory, 'tokenFormat', 'an object');
  knownOptions(`${factory}: "tokenFormat"`, tokenFormat, ['prefixes', 'acceptOthers']);
  const { prefixes, acceptOthers } = tokenFormat;
  must(
    Array.isArray(prefixes) && prefixes.length > 0 && prefixes.every(isPrefix),
    factory,
    'tokenFormat.prefixes',
    `a non-empty array of prefixes: ${PREFIX}`,
  );
  checkBoolean(factory, 'tokenFormat.acceptOthers', acceptOthers);
  const known: ReadonlySet<string> = new Set(prefixes);
  const isGenerated: TokenTest = (token) => hasFormat(token, known);
  if (!acceptOthers) return isGenerated;
  const beginnings = Array.from(known, (prefix) => prefix + SEPARATOR);
  return (token) =>
    isGenerated(token) ||
    (isTokenSyntax(token) && !beginnings.some((beginning) => token.startsWith(beginning)));
}

function isPrefix(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9A-Za-z](?:\w{0,30}[0-9A-Za-z])?$/.test(value);
}

/** Whether a token is one of `generateToken`. No regular expression, which would keep it: see `isTokenSyntax`. */
function hasFormat(token: string, prefixes: ReadonlySet<string>): boolean {
  const separator = token.length - CHECKSUM_LENGTH - RANDOM_LENGTH - SEPARATOR.length;
  if (token[separator] !== SEPARATOR || !prefixes.has(token.slice(0, separator))) return false;
  for (let i = separator + 1; i < token.length; i++) {
    if (IS_DIGIT[token.charCodeAt(i)] !== 1) return false;
  }
  // Not in constant time: whoever has the rest can compute the checksum, so there is nothing to find out.
  return token.endsWith(checksum(token.slice(0, -CHECKSUM_LENGTH)));
}

/** CRC-32 in six digits, the highest first. */
function checksum(text: string): string {
  let digits = '';
  for (let rest = crc32(text); digits.length < CHECKSUM_LENGTH; rest = Math.floor(rest / DIGITS.length)) {
    digits = digit(rest % DIGITS.length) + digits;
  }
  return digits;
}

function digit(value: number): string {
  return DIGITS[value] as string;
}
