import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import request from 'supertest';
import {
  HttpError,
  type RequireActiveTokenOptions,
  requireActiveToken,
  tokenDigest,
} from '../../lib/index.js';
import { ownLabels } from '../support/exposition.js';
import { type Observed, observed } from '../support/observed.js';
import { unregisterAll } from '../support/telemetry.js';
import { upstream } from '../support/upstream.js';
import { API, NOW, SECONDS } from '../support/world.js';

const TOKEN = 'sekret-token-6f1c';

let seen: Observed;
let jkt: string;
let proof: string;
let began: number;
beforeAll(async () => {
  began = performance.now();
  seen = observed();
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(publicKey);
  jkt = await calculateJwkThumbprint(jwk);
  const claims = {
    jti: 'sekret-jti',
    htm: 'GET',
    htu: `${API}/orders`,
    iat: SECONDS,
    ath: tokenDigest(TOKEN),
  };
  proof = await new SignJWT(claims)
    .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk })
    .sign(privateKey);
});
afterAll(unregisterAll);

type Row = readonly [
  outcome: string,
  error: string | undefined,
  status: number,
  headers: () => Record<string, string>,
  options?: () => Partial<RequireActiveTokenOptions>,
];

const bearer = (): Record<string, string> => ({ authorization: `Bearer ${TOKEN}` });
const dpop = (): Record<string, string> => ({ authorization: `DPoP ${TOKEN}`, dpop: proof });
const saying = (response: unknown) => (): Partial<RequireActiveTokenOptions> => ({
  introspector: upstream(response),
});
const bound = (more: object): (() => Partial<RequireActiveTokenOptions>) => {
  return () => ({
    introspector: upstream({ active: true, token_type: 'DPoP', cnf: { jkt } }),
    ...more,
  });
};
const claims = (thrown: unknown) => (): Partial<RequireActiveTokenOptions> => ({
  claims: () => {
    throw thrown;
  },
});

const ROWS: readonly Row[] = [
  ['accepted', undefined, 200, bearer],
  ['accepted', undefined, 200, dpop, bound({ dpop: { origin: API } })],
  ['anonymous', undefined, 200, () => ({}), () => ({ optional: true })],
  ['refused', 'token_required', 401, () => ({})],
  ['refused', 'token_required', 401, () => ({ authorization: 'Basic c2VrcmV0OnNla3JldA==' })],
  ['refused', 'invalid_request', 400, () => ({ authorization: `Bearer ${TOKEN} ${TOKEN}` })],
  ['refused', 'invalid_token', 401, bearer, saying({ active: false })],
  ['refused', 'insufficient_scope', 403, bearer, () => ({ scope: 'admin' })],
  ['refused', 'insufficient_user_authentication', 401, bearer, () => ({ maxAge: 1 })],
  ['refused', 'invalid_dpop_proof', 401, () => ({ authorization: `DPoP ${TOKEN}` }), bound({})],
  ['refused', 'use_dpop_nonce', 401, dpop, bound({ dpop: { origin: API, nonce: true } })],
  ['refused', '_OTHER', 418, bearer, claims(new HttpError(418, 'sekret' as never, 'no'))],
  ['unavailable', 'temporarily_unavailable', 503, bearer, saying(new Error(`no ${TOKEN}`))],
  ['failed', 'server_error', 500, bearer, claims(new Error(`a bug with ${TOKEN}`))],
  ['failed', 'server_error', 500, bearer, claims(new HttpError(500, 'server_error', 'no'))],
  ['failed', 'server_error', 502, bearer, claims(new HttpError(502, 'server_error', 'no'))],
  ...[418, 503].map(
    (status): Row => [
      'failed',
      'server_error',
      500,
      bearer,
      claims(Object.assign(new Error('x'), { status })),
    ],
  ),
];

describe('the counter of the guards, and the log of requests', () => {
  it.each(ROWS)('tell of %s, %s, %i', async (...[outcome, error, status, headers, options]) => {
    const guard = requireActiveToken({
      introspector: upstream({ active: true, aud: API }),
      clock: () => NOW,
      ...options?.(),
    });
    const app = express().get('/orders/:id', seen.logRequests, guard, (_req, res) => void res.json('in'));
    app.get('/orders', seen.logRequests, guard, (_req, res) => void res.json('in'));
    app.use(((_error, _req, res, _next) => void res.status(500).end()) as express.ErrorRequestHandler);
    const { labels, requests } = await seen.seen('guard_requests_total', async () => {
      expect((await request(app).get('/orders').set(headers())).status).toBe(status);
    });
    expect(labels).toStrictEqual({
      token_introspection_outcome: outcome,
      ...(error !== undefined && { error_type: error }),
    });
    expect(requests).toMatchObject([{ method: 'GET', route: '/orders', status }]);
  });

  it('have no token and no secret in them', async () => {
    for (const text of [await seen.scrape(), seen.logged()]) {
      expect(text.length).toBeGreaterThan(1000);
      expect(text).not.toContain('sekret');
      expect(text).not.toContain(proof);
      expect(text).not.toContain(jkt);
    }
  });

  it('tell durations by outcome, as many as there were requests', async () => {
    const counted = await seen.series('guard_duration_count');
    expect(counted.reduce((sum, { value }) => sum + value, 0)).toBe(ROWS.length);
    const spent = (await seen.series('guard_duration_sum')).map(({ value }) => value);
    expect(Math.min(...spent)).toBeGreaterThan(0);
    expect(Math.max(...spent) * 1000).toBeLessThan(performance.now() - began);
    expect(counted.map(({ labels }) => String(labels.token_introspection_outcome)).toSorted()).toStrictEqual([
      'accepted',
      'anonymous',
      'failed',
      'refused',
      'unavailable',
    ]);
  });
});

it('the memory for DPoP proofs is measured where the app has given one, and only then', async () => {
  const replay = { remember: async () => true };
  const introspector = upstream({ active: true, token_type: 'DPoP', cnf: { jkt } });
  const guard = requireActiveToken({ introspector, clock: () => NOW, dpop: { origin: API, replay } });
  const app = express().get('/orders', guard, (_req, res) => void res.json('in'));
  expect((await request(app).get('/orders').set(dpop())).status).toBe(200);
  const measured = await seen.series('store_duration_count');
  expect(measured.map((one) => [ownLabels(one), one.value])).toStrictEqual([
    [{ token_introspection_store: 'replay', db_operation_name: 'remember' }, 1],
  ]);
});
