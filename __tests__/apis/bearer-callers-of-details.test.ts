import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { accessTokenDetails, type NewToken } from '../../lib/index.js';
import { raw, serving } from '../support/http.js';
import {
  ALL_RIGHTS,
  CHANGES,
  type Change,
  error,
  type Managed,
  managed,
  NOT_FOUND,
  R,
} from '../support/managers.js';
import { A, API, basic, C, failingStore, ISSUER, NOW, ORG } from '../support/world.js';

const CALLER = {
  token: 'caller',
  kind: 'access_token',
  clientId: 'manager',
  audience: [ISSUER],
  scope: ['introspection'],
  organization: ORG,
} as const satisfies NewToken;

const BASIC = 'Basic realm="token introspection", charset="UTF-8"';

async function called(more: Partial<NewToken> = {}, options: Parameters<typeof managed>[0] = {}) {
  const made = await managed(options);
  await made.tokens.save({ ...CALLER, ...more } as NewToken);
  return made;
}

/** A call of each kind, about a token. */
const CALLS: readonly [string, Change | { readonly method: 'get'; readonly base?: string }, string][] = [
  ['details', { method: 'get' }, 'at-grant'],
  ['details of a refresh token', { method: 'get', base: R }, 'rt-grant'],
  ...CHANGES.map(([right, change]): [string, Change, string] => [right, change, 'at-grant']),
];

function send(
  { app }: Managed,
  call: (typeof CALLS)[number][1],
  token: string,
  authorization = 'Bearer caller',
): request.Test {
  const {
    method,
    query = '',
    body,
    base = C,
  } = call as Omit<Partial<Change>, 'method'> & { method: string; base?: string };
  const sent = request(app)
    [method as 'get' | 'post' | 'delete'](`${base}/${token}${query}`)
    .set('Authorization', authorization);
  return body ? sent.send(body) : sent;
}

describe('Bearer callers of the details and management APIs', () => {
  it.each(CALLS)('act as the client that their token was issued to: %s', async (_what, call, token) => {
    const made = await called();
    const byToken = await send(made, call, token);
    expect([byToken.status, byToken.body.clientId]).toStrictEqual([200, 'app']);
    expect(made.events).toMatchObject([{ clientId: 'manager', status: 200 }]);
    const bySecret = await send(await called(), call, token, made.header('manager'));
    expect([bySecret.status, bySecret.body]).toStrictEqual([200, byToken.body]);
  });

  it.each<[string, Partial<NewToken>, string]>([
    ['unknown', {}, 'Bearer unknown'],
    ['expired', { expiresAt: NOW }, 'Bearer caller'],
    ['revoked', { status: 'revoked' }, 'Bearer caller'],
    ['for another audience', { audience: [API] }, 'Bearer caller'],
    ['without an audience', { audience: [] }, 'Bearer caller'],
    ['a refresh token', { kind: 'refresh_token' }, 'Bearer caller'],
    ['of a disabled client', { clientId: 'disabled' }, 'Bearer caller'],
    ['of a removed client', { clientId: 'removed' }, 'Bearer caller'],
    ['bound to a certificate', { confirmation: { 'x5t#S256': 'x' } }, 'Bearer caller'],
    ['bound to a DPoP key', { confirmation: { jkt: 'x' } }, 'Bearer caller'],
    ['malformed', {}, 'Bearer two words'],
    ['not there', {}, 'Bearer'],
  ])('are 401 with a Bearer challenge where their token is %s', async (_what, more, authorization) => {
    for (const [, call, token] of CALLS) {
      const made = await called(more);
      const answer = await send(made, call, token, authorization);
      expect([answer.status, answer.body]).toStrictEqual([401, error('invalid_token')]);
      expect(answer.headers['www-authenticate']).toMatch(
        /^Bearer realm="token introspection", error="invalid_token"/,
      );
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(made.statusOf('at-grant')).toBe('approved');
      expect(made.events).toMatchObject([{ outcome: 'refused', error: 'invalid_token', status: 401 }]);
    }
  });

  it('are 403 without the scope, and told which', async () => {
    for (const [, call, token] of CALLS) {
      const made = await called({ scope: ['read'] });
      const answer = await send(made, call, token);
      expect([answer.status, answer.body]).toStrictEqual([403, error('insufficient_scope')]);
      expect(answer.headers['www-authenticate']).toContain('scope="introspection"');
      expect(made.events).toMatchObject([{ clientId: 'manager', error: 'insufficient_scope' }]);
    }
  });

  it.each([
    ['public', { clientId: 'public-manager' }],
    ['of another organization', { clientId: 'foreign-manager' }],
    ['of none', { clientId: 'app' }],
  ])('are 403 where their client is %s', async (_what, more) => {
    for (const [, call, token] of CALLS) {
      const made = await called(more);
      const answer = await send(made, call, token);
      expect([answer.status, answer.body]).toStrictEqual([403, error('unauthorized_client')]);
      expect(answer.headers).not.toHaveProperty('www-authenticate');
      expect(made.statusOf('at-grant')).toBe('approved');
    }
  });

  it('are 403 where their client has not got the right', async () => {
    for (const right of ALL_RIGHTS) {
      const made = await called({ clientId: `all-but-${right}` });
      const [, call, token] = CALLS.find(([what]) => what === right) ?? (CALLS[1] as (typeof CALLS)[number]);
      expect((await send(made, call, token)).status).toBe(403);
    }
  });

  it('see nothing that their client may not see', async () => {
    const made = await called();
    for (const token of ['at-other-org', 'at-no-org', 'rt-live', 'never-seen'])
      expect((await send(made, { method: 'get' }, token)).text).toBe(NOT_FOUND);
  });

  it('may not ask about their own token, nor do anything with it', async () => {
    for (const [, call] of CALLS.filter(
      ([, { method, ...rest }]) => !('base' in rest) && method !== undefined,
    )) {
      const made = await called();
      const answer = await send(made, call, 'caller');
      expect([answer.status, answer.body]).toStrictEqual([
        400,
        error('invalid_request', 'An access token may not ask about itself'),
      ]);
      expect(made.statusOf('caller')).toBe('approved');
      expect(made.events[0]).not.toHaveProperty('tokenDigest');
    }
  });

  it('need the scope that the app says', async () => {
    const made = await called({ scope: ['ask'] }, { introspectionScope: 'ask' });
    expect((await send(made, { method: 'get' }, 'at-grant')).status).toBe(200);
  });

  it('are 503 where nobody can tell about their token', async () => {
    const made = await managed({
      tokens: failingStore(() => Promise.reject(new Error('down'))),
      management: {},
    });
    const answer = await send(made, { method: 'get' }, 'at-grant');
    expect([answer.status, answer.body]).toStrictEqual([503, error('temporarily_unavailable')]);
  });

  it('count as failed authentications where their token is no good', async () => {
    const made = await called({}, { rateLimit: { failures: { windowMs: 60_000, limit: 2 } } });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++)
      statuses.push((await send(made, { method: 'get' }, 'at-grant', 'Bearer unknown')).status);
    expect(statuses).toStrictEqual([401, 401, 429, 429]);
  });

  it('are no choice beside another Authorization line', async () => {
    const made = await called();
    await serving(made.app, async (origin) => {
      const lines = ['Authorization', 'Bearer caller', 'Authorization', made.header('manager')];
      for (const headers of [lines, [...lines.slice(2), ...lines.slice(0, 2)]]) {
        const answer = await raw(origin, { method: 'GET', path: `${C}/at-grant`, headers });
        expect(answer.status).toBe(401);
        expect(answer.headers['www-authenticate']).toBe(BASIC);
      }
    });
  });

  it.each([undefined, basic('manager', 'wrong'), 'Digest x'])(
    'change nothing of the challenge for others: %s',
    async (authorization) => {
      const { app } = await called();
      const call = request(app).get(`${C}/at-grant`);
      const answer = await (authorization ? call.set('Authorization', authorization) : call);
      expect([answer.status, answer.headers['www-authenticate']]).toStrictEqual([401, BASIC]);
    },
  );
});

describe('accessTokenDetails alone', () => {
  const alone = async (options: object) => {
    const { tokens, clients } = await called({ scope: ['ask'] });
    const app = express().use(accessTokenDetails({ tokens, clients, clock: () => NOW, ...options }));
    return request(app).get(`${C}/at-grant`).set('Authorization', 'Bearer caller');
  };

  it('takes Bearer callers where it is given an issuer', async () => {
    expect((await alone({ issuer: ISSUER, introspectionScope: 'ask' })).status).toBe(200);
    expect((await alone({ issuer: ISSUER })).status).toBe(403);
    expect((await alone({ issuer: 'https://other.example' })).status).toBe(401);
  });

  it('refuses them like any other scheme where it is not', async () => {
    const answer = await alone({});
    expect([answer.status, answer.body]).toStrictEqual([401, error('invalid_client')]);
    expect(answer.headers['www-authenticate']).toBe(BASIC);
  });

  it.each([
    ['issuer', { issuer: '' }, 'a non-empty string'],
    ['introspectionScope', { introspectionScope: 'two words' }, 'one scope value'],
  ])('names a bad %s', async (name, options, expected) => {
    await expect(alone(options)).rejects.toThrow(
      new TypeError(`accessTokenDetails: "${name}" must be ${expected}`),
    );
  });
});

describe('a Bearer caller of introspection', () => {
  it('may still ask about tokens there with the same token', async () => {
    const made = await called({ clientId: 'api' });
    const answer = await request(made.app)
      .post(A)
      .set('Authorization', 'Bearer caller')
      .type('form')
      .send({ token: 'at-live' });
    expect(answer.body).toMatchObject({ active: true });
  });
});
