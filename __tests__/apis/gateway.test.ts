import { describe, expect, it } from '@jest/globals';
import type request from 'supertest';
import {
  type AccessPolicy,
  cachingIntrospector,
  type Introspector,
  remoteIntrospector,
  storeIntrospector,
  type TokenRecord,
  tokenDigest,
} from '../../lib/index.js';
import { asked, gateway } from '../support/gateway.js';
import { serving } from '../support/http.js';
import { provider } from '../support/provider.js';
import { SECRET } from '../support/scripted-server.js';
import { LIVE, upstream } from '../support/upstream.js';
import {
  A,
  API,
  answeredAsUnknown,
  FULL,
  HOUR,
  INACTIVE,
  ISSUER,
  NOW,
  postToken,
  SECONDS,
  SEEDED,
  type World,
  world,
} from '../support/world.js';

/** Asks another world's router, on a port, as a client that sees everything. */
function remote({ secretOf, clock }: World, origin: string): Introspector {
  const introspector = remoteIntrospector({
    endpoint: `${origin}${A}`,
    clientId: 'opted-out',
    clientSecret: secretOf('opted-out'),
    allowInsecureRequests: true,
  });
  return cachingIntrospector(introspector, { clock: () => clock.now, maxAge: 10_000 });
}

/** The whole answer, the date aside. */
function whole({ status, headers: { date: _date, ...headers }, text }: request.Response): unknown[] {
  return [status, headers, text];
}

describe('a gateway in front of another server', () => {
  const policies: readonly [string, AccessPolicy | undefined][] = [
    ['the default', undefined],
    [
      'one that shows less and other members',
      (caller, token) =>
        (caller.clientId === 'api' || token.clientId === caller.clientId) && {
          scope: ['write', 'admin'],
          audience: undefined,
          subject: `pairwise-${token.subject}`,
          confirmation: undefined,
          claims: { seen: true },
        },
    ],
    ['one that shows nothing', () => false],
  ];

  it.each(policies)(
    'I-09 I-12 I-14 I-21 answers every caller about every token as the server itself does, with %s policy',
    async (_what, policy) => {
      const direct = await world({ rateLimit: false, ...(policy && { policy }) });
      const server = await world({ rateLimit: false });
      for (const { tokens } of [direct, server]) {
        await tokens.save(FULL);
      }
      await serving(server.app, async (origin) => {
        const { app } = gateway(direct, remote(server, origin), {
          rateLimit: false,
          ...(policy && { policy }),
        });
        const tokens = [...SEEDED.map(({ token }) => token), FULL.token, 'unknown', 'tökén\u0000'];
        let live = 0;
        for (const caller of ['app', 'other-app', 'api', 'narrow-api', 'own-only', 'opted-out', 'admin']) {
          // API A does not tell that this is a refresh token: see below.
          for (const token of tokens.filter((name) => name !== 'rt-audience')) {
            const expected = whole(await postToken(direct.app, A, direct.as(caller), token));
            const answer = await postToken(app, A, direct.as(caller), token);
            expect([caller, token, ...whole(answer)]).toStrictEqual([caller, token, ...expected]);
            if (answer.body.active) live += 1;
          }
        }
        expect(live > 0).toBe(_what !== 'one that shows nothing');
      });
    },
  );

  it('ends with a revocation that nobody tells of after maxAge, and with `exp` at that very moment', async () => {
    const server = await world();
    const made = await world();
    await serving(server.app, async (origin) => {
      const { app } = gateway(made, remote({ ...server, clock: made.clock }, origin));
      const ask = async (token = 'at-live') => (await postToken(app, A, made.as('api'), token)).text;
      expect(JSON.parse(await ask())).toMatchObject({ active: true });
      await server.tokens.revoke('at-live');
      made.clock.now = NOW + 9_999;
      expect(JSON.parse(await ask())).toMatchObject({ active: true });
      made.clock.now = NOW + 10_000;
      expect(await ask()).toBe(INACTIVE);
      made.clock.now = NOW + HOUR - 1;
      // The server's clock stands still: it calls both tokens live for ever.
      expect(JSON.parse(await ask('at-bound'))).toMatchObject({ active: true });
      made.clock.now = NOW + HOUR;
      expect(await ask('at-bound')).toBe(INACTIVE);
    });
  });

  const server = provider();

  it('asks oidc-provider, whose tokens end with their revocation', async () => {
    const made = await world({ moreClients: [] });
    const introspector = cachingIntrospector(
      remoteIntrospector({
        issuer: server.origin,
        clientId: 'api',
        clientSecret: SECRET,
        allowInsecureRequests: true,
      }),
    );
    const { app, events } = gateway(made, introspector, { clock: Date.now });
    const token = await server.token();
    const ask = (caller: string) => postToken(app, A, made.as(caller), token);
    // The token's own client is called `api` there as here.
    expect((await ask('api')).body).toStrictEqual({
      active: true,
      client_id: 'api',
      token_type: 'Bearer',
      scope: 'orders:read',
      exp: expect.any(Number),
      iat: expect.any(Number),
      iss: server.origin,
      aud: API,
    });
    expect((await ask('narrow-api')).body).not.toHaveProperty('scope');
    expect((await ask('app')).text).toBe(INACTIVE);
    await server.post('/token/revocation', { token });
    await introspector.invalidate(token);
    expect((await ask('api')).text).toBe(INACTIVE);
    expect(events.map(({ reason }) => reason)).toStrictEqual([undefined, undefined, 'not_yours', 'unknown']);
  });
});

describe('a gateway in front of an introspector in this process', () => {
  it('tells refresh tokens by token_use, which it passes on as an extension, and shows them to their owner only', async () => {
    const made = await world();
    const { app } = gateway(made, storeIntrospector(made.tokens, { clock: () => made.clock.now }));
    const ask = (caller: string, token: string) => postToken(app, A, made.as(caller), token);
    expect((await ask('app', 'rt-live')).body).toStrictEqual({
      active: true,
      sub: 'alice',
      client_id: 'app',
      exp: SECONDS + 24 * 3600,
      iat: SECONDS,
      token_use: 'refresh_token',
    });
    expect((await ask('api', 'rt-audience')).text).toBe(INACTIVE);
    expect((await ask('app', 'rt-audience')).body).toMatchObject({ active: true, aud: API });
  });

  it('R-07 drops what is revoked at once where the introspector tells of it', async () => {
    const made = await world();
    const introspector = cachingIntrospector(
      storeIntrospector(made.tokens, { clock: () => made.clock.now }),
      { clock: () => made.clock.now },
    );
    const { app } = gateway(made, introspector);
    const ask = () => postToken(app, A, made.as('api'), 'at-live');
    expect((await ask()).body).toMatchObject({ active: true });
    await made.tokens.revoke('at-live');
    expect((await ask()).text).toBe(INACTIVE);
  });

  it('needs not know the clients of the tokens, but one that it knows as disabled has no live ones', async () => {
    const made = await world();
    const { app, events } = gateway(made, storeIntrospector(made.tokens, { clock: () => made.clock.now }));
    const removed = await postToken(app, A, made.as('api'), 'at-removed-client');
    expect(removed.body).toMatchObject({ active: true, client_id: 'removed' });
    expect((await postToken(app, A, made.as('api'), 'at-disabled-client')).text).toBe(INACTIVE);
    expect(events[1]).toMatchObject({ outcome: 'inactive', reason: 'client_disabled' });
  });

  it('shares a cache with guards whatever they have made of the same answer', async () => {
    const made = await world();
    const introspector = cachingIntrospector(
      upstream({
        ...LIVE,
        aud: [ISSUER, API],
        client_id: 'api',
        scope: 'introspection read',
        token_use: 'access_token',
      }),
      { clock: () => made.clock.now },
    );
    const { app } = gateway(made, introspector);
    await postToken(app, A, 'Bearer first', 'second');
    const answer = await postToken(app, A, made.as('narrow-api'), 'first');
    expect(answer.body).toStrictEqual({
      active: true,
      client_id: 'api',
      sub: 'alice',
      scope: 'read',
      aud: [ISSUER, API],
      iss: ISSUER,
      exp: SECONDS + 60,
      token_type: 'Bearer',
      token_use: 'access_token',
    });
  });
});

describe("the gateway's answer", () => {
  it('has what the introspector sends, and nothing that it does not but how the token is presented', async () => {
    const { answer } = await asked({ active: true, aud: API }, 'api');
    expect(answer.body).toStrictEqual({ active: true, aud: API, token_type: 'Bearer' });
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
  });

  it.each([
    ['null or empty', { sub: null, username: '', client_id: '', iat: null, acr: null, act: null }, {}],
    [
      'null, of what makes a difference',
      {
        exp: null,
        nbf: null,
        cnf: null,
        scope: null,
        token_use: null,
        token_type: null,
        iss: null,
        auth_time: null,
      },
      { token_use: null },
    ],
    ['0 for the expiry of a token that has none', { exp: 0 }, {}],
    ['-1 for the expiry of a token that has none', { exp: -1 }, {}],
    ['guard/02 an ISO date', { auth_time: '2026-01-01T00:00:00Z', iat: 'now' }, {}],
    ['guard/02 seconds as text', { auth_time: String(SECONDS) }, { auth_time: SECONDS }],
    ['that it is an access token', { token_type: 'access_token' }, { token_type: 'Bearer' }],
    ['an array for its scope', { scope: ['read', 'write'] }, { scope: 'read write' }],
    ['spaces in its scope', { scope: ' read  write ' }, { scope: 'read write' }],
    ['a single audience in an array', { aud: [API] }, {}],
    ['bearer in small letters', { token_type: 'bearer' }, { token_type: 'Bearer' }],
    ['dpop in small letters', { token_type: 'dpop' }, { token_type: 'DPoP' }],
    [
      'T-04 a DPoP key',
      { cnf: { jkt: 'x' }, token_type: 'Bearer' },
      { cnf: { jkt: 'x' }, token_type: 'DPoP' },
    ],
    ['T-01 a certificate', { cnf: { 'x5t#S256': 'x' } }, { cnf: { 'x5t#S256': 'x' } }],
    ['an unknown binding', { cnf: { kid: 'x' } }, { cnf: { kid: 'x' } }],
    [
      'fractions of seconds',
      { exp: SECONDS + 1.5, iat: SECONDS - 0.5 },
      { exp: SECONDS + 1, iat: SECONDS - 1 },
    ],
    ['an early nbf', { nbf: SECONDS - 1 }, { nbf: SECONDS - 1 }],
    ['guard/21 an nbf that a clock is behind', { nbf: SECONDS + 10 }, { nbf: SECONDS + 10 }],
    ['the mark of a stale answer', { stale: true }, { stale: true }],
  ])('I-16 I-17 I-19 puts %s into the form of RFC 7662', async (_what, members, shown) => {
    const { answer } = await asked({ active: true, aud: API, ...members }, 'api');
    expect(answer.body).toStrictEqual({
      active: true,
      aud: API,
      token_type: 'Bearer',
      ...(shown as object),
    });
  });

  it('I-21 I-29 shows a caller its own scope only, by whatever name the server sends it', async () => {
    const says = { ...LIVE, scp: ['read', 'write'], tenant: 'blue' };
    const { answer } = await asked(says, 'narrow-api');
    expect(answer.body).toStrictEqual({
      active: true,
      sub: 'alice',
      scope: 'read',
      aud: API,
      iss: ISSUER,
      exp: SECONDS + 60,
      token_type: 'Bearer',
      tenant: 'blue',
    });
  });

  it.each([
    ['audit says so', 'opted-out', 'active', { introspects: 'any' }],
    ['its audience', 'api', 'active', {}],
    ['nobody is its owner', 'app', 'inactive', { reason: 'not_yours' }],
    ['nor who sees its own only', 'own-only', 'inactive', { reason: 'not_yours' }],
  ])(
    'shows a token without a client by the rules for strangers: %s',
    async (_what, caller, outcome, more) => {
      const { events } = await asked({ ...LIVE, client_id: undefined }, caller);
      expect(events).toMatchObject([{ outcome, ...more }]);
      expect('introspects' in (events[0] as object)).toBe('introspects' in more);
    },
  );

  it.each([
    ['the owner', 'app', true],
    ['another client', 'other-app', false],
    ['the audience', 'api', false],
    ['the opt-out', 'opted-out', true],
  ])('I-14 shows a refresh token to its owner: %s', async (_what, caller, active) => {
    for (const tells of [
      { token_use: 'refresh_token', token_type: 'Bearer' },
      { token_use: 'refresh' },
      { token_type: 'refresh_token' },
      { token_type: 'Refresh' },
      { token_type: 'Offline' },
      { token_use: 'refresh_token', token_type: 'urn:other' },
      { token_use: null, token_type: 'urn:ietf:params:oauth:token-type:refresh_token' },
    ]) {
      const { answer } = await asked({ ...LIVE, client_id: 'app', ...tells }, caller);
      expect(answer.body.active).toBe(active);
      expect(answer.body).not.toHaveProperty('token_type');
      if (active) expect(answer.body).toMatchObject({ token_use: 'refresh_token' });
    }
  });

  it.each([
    { token_type: 'Bearer' },
    { token_type: 'access_token' },
    { token_type: 'Access_Token' },
    { token_type: 'access' },
    { token_type: 'urn:ietf:params:oauth:token-type:access_token' },
    { token_type: 'urn:ietf:params:oauth:token-type:jwt' },
    { token_use: 'access', token_type: null },
    { token_use: null },
  ])('takes for an access token what says so: %j', async (tells) => {
    const { answer } = await asked({ ...LIVE, client_id: 'app', ...tells }, 'api');
    expect(answer.body).toMatchObject({ active: true, ...(tells.token_type && { token_type: 'Bearer' }) });
  });

  it.each([
    { token_use: 'id_token' },
    { token_use: 'id', token_type: 'Bearer' },
    { token_type: 'ID' },
    { token_type: 'id_token' },
    { token_type: 'urn:ietf:params:oauth:token-type:id_token' },
    { token_type: 'urn:ietf:params:oauth:token-type:saml2' },
    { token_type: 'N_A' },
    { token_type: '' },
    { token_type: 'mac' },
    { token_type: 5 },
  ])('answers what is neither kind of token as an unknown one: %j', async (tells) => {
    const { answer, events } = await asked({ ...LIVE, client_id: 'app', ...tells }, 'app');
    expect(answer.text).toBe(INACTIVE);
    expect(events).toMatchObject([{ outcome: 'inactive', reason: 'unknown' }]);
  });

  it('gives policies a frozen record of the token', async () => {
    const records: TokenRecord[] = [];
    const policy: AccessPolicy = (_caller, token) => records.push(token) > 0;
    const full = {
      active: true,
      sub: 'alice',
      client_id: 'app',
      token_type: 'bearer',
      brand: 'acme',
      scope: 'read write',
      exp: SECONDS + 60,
      iat: SECONDS - 60,
      nbf: SECONDS - 30,
      iss: ISSUER,
      aud: [API, 'b'],
      jti: 'id-1',
      username: 'alice@example.com',
      cnf: { 'x5t#S256': 'thumb' },
      act: { sub: 'bot' },
      acr: 'urn:mfa',
      auth_time: SECONDS - 90,
      authorization_details: [{ type: 'payment' }],
      tenant: { name: 'blue' },
    };
    await asked(full, 'app', { policy });
    await asked({ active: true, token_use: 'refresh_token', scp: 'read' }, 'app', { policy });
    expect(records).toStrictEqual([
      {
        kind: 'access_token',
        clientId: 'app',
        status: 'approved',
        issuedAt: NOW - 60_000,
        expiresAt: NOW + 60_000,
        notBefore: NOW - 30_000,
        subject: 'alice',
        username: 'alice@example.com',
        scope: ['read', 'write'],
        audience: [API, 'b'],
        issuer: ISSUER,
        tokenType: 'Bearer',
        jti: 'id-1',
        brand: 'acme',
        confirmation: { 'x5t#S256': 'thumb' },
        actor: { sub: 'bot' },
        acr: 'urn:mfa',
        authTime: NOW - 90_000,
        authorizationDetails: [{ type: 'payment' }],
        claims: { tenant: { name: 'blue' } },
      },
      {
        kind: 'refresh_token',
        clientId: '\0',
        status: 'approved',
        issuedAt: 0,
        scope: [],
        audience: [],
        claims: { token_use: 'refresh_token' },
      },
    ]);
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(records.every(frozen)).toBe(true);
  });

  it('I-29 applies what a policy shows of a token without a client, too', async () => {
    const { answer } = await asked({ active: true, sub: 'alice', exp: SECONDS + 60, a: 1 }, 'app', {
      policy: (_caller, { subject, ...token }) => ({
        ...token,
        subject: `pairwise-${subject}`,
        claims: undefined,
      }),
    });
    expect(answer.body).toStrictEqual({
      active: true,
      sub: 'pairwise-alice',
      token_type: 'Bearer',
      exp: SECONDS + 60,
    });
  });

  it('answers 500 when a policy answers nothing that makes sense', async () => {
    const { answer, events } = await asked(LIVE, 'app', { policy: (() => ({ scopes: [] })) as never });
    expect(answer.status).toBe(500);
    expect(events[0]?.fault?.message).toMatch(/^policy: /);
  });
});

describe('a token that is not live at the gateway', () => {
  it.each([
    ['inactive', { active: false }, 'api', 'unknown'],
    ['inactive, and said why', { active: false, sub: 'alice', reason: 'revoked' }, 'api', 'unknown'],
    ['of another client', { ...LIVE, aud: 'https://other.example', client_id: 'x' }, 'api', 'not_yours'],
    ['expired by our clock', { ...LIVE, exp: SECONDS }, 'api', 'expired'],
    ['expired for ever', { ...LIVE, exp: 0.5 }, 'api', 'expired'],
    ['guard/21 not yet valid by our clock', { ...LIVE, nbf: SECONDS + 10.5 }, 'api', 'not_yet_valid'],
    ['of a client that is disabled here', { ...LIVE, client_id: 'disabled' }, 'api', 'client_disabled'],
    ['expired and not to be seen', { ...LIVE, exp: SECONDS }, 'app', 'not_yours'],
  ])('I-12 I-13 I-14 I-15 is answered as an unknown one: %s', async (_what, says, caller, reason) => {
    const made = await world();
    const introspector = upstream((token: string) => (token === 'never-seen' ? { active: false } : says));
    const { app, events } = gateway(made, introspector);
    const answer = await answeredAsUnknown((token) => postToken(app, A, made.as(caller), token), 'a-token');
    expect([answer.status, answer.text]).toStrictEqual([200, INACTIVE]);
    expect(events[0]).toStrictEqual({
      api: 'oauth-introspection',
      outcome: 'inactive',
      reason,
      status: 200,
      clientId: caller,
      tokenDigest: tokenDigest('a-token'),
      address: '127.0.0.1',
      time: NOW,
      durationMs: expect.any(Number),
    });
  });

  it('is not asked about where it cannot be a token', async () => {
    const made = await world();
    const introspector = upstream();
    const { app } = gateway(made, introspector);
    expect((await postToken(app, A, made.as('api'), 'tökén')).text).toBe(INACTIVE);
    expect(introspector.asked).toStrictEqual([]);
  });

  it('I-28 counts against the limit, invisible ones included', async () => {
    const made = await world();
    const says = (token: string) => (token === 'dead' ? { active: false } : LIVE);
    const { app } = gateway(made, upstream(says), {
      rateLimit: { inactive: { windowMs: 60_000, limit: 2 } },
    });
    const statuses: number[] = [];
    for (const token of ['dead', 'hidden', 'dead']) {
      statuses.push((await postToken(app, A, made.as('app'), token)).status);
    }
    const other = await postToken(app, A, made.as('api'), 'live');
    expect([...statuses, other.status]).toStrictEqual([200, 200, 429, 200]);
  });

  it('is looked for among the clients only where the server tells whose it is', async () => {
    const made = await world();
    const sought: string[] = [];
    const find = (id: string) => {
      sought.push(id);
      return made.clients.find(id);
    };
    const { app } = gateway(made, upstream(LIVE), { clients: { find } });
    expect((await postToken(app, A, made.as('api'), 'a-token')).body).toMatchObject({ active: true });
    expect(new Set(sought)).toStrictEqual(new Set(['api']));
  });

  it('is judged by a clock that answers a number', async () => {
    let now = NOW;
    const { answer } = await asked(() => LIVE, 'api', {
      clock: () => now,
      rateLimit: false,
      policy: () => {
        now = Number.NaN;
        return true;
      },
    });
    expect(answer.text).toBe(INACTIVE);
  });
});
