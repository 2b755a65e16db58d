import type { NewToken } from '../../lib/index.js';

/** A small generator of numbers from 0 to 1 (mulberry32): the same ones for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const RESOURCES: readonly string[] = [
  'https://a.example',
  'https://b.example',
  'https://c.example',
  'https://A.example',
];
const SCOPES: readonly string[] = ['read', 'write', 'admin', 'openid'];

const SUBJECTS = ['alice', 'bob', 'ünal 1:', 'https://id.example/users/7'];

interface Owners {
  /** Clients that are there, those that ask among them. */
  readonly known: readonly string[];
  /** One that is disabled, and one that is not there. */
  readonly dead: readonly string[];
}

/** So many tokens of every kind and state at `now`, with or without each member: the same ones each time. */
export function generatedTokens(count: number, now: number, { known, dead }: Owners): readonly NewToken[] {
  const random = numbers(7662);
  const chance = (probability: number): boolean => random() < probability;
  const one = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const some = <T>(values: readonly T[], probability = 0.5): T[] => values.filter(() => chance(probability));
  const maybe = <T>(probability: number, name: string, value: () => T): object =>
    chance(probability) ? { [name]: value() } : {};

  const locations = (): object => {
    const kind = random();
    if (kind < 0.3) return {};
    if (kind < 0.8) return { locations: some(RESOURCES) };
    return { locations: one<unknown>([RESOURCES[0], [RESOURCES[0], 7], null, { 0: RESOURCES[0] }, true]) };
  };
  const detail = (): Record<string, unknown> => ({
    type: one(['payment', 'account']),
    ...locations(),
    ...maybe(0.5, 'actions', () => some(['list', 'pay'])),
  });
  const actor = (): Record<string, unknown> => ({
    sub: one<unknown>([...SUBJECTS, 'support-bot', 7]),
    ...maybe(0.3, 'iss', () => 'https://id.example'),
    ...maybe(0.3, 'act', () => one<unknown>([{ sub: one(SUBJECTS) }, { act: { sub: 'deep' } }, 'alice'])),
  });
  const claims = (): Record<string, unknown> => ({
    ...maybe(0.6, 'tenant', () => one(['blue', 'green'])),
    ...maybe(0.5, 'email', () => 'alice@example.com'),
    ...maybe(0.2, 'token_use', () => 'access_token'),
    ...maybe(0.2, 'roles', () => ['a', { deep: [null, 1] }]),
    // None of these may stand for the member of that name.
    ...maybe(0.2, 'sub', () => 'forged'),
    ...maybe(0.1, 'active', () => false),
    ...maybe(0.1, 'authorization_details', () => [{ type: 'forged' }]),
  });
  const confirmation = (): NonNullable<NewToken['confirmation']> =>
    one([{ jkt: 'thumb' }, { 'x5t#S256': 'thumb' }, { jkt: 'thumb', 'x5t#S256': 'thumb' }]);
  /** Long ago, long to come, and the very milliseconds around now. */
  const time = (): number => now + one([-3_600_000, -1, 0, 1, 999, 3_600_000, 86_400_123]);
  const later = (): number => now + one([1, 3_600_000, 86_400_123]);

  return Array.from({ length: count }, (_, index) => ({
    token: `token-${index}`,
    kind: chance(0.75) ? 'access_token' : 'refresh_token',
    clientId: chance(0.12) ? one(dead) : one(known),
    issuedAt: now - Math.floor(random() * 10_000_000),
    scope: some(SCOPES),
    audience: some(RESOURCES, 0.35),
    ...maybe(0.1, 'status', () => 'revoked'),
    ...(chance(0.2) ? {} : { expiresAt: chance(0.75) ? later() : time() }),
    ...maybe(0.15, 'notBefore', time),
    ...maybe(0.9, 'subject', () => one(SUBJECTS)),
    ...maybe(0.5, 'username', () => one(['Alice', ''])),
    ...maybe(0.5, 'organization', () => one(['acme', 'globex'])),
    ...maybe(0.5, 'issuer', () => 'https://id.example'),
    ...maybe(0.5, 'jti', () => `id-${index}`),
    ...maybe(0.5, 'brand', () => 'a-brand'),
    ...maybe(0.3, 'confirmation', confirmation),
    ...maybe(0.3, 'actor', actor),
    ...maybe(0.4, 'acr', () => 'urn:mfa'),
    ...maybe(0.4, 'authTime', () => now - Math.floor(random() * 10_000_000)),
    ...maybe(0.5, 'authorizationDetails', () => Array.from({ length: Math.floor(random() * 4) }, detail)),
    ...maybe(0.6, 'claims', claims),
  }));
}
