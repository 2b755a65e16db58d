import { describe, expect, it } from '@jest/globals';
import { type PairwiseSubjectOptions, pairwiseSubject } from '../../lib/index.js';

const SALT = 'a salt of thirty-two bytes, 0123';
const GOOD: PairwiseSubjectOptions = { salt: SALT, sectorIdentifier: 'example.com', subject: 'alice' };

describe('pairwiseSubject', () => {
  it.each([
    // printf 11:example.comalice | openssl dgst -sha256 -hmac 'a salt of thirty-two bytes, 0123' -binary | basenc --base64url
    ['of ASCII', GOOD, 'PAuW9a2SVPU4_rC-WBeLdBRe_xyLiG6bJACoRI76orY'],
    // These by Python's hmac.
    [
      'whose sector has more bytes than characters',
      { ...GOOD, sectorIdentifier: 'bücher.example', subject: '日本' },
      'vrGqHitbzn2rORGbyIzzNtLN54VcbOJGIiY5RW1TAOM',
    ],
    [
      'under a salt of bytes',
      { ...GOOD, salt: Uint8Array.from({ length: 32 }, (_, index) => index) },
      'eYJpWqFzUQyi54qrsoWvfzlEkGqln_v0aUWCP_MT1c4',
    ],
  ])('I-29 makes the identifier %s that anybody else makes by the same rule', (_what, options, expected) => {
    expect(pairwiseSubject(options)).toBe(expected);
    expect(pairwiseSubject(options)).toBe(expected);
  });

  it('I-29 tells apart what differs in the salt, the sector, the subject, or where one ends and the other begins', () => {
    const made = [
      GOOD,
      { ...GOOD, salt: `${SALT}4` },
      { ...GOOD, sectorIdentifier: 'example.co' },
      { ...GOOD, subject: 'Alice' },
      { ...GOOD, sectorIdentifier: 'example.coma', subject: 'lice' },
      { ...GOOD, sectorIdentifier: '11:example.com' },
      { ...GOOD, sectorIdentifier: 'e', subject: 'xample.comalice' },
    ].map(pairwiseSubject);
    expect(new Set(made).size).toBe(made.length);
    for (const subject of made) expect(subject).toMatch(/^[\w-]{43}$/);
  });

  it.each([
    ['no options', undefined, 'options must be an object'],
    ['an unknown option', { ...GOOD, sector: 'x' }, 'unknown option "sector"'],
    ['no salt', { ...GOOD, salt: undefined }, '"salt"'],
    ['a salt of 31 bytes', { ...GOOD, salt: SALT.slice(1) }, '"salt" must be a secret of 32 bytes or more'],
    ['31 bytes in a Uint8Array', { ...GOOD, salt: new Uint8Array(31) }, '"salt"'],
    ['a salt that is neither text nor bytes', { ...GOOD, salt: Array.from(SALT) }, '"salt"'],
    ['no sector', { ...GOOD, sectorIdentifier: undefined }, '"sectorIdentifier"'],
    ['an empty sector', { ...GOOD, sectorIdentifier: '' }, '"sectorIdentifier"'],
    ['half a character in the sector', { ...GOOD, sectorIdentifier: 'a\ud800' }, '"sectorIdentifier"'],
    ['no subject', { ...GOOD, subject: undefined }, '"subject"'],
    ['an empty subject', { ...GOOD, subject: '' }, '"subject"'],
    ['half a character in the subject', { ...GOOD, subject: 'a\ud800' }, '"subject"'],
  ])('refuses %s with a TypeError that names it, and not its value', (_what, options, named) => {
    const make = (): string => pairwiseSubject(options as never);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(named);
    expect(make).toThrow(/^pairwiseSubject: /);
    expect(make).not.toThrow('thirty-two');
  });

  it('counts the bytes of a salt, not its characters', () => {
    expect(pairwiseSubject({ ...GOOD, salt: 'ü'.repeat(16) })).toHaveLength(43);
    expect(() => pairwiseSubject({ ...GOOD, salt: 'ü'.repeat(15) })).toThrow('"salt"');
  });
});
