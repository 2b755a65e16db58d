import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readBearerToken } from '../../lib/guard/bearer-token.js';

const b64token = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...'ABCxyz019-._~+/'.split('')), minLength: 1 }),
    fc.constantFrom('', '=', '=='),
  )
  .map(([text, padding]) => text + padding);

describe('readBearerToken', () => {
  it('B-01 property: reads every b64token back, whatever the case of the scheme', () => {
    fc.assert(
      fc.property(b64token, fc.constantFrom('Bearer', 'bearer', 'BEARER', 'bEaReR'), (token, scheme) => {
        expect(readBearerToken([`${scheme} ${token}`])).toStrictEqual({ kind: 'token', token });
      }),
      { numRuns: 1000 },
    );
  });

  it('B-01 property: of any header it takes a b64token, or nothing', () => {
    const header = fc.oneof(
      fc.string(),
      fc.string().map((text) => `Bearer ${text}`),
      fc.string().map((text) => `Bearer${text}`),
    );
    fc.assert(
      fc.property(header, (line) => {
        const read = readBearerToken([line]);
        if (read.kind === 'token') expect(line).toMatch(/^bearer [A-Za-z0-9\-._~+/]+=*$/i);
        else expect(read.kind).toBe(/^bearer( |$)/i.test(line) ? 'malformed' : 'missing');
      }),
      { numRuns: 2000 },
    );
  });

  it('B-02 never chooses between two lines', () => {
    expect(readBearerToken(['Bearer a', 'Bearer a'])).toStrictEqual({ kind: 'malformed' });
    expect(readBearerToken([])).toStrictEqual({ kind: 'missing' });
  });
});
