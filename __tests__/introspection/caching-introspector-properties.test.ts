import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cachingIntrospector, type IntrospectionResponse } from '../../lib/index.js';
import { NOW } from '../support/world.js';

const TOKENS = ['a', 'b', 'c'];

/** What happens: time goes by, somebody asks, somebody revokes, the introspector changes its mind. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pass'), by: fc.integer({ min: 0, max: 4000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('jump'), by: fc.integer({ min: -20_000, max: 20_000 }) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask'), token: fc.constantFrom(...TOKENS) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke'), token: fc.constantFrom(...TOKENS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('say'),
      says: fc.constantFrom('active', 'inactive', 'fail'),
      exp: fc.oneof(
        fc.double({ min: NOW / 1000 - 10, max: NOW / 1000 + 30, noNaN: true }),
        fc.constant(undefined),
      ),
    }),
  },
) as fc.Arbitrary<{ kind: string; by: number; token: string; says: string; exp: number | undefined }>;

const settings = fc.record({
  maxAge: fc.integer({ min: 1, max: 10_000 }),
  negativeMaxAge: fc.integer({ min: 0, max: 5000 }),
  maxEntries: fc.integer({ min: 1, max: 4 }),
  staleIfError: fc.constantFrom(0, 3000),
});

interface Said {
  /** How much time had gone by, forward steps alone, when the question was asked. */
  readonly asked: number;
  readonly answer: IntrospectionResponse;
}

describe('I-25 whatever happens, cachingIntrospector', () => {
  it('gives no answer past exp, older than it may be, or from before a revocation', async () => {
    await fc.assert(
      fc.asyncProperty(settings, fc.array(step, { maxLength: 60 }), async (options, steps) => {
        const clock = { now: NOW, gone: 0 };
        let says: { says: string; exp: number | undefined } = { says: 'active', exp: undefined };
        const last = new Map<string, Said>();
        let asked = 0;
        const cache = cachingIntrospector(
          {
            async introspect(token) {
              asked += 1;
              if (says.says === 'fail') throw new Error('down');
              const answer: IntrospectionResponse =
                says.says === 'active'
                  ? { active: true, n: asked, ...(says.exp !== undefined && { exp: says.exp }) }
                  : { active: false };
              last.set(token, { asked: clock.gone, answer });
              return answer;
            },
          },
          { ...options, breaker: false, clock: () => clock.now },
        );
        for (const { kind, by, token, says: saying, exp } of steps) {
          if (kind === 'pass' || kind === 'jump') {
            // Nobody sees a step back that time has made good before anybody looks at the clock again.
            const look = () => cache.introspect('somebody else').catch(() => {});
            if (kind === 'jump') await look();
            clock.now += by;
            if (kind === 'jump') await look();
            clock.gone += Math.max(0, by);
          } else if (kind === 'say') says = { says: saying, exp };
          else if (kind === 'revoke') {
            await cache.invalidate(token);
            last.delete(token);
          } else {
            const before = asked;
            const answer = await cache.introspect(token).catch(() => undefined);
            const fresh = asked > before;
            const stale = answer?.active && answer.stale === true;
            if (fresh && !stale) continue;
            // It came from memory: the last that was said about this token, and still in its time.
            const said = last.get(token) as Said;
            const age = clock.gone - said.asked;
            if (answer?.active) {
              expect(answer).toStrictEqual(fresh ? { ...said.answer, stale: true } : said.answer);
              expect(age).toBeLessThan(options.maxAge + (fresh ? options.staleIfError : 0));
              expect(clock.now).toBeLessThan((answer.exp ?? Number.POSITIVE_INFINITY) * 1000);
            } else {
              expect(age).toBeLessThan(options.negativeMaxAge);
            }
            expect(cache.stats().size).toBeLessThanOrEqual(options.maxEntries);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it('takes any exp and nbf without a crash, and asks again once maxAge has gone by', async () => {
    const time = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.constantFrom(null, {}, [], true));
    await fc.assert(
      fc.asyncProperty(time, time, async (exp, nbf) => {
        const clock = { now: NOW };
        let asked = 0;
        const cache = cachingIntrospector(
          {
            async introspect() {
              asked += 1;
              return { active: true, exp, nbf } as never;
            },
          },
          { clock: () => clock.now, maxEntries: 10 },
        );
        await cache.introspect('t');
        clock.now += 30_000;
        await cache.introspect('t');
        expect(asked).toBe(2);
      }),
      { numRuns: 500 },
    );
  });
});
