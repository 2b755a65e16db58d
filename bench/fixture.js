import { createHash } from 'node:crypto';

/** What every variant serves: the same tokens, the same caller, the same answers. */

export const CALLER = 'orders-api';
export const SECRET = createHash('sha256').update('the secret of the caller').digest('base64url');
export const BASIC = `Basic ${Buffer.from(`${CALLER}:${SECRET}`).toString('base64')}`;
export const ISSUER = 'https://id.example.com';
export const AUDIENCE = 'https://api.example.com';
export const SCOPE = ['orders:read', 'orders:write'];
export const HOUR = 3_600_000;

/** How many different tokens the load asks about. */
export const TOKENS = 256;

/** 256 bits in base64url, the same in each run. */
export function token(i) {
  return createHash('sha256').update(`token ${i}`).digest('base64url');
}

/** As our stores take it. */
export function newToken(i, now) {
  return {
    token: token(i),
    kind: 'access_token',
    clientId: 'web-app',
    subject: `user-${i}`,
    scope: SCOPE,
    audience: [AUDIENCE],
    issuer: ISSUER,
    issuedAt: now,
    expiresAt: now + 12 * HOUR,
  };
}

/** As RFC 7662 answers it. */
export function answer(i, now) {
  return {
    active: true,
    sub: `user-${i}`,
    client_id: 'web-app',
    token_type: 'Bearer',
    scope: SCOPE.join(' '),
    exp: Math.floor((now + 12 * HOUR) / 1000),
    iat: Math.floor(now / 1000),
    iss: ISSUER,
    aud: AUDIENCE,
  };
}

/** All answers by token, for the variants that somebody would write by hand. */
export function answers(now) {
  return new Map(Array.from({ length: TOKENS }, (_, i) => [token(i), answer(i, now)]));
}

/** One introspection request, and what it must be answered with. */
export function introspection(value, body, { path = '/v1/oauth/introspect', authorization = BASIC } = {}) {
  return {
    method: 'POST',
    path,
    headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
    body: `token=${value}`,
    expected: { status: 200, body },
  };
}

/** The load of an endpoint variant, and the questions that are asked once before it. */
export function introspections(now, { authenticates }) {
  const load = Array.from({ length: TOKENS }, (_, i) => introspection(token(i), answer(i, now)));
  const wrongSecret = `Basic ${Buffer.from(`${CALLER}:wrong`).toString('base64')}`;
  return {
    load,
    once: [
      introspection('unknown', { active: false }),
      ...(authenticates
        ? [
            {
              ...introspection(token(0)),
              headers: { ...load[0].headers, authorization: wrongSecret },
              expected: { status: 401 },
            },
          ]
        : []),
    ],
  };
}

/** One guarded request, and what it must be answered with. */
function order(value, expected = { status: 200, body: ORDERS }) {
  return { method: 'GET', path: '/orders', headers: { authorization: `Bearer ${value}` }, expected };
}

/** What the route behind a guard answers. */
export const ORDERS = { orders: [{ id: 1, state: 'open' }] };

/** The load of a guard variant, with tokens of its own kind, and the questions that are asked once before it. */
export function orders(values, { guarded = true } = {}) {
  const once = guarded
    ? [order('unknown', { status: 401 }), { ...order(''), headers: {}, expected: { status: 401 } }]
    : [];
  return { load: values.map((value) => order(value)), once };
}

export function opaqueTokens() {
  return Array.from({ length: TOKENS }, (_, i) => token(i));
}
