import { cachingIntrospector, IntrospectionUnavailableError } from '../../lib/index.js';
import { settled } from './upstream.js';
import { NOW } from './world.js';

/** What a server does with a token: responds after so many milliseconds, or fails. */
export interface Says {
  readonly after: number;
  readonly response?: unknown;
  readonly error?: Error;
}

/** Somebody who sends a token now and then: `count` at once, each `every` milliseconds on average. */
export interface Caller {
  readonly every: number;
  readonly count?: number;
  readonly token: (n: number) => string;
  /** Whether this caller's responses are looked at. */
  readonly isHonest?: boolean;
}

export interface Seen {
  /** When it was asked and answered (ms since the beginning). */
  readonly asked: number;
  readonly answered: number;
  readonly token: string;
  readonly outcome: string;
}

/** Numbers from 0 to 1 that are the same each time (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Callers in front of a cache with its defaults and a server, for so many milliseconds of a clock of their own. Resolves to
 * what the honest callers saw.
 */
export async function simulate(
  duration: number,
  server: (token: string, now: number) => Says,
  callers: readonly Caller[],
  seed = 1,
): Promise<{ readonly seen: readonly Seen[]; readonly asked: readonly { token: string; at: number }[] }> {
  const random = numbers(seed);
  const events: { at: number; act: () => void }[] = [];
  let now = 0;
  const later = (delay: number, act: () => void): void => {
    const at = now + delay;
    const place = events.findLastIndex((event) => event.at <= at) + 1;
    events.splice(place, 0, { at, act });
  };
  const seen: Seen[] = [];
  const asked: { token: string; at: number }[] = [];
  const cache = cachingIntrospector(
    {
      introspect: (token) =>
        new Promise((resolve, reject) => {
          asked.push({ token, at: now });
          const { after, response, error } = server(token, now);
          later(after, () => (error ? reject(error) : resolve(response as never)));
        }),
    },
    { clock: () => NOW + now, telemetry: false },
  );
  const ask = (token: string, isHonest: boolean): void => {
    const began = now;
    const done = (outcome: string): void => {
      if (isHonest) seen.push({ asked: began, answered: now, token, outcome });
    };
    cache.introspect(token).then(
      ({ active }) => done(active ? 'active' : 'inactive'),
      (error: unknown) => done(error instanceof IntrospectionUnavailableError ? error.reason : String(error)),
    );
  };
  for (const { every, count = 1, token, isHonest = false } of callers) {
    let n = 0;
    const turn = (): void => {
      for (let i = 0; i < count; i++) ask(token(n++), isHonest);
      if (now < duration) later(every * 2 * random(), turn);
    };
    later(every * random(), turn);
  }
  for (let event = events.shift(); event; event = events.shift()) {
    now = event.at;
    event.act();
    await settled();
  }
  return { seen, asked };
}
