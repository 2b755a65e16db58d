import { AUDIENCE, HOUR, ISSUER, SCOPE, token } from './fixture.js';

/** How many clients the tokens are issued to. */
const CLIENTS = 100;

export const clientIds = () => Array.from({ length: CLIENTS }, (_, i) => `client-${i}`);

/**
 * The tokens of an issuer: an access and a refresh token in each grant, two grants for each subject.
 * As our stores take it.
 */
export function issued(i, now) {
  const grant = i >> 1;
  const isAccess = i % 2 === 0;
  return {
    token: token(i),
    kind: isAccess ? 'access_token' : 'refresh_token',
    clientId: `client-${grant % CLIENTS}`,
    subject: `user-${i >> 2}`,
    grantId: `grant-${grant}`,
    scope: SCOPE,
    audience: [AUDIENCE],
    issuer: ISSUER,
    issuedAt: now,
    expiresAt: now + (isAccess ? 12 : 30 * 24) * HOUR,
    ...(isAccess && { refreshToken: token(i + 1) }),
  };
}

/** What `find` must answer for it, at least. */
export function expected(i, now) {
  const { token: _token, ...members } = issued(i, now);
  return { ...members, status: 'approved' };
}

/** Numbers below `size` that no order can be seen in, the same in each run. */
export function* numbers(size, seed) {
  let n = (seed * 7919 + 12345) % 2147483647;
  for (;;) {
    n = (n * 48271) % 2147483647;
    yield n % size;
  }
}

/** Calls `work` with each number from `from` to `to`, so many of them at a time. */
export async function atATime(many, from, to, work) {
  let next = from;
  const worker = async () => {
    while (next < to) await work(next++);
  };
  await Promise.all(Array.from({ length: many }, worker));
}
