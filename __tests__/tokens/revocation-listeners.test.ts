import { describe, expect, it, jest } from '@jest/globals';
import { RevocationListeners } from '../../lib/tokens/revocation-listeners.js';

describe('RevocationListeners', () => {
  it('tells of missed revocations those only who want to know, and nobody who has stopped', () => {
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const listeners = new RevocationListeners();
    const told: string[] = [];
    listeners.add((digest) => told.push(digest));
    const stop = listeners.add(
      () => {},
      () => told.push('missed'),
    );
    expect(listeners.size).toBe(2);
    listeners.tellMissed();
    listeners.tell('digest');
    stop();
    listeners.tellMissed();
    expect(told).toStrictEqual(['missed', 'digest']);
    expect(listeners.size).toBe(1);
    expect(warn).not.toHaveBeenCalled();
  });
});
