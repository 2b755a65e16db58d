import { describe, expect, it } from '@jest/globals';
import { seal, unseal } from '../../lib/tokens/sealed-value.js';

/** As a store of the first version holds it: salt, nonce, tag and text of `rt-1` under `at-1`. */
const STORED = 'MA1lx7ld3Z7SZgxiKlUd1YSsax+X1NurNmCp3S3yHQhQyK89Z2T55E3P62EGL9Jj';

describe('a sealed refresh token', () => {
  it('is opened in the form in which stores hold it', () => {
    expect(unseal(Buffer.from(STORED, 'base64'), 'at-1')).toBe('rt-1');
  });

  it('has 16 bytes of salt, 12 of nonce and 16 of tag before its text, and is another one each time', () => {
    const one = seal('rt-1', 'at-1');
    expect(one).toHaveLength(16 + 12 + 16 + 4);
    expect(one.equals(seal('rt-1', 'at-1'))).toBe(false);
  });

  it('opens for its token and its purpose only, and whole and unchanged only', () => {
    const sealed = seal('rt-1', 'at-1', 'a purpose');
    expect(unseal(sealed, 'at-1', 'a purpose')).toBe('rt-1');
    expect(() => unseal(sealed, 'at-2', 'a purpose')).toThrow();
    expect(() => unseal(sealed, 'at-1')).toThrow();
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ 1;
      expect(() => unseal(changed, 'at-1', 'a purpose')).toThrow();
      // A shorter tag would be easier to guess.
      expect(() => unseal(sealed.subarray(0, at), 'at-1', 'a purpose')).toThrow();
    }
  });

  it('is not opened by a tag that was cut short, which would be easier to guess', () => {
    const sealed = Buffer.from(STORED, 'base64');
    // All but its text, and 4 of the 16 bytes of the tag.
    for (const length of [4, 8, 12, 15])
      expect(() => unseal(sealed.subarray(0, 28 + length), 'at-1')).toThrow(/tag/i);
  });
});
