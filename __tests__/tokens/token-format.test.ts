import { crc32 as crc32OfZlib } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { generateToken } from '../../lib/index.js';
import { crc32 } from '../../lib/tokens/crc32.js';
import { type TokenTest, tokenTest } from '../../lib/tokens/token-format.js';

const DIGITS: readonly string[] = Array.from(
  '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
);
const PREFIX = 'myapp_at';

function testOf(...prefixes: readonly string[]): TokenTest {
  return tokenTest('test', { prefixes }) as TokenTest;
}

/** The checksum as it is documented, by other means. */
function checksumOf(text: string): string {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = [5, 4, 3, 2, 1, 0].map(
    (place) => Math.floor(crc32OfZlib(text) / 62 ** place) % 62,
  );
  return [a, b, c, d, e, f].map((value) => DIGITS[value]).join('');
}

/** Text with what stands at `at` replaced. */
function changed(text: string, at: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + by.length);
}

/** Text with two neighbours in each other's place. */
function swapped(text: string, at: number): string {
  return changed(text, at, `${text[at + 1]}${text[at]}`);
}

const places = (text: string): readonly number[] => Array.from(text, (_, at) => at);

describe('generateToken', () => {
  const tokens = Array.from({ length: 10_000 }, () => generateToken({ prefix: PREFIX }));

  it('makes tokens that are all different, of one form, with the checksum at the end', () => {
    expect(new Set(tokens).size).toBe(tokens.length);
    const isToken = testOf(PREFIX);
    // Its characters are those of a b64token (RFC 6750 §2.1) and of a path, and one word for a double click.
    const isGood = (token: string): boolean =>
      /^myapp_at_[0-9A-Za-z]{49}$/.test(token) &&
      token.slice(-6) === checksumOf(token.slice(0, -6)) &&
      isToken(token);
    expect(tokens.filter((token) => !isGood(token))).toStrictEqual([]);
  });

  it('has 256 random bits: 43 characters, each any of 62 alike', () => {
    expect(43 * Math.log2(62)).toBeGreaterThan(256);
    const counts = new Map<string, number>();
    for (let at = PREFIX.length + 1; at < PREFIX.length + 44; at++) {
      const here = new Set<string>();
      for (const token of tokens) {
        const character = token[at] as string;
        here.add(character);
        counts.set(character, (counts.get(character) ?? 0) + 1);
      }
      expect(here.size).toBe(62);
    }
    // Nearly seven standard deviations; a remainder of random bytes would be off by a fifth.
    const expected = (tokens.length * 43) / 62;
    for (const count of counts.values()) expect(Math.abs(count / expected - 1)).toBeLessThan(0.08);
  });

  it.each(['a', 'Z9', '0', 'my_app__at', 'x'.repeat(32), `x${'_'.repeat(30)}x`])(
    'takes the prefix %s',
    (prefix) => {
      const token = generateToken({ prefix });
      expect(token).toHaveLength(prefix.length + 50);
      expect(testOf(prefix)(token)).toBe(true);
    },
  );

  it.each(['', '_', '_a', 'a_', 'a-b', 'a b', 'a\n', 'ä', 'a.b', 'x'.repeat(33), undefined, 5, ['a']])(
    'refuses the prefix %j with a TypeError that names it',
    (prefix) => {
      const make = () => generateToken({ prefix: prefix as never });
      expect(make).toThrow(TypeError);
      expect(make).toThrow('generateToken: "prefix" must be 1 to 32 letters and digits');
    },
  );

  it('refuses a missing and an unknown option', () => {
    expect(() => generateToken(undefined as never)).toThrow('generateToken: options must be an object');
    expect(() => generateToken({ prefix: 'a', length: 10 } as never)).toThrow(
      'generateToken: unknown option "length"',
    );
  });
});

describe('the checksum', () => {
  const token = generateToken({ prefix: PREFIX });

  it('is CRC-32', () => {
    expect(crc32('123456789')).toBe(0xcbf43926);
    expect(crc32('')).toBe(0);
    fc.assert(fc.property(fc.string({ unit: 'binary-ascii' }), (text) => crc32(text) === crc32OfZlib(text)));
  });

  it('stays as it is: tokens outlive versions', () => {
    const text = 'myapp_at_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg';
    expect(testOf(PREFIX)(`${text}1vsJQK`)).toBe(true);
  });

  it('has leading zeros', () => {
    const isToken = testOf('z');
    let found = 0;
    for (let i = 0; found < 3; i++) {
      const text = `z_${String(i).padStart(43, '0')}`;
      if (!checksumOf(text).startsWith('00')) continue;
      found += 1;
      expect(isToken(text + checksumOf(text))).toBe(true);
    }
  });

  it('refuses every other character at every place, also where the prefix is then another known one', () => {
    const others = Array.from({ length: 95 }, (_, i) => String.fromCharCode(0x20 + i));
    const prefixes = places(PREFIX).flatMap((at) =>
      [...DIGITS, '_'].map((character) => changed(PREFIX, at, character)),
    );
    const isToken = testOf(...prefixes.filter((prefix) => !prefix.startsWith('_') && !prefix.endsWith('_')));
    expect(isToken(token)).toBe(true);
    const [accepted, tried]: [string[], string[]] = [[], []];
    for (const at of places(token)) {
      // Beyond ASCII those that have the same low bits.
      const code = token.charCodeAt(at);
      const alike = [0x80, 0x100, 0x3000, 0xff00].map((high) => String.fromCharCode(code + high));
      for (const character of [...others, ...alike]) {
        if (character === token[at]) continue;
        const bad = changed(token, at, character);
        tried.push(bad);
        if (isToken(bad)) accepted.push(bad);
      }
    }
    expect(accepted).toStrictEqual([]);
    expect(tried).toHaveLength(token.length * 98);
  });

  it('refuses every two neighbours that have changed places, where the prefix is then another known one too', () => {
    const prefixes = places(PREFIX.slice(1)).map((at) => swapped(PREFIX, at));
    const isToken = testOf(PREFIX, ...prefixes);
    const accepted: string[] = [];
    for (let round = 0; round < 500; round++) {
      const good = generateToken({ prefix: PREFIX });
      for (const at of places(good.slice(1))) {
        const bad = swapped(good, at);
        if (bad !== good && isToken(bad)) accepted.push(bad);
      }
    }
    expect(accepted).toStrictEqual([]);
  });

  it('refuses a part of a token, and more than a token', () => {
    const isToken = testOf(PREFIX, 'at', 'x');
    for (const at of places(token)) {
      expect(isToken(token.slice(0, at))).toBe(false);
      expect(at > 0 && isToken(token.slice(at))).toBe(false);
      expect(isToken(token.slice(0, at) + token.slice(at + 1))).toBe(false);
      expect(isToken(token.slice(0, at) + token[at] + token.slice(at))).toBe(false);
    }
    for (const more of [' ', '\n', '=', '0', 'x', token, '\0', '_']) {
      expect(isToken(token + more)).toBe(false);
      expect(isToken(more + token)).toBe(false);
    }
  });

  it.each([
    ['empty', ''],
    ['a separator', '_'],
    ['a prefix alone', `${PREFIX}_`],
    ['49 characters and no prefix', `_${token.slice(9)}`],
    ['without a separator', token.replaceAll('_', '')],
    ['of another prefix with its checksum', generateToken({ prefix: 'other_at' })],
    ['of a prefix that begins as a known one', generateToken({ prefix: `${PREFIX}_2` })],
    ['of a prefix in other letters', generateToken({ prefix: 'MyApp_at' })],
    ['with a checksum of six other characters', `${token.slice(0, -6)}------`],
    ['in other letters', token.toUpperCase()],
    ['beyond ASCII', 'ünïcödé'.repeat(9).slice(0, 58)],
    ['with half a surrogate pair', changed(token, 20, '\ud83d')],
    ['base64url', 'q'.repeat(43)],
    ['a JWT', 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln'],
    ['very long', `${'a_'.repeat(100_000)}a`],
  ])('refuses what is %s', (_what, text) => {
    expect(testOf(PREFIX)(text)).toBe(false);
  });

  it('refuses random text', () => {
    const isToken = testOf(PREFIX, 'a');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !isToken(text)));
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...DIGITS), minLength: 49, maxLength: 49 }), (text) => {
        const right = checksumOf(`a_${text.slice(0, 43)}`) === text.slice(43);
        return isToken(`a_${text}`) === right;
      }),
    );
  });
});

describe('tokenFormat', () => {
  it('takes each of its prefixes, be one the beginning of another', () => {
    const isToken = testOf('a', 'a_b', 'a_b_c');
    for (const prefix of ['a', 'a_b', 'a_b_c']) expect(isToken(generateToken({ prefix }))).toBe(true);
  });

  it('with acceptOthers leaves what begins with no prefix to the look-up', () => {
    const isToken = tokenTest('test', { prefixes: ['a', 'a_b'], acceptOthers: true }) as TokenTest;
    const good = generateToken({ prefix: 'a_b' });
    for (const token of [good, generateToken({ prefix: 'a' }), generateToken({ prefix: 'b' })]) {
      expect(isToken(token)).toBe(true);
    }
    for (const token of ['old-token', 'a', 'ab_', 'A_x', '_a_', 'q'.repeat(43)])
      expect(isToken(token)).toBe(true);
    for (const token of ['a_', 'a_x', 'a_b_', good.slice(0, -1), `${good}0`, changed(good, 10, '-')]) {
      expect(isToken(token)).toBe(false);
    }
    for (const token of ['', 'old\ttoken', 'öld', '\u0061\u0301']) expect(isToken(token)).toBe(false);
  });

  it.each([[undefined], ['a'], [[]], [['a', '_']]])(
    'refuses the prefixes %j, and says what they are',
    (prefixes) => {
      expect(() => tokenTest('test', { prefixes })).toThrow(
        'test: "tokenFormat.prefixes" must be a non-empty array of prefixes: 1 to 32 letters and digits',
      );
    },
  );

  it('is off where it is not given, and not changed afterwards', () => {
    expect(tokenTest('test', undefined)).toBeUndefined();
    const prefixes = ['a'];
    const isToken = tokenTest('test', { prefixes, acceptOthers: false }) as TokenTest;
    prefixes.push('b');
    expect(isToken(generateToken({ prefix: 'b' }))).toBe(false);
  });
});
