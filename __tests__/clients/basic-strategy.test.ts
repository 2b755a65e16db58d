import { describe, expect, it } from '@jest/globals';
import { BasicStrategy } from 'passport-http';
import { ClientBasicStrategy } from '../../lib/clients/basic-strategy.js';
import { ClientAttempt } from '../../lib/clients/client-strategy.js';
import { ClientVerifier } from '../../lib/clients/client-verifier.js';
import { MemoryClientStore } from '../../lib/index.js';
import { attemptOf } from '../support/verifying.js';
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

  it('issuer/17 takes no header apart whose client is known, and lets it in as remembered', async () => {
    const client = { clientId: 'app' };
    const recalled: unknown[] = [];
    const knowing = new ClientBasicStrategy({
      realm: 'test',
      acceptRaw: true,
      verifier: {
        recall: (line) => {
          recalled.push(line);
          return line === 'Basic known' ? client : undefined;
        },
        verify: () => Promise.reject(new Error('taken apart')),
      },
    });
    const begun: unknown[] = [];
    const attempt = { ...attemptOf(), begin: (isRemembered: boolean) => void begun.push(isRemembered) };
    const outcomeOf = (lines: readonly string[]): Promise<unknown> =>
      new Promise((resolve) => {
        const called = Object.assign(Object.create(knowing) as object, {
          success: resolve,
          fail: resolve,
          error: resolve,
        });
        const presented = new ClientAttempt(lines, attempt, resolve);
        ClientBasicStrategy.prototype.authenticate.call(called as never, presented);
      });
    expect(await outcomeOf(['Basic known'])).toBe(client);
    expect(begun).toStrictEqual([true]);
    expect(await outcomeOf([basic('app', 'secret')])).toMatchObject({ message: 'taken apart' });
    expect(await outcomeOf([])).toStrictEqual({ credentials: 'missing' });
    expect(recalled).toStrictEqual(['Basic known', basic('app', 'secret')]);
  });
});

describe('ClientAttempt', () => {
  it('is settled once, and lets go of what was presented', () => {
    const settled: unknown[] = [];
    const attempt = new ClientAttempt('a secret', attemptOf(), (...outcome) => settled.push(outcome));
    attempt.done(null, { clientId: 'app' });
    attempt.done(new Error('late'));
    expect(settled).toStrictEqual([[null, { clientId: 'app' }, undefined]]);
    expect(attempt.presented).toBeUndefined();
  });
});
