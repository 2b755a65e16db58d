import { describe, expect, it } from '@jest/globals';
import { tokenDigest } from '../../lib/index.js';

describe('tokenDigest', () => {
  it('is the SHA-256 in base64url', () => {
    expect(tokenDigest('abc')).toBe('ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0');
  });

  it('refuses what is no string', () => {
    expect(() => tokenDigest(undefined as never)).toThrow('tokenDigest: the token must be a string');
  });
});
