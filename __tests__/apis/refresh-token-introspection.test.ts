import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { ConflictError, NotFoundError, refreshTokenIntrospection } from '../../lib/index.js';
import { FORM, raw, serving } from '../support/http.js';
import {
  answeredAsUnknown,
  B,
  basic,
  FAILURES,
  failingStore,
  HOUR,
  INACTIVE,
  ORG,
  postToken,
  SECONDS,
  world,
} from '../support/world.js';

/** The whole body of an error, in its documented members. */
function cspError(status: number, code: string, message: unknown): object {
  return {
    cspErrorCode: `csp.auth.introspect.${code}`,
    errorCode: code,
    message,
    moduleCode: expect.any(Number),
    requestId: expect.any(String),
    statusCode: status,
  };
}

describe('refresh-token introspection: active tokens', () => {
  it.each([B, `${B}/app`])('answers a live refresh token to its owner at POST %s', async (path) => {
    const { app, as } = await world();
    const answer = await postToken(app, path, as('app'), 'rt-live');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
    expect(answer.text).toBe(
      JSON.stringify({
        active: true,
        exp: SECONDS + 24 * 3600,
        iat: SECONDS,
        orgId: ORG,
        sub: 'alice',
        token_type: 'refresh_token',
      }),
    );
  });

  it('answers the token_type of the record, and leaves out what it has not', async () => {
    const { app, as, tokens } = await world();
    await tokens.save({ token: 'bare', kind: 'refresh_token', clientId: 'app', tokenType: 'offline' });
    const answer = await postToken(app, B, as('app'), 'bare');
    expect(answer.body).toStrictEqual({ active: true, iat: SECONDS, token_type: 'offline' });
  });

  it.each([B, `${B}/public`])('T-26 answers a public client about its own token at POST %s', async (path) => {
    const { app } = await world();
    const answer = await postToken(app, path, basic('public', ''), 'rt-public');
    expect(answer.body).toMatchObject({ active: true, sub: 'alice' });
  });

  it('stays live when its paired access token has expired', async () => {
    const { app, as, clock } = await world();
    clock.now += 2 * HOUR;
    const answer = await postToken(app, B, as('app'), 'rt-live');
    expect(answer.body).toMatchObject({ active: true });
  });
});

describe('refresh-token introspection: inactive tokens', () => {
  it.each([
    ['unknown', 'no-such-token', 'app', 'unknown'],
    ['expired', 'rt-expired', 'app', 'expired'],
    ['revoked', 'rt-revoked', 'app', 'revoked'],
    ['an access token', 'at-live', 'app', 'wrong_kind'],
    ["another client's", 'rt-other-app', 'app', 'not_yours'],
    ["another client's, though meant for the caller's audience", 'rt-audience', 'api', 'not_yours'],
    ["another client's, asked by a public client", 'rt-live', 'public', 'not_yours'],
    ["another public client's", 'rt-public', 'public-2', 'not_yours'],
  ])('answers a token that is %s exactly as an unknown one', async (_what, token, caller, reason) => {
    const { app, as, events } = await world();
    const answer = await answeredAsUnknown((asked) => postToken(app, B, as(caller), asked), token);
    expect([answer.status, answer.text]).toStrictEqual([200, INACTIVE]);
    expect(events[0]).toMatchObject({ api: 'refresh-token-introspection', outcome: 'inactive', reason });
  });

  it('shows a public client only its own, whatever the policy says', async () => {
    const { app } = await world({ policy: () => true });
    const answer = await postToken(app, B, basic('public', ''), 'rt-live');
    expect(answer.text).toBe(INACTIVE);
  });

  it('shows no access token, whatever the policy says', async () => {
    const { app, as } = await world({ policy: () => true });
    const answer = await postToken(app, B, as('opted-out'), 'at-live');
    expect(answer.text).toBe(INACTIVE);
  });

  it("shows every refresh token to introspects: 'any', and audits it", async () => {
    const { app, as, events } = await world();
    const answer = await postToken(app, B, as('opted-out'), 'rt-live');
    expect(answer.body).toMatchObject({ active: true });
    expect(events[0]).toMatchObject({ introspects: 'any' });
  });
});

describe('refresh-token introspection: the Authorization header', () => {
  it.each([
    ['no header', undefined, 'Authorization header must be specified'],
    ['an empty header', '', 'Authorization header must be specified'],
    ['Bearer', 'Bearer at-live', 'Invalid authorization header. Missing "Basic" prefix'],
    ['a scheme that contains Basic', 'XBasic YTpi', 'Invalid authorization header. Missing "Basic" prefix'],
    ['no base64', 'Basic *', 'Invalid authorization header'],
    ['the scheme alone', 'Basic', 'Invalid authorization header'],
    ['no colon', `Basic ${Buffer.from('app').toString('base64')}`, 'Invalid authorization header'],
    ['no client id', basic('', 'secret'), 'Invalid authorization header'],
    [
      'bytes that are not UTF-8',
      `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`,
      'Invalid authorization header',
    ],
  ])('answers 400 in the documented words to %s', async (_what, authorization, message) => {
    const { app } = await world();
    await serving(app, async (origin) => {
      const headers = [...FORM, ...(authorization === undefined ? [] : ['Authorization', authorization])];
      const answer = await raw(origin, { path: B, headers, body: 'token=rt-live' });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toStrictEqual(cspError(400, 'invalid_request', message));
      expect(answer.headers['cache-control']).toBe('no-store');
    });
  });

  it('A-08 answers 400 to two Authorization lines', async () => {
    const { app, as } = await world();
    await serving(app, async (origin) => {
      const headers = [...FORM, 'Authorization', as('app'), 'Authorization', as('app')];
      const answer = await raw(origin, { path: B, headers, body: 'token=rt-live' });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ message: 'Invalid authorization header' });
    });
  });

  it.each([
    ['a wrong secret', basic('app', 'wrong')],
    ['an unknown client', basic('nobody', 'x')],
    ['A-12 an empty secret of a confidential client', basic('app', '')],
    ['A-12 a secret of a public client', basic('public', 'x')],
  ])('answers 401 with a challenge to %s', async (_what, authorization) => {
    const { app } = await world();
    const answer = await postToken(app, B, authorization, 'rt-live');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Basic realm="token introspection", charset="UTF-8"');
    expect(answer.body).toStrictEqual(cspError(401, 'invalid_client', 'Client authentication failed'));
  });

  it('answers 400 when the client id in the path is another one', async () => {
    const { app, as } = await world();
    const answer = await postToken(app, `${B}/other-app`, as('app'), 'rt-live');
    expect(answer.status).toBe(400);
    expect((answer.body as { message: string }).message).toBe(
      "Bad Request - Client ID in path doesn't match the Client ID in the Basic Authorization Header.",
    );
  });
});

describe('refresh-token introspection: errors', () => {
  it.each([
    ['no token', 'x=1', 'application/x-www-form-urlencoded', 400],
    ['an empty token', 'token=', 'application/x-www-form-urlencoded', 400],
    ['a repeated token', 'token=a&token=b', 'application/x-www-form-urlencoded', 400],
    ['JSON', '{"token":"rt-live"}', 'application/json', 415],
    ['too large a body', `token=${'a'.repeat(70_000)}`, 'application/x-www-form-urlencoded', 413],
  ])('answers %s in its own shape', async (_what, body, type, status) => {
    const { app, as } = await world();
    const answer = await request(app)
      .post(B)
      .set('Authorization', as('app'))
      .set('Content-Type', type)
      .send(body);
    expect(answer.status).toBe(status);
    expect(answer.body).toStrictEqual(cspError(status, 'invalid_request', expect.any(String)));
  });

  it.each(['get', 'put', 'delete'] as const)('E-05 answers %s with 405 and Allow', async (method) => {
    const { app } = await world();
    for (const path of [B, `${B}/app`]) {
      const answer = await request(app)[method](path);
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe('POST');
      expect(answer.body).toStrictEqual(cspError(405, 'invalid_request', expect.any(String)));
    }
  });

  it('answers a malformed path in its own shape', async () => {
    const { app, as } = await world();
    await serving(app, async (origin) => {
      const answer = await raw(origin, {
        path: `${B}/%zz`,
        headers: ['Authorization', as('app'), ...FORM],
        body: 'token=x',
      });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toStrictEqual(cspError(400, 'invalid_request', expect.any(String)));
    });
  });

  it('answers 404 and 409 when the store says so', async () => {
    const ask = async (error: Error) => {
      const { app, as } = await world({ tokens: failingStore(() => Promise.reject(error)) });
      return postToken(app, B, as('app'), 'rt-live');
    };
    const missing = await ask(new NotFoundError('no such organization'));
    expect(missing.status).toBe(404);
    expect(missing.body).toStrictEqual(
      cspError(404, 'not_found', 'The requested resource could not be found'),
    );
    const conflict = await ask(new ConflictError('rotating'));
    expect(conflict.status).toBe(409);
    expect(conflict.body).toStrictEqual(
      cspError(409, 'conflict', 'The request could not be processed due to a conflict'),
    );
  });

  it('answers 429 in the documented words', async () => {
    const { app, as } = await world({ rateLimit: { calls: { windowMs: 60_000, limit: 1 } } });
    const ask = () => postToken(app, B, as('app'), 'rt-live');
    expect((await ask()).status).toBe(200);
    const answer = await ask();
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(answer.body).toStrictEqual(cspError(429, 'slow_down', 'The user has sent too many requests'));
  });

  it('answers 500 in the documented words', async () => {
    const { app, as } = await world({
      policy: () => {
        throw new Error('bug');
      },
    });
    const answer = await postToken(app, B, as('app'), 'rt-live');
    expect(answer.status).toBe(500);
    expect(answer.body).toStrictEqual(
      cspError(500, 'server_error', 'An unexpected error has occurred while processing the request'),
    );
  });

  it.each(FAILURES)('is 503 when a store %s, never inactive', async (_what, fail) => {
    for (const failing of [{ tokens: failingStore(fail) }, { clients: failingStore(fail) }]) {
      const { app, as } = await world(failing);
      const answer = await postToken(app, B, as('app'), 'rt-live');
      expect(answer.status).toBe(503);
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(answer.body).toStrictEqual(cspError(503, 'temporarily_unavailable', expect.any(String)));
    }
  });

  it('repeats a sane X-Request-Id, and makes one up in place of any other', async () => {
    const { app } = await world();
    const ask = async (id: string) => request(app).post(B).set('X-Request-Id', id);
    const sane = await ask('req-1.2:3');
    expect(sane.headers['x-request-id']).toBe('req-1.2:3');
    expect((sane.body as { requestId: string }).requestId).toBe('req-1.2:3');
    for (const id of ['', 'a b', '<script>', 'x'.repeat(200)]) {
      const answer = await ask(id);
      expect(answer.headers['x-request-id']).toMatch(/^[\da-f-]{36}$/);
      expect((answer.body as { requestId: string }).requestId).toBe(answer.headers['x-request-id']);
    }
  });
});

describe('refreshTokenIntrospection', () => {
  it('serves its full path alone', async () => {
    const { tokens, clients, as, clock } = await world();
    const app = express().use(refreshTokenIntrospection({ tokens, clients, clock: () => clock.now }));
    const answer = await postToken(app, B, as('app'), 'rt-live');
    expect(answer.body).toMatchObject({ active: true });
  });
});
