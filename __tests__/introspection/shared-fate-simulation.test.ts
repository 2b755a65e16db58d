import { describe, expect, it } from '@jest/globals';
import { IntrospectionUnavailableError, type UnavailableReason } from '../../lib/index.js';
import { type Caller, type Says, type Seen, simulate } from '../support/simulation.js';
import { LIVE } from '../support/upstream.js';

const MINUTE = 60_000;
const fails = (after: number, reason: UnavailableReason, status?: number): Says => ({
  after,
  error: new IntrospectionUnavailableError(reason, 'no', { status }),
});
const WELL: Says = { after: 20, response: LIVE };
const HANGS = fails(3000, 'timeout');
const RESETS = fails(1, 'connection');
const BUSY = fails(5, 'status', 503);

/** Ten requests a second, each of a token that is not remembered. */
const HONEST: Caller = { every: 100, token: (n) => `honest-${n}`, isHonest: true };
/** Ten times as many. */
const steady = (token: Caller['token']): Caller => ({ every: 10, token });
const bursts = (token: Caller['token']): Caller => ({ every: 1000, count: 100, token });

const isJunk = (token: string): boolean => !token.startsWith('honest');
const share = (seen: readonly Seen[]): number =>
  seen.filter(({ outcome }) => outcome === 'active').length / seen.length;

const between = (seen: readonly Seen[], from: number, to: number): readonly Seen[] =>
  seen.filter(({ asked }) => asked >= from && asked < to);

/** What honest callers see in so many minutes while a hostile one sends tokens that get this. */
async function attacked(says: Says, hostile: Caller, minutes = 1): Promise<readonly Seen[]> {
  const server = (token: string): Says => (isJunk(token) ? says : WELL);
  const { seen, asked } = await simulate(minutes * MINUTE, server, [HONEST, hostile]);
  expect(seen.length).toBeGreaterThan(500 * minutes);
  expect(asked.filter(({ token }) => isJunk(token)).length).toBeGreaterThan(0);
  return seen;
}

const PATTERNS = [
  ['steadily', steady],
  ['in bursts', bursts],
] as const;

describe.each(PATTERNS)(
  'honest callers beside a hostile one that sends ten times as much %s',
  (_how, hostile) => {
    it.each([
      ...[400, 401, 403, 404, 500].map(
        (status) => [`tokens that get ${status}`, fails(5, 'status', status)] as const,
      ),
      ['tokens that get 401 as our_credentials', fails(5, 'our_credentials', 401)] as const,
      ['tokens whose response is too large or malformed', fails(5, 'malformed_answer')] as const,
      ['tokens whose signed response does not verify', fails(5, 'signature')] as const,
      ['tokens that an introspector of the app cannot parse', { after: 0, error: new Error('no') }] as const,
      ['tokens that time out', HANGS] as const,
    ])('guard/07 get their right responses: %s', async (_what, says) => {
      expect(
        share(
          await attacked(
            says,
            hostile((n) => `junk-${n}`),
          ),
        ),
      ).toBeGreaterThanOrEqual(0.999);
    });

    it.each([
      ['gets 503', BUSY],
      ['gets 429', fails(5, 'rate_limited', 429)],
      ['resets the connection', RESETS],
      ['times out', HANGS],
    ])('attack/03b get their right responses: one token that %s', async (_what, says) => {
      expect(
        share(
          await attacked(
            says,
            hostile(() => 'junk'),
          ),
        ),
      ).toBeGreaterThanOrEqual(0.999);
    });

    it('get their right responses: three tokens that time out', async () => {
      const seen = await attacked(
        HANGS,
        hostile((n) => `junk-${n % 3}`),
      );
      expect(share(seen)).toBeGreaterThanOrEqual(0.999);
    });

    it('get their right responses after two short interruptions: three tokens that get 503', async () => {
      const seen = await attacked(
        BUSY,
        hostile((n) => `junk-${n % 3}`),
        2,
      );
      expect(share(between(seen, 0, MINUTE))).toBeGreaterThan(0.5);
      expect(share(between(seen, MINUTE, 2 * MINUTE))).toBeGreaterThanOrEqual(0.999);
    });

    it.each([
      ['get 503', BUSY],
      ['reset the connection', RESETS],
    ])('get their right responses after a while: any number of tokens that %s', async (_what, says) => {
      const seen = await attacked(
        says,
        hostile((n) => `junk-${n}`),
        5,
      );
      expect(share(between(seen, 4 * MINUTE, 5 * MINUTE))).toBeGreaterThanOrEqual(0.999);
    });
  },
);

describe('an outage', () => {
  const BEGIN = 30_000;
  const END = 75_000;
  const RESET = 10_000;
  it.each([
    ['with honest callers alone', []],
    ['with a hostile one that has a token that gets 503', [steady(() => 'junk')]],
    ['with a hostile one that sends junk', [steady((n) => `junk-${n}`)]],
    ['with a hostile one that sends junk in bursts', [bursts((n) => `junk-${n}`)]],
  ])('opens the circuit at once, and is over when it is over: %s', async (_what, hostile) => {
    const refused = fails(1, 'connection');
    const server = (token: string, now: number): Says => {
      if (now >= BEGIN && now < END) return refused;
      if (token === 'junk') return BUSY;
      return isJunk(token) ? fails(5, 'status', 400) : WELL;
    };
    const { seen, asked } = await simulate(2 * MINUTE, server, [HONEST, ...hostile]);
    expect(share(between(seen, 0, BEGIN - 100))).toBeGreaterThanOrEqual(0.999);
    expect(between(seen, BEGIN, END).find(({ outcome }) => outcome === 'circuit_open')?.asked).toBeLessThan(
      BEGIN + 1500,
    );
    // Five to open it, and then up to three new tokens and three that have failed before, each ten seconds.
    const during = asked.filter(({ token, at }) => token !== 'junk' && at >= BEGIN && at < END);
    expect(during.length).toBeLessThanOrEqual(5 + 5 * 6 + 10);
    expect(share(between(seen, END + RESET + 500, 2 * MINUTE))).toBeGreaterThanOrEqual(0.999);
  });

  it('opens the circuit though requests hang until they time out', async () => {
    const server = (_token: string, now: number): Says => (now >= BEGIN && now < END ? HANGS : WELL);
    const { seen } = await simulate(2 * MINUTE, server, [HONEST]);
    expect(between(seen, BEGIN, END).find(({ outcome }) => outcome === 'circuit_open')?.asked).toBeLessThan(
      BEGIN + 3000 + 1500,
    );
    expect(share(between(seen, END + RESET + 3500, 2 * MINUTE))).toBeGreaterThanOrEqual(0.999);
  });

  it('ends for callers who all have one token: within resetAfter and one request', async () => {
    const server = (_token: string, now: number): Says =>
      now >= BEGIN && now < END ? fails(1, 'connection') : WELL;
    // Whose response lasts for 30 seconds.
    const { seen } = await simulate(2 * MINUTE, server, [
      { every: 100, token: () => 'the-service', isHonest: true },
      { every: 100, token: (n) => `other-${n}` },
    ]);
    expect(share(between(seen, END + RESET + 500, 2 * MINUTE))).toBe(1);
  });

  it('opens the circuit each time, the more often the later, but always', async () => {
    const server = (_token: string, now: number): Says =>
      now % MINUTE >= BEGIN ? fails(1, 'connection') : WELL;
    const { seen } = await simulate(8 * MINUTE, server, [HONEST]);
    for (let minute = 0; minute < 8; minute++) {
      const outage = between(seen, minute * MINUTE + BEGIN, (minute + 1) * MINUTE);
      const opened =
        outage.find(({ outcome }) => outcome === 'circuit_open')?.asked ?? Number.POSITIVE_INFINITY;
      expect(opened - minute * MINUTE - BEGIN).toBeLessThan(minute < 2 ? 1500 : RESET + 1500);
    }
  });
});
