import { describe, expect, it } from '@jest/globals';
import { BasicStrategy } from 'passport-http';
import { ClientBasicStrategy } from '../../lib/clients/basic-strategy.js';
import { ClientVerifier } from '../../lib/clients/client-verifier.js';
import { MemoryClientStore } from '../../lib/index.js';
import { basic } from '../support/world.js';

describe('ClientBasicStrategy', () => {
  const strategy = new ClientBasicStrategy({
    realm: 'test',
    acceptRaw: true,
    verifier: new ClientVerifier(new MemoryClientStore([{ clientId: 'app' }]), Date.now),
  });

  it("is Passport's Basic strategy by class and name", () => {
    expect(strategy).toBeInstanceOf(BasicStrategy);
    expect(strategy.name).toBe('basic');
  });

  it("lets nobody in by the base class's own parsing", () => {
    const outcomes: unknown[] = [];
    const called = Object.assign(Object.create(strategy) as object, {
      success: () => outcomes.push('success'),
      fail: (challenge: unknown) => outcomes.push(challenge),
      error: (error: unknown) => outcomes.push(error),
    });
    BasicStrategy.prototype.authenticate.call(
      called as never,
      { headers: { authorization: basic('app', 'secret') } } as never,
    );
    expect(outcomes).toStrictEqual(['Basic realm="test"']);
  });
});
