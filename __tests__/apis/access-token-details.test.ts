import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { accessTokenDetails, ConflictError, defaultPolicy, NotFoundError } from '../../lib/index.js';
import { raw, serving } from '../support/http.js';
import {
  A,
  answeredAsUnknown,
  B,
  basic,
  C,
  FAILURES,
  failingStore,
  HOUR,
  NOW,
  ORG,
  postToken,
  world,
} from '../support/world.js';

const NOT_FOUND =
  '{"code":"keymanagement.service.AccessTokenDoesntExists","message":"Access Token doesnt exists","contexts":[]}';

describe('access-token details', () => {
  it.each([`/v1/o/${ORG}`, `/v1/organizations/${ORG}`])(
    'answers the documented members in their order below %s',
    async (base) => {
      const { app, as, tokens } = await world();
      await tokens.save({
        token: 'full',
        kind: 'access_token',
        clientId: 'app',
        organization: ORG,
        scope: ['read', 'write'],
        expiresAt: NOW + HOUR,
        issuedAt: NOW - 5,
        createdAt: NOW - 4,
        createdBy: 'creator',
        lastModifiedAt: NOW - 3,
        lastModifiedBy: 'modifier',
        app: 'my-app',
        appId: 'app-1',
        apiProducts: ['basic'],
        attributes: [{ name: 'color', value: 'red' }],
        grantType: 'client_credentials',
        refreshToken: 'rt-full',
        refreshCount: 2,
      });
      const answer = await request(app)
        .get(`${base}/oauth2/accesstokens/full`)
        .set('Authorization', as('admin'));
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toBe('application/json');
      expect(answer.text).toBe(
        JSON.stringify({
          apiProducts: ['basic'],
          app: 'my-app',
          appId: 'app-1',
          attributes: [{ name: 'color', value: 'red' }],
          clientId: 'app',
          createdAt: NOW - 4,
          createdBy: 'creator',
          expiresAt: NOW + HOUR,
          grantType: 'client_credentials',
          issuedAt: NOW - 5,
          lastModifiedAt: NOW - 3,
          lastModifiedBy: 'modifier',
          refreshCount: 2,
          refreshToken: 'rt-full',
          scope: 'read,write',
          status: 'approved',
          token: 'full',
          tokenType: 'BearerToken',
        }),
      );
    },
  );

  it('answers every documented member of a bare record, save a refresh token that is not there', async () => {
    const { app, as } = await world({
      tokens: {
        find: () => ({
          kind: 'access_token',
          clientId: 'app',
          status: 'approved',
          issuedAt: NOW,
          organization: ORG,
          scope: [],
          audience: [],
        }),
      },
    });
    const answer = await request(app).get(`${C}/any`).set('Authorization', as('admin'));
    expect(answer.text).toBe(
      JSON.stringify({
        app: '',
        attributes: [],
        clientId: 'app',
        createdAt: NOW,
        createdBy: 'app',
        expiresAt: -1,
        grantType: '',
        issuedAt: NOW,
        lastModifiedAt: NOW,
        lastModifiedBy: 'app',
        refreshCount: 0,
        scope: '',
        status: 'approved',
        token: 'any',
        tokenType: 'BearerToken',
      }),
    );
  });

  it.each([
    ['at-expired', 'expired', 'expired'],
    ['at-revoked', 'revoked', 'revoked'],
    ['at-disabled-client', 'revoked', 'client_disabled'],
    ['at-future', 'approved', 'not_yet_valid'],
  ])('answers 200 for %s, with the status %s', async (token, status, reason) => {
    const { app, as, events } = await world();
    const answer = await request(app).get(`${C}/${token}`).set('Authorization', as('admin'));
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ status, token });
    expect(events).toMatchObject([{ outcome: 'inactive', reason, status: 200 }]);
  });

  it('follows GET with HEAD', async () => {
    const { app, as } = await world();
    const answer = await request(app).head(`${C}/at-live`).set('Authorization', as('admin'));
    expect(answer.status).toBe(200);
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(100);
    expect(answer.text).toBeUndefined();
  });

  it('E-04 has no ETag and never answers 304', async () => {
    const { app, as } = await world();
    const answer = await request(app)
      .get(`${C}/at-live`)
      .set('Authorization', as('admin'))
      .set('If-None-Match', '*');
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toHaveProperty('etag');
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'x-content-type-options': 'nosniff',
    });
  });

  it('writes scope and the code of the 404 as the options say', async () => {
    const { tokens, clients, as, clock } = await world();
    const app = express().use(
      accessTokenDetails({
        tokens,
        clients,
        clock: () => clock.now,
        scopeSeparator: ' ',
        notFoundCode: 'keymanagement.service.oauth_access_token_doesnot_exist',
      }),
    );
    const ask = (token: string) => request(app).get(`${C}/${token}`).set('Authorization', as('admin'));
    expect((await ask('at-live')).body).toMatchObject({ scope: 'read write', refreshToken: 'rt-live' });
    expect((await ask('nope')).body).toMatchObject({
      code: 'keymanagement.service.oauth_access_token_doesnot_exist',
    });
  });
});

describe('access-token details: tokens that are not there', () => {
  it.each([
    ['unknown', 'no-such-token', 'unknown'],
    ['a refresh token', 'rt-live', 'wrong_kind'],
    ["another organization's", 'at-other-org', 'not_yours'],
    ['without an organization', 'at-no-org', 'not_yours'],
    ['no token by its characters', 't%C3%B6ken', 'unknown'],
  ])('answers a token that is %s with the same 404', async (_what, token, reason) => {
    const { app, as, events } = await world();
    const answer = await answeredAsUnknown(
      (asked) => request(app).get(`${C}/${asked}`).set('Authorization', as('admin')),
      token,
    );
    expect([answer.status, answer.text]).toStrictEqual([404, NOT_FOUND]);
    expect(events[0]).toMatchObject({ outcome: 'inactive', reason, status: 404 });
    expect(events[0]).not.toHaveProperty('error');
  });

  it('answers a token that the policy hides with the same 404', async () => {
    const { app, as } = await world({ policy: () => false });
    const answer = await request(app).get(`${C}/at-live`).set('Authorization', as('admin'));
    expect(answer.status).toBe(404);
    expect(answer.text).toBe(NOT_FOUND);
  });

  it('shows a token of the organization where the app wraps the default policy', async () => {
    const { app, as, events } = await world({ policy: (...asked) => defaultPolicy(...asked) });
    const answer = await request(app).get(`${C}/at-live`).set('Authorization', as('admin'));
    expect(answer.status).toBe(200);
    expect(events[0]).not.toHaveProperty('introspects');
  });

  it('tells the policy which API is asked', async () => {
    const asked: string[] = [];
    const { app, as } = await world({
      policy: (_caller, _token, api) => {
        asked.push(api);
        return true;
      },
    });
    await request(app).get(`${C}/at-live`).set('Authorization', as('admin'));
    await postToken(app, A, as('app'), 'at-live');
    await postToken(app, B, as('app'), 'rt-live');
    expect(asked).toStrictEqual([
      'access-token-details',
      'oauth-introspection',
      'refresh-token-introspection',
    ]);
  });

  it('leaves the refresh token out where the policy does', async () => {
    const { app, as } = await world({ policy: () => ({ refreshToken: undefined, scope: [] }) });
    const answer = await request(app).get(`${C}/at-live`).set('Authorization', as('admin'));
    expect(answer.body).toMatchObject({ scope: '', token: 'at-live' });
    expect(answer.body).not.toHaveProperty('refreshToken');
  });

  it.each([
    [
      'cannot be opened',
      () => {
        throw new Error('wrong key');
      },
    ],
    ['is no string', () => 5],
    ['is empty', () => ''],
    ['is a promise that rejects', () => Promise.reject(new Error('late'))],
  ])('is 503 when the refresh token %s', async (_what, open) => {
    const record = {
      kind: 'access_token',
      clientId: 'app',
      status: 'approved',
      issuedAt: NOW,
      organization: ORG,
    } as const;
    const sealed = Object.defineProperty({ ...record }, 'refreshToken', { get: open, enumerable: true });
    const { app, as } = await world({ tokens: { find: () => sealed as never } });
    const answer = await request(app).get(`${C}/x`).set('Authorization', as('admin'));
    expect(answer.status).toBe(503);
  });

  it('answers 404 and 409 in its own shape when the store says so', async () => {
    const ask = async (error: Error) => {
      const { app, as } = await world({ tokens: failingStore(() => Promise.reject(error)) });
      return request(app).get(`${C}/x`).set('Authorization', as('admin'));
    };
    expect((await ask(new NotFoundError())).text).toBe(NOT_FOUND);
    const conflict = await ask(new ConflictError());
    expect(conflict.status).toBe(409);
    expect(conflict.body).toStrictEqual({
      code: 'keymanagement.service.conflict',
      message: 'The request could not be processed due to a conflict',
      contexts: [],
    });
  });
});

describe('access-token details: callers', () => {
  it.each([
    ['none', undefined],
    ['another scheme', 'Digest at-live'],
    ['a malformed header', 'Basic *'],
    ['a wrong secret', basic('admin', 'wrong')],
    ['an unknown client', basic('nobody', 'x')],
  ])('E-06 refuses %s with 401 and a challenge', async (_what, authorization) => {
    const { app } = await world();
    const call = request(app).get(`${C}/at-live`);
    if (authorization) void call.set('Authorization', authorization);
    const answer = await call;
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="token introspection", charset="UTF-8"');
    expect(answer.body).toStrictEqual({
      code: 'keymanagement.service.invalid_client',
      message: 'Client authentication failed',
      contexts: [],
    });
  });

  it('refuses two Authorization lines with 401', async () => {
    const { app, as } = await world();
    await serving(app, async (origin) => {
      const headers = ['Authorization', as('admin'), 'Authorization', as('admin')];
      const answer = await raw(origin, { method: 'GET', path: `${C}/at-live`, headers });
      expect(answer.status).toBe(401);
    });
  });

  it.each([
    ['a client without organizations', 'app', ORG],
    ['a client of another organization', 'admin', 'globex'],
    ['anybody, about an organization that does not exist', 'admin', 'no-such-org'],
    ['a public client', 'public', ORG],
    ["introspects: 'any', which is no right to an organization", 'opted-out', ORG],
  ])('refuses %s with 403', async (_what, caller, organization) => {
    const { app, as } = await world();
    const answer = await request(app)
      .get(`/v1/o/${organization}/oauth2/accesstokens/at-live`)
      .set('Authorization', as(caller));
    expect(answer.status).toBe(403);
    expect(answer.body).toStrictEqual({
      code: 'keymanagement.service.unauthorized_client',
      message: expect.any(String),
      contexts: [],
    });
  });
});

describe('access-token details: errors', () => {
  it.each(['post', 'put', 'delete', 'patch'] as const)(
    'E-05 answers %s with 405 and Allow',
    async (method) => {
      const { app } = await world();
      const answer = await request(app)[method](`${C}/at-live`);
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD');
      expect(answer.body).toMatchObject({ code: 'keymanagement.service.invalid_request', contexts: [] });
    },
  );

  it.each(['%zz', '%', '%E0%A4%A'])(
    'answers the malformed path …/%s as JSON, and prints it nowhere',
    async (token) => {
      const { app, as } = await world();
      await serving(app, async (origin) => {
        const answer = await raw(origin, {
          method: 'GET',
          path: `${C}/${token}`,
          headers: ['Authorization', as('admin')],
        });
        expect(answer.status).toBe(400);
        expect(JSON.parse(answer.body)).toStrictEqual({
          code: 'keymanagement.service.invalid_request',
          message: 'The path is malformed',
          contexts: [],
        });
        expect(answer.headers['cache-control']).toBe('no-store');
      });
    },
  );

  it('answers 429 and 500 in its own shape', async () => {
    const limited = await world({ rateLimit: { calls: { windowMs: 60_000, limit: 1 } } });
    const ask = () => request(limited.app).get(`${C}/at-live`).set('Authorization', limited.as('admin'));
    await ask();
    const tooMany = await ask();
    expect(tooMany.status).toBe(429);
    expect(tooMany.body).toMatchObject({ code: 'keymanagement.service.slow_down', contexts: [] });
    expect(tooMany.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    const buggy = await world({ policy: () => Promise.reject(new Error('bug')) });
    const fault = await request(buggy.app).get(`${C}/at-live`).set('Authorization', buggy.as('admin'));
    expect(fault.status).toBe(500);
    expect(fault.body).toMatchObject({ code: 'keymanagement.service.server_error', contexts: [] });
  });

  it.each(FAILURES)('is 503 when a store %s, never 404', async (_what, fail) => {
    for (const failing of [{ tokens: failingStore(fail) }, { clients: failingStore(fail) }]) {
      const { app, as } = await world(failing);
      const answer = await request(app).get(`${C}/at-live`).set('Authorization', as('admin'));
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(answer.body).toMatchObject({
        code: 'keymanagement.service.temporarily_unavailable',
        contexts: [],
      });
    }
  });
});
