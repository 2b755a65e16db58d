import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import { defaultPolicy, NotFoundError, oauthIntrospection, type TokenRecord } from '../../lib/index.js';
import { FORM, raw, serving } from '../support/http.js';
import {
  A,
  API,
  answeredAsUnknown,
  basic,
  FAILURES,
  FULL,
  failingStore,
  HOUR,
  INACTIVE,
  ISSUER,
  NOW,
  postToken,
  SECONDS,
  world,
} from '../support/world.js';

const BASIC_CHALLENGE = 'Basic realm="token introspection", charset="UTF-8"';

describe('OAuth introspection: active tokens', () => {
  it('I-10 I-11 answers a live access token with what its record has, and nothing else', async () => {
    const { app, as } = await world();
    const answer = await postToken(app, A, as('api'), 'at-live');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.body).toStrictEqual({
      active: true,
      sub: 'alice',
      client_id: 'app',
      token_type: 'Bearer',
      scope: 'read write',
      exp: SECONDS + 3600,
      iat: SECONDS,
      aud: API,
    });
  });

  it('I-16 I-17 I-18 T-01 T-15 answers every registered member in its type', async () => {
    const { app, as, tokens } = await world();
    await tokens.save(FULL);
    const answer = await postToken(app, A, as('api'), FULL.token);
    expect(answer.body).toStrictEqual({
      active: true,
      sub: 'alice',
      client_id: 'app',
      token_type: 'Bearer',
      brand: 'acme-brand',
      scope: 'read write',
      exp: SECONDS + 1,
      iat: SECONDS - 2,
      nbf: SECONDS - 1,
      iss: ISSUER,
      aud: [API, 'https://second.example'],
      jti: 'id-1',
      username: 'alice@example.com',
      cnf: { 'x5t#S256': 'thumb' },
      act: { sub: 'bot' },
      acr: 'urn:mfa',
      auth_time: SECONDS - 3,
      authorization_details: [{ type: 'payment' }],
      tenant: 'blue',
      level: 3,
      nested: { deep: [1, null] },
    });
  });

  it('I-20 lets no extension claim replace a registered member, present or not', async () => {
    const { app, as, tokens } = await world();
    const claims = {
      active: false,
      sub: 'mallory',
      exp: 1,
      username: 'mallory',
      scope: 'admin',
      color: 'red',
    };
    await tokens.save({ token: 'claims', kind: 'access_token', clientId: 'app', claims });
    const answer = await postToken(app, A, as('app'), 'claims');
    expect(answer.body).toStrictEqual({
      active: true,
      client_id: 'app',
      token_type: 'Bearer',
      iat: SECONDS,
      color: 'red',
    });
  });

  it('T-04 says DPoP of a token that is bound to a DPoP key', async () => {
    const { app, as } = await world();
    const answer = await postToken(app, A, as('api'), 'at-bound');
    expect(answer.body).toMatchObject({ active: true, token_type: 'DPoP', cnf: { jkt: 'x' } });
  });

  it('I-19 attack/04 says token_use and no token_type of a refresh token, which its owner may ask about', async () => {
    const { app, as } = await world();
    const answer = await postToken(app, A, as('app'), 'rt-live');
    expect(answer.body).toStrictEqual({
      active: true,
      sub: 'alice',
      client_id: 'app',
      exp: SECONDS + 24 * 3600,
      iat: SECONDS,
      token_use: 'refresh_token',
    });
  });

  it('leaves exp out for a token that never expires', async () => {
    const { app, as, tokens } = await world();
    await tokens.save({ token: 'for-ever', kind: 'access_token', clientId: 'app' });
    const answer = await postToken(app, A, as('app'), 'for-ever');
    expect(answer.body).toStrictEqual({ active: true, client_id: 'app', token_type: 'Bearer', iat: SECONDS });
  });

  it.each(['access_token', 'refresh_token', 'urn:unheard-of', ''])(
    'I-06 I-07 finds access and refresh tokens under the hint "%s"',
    async (hint) => {
      const { app, as } = await world();
      for (const token of ['at-live', 'rt-live']) {
        const answer = await request(app)
          .post(A)
          .set('Authorization', as('app'))
          .type('form')
          .send({ token, token_type_hint: hint, foo: '1' });
        expect(answer.body).toMatchObject({ active: true });
      }
    },
  );
});

describe('OAuth introspection: inactive tokens', () => {
  const dead: readonly [string, string, string, string][] = [
    ['unknown', 'no-such-token', 'api', 'unknown'],
    ['expired', 'at-expired', 'api', 'expired'],
    ['revoked', 'at-revoked', 'api', 'revoked'],
    ['not yet valid', 'at-future', 'api', 'not_yet_valid'],
    ['of a disabled client', 'at-disabled-client', 'api', 'client_disabled'],
    ['of a removed client', 'at-removed-client', 'api', 'client_disabled'],
    ['for another resource', 'at-other-api', 'api', 'not_yours'],
    ['of another client', 'at-live', 'other-app', 'not_yours'],
    ['for its audience, but limited to its own', 'at-live', 'own-only', 'not_yours'],
    ['a refresh token of another client', 'rt-live', 'api', 'not_yours'],
    ['a refresh token with its audience', 'rt-audience', 'api', 'not_yours'],
    ['an expired refresh token', 'rt-expired', 'app', 'expired'],
    ['a revoked refresh token', 'rt-revoked', 'app', 'revoked'],
    ['no token at all by its characters', 'tökén\u0000', 'api', 'unknown'],
  ];

  it.each(dead)(
    'I-09 I-12 I-13 I-14 I-15 I-31 answers a token that is %s exactly as an unknown one',
    async (_what, token, caller, reason) => {
      const { app, as, events } = await world();
      const answer = await answeredAsUnknown((asked) => postToken(app, A, as(caller), asked), token);
      expect([answer.status, answer.text]).toStrictEqual([200, INACTIVE]);
      expect(events[0]).toMatchObject({ outcome: 'inactive', reason, clientId: caller, status: 200 });
    },
  );

  it('I-15 ends a token at the very millisecond of its expiry, and begins it at its nbf', async () => {
    const { app, as, clock } = await world();
    const ask = async (token: string) => (await postToken(app, A, as('api'), token)).body.active;
    clock.now = NOW + HOUR - 1;
    expect(await ask('at-live')).toBe(true);
    expect(await ask('at-future')).toBe(false);
    clock.now = NOW + HOUR;
    expect(await ask('at-live')).toBe(false);
    expect(await ask('at-future')).toBe(false);
  });
});

describe('OAuth introspection: policy', () => {
  it('I-21 narrows the scope of a protected resource to its own scopes', async () => {
    const { app, as } = await world();
    const answer = await postToken(app, A, as('narrow-api'), 'at-live');
    expect(answer.body).toMatchObject({ active: true, scope: 'read', sub: 'alice' });
  });

  it("audits every use of introspects: 'any'", async () => {
    const { app, as, events } = await world();
    for (const token of ['at-live', 'rt-live', 'unknown']) {
      await postToken(app, A, as('opted-out'), token);
    }
    expect(events.map(({ outcome, introspects }) => [outcome, introspects])).toStrictEqual([
      ['active', 'any'],
      ['active', 'any'],
      ['inactive', undefined],
    ]);
  });

  it('I-29 takes the place of the default where the app gives its own, and may narrow the answer', async () => {
    const { app, as } = await world({
      policy: (caller, token) =>
        caller.clientId === 'other-app' && {
          scope: ['read', 'admin'],
          audience: [],
          subject: `pairwise-${token.subject}`,
          username: undefined,
          authorizationDetails: undefined,
          claims: { seen: true },
        },
    });
    const ask = (caller: string) => postToken(app, A, as(caller), 'at-live');
    expect((await ask('other-app')).body).toStrictEqual({
      active: true,
      sub: 'pairwise-alice',
      client_id: 'app',
      token_type: 'Bearer',
      scope: 'read',
      exp: SECONDS + 3600,
      iat: SECONDS,
      seen: true,
    });
    expect((await ask('app')).text).toBe(INACTIVE);
  });

  it('may leave the scope out', async () => {
    const { app, as } = await world({ policy: () => ({ scope: undefined, audience: undefined }) });
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.body).toMatchObject({ active: true, sub: 'alice' });
    expect(answer.body).not.toHaveProperty('scope');
    expect(answer.body).not.toHaveProperty('aud');
  });

  it("audits the use of introspects: 'any' where the app wraps the default as well", async () => {
    const { app, as, events } = await world({ policy: (...asked) => defaultPolicy(...asked) });
    await postToken(app, A, as('opted-out'), 'at-live');
    await postToken(app, A, as('app'), 'at-live');
    expect(events.map(({ introspects }) => introspects)).toStrictEqual(['any', undefined]);
  });

  it('cannot make a dead token live', async () => {
    const { app, as } = await world({
      policy: (_caller, token) => ({ ...token, status: 'approved', expiresAt: NOW + HOUR }),
    });
    for (const token of ['at-revoked', 'at-expired']) {
      const answer = await postToken(app, A, as('app'), token);
      expect(answer.text).toBe(INACTIVE);
    }
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('bug');
      },
    ],
    ['rejects', () => Promise.reject(new Error('bug'))],
    ['forgets to return', () => undefined],
    ['answers a string', () => 'yes'],
    ['answers an object that says nothing', () => ({})],
    [
      'writes into the token',
      (_caller: unknown, token: { expiresAt?: number }) => {
        delete token.expiresAt;
        return true;
      },
    ],
    [
      'writes into the scope',
      (_caller: unknown, token: { scope: string[] }) => token.scope.push('admin') > 0,
    ],
    [
      'writes into the caller',
      (caller: { audiences?: string[] }) => {
        caller.audiences = ['x'];
        return true;
      },
    ],
    ['misspells what it narrows', () => ({ scopes: ['read'] })],
    ['answers an object of another kind', () => new Map([['scope', []]])],
    ['invents a refresh token', () => ({ refreshToken: 'x' })],
    ['answers a scope that is no array', () => ({ scope: 'read' })],
    ['answers members of the wrong type', () => ({ subject: 5 })],
  ])('answers 500 when the policy %s', async (_what, policy) => {
    const { app, as, events } = await world({ policy: policy as never });
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.status).toBe(500);
    expect(answer.body).toStrictEqual({
      error: 'server_error',
      error_description: 'An unexpected error has occurred while processing the request',
    });
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(events[0]).toMatchObject({ outcome: 'failed', status: 500, error: 'server_error' });
    if (/answers|forgets|misspells|invents/.test(_what))
      expect(events[0]?.fault?.message).toMatch(/^policy: /);
  });
});

describe('OAuth introspection: the request', () => {
  const bad: readonly [string, string, string | undefined, number][] = [
    ['I-04 no body', '', undefined, 400],
    ['I-04 an empty form', '', 'application/x-www-form-urlencoded', 400],
    ['I-04 no token', 'foo=1', 'application/x-www-form-urlencoded', 400],
    ['I-04 an empty token', 'token=', 'application/x-www-form-urlencoded', 400],
    ['I-04 a blank token', 'token=+%20', 'application/x-www-form-urlencoded', 400],
    ['I-05 a repeated token', 'token=at-live&token=at-live', 'application/x-www-form-urlencoded', 400],
    [
      'I-05 a repeated hint',
      'token=at-live&token_type_hint=a&token_type_hint=b',
      'application/x-www-form-urlencoded',
      400,
    ],
    ['I-05 a nested token', 'token[a]=at-live', 'application/x-www-form-urlencoded', 400],
    ['I-05 a listed token', 'token[]=at-live', 'application/x-www-form-urlencoded', 400],
    ['I-02 JSON', '{"token":"at-live"}', 'application/json', 415],
    ['I-02 text', 'token=at-live', 'text/plain', 415],
    ['I-02 no media type', 'token=at-live', undefined, 415],
    [
      'A-08 a secret in the body as well',
      'token=at-live&client_secret=x',
      'application/x-www-form-urlencoded',
      400,
    ],
    [
      'A-08 an assertion in the body as well',
      'token=at-live&client_assertion=x',
      'application/x-www-form-urlencoded',
      400,
    ],
    [
      'A-08 another client_id in the body',
      'token=at-live&client_id=api',
      'application/x-www-form-urlencoded',
      400,
    ],
  ];
  /** Where the app has a parser of its own, these are the app's to refuse. */
  const refusedByParser: typeof bad = [
    ['E-07 an unknown charset', 'token=at-live', 'application/x-www-form-urlencoded; charset=utf-7', 415],
    [
      'E-07 a body that is too large',
      `token=${'a'.repeat(70_000)}`,
      'application/x-www-form-urlencoded',
      413,
    ],
    [
      'E-07 too many parameters',
      `token=at-live${'&a=1'.repeat(200)}`,
      'application/x-www-form-urlencoded',
      413,
    ],
  ];
  const hosts: readonly [string, express.RequestHandler[]][] = [
    ['no parser of its own', []],
    ['express.json and express.urlencoded', [express.json(), express.urlencoded({ extended: false })]],
    ['express.urlencoded, extended', [express.json(), express.urlencoded({ extended: true })]],
  ];

  async function refuses(
    body: string,
    type: string | undefined,
    status: number,
    before: express.RequestHandler[] = [],
  ): Promise<void> {
    const { app, as, events } = await world({ before });
    await serving(app, async (origin) => {
      const headers = ['Authorization', as('app'), ...(type ? ['Content-Type', type] : [])];
      const answer = await raw(origin, { path: A, headers, body });
      expect(answer.status).toBe(status);
      expect(JSON.parse(answer.body)).toStrictEqual({
        error: 'invalid_request',
        error_description: expect.any(String),
      });
      expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
      expect(events).toMatchObject([
        { outcome: 'refused', error: 'invalid_request', status, clientId: 'app' },
      ]);
    });
  }

  it.each(refusedByParser)('refuses %s', async (_what, body, type, status) => refuses(body, type, status));

  describe.each(hosts)('in an app with %s', (_host, before) => {
    it.each(bad)('refuses %s', async (_what, body, type, status) => refuses(body, type, status, before));

    it.each([
      ['a form', 'token=at-live', 'application/x-www-form-urlencoded'],
      ['a form with a charset', 'token=at-live', 'application/x-www-form-urlencoded; charset=UTF-8'],
      [
        'I-05 parameters it does not know',
        'x=1&token=at-live&resource=y',
        'application/x-www-form-urlencoded',
      ],
      [
        'I-05 names with brackets that it does not know',
        'x[a]=1&y[]=1&token=at-live',
        'application/x-www-form-urlencoded',
      ],
      [
        'A-08 the same client_id in the body',
        'token=at-live&client_id=app',
        'application/x-www-form-urlencoded',
      ],
      [
        'names of Object.prototype',
        'token=at-live&__proto__=1&constructor=2&hasOwnProperty=3',
        'application/x-www-form-urlencoded',
      ],
    ])('accepts %s', async (_what, body, type) => {
      const { app, as } = await world({ before });
      const answer = await request(app)
        .post(A)
        .set('Authorization', as('app'))
        .set('Content-Type', type)
        .send(body);
      expect(answer.body).toMatchObject({ active: true });
    });
  });

  it.each([
    ['text', express.text({ type: '*/*' })],
    ['bytes', express.raw({ type: '*/*' })],
  ])('reads a form that the app has parsed as %s', async (_what, parser) => {
    const { app, as } = await world({ before: [parser] });
    const ask = (body: string) =>
      request(app).post(A).set('Authorization', as('app')).type('form').send(body);
    expect((await ask('token=at-live')).body).toMatchObject({ active: true });
    expect((await ask('token=at-live&token=x')).status).toBe(400);
    expect((await ask('token=at-live&token=x&token=y')).status).toBe(400);
    expect((await ask(`token=${'a'.repeat(70_000)}`)).status).toBe(413);
    const began = performance.now();
    expect((await ask('a&'.repeat(30_000))).status).toBe(413);
    expect((await ask(Array.from({ length: 5_000 }, (_, i) => `n${i}`).join('&'))).status).toBe(413);
    expect(performance.now() - began).toBeLessThan(500);
  });

  it('reports a body that breaks off', async () => {
    const { app, as } = await world();
    await serving(app, async (origin) => {
      const headers = ['Authorization', as('app'), ...FORM, 'Content-Encoding', 'gzip'];
      const answer = await raw(origin, { path: A, headers, body: 'this is not gzip' });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ error: 'invalid_request' });
    });
  });

  it('I-02 A-07 looks at no token and no credentials in the query', async () => {
    const { app, as, secretOf } = await world();
    const answer = await request(app)
      .post(`${A}?token=at-live`)
      .set('Authorization', as('app'))
      .type('form')
      .send({});
    expect(answer.status).toBe(400);
    const query = await request(app)
      .post(`${A}?client_id=app&client_secret=${secretOf('app')}`)
      .type('form')
      .send({ token: 'at-live' });
    expect(query.status).toBe(401);
  });

  it.each(['get', 'put', 'delete', 'patch', 'options', 'head'] as const)(
    'I-03 E-05 refuses %s with Allow',
    async (method) => {
      const { app, as } = await world();
      const answer = await request(app)[method](`${A}?token=at-live`).set('Authorization', as('app'));
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toBe('POST');
      expect(answer.headers['cache-control']).toBe('no-store');
      if (method !== 'head') expect(answer.body).toMatchObject({ error: 'invalid_request' });
    },
  );

  it('I-01 refuses plain HTTP where TLS is required, and believes only a trusted proxy', async () => {
    const { app, as } = await world({ requireTls: true });
    const ask = () =>
      request(app)
        .post(A)
        .set('Authorization', as('app'))
        .set('X-Forwarded-Proto', 'https')
        .type('form')
        .send({ token: 'at-live' });
    expect((await ask()).status).toBe(400);
    app.set('trust proxy', 'loopback');
    expect((await ask()).body).toMatchObject({ active: true });
  });
});

describe('OAuth introspection: client credentials', () => {
  it.each([
    ['I-08 none', undefined],
    ['another scheme', 'Digest username="app"'],
    ['A-05 the scheme alone', 'Basic'],
    ['A-05 no base64', 'Basic !!!'],
    ['A-05 no colon', `Basic ${Buffer.from('app').toString('base64')}`],
    ['A-05 no client id', basic('', 'x')],
    ['A-06 bytes that are not UTF-8', `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`],
    ['A-04 a control character', basic('app', 'a\u0000b')],
    ['I-22 an unknown client', basic('nobody', 'x')],
    ['I-22 a wrong secret', basic('app', 'wrong')],
    ['A-12 an empty secret for a confidential client', basic('app', '')],
    ['A-12 a secret for a public client', basic('public', 'x')],
  ])('E-06 A-10 refuses %s with a Basic challenge', async (_what, authorization) => {
    const { app, events } = await world();
    for (const token of ['at-live', 'garbage']) {
      const call = request(app).post(A).type('form').send({ token });
      if (authorization) void call.set('Authorization', authorization);
      const answer = await call;
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe(BASIC_CHALLENGE);
      expect(answer.body).toStrictEqual({
        error: 'invalid_client',
        error_description: 'Client authentication failed',
      });
      expect(answer.headers['cache-control']).toBe('no-store');
    }
    expect(events[0]).toMatchObject({ outcome: 'refused', error: 'invalid_client', status: 401 });
    expect(events[0]).not.toHaveProperty('tokenDigest');
  });

  it('refuses a disabled client that has the right secret as if it were wrong', async () => {
    const { app, as, events } = await world();
    const answer = await postToken(app, A, as('disabled'), 'at-live');
    expect(answer.status).toBe(401);
    expect(events).toMatchObject([{ outcome: 'refused', clientId: 'disabled' }]);
  });

  it('finds no credentials where the app has taken the header away', async () => {
    const { app, as } = await world({
      before: [
        (req, _res, next) => {
          delete req.headers.authorization;
          next();
        },
      ],
    });
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.status).toBe(401);
  });

  it('finds the header that an adapter without raw headers has set', async () => {
    const { app, as } = await world({
      before: [
        (req, _res, next) => {
          req.rawHeaders = [];
          next();
        },
      ],
    });
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.body).toMatchObject({ active: true });
  });

  it('I-09 refuses a public client with 403', async () => {
    const { app } = await world();
    const answer = await postToken(app, A, basic('public', ''), 'rt-public');
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ error: 'unauthorized_client' });
  });

  it('names in the audit only clients that exist: an unknown id could be anything', async () => {
    const { app, events } = await world();
    for (const id of ['app', 'a-secret-typed-as-id']) {
      await postToken(app, A, basic(id, 'wrong'), 'x');
    }
    expect(events.map(({ clientId }) => clientId)).toStrictEqual(['app', undefined]);
  });

  it('A-08 refuses two Authorization lines', async () => {
    const { app, as } = await world();
    await serving(app, async (origin) => {
      const headers = ['Authorization', as('app'), 'Authorization', as('app'), ...FORM];
      const answer = await raw(origin, { path: A, headers, body: 'token=at-live' });
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({ error: 'invalid_request' });
    });
  });

  it('A-03 takes raw credentials unless told not to', async () => {
    const strict = await world({ acceptRawBasic: false, moreClients: [] });
    const good = await postToken(strict.app, A, strict.as('app'), 'at-live');
    expect(good.body).toMatchObject({ active: true });
    const malformed = await postToken(strict.app, A, basic('app', '100%'), 'x');
    expect(malformed.status).toBe(401);
  });
});

describe('OAuth introspection: Bearer callers', () => {
  const caller = {
    kind: 'access_token',
    clientId: 'api',
    audience: [ISSUER],
    scope: ['introspection'],
  } as const;
  const ask = (app: express.Express, token: string, about = 'at-live') =>
    postToken(app, A, `Bearer ${token}`, about);

  it('act as the client that their token was issued to', async () => {
    const { app, tokens, events } = await world();
    await tokens.save({ ...caller, token: 'caller' });
    expect((await ask(app, 'caller')).body).toMatchObject({ active: true, client_id: 'app' });
    expect((await ask(app, 'caller', 'at-other-api')).text).toBe(INACTIVE);
    expect(events[0]).toMatchObject({ clientId: 'api' });
  });

  it.each([
    ['unknown', {}, 'unknown'],
    ['expired', { expiresAt: NOW }, 'caller'],
    ['for another audience', { audience: [API] }, 'caller'],
    ['without an audience', { audience: [] }, 'caller'],
    ['a refresh token', { kind: 'refresh_token' }, 'caller'],
    ['of a disabled client', { clientId: 'disabled' }, 'caller'],
    ['of a removed client', { clientId: 'removed' }, 'caller'],
    ['bound to a key', { confirmation: { 'x5t#S256': 'x' } }, 'caller'],
    ['malformed', {}, 'two words'],
  ])('I-23 are refused with a Bearer challenge when their token is %s', async (_what, change, presented) => {
    const { app, tokens } = await world();
    await tokens.save({ ...caller, token: 'caller', ...(change as object) });
    const answer = await ask(app, presented);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toMatch(
      /^Bearer realm="token introspection", error="invalid_token"/,
    );
    expect(answer.body).toMatchObject({ error: 'invalid_token', error_description: expect.any(String) });
  });

  it('I-23 are refused with 403 when their token lacks the introspection scope', async () => {
    const { app, tokens } = await world({ introspectionScope: 'may-introspect' });
    await tokens.save({ ...caller, token: 'caller' });
    const answer = await ask(app, 'caller');
    expect(answer.status).toBe(403);
    expect(answer.headers['www-authenticate']).toContain('error="insufficient_scope"');
    expect(answer.headers['www-authenticate']).toContain('scope="may-introspect"');
    expect(answer.body).toMatchObject({ error: 'insufficient_scope' });
  });

  it('are refused with 403 when their client is public', async () => {
    const { app, tokens } = await world();
    await tokens.save({ ...caller, clientId: 'public', token: 'caller' });
    const answer = await ask(app, 'caller');
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({ error: 'unauthorized_client' });
  });

  it('may not ask about the token that they present', async () => {
    const { app, tokens } = await world();
    await tokens.save({ ...caller, token: 'caller' });
    const answer = await ask(app, 'caller', 'caller');
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ error: 'invalid_request' });
  });

  it.each([
    ['no parser of its own', []],
    ['a parser', [express.urlencoded({ extended: false })]],
  ])(
    'B-02 are refused with 400 when a second token is in the form, in an app with %s',
    async (_what, before) => {
      const { app, tokens } = await world({ before });
      await tokens.save({ ...caller, token: 'caller' });
      const answer = await request(app)
        .post(A)
        .set('Authorization', 'Bearer caller')
        .type('form')
        .send({ token: 'at-live', access_token: 'x' });
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ error: 'invalid_request' });
    },
  );

  it('are named in the audit though their token lacks the scope, or their client is public', async () => {
    const { app, tokens, events } = await world();
    await tokens.save({ ...caller, scope: [], token: 'no-scope' });
    await tokens.save({ ...caller, clientId: 'public', token: 'public' });
    await ask(app, 'no-scope');
    await ask(app, 'public');
    await postToken(app, A, basic('public', ''), 'x');
    expect(events.map(({ clientId }) => clientId)).toStrictEqual(['api', 'public', 'public']);
  });

  it('are 401 when their client goes away between two look-ups', async () => {
    const { tokens, clients, clock } = await world();
    await tokens.save({ ...caller, token: 'caller' });
    let asked = 0;
    const vanishing = { find: (id: string) => (asked++ === 0 ? clients.find(id) : undefined) };
    const app = express().use(
      oauthIntrospection({ tokens, clients: vanishing, issuer: ISSUER, clock: () => clock.now }),
    );
    expect((await ask(app, 'caller')).status).toBe(401);
  });

  it('are refused like any other scheme where there is no issuer to check them against', async () => {
    const { tokens, clients } = await world();
    await tokens.save({ ...caller, token: 'caller' });
    const app = express().use(oauthIntrospection({ tokens, clients }));
    const answer = await ask(app, 'caller');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe(BASIC_CHALLENGE);
  });
});

describe('OAuth introspection: outages', () => {
  it.each(FAILURES)('is 503 when the token store %s, never inactive', async (_what, fail) => {
    const { app, as, events } = await world({ tokens: failingStore(fail) });
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toStrictEqual({
      error: 'temporarily_unavailable',
      error_description: expect.any(String),
    });
    expect(events[0]).toMatchObject({
      outcome: 'unavailable',
      status: 503,
      fault: { name: expect.any(String) },
    });
  });

  it.each(FAILURES)('is 503 when the client store %s, never invalid_client', async (_what, fail) => {
    const { app, as } = await world({ clients: failingStore(fail) });
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ error: 'temporarily_unavailable' });
  });

  it('is 503 for a NotFoundError too, since this API has no such row', async () => {
    const { app, as } = await world({
      tokens: failingStore(() => {
        throw new NotFoundError();
      }),
    });
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.status).toBe(503);
  });

  const record: TokenRecord = {
    kind: 'access_token',
    clientId: 'app',
    status: 'approved',
    issuedAt: NOW,
    scope: [],
    audience: [],
  };
  it.each([
    ['an unknown kind', { kind: 'authorization_code' }, '"kind"'],
    ['an unknown status', { status: 'suspended' }, '"status"'],
    [
      'a binding by the name that it has in answers',
      { cnf: { jkt: 'x' } },
      '"cnf" must be named "confirmation"',
    ],
    ['an expiry by another name', { exp: SECONDS }, '"exp" must be named "expiresAt"'],
    ['a NaN time', { expiresAt: Number.NaN }, '"expiresAt"'],
    ['an ISO time', { expiresAt: '2030-01-01' }, '"expiresAt"'],
    ['a time that is a Date', { expiresAt: new Date(NOW + HOUR) }, '"expiresAt"'],
    ['a time without end', { expiresAt: Number.POSITIVE_INFINITY }, '"expiresAt"'],
    ['I-16 a time in seconds', { expiresAt: SECONDS + 3600 }, '"expiresAt"'],
    ['a missing member', { issuedAt: undefined }, '"issuedAt"'],
    ['I-19 a token_type that is none', { tokenType: 'access_token' }, '"tokenType"'],
    ['I-17 a scope that is no array', { scope: 'read write' }, '"scope"'],
    ['I-17 a scope value that is a number', { scope: [5] }, '"scope"'],
    ['an attribute that is null', { attributes: [null] }, '"attributes"'],
    ['an attribute without a name', { attributes: [{ value: 'x' }] }, '"attributes"'],
  ])('is 503 for a record with %s, and the audit names the member', async (_what, change, member) => {
    const { app, as, events } = await world({ tokens: { find: () => ({ ...record, ...change }) as never } });
    const answer = await postToken(app, A, as('app'), 'secret-token');
    expect(answer.status).toBe(503);
    expect(events[0]?.fault?.message).toContain(member);
  });

  it.each([
    ['a text', 'at'],
    ['a list', [record]],
  ])('is 503 where the store answers %s, and the audit says why', async (_what, found) => {
    const { app, as, events } = await world({ tokens: { find: () => found as never } });
    const answer = await postToken(app, A, as('app'), 'mine');
    expect(answer.status).toBe(503);
    expect(events[0]?.fault?.message).toContain('it is not an object');
  });

  it('takes a record that has a member by its own name and by another one', async () => {
    const row = { ...record, expiresAt: NOW + HOUR, exp: SECONDS };
    const { app, as } = await world({ tokens: { find: () => row } });
    const answer = await postToken(app, A, as('app'), 'mine');
    expect(answer.body).toMatchObject({ active: true, exp: SECONDS + 3600 });
  });

  it.each([
    ['expired', NOW, INACTIVE],
    ['live', NOW + HOUR, `{"active":true,"client_id":"app","token_type":"Bearer","iat":${SECONDS}}`],
  ])('reads a record of a class with getters: %s', async (_what, expiry, body) => {
    class Row {
      readonly #row = {
        kind: 'access_token',
        clientId: 'app',
        status: 'approved',
        issuedAt: NOW,
        expiresAt: expiry,
      } as const;
      get kind(): 'access_token' {
        return this.#row.kind;
      }
      get clientId(): string {
        return this.#row.clientId;
      }
      get status(): 'approved' {
        return this.#row.status;
      }
      get issuedAt(): number {
        return this.#row.issuedAt;
      }
      get expiresAt(): number | undefined {
        return this.#row.expiresAt;
      }
    }
    const { app, as } = await world({ tokens: { find: () => new Row() as never } });
    const answer = await postToken(app, A, as('app'), 'mine');
    expect(answer.text).toBe(body.replace('"iat"', expiry > NOW ? `"exp":${SECONDS + 3600},"iat"` : '"iat"'));
  });

  it('is 503 when a getter of a record throws', async () => {
    const failing = {
      ...record,
      get scope(): never {
        throw new Error('lost connection');
      },
    };
    const { app, as } = await world({ tokens: { find: () => failing } });
    const answer = await postToken(app, A, as('app'), 'mine');
    expect(answer.status).toBe(503);
  });

  it('never opens the linked refresh token, which it does not show', async () => {
    let opened = 0;
    const sealed = {
      ...record,
      audience: [API],
      get refreshToken(): string {
        opened += 1;
        return 'rt';
      },
    };
    const { app, as } = await world({ tokens: { find: () => sealed } });
    const answer = await postToken(app, A, as('narrow-api'), 'mine');
    expect(answer.body).toMatchObject({ active: true });
    expect(opened).toBe(0);
  });

  it('I-14 tells nothing of a hidden token by an outage of the client that it was issued to', async () => {
    const { clients, as } = await world();
    const find = (id: string) =>
      id === 'broken' ? ({ clientId: 'broken', secret: '' } as never) : clients.find(id);
    const { app, tokens } = await world({ clients: { find } });
    await tokens.save({ token: 'hidden', kind: 'access_token', clientId: 'broken' });
    const ask = (token: string) => postToken(app, A, as('app'), token);
    expect((await ask('hidden')).text).toBe(INACTIVE);
    await tokens.save({ token: 'visible', kind: 'access_token', clientId: 'broken', audience: [API] });
    const visible = await postToken(app, A, as('api'), 'visible');
    expect(visible.status).toBe(503);
  });

  it('is 500, and JSON, when the clock fails', async () => {
    let broken = false;
    const clock = (): number => {
      if (broken) throw new Error('no time');
      return NOW;
    };
    const { app, as } = await world({ clock });
    broken = true;
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.status).toBe(500);
    expect(answer.body).toMatchObject({ error: 'server_error' });
  });

  it('keeps no token alive by a clock that comes to answer no number', async () => {
    let now: number = NOW;
    const { app, as } = await world({ clock: () => now, rateLimit: false });
    now = Number.NaN;
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.text).toBe(INACTIVE);
  });

  it('takes a plain object of five lines for a store', async () => {
    const { app, as } = await world({
      tokens: {
        find: (token) =>
          token === 'mine'
            ? ({ ...record, scope: undefined, audience: undefined } as never)
            : (null as never),
      },
    });
    const ask = (token: string) => postToken(app, A, as('app'), token);
    expect((await ask('mine')).body).toStrictEqual({
      active: true,
      client_id: 'app',
      token_type: 'Bearer',
      iat: SECONDS,
    });
    expect((await ask('other')).text).toBe(INACTIVE);
  });

  it.each([
    ['a bigint', 1n],
    [
      'a toJSON that throws',
      {
        toJSON: () => {
          throw new Error('no');
        },
      },
    ],
  ])('is 503 for claims of a store that are no JSON: %s', async (_what, value) => {
    const { app, as } = await world({ tokens: { find: () => ({ ...record, claims: { value } }) } });
    const answer = await postToken(app, A, as('app'), 'mine');
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ error: 'temporarily_unavailable' });
  });

  it('is 503, and no more, for members that are promises which reject', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    const late = (): Promise<never> => Promise.reject(new Error('late'));
    const tokens = await world({ tokens: { find: () => ({ ...record, subject: late() }) as never } });
    expect((await postToken(tokens.app, A, tokens.as('app'), 'mine')).status).toBe(503);
    const clients = await world({
      clients: { find: (clientId) => ({ clientId, audiences: late() }) as never },
    });
    expect((await postToken(clients.app, A, basic('app', 'x'), 'mine')).status).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toStrictEqual([]);
  });
});

describe('OAuth introspection: headers', () => {
  it('E-03 E-04 E-09 forbids caching and never answers 304', async () => {
    const { app, as } = await world();
    const answer = await request(app)
      .post(A)
      .set('Authorization', as('app'))
      .set('If-None-Match', '*')
      .type('form')
      .send({ token: 'at-live' });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'cache-control': 'no-store',
      pragma: 'no-cache',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers).not.toHaveProperty('etag');
  });

  it('E-01 E-02 E-10 writes errors as RFC 6749 does, in allowed characters', async () => {
    const { app } = await world();
    const answer = await request(app).post(A).type('form').send({ token: 'x' });
    expect(answer.headers['content-type']).toBe('application/json');
    expect(Object.keys(answer.body as object)).toStrictEqual(['error', 'error_description']);
    expect((answer.body as { error_description: string }).error_description).toMatch(
      /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/,
    );
  });

  it('stays silent where somebody answers in the meantime', async () => {
    const { tokens, app, as, events } = await world({
      before: [
        (_req, res, next) => {
          setTimeout(() => res.status(503).end('too late'), 20);
          next();
        },
      ],
    });
    tokens.find = (() => new Promise((resolve) => setTimeout(resolve, 60))) as never;
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.text).toBe('too late');
    while (events.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(events).toMatchObject([{ outcome: 'inactive' }]);
  });

  it('stays silent where somebody has answered already', async () => {
    const { app, as } = await world({
      before: [
        (_req, res, next) => {
          res.status(503).end('too late');
          next();
        },
      ],
    });
    const answer = await postToken(app, A, as('app'), 'at-live');
    expect(answer.text).toBe('too late');
  });
});
