import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readPresentedToken } from '../../lib/guard/presented-token.js';

const b64token = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...'ABCxyz019-._~+/'.split('')), minLength: 1 }),
    fc.constantFrom('', '=', '=='),
  )
  .map(([text, padding]) => text + padding);

const BOTH = ['Bearer', 'DPoP'] as const;

describe('readPresentedToken', () => {
  it('B-01 property: reads every b64token back, whatever the case of the scheme', () => {
    fc.assert(
      fc.property(b64token, fc.constantFrom('Bearer', 'bearer', 'BEARER', 'bEaReR'), (token, scheme) => {
        const read = { kind: 'token', scheme: 'Bearer', token };
        expect(readPresentedToken([`${scheme} ${token}`], BOTH)).toStrictEqual(read);
        expect(readPresentedToken([`${scheme} ${token}`], ['Bearer'])).toStrictEqual(read);
        expect(readPresentedToken([`${scheme} ${token}`], ['DPoP'])).toStrictEqual({ kind: 'missing' });
      }),
      { numRuns: 1000 },
    );
  });

  it('B-01 property: of any header it takes a b64token, or nothing', () => {
    const header = fc.oneof(
      fc.string(),
      fc.string().map((text) => `Bearer ${text}`),
      fc.string().map((text) => `Bearer${text}`),
      fc.string().map((text) => `DPoP ${text}`),
      fc.string().map((text) => `dpop${text}`),
    );
    fc.assert(
      fc.property(header, (line) => {
        const read = readPresentedToken([line], BOTH);
        if (read.kind === 'token') expect(line).toMatch(/^(?:bearer|dpop) +[A-Za-z0-9\-._~+/]+=*$/i);
        else expect(read.kind).toBe(/^(?:bearer|dpop)( |$)/i.test(line) ? 'malformed' : 'missing');
        if (read.kind !== 'missing') expect(read.scheme).toBe(/^bearer/i.test(line) ? 'Bearer' : 'DPoP');
      }),
      { numRuns: 2000 },
    );
  });

  it('B-02 never chooses between two lines', () => {
    for (const lines of [
      ['Bearer a', 'Bearer a'],
      ['DPoP a', 'Bearer a'],
    ]) {
      expect(readPresentedToken(lines, BOTH)).toStrictEqual({ kind: 'malformed', scheme: undefined });
    }
    expect(readPresentedToken([], BOTH)).toStrictEqual({ kind: 'missing' });
  });
});
