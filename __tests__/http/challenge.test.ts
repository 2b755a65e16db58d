import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { challenge, describable } from '../../lib/http/challenge.js';

/** RFC 9110 §11.6.1, as a client would parse it: one scheme and quoted parameters, nothing else. */
function parse(header: string): { scheme: string; parameters: Map<string, string> } | undefined {
  const whole = /^([A-Za-z]+) ((?:[a-z_]+="(?:[^"\\]|\\.)*"(?:, |$))+)$/.exec(header);
  if (!whole) return undefined;
  const parameters = new Map<string, string>();
  for (const [, name = '', value = ''] of (whole[2] as string).matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
    if (parameters.has(name)) return undefined;
    parameters.set(name, value.replace(/\\(.)/g, '$1'));
  }
  return { scheme: whole[1] as string, parameters };
}

describe('challenge', () => {
  it('writes the parameters that there are', () => {
    expect(challenge('Bearer', { realm: 'api', error: undefined, scope: 'a b' })).toBe(
      'Bearer realm="api", scope="a b"',
    );
  });

  it('B-08 escapes quotes, and drops what would end the header', () => {
    expect(challenge('Bearer', { realm: 'a"b\\c\r\nSet-Cookie: x=1\u0000é' })).toBe(
      'Bearer realm="a\\"b\\\\cSet-Cookie: x=1"',
    );
  });

  it('property: whatever the values, a client reads back each parameter once, in printable ASCII', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.string());
    fc.assert(
      fc.property(value, value, value, (realm, error, description) => {
        const written = challenge('Bearer', { realm, error, error_description: description });
        expect(written).toMatch(/^[\x20-\x7e]+$/);
        const read = parse(written);
        const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '');
        expect(read?.scheme).toBe('Bearer');
        expect([...(read?.parameters ?? [])]).toStrictEqual([
          ['realm', printable(realm)],
          ['error', printable(error)],
          ['error_description', printable(description)],
        ]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('describable', () => {
  it('E-02 property: leaves only the characters that RFC 6749 allows in a description', () => {
    expect(describable('a "quoted" back\\slash\r\nü')).toBe("a 'quoted' back'slash");
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(describable(text)).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/);
      }),
      { numRuns: 1000 },
    );
  });
});
