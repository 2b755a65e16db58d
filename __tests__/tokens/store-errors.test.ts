import { describe, expect, it } from '@jest/globals';
import { ConflictError, NotFoundError, StoreUnavailableError } from '../../lib/index.js';
import { isUnusableAnswer, storeErrorKind, UnusableAnswerError } from '../../lib/tokens/store-errors.js';

describe('what a store may throw', () => {
  it.each([
    [StoreUnavailableError, 'unavailable', 'ERR_STORE_UNAVAILABLE'],
    [NotFoundError, 'not_found', 'ERR_STORE_NOT_FOUND'],
    [ConflictError, 'conflict', 'ERR_STORE_CONFLICT'],
  ] as const)('%p has a name, a code, a message and its cause', (ErrorClass, kind, code) => {
    const cause = new Error('why');
    const error = new ErrorClass(undefined, { cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: ErrorClass.name, code, cause, message: expect.stringMatching(/./) });
    expect(new ErrorClass('mine').message).toBe('mine');
    expect(storeErrorKind(error)).toBe(kind);
    class Derived extends ErrorClass {}
    expect(storeErrorKind(new Derived())).toBe(kind);
  });

  it.each([[new Error('x')], [undefined], [null], ['not_found'], [{ code: 'ERR_STORE_NOT_FOUND' }]])(
    '%p is none of these',
    (value) => {
      expect(storeErrorKind(value)).toBeUndefined();
    },
  );

  it('tells a record that cannot be used from an outage', () => {
    expect(isUnusableAnswer(new UnusableAnswerError('no record'))).toBe(true);
    expect(storeErrorKind(new UnusableAnswerError('no record'))).toBe('unavailable');
    for (const other of [new StoreUnavailableError(), new Error('x'), undefined, {}]) {
      expect(isUnusableAnswer(other)).toBe(false);
    }
  });
});
