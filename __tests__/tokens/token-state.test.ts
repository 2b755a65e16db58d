import { describe, expect, it } from '@jest/globals';
import { tokenState } from '../../lib/tokens/token-state.js';

const NOW = 1_790_000_000_000;

describe('I-15 the state of a token', () => {
  it.each([
    ['active', {}],
    ['active', { expiresAt: NOW + 1 }],
    ['expired', { expiresAt: NOW }],
    ['expired', { expiresAt: Number.NaN }],
    ['active', { notBefore: NOW }],
    ['active', { notBefore: NOW - 1 }],
    ['not_yet_valid', { notBefore: NOW + 1 }],
    ['not_yet_valid', { notBefore: Number.NaN }],
    ['expired', { expiresAt: NOW, notBefore: NOW + 1 }],
    ['revoked', { status: 'revoked', expiresAt: NOW, notBefore: NOW + 1 }],
  ] as const)('is %s with %j, to the millisecond', (state, life) => {
    expect(tokenState({ status: 'approved', ...life }, NOW)).toBe(state);
    expect(tokenState({ status: 'approved', ...life }, NOW, false)).toBe(
      state === 'active' ? 'client_disabled' : state,
    );
  });

  it('is not active by a clock that tells no number, where it has times', () => {
    expect(tokenState({ status: 'approved', expiresAt: NOW }, Number.NaN)).toBe('expired');
    expect(tokenState({ status: 'approved', notBefore: NOW }, Number.NaN)).toBe('not_yet_valid');
  });
});
