import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readBasicHeader } from '../../lib/clients/basic-credentials.js';
import { basic } from '../support/world.js';

const encode = (value: string): string => encodeURIComponent(value).replaceAll('%20', '+');

describe('readBasicHeader', () => {
  it('A-02 reads the vector of form-encoded id and secret', () => {
    const header =
      'Basic MVBwRyUyRlErMTp6JTJGdFo5VndGWnFBcG1JUSUyQlpIMUk1cExrJTJGdUI0dWQlM0FYMiUyRjhiTCUyQndmRlR0MXJGdyUzRA==';
    expect(readBasicHeader(header, false)).toStrictEqual({
      kind: 'credentials',
      readings: [{ clientId: '1PpG/Q 1', secret: 'z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=' }],
    });
  });

  it('A-03 reads raw credentials in both ways where these differ', () => {
    expect(readBasicHeader(basic('app', 'a+b%41'), true)).toStrictEqual({
      kind: 'credentials',
      readings: [
        { clientId: 'app', secret: 'a bA' },
        { clientId: 'app', secret: 'a+b%41' },
      ],
    });
    expect(readBasicHeader(basic('app', 'plain'), true)).toStrictEqual({
      kind: 'credentials',
      readings: [{ clientId: 'app', secret: 'plain' }],
    });
  });

  it.each(['100%', '%zz', '%ff', '%00', 'a%0Ab'])(
    'A-03 reads the malformed escape in "%s" raw, or not at all',
    (secret) => {
      expect(readBasicHeader(basic('app', secret), true)).toStrictEqual({
        kind: 'credentials',
        readings: [{ clientId: 'app', secret }],
      });
      expect(readBasicHeader(basic('app', secret), false)).toStrictEqual({ kind: 'malformed' });
    },
  );

  it('A-04 splits at the first colon', () => {
    expect(readBasicHeader(basic('app', 'a:b:c'), true)).toMatchObject({
      readings: [{ clientId: 'app', secret: 'a:b:c' }],
    });
    expect(readBasicHeader(basic('app', ''), true)).toMatchObject({
      readings: [{ clientId: 'app', secret: '' }],
    });
  });

  it('A-04 reads a secret with a line separator form-encoded only', () => {
    const secret = 'one\u2028two\u2029three';
    expect(readBasicHeader(basic('app', secret), true)).toStrictEqual({ kind: 'malformed' });
    expect(readBasicHeader(basic('app', encodeURIComponent(secret)), false)).toStrictEqual({
      kind: 'credentials',
      readings: [{ clientId: 'app', secret }],
    });
  });

  it.each(['Basic', 'basic', 'BASIC', 'bAsIc'])('A-05 takes the scheme as "%s"', (scheme) => {
    expect(readBasicHeader(basic('a', 'b').replace('Basic', scheme), true).kind).toBe('credentials');
    expect(readBasicHeader(basic('a', 'b').replace('Basic ', `${scheme}   `), true).kind).toBe('credentials');
  });

  it('A-06 reads UTF-8', () => {
    expect(readBasicHeader(basic('äpp', 'пароль€'), true)).toMatchObject({
      readings: [{ clientId: 'äpp', secret: 'пароль€' }],
    });
  });

  it.each([
    ['missing', undefined],
    ['missing', ''],
    ['other_scheme', 'Bearer YTpi'],
    ['other_scheme', 'Basics YTpi'],
    ['other_scheme', 'xBasic YTpi'],
    ['other_scheme', ' Basic YTpi'],
    ['other_scheme', 'Basic\tYTpi'],
    ['malformed', 'Basic'],
    ['malformed', 'Basic '],
    ['malformed', 'Basic YTpi YTpi'],
    ['malformed', 'Basic YTpi,'],
    ['malformed', 'Basic YTpiYw'],
    ['malformed', 'Basic Y-pi'],
    ['malformed', 'Basic YTpiYx=='],
    ['malformed', 'Basic ===='],
    ['malformed', basic('nocolon', '').replace(/.*/, `Basic ${Buffer.from('nocolon').toString('base64')}`)],
    ['malformed', basic('', 'secret')],
    ['malformed', basic('a\nb', 'c')],
    ['malformed', basic('a', 'b\u007f')],
    ['malformed', `Basic ${Buffer.from([0xc3, 0x28, 0x3a]).toString('base64')}`],
  ])('A-04 A-05 says %s of "%s"', (kind, header) => {
    expect(readBasicHeader(header, true)).toStrictEqual({ kind });
  });

  it('property: reads back every id and secret, form-encoded or raw', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => !/\p{Cc}/u.test(value));
    fc.assert(
      fc.property(text, text, (clientId, secret) => {
        const encoded = readBasicHeader(basic(encode(clientId), encode(secret)), false);
        expect(encoded).toStrictEqual({ kind: 'credentials', readings: [{ clientId, secret }] });
        if (clientId.includes(':') || /[\u2028\u2029]/.test(secret)) return;
        const raw = readBasicHeader(basic(clientId, secret), true);
        expect(raw.kind === 'credentials' && raw.readings.at(-1)).toStrictEqual({ clientId, secret });
      }),
      { numRuns: 500 },
    );
  });

  it('A-04 property: never throws, and never finds control characters', () => {
    const anything = fc.string({ unit: fc.constantFrom('a', '%', '0', '1', ':', '\n', '\u007f', 'é') });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(anything, anything).map(([clientId, secret]) => basic(clientId, secret)),
          fc.base64String().map((value) => `Basic ${value}`),
          fc.uint8Array().map((bytes) => `Basic ${Buffer.from(bytes).toString('base64')}`),
        ),
        fc.boolean(),
        (header, acceptRaw) => {
          const read = readBasicHeader(header, acceptRaw);
          if (read.kind !== 'credentials') return;
          for (const { clientId, secret } of read.readings) {
            expect(clientId).not.toBe('');
            expect(`${clientId}${secret}`).not.toMatch(/\p{Cc}/u);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
