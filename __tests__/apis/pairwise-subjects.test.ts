import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  accessTokenDetails,
  generateClientSecret,
  oauthIntrospection,
  pairwiseSubject,
  refreshTokenIntrospection,
} from '../../lib/index.js';
import { ABOUT_THE_USER, EXTENSIONS, PROTOCOL, SECRET, withCaller } from '../support/callers.js';
import {
  A,
  API,
  answeredAsUnknown,
  B,
  basic,
  C,
  FULL,
  HOUR,
  INACTIVE,
  NOW,
  ORG,
  postToken,
  SECONDS,
  world,
} from '../support/world.js';

const SALT = 'a salt of thirty-two bytes, 0123';
const PAIRWISE = { pairwise: { salt: SALT } };
/** What alice and bob are to a sector; computed elsewhere, by the rule in the documentation. */
const ALICE = {
  'shared.example': 'g1tpkD-CbNA_0n-RWgDMkx0UbBNSaC5xaRz4Kx0NAcg',
  'pairwise-api': 'lJMj1YZSjiXcBDk1xHoK-aaPN29gIz1yBZjhFPtjeJk',
};
const BOT = 'hrsvNrDGmSbB0fnTFlaFFnNWekUibaSNVWYxyMmIJlw';
const ROOT = 'yTPAhatW5OeJfCw7aKfo8sumDOoFrFY-8rSitjzNy-Y';

describe('pairwise subjects', () => {
  const RESOURCE = { clientId: 'pairwise-api', audiences: [API], subjectType: 'pairwise' } as const;
  const SHARED = { ...RESOURCE, sectorIdentifier: 'shared.example' } as const;
  const SHOWN = { ...PROTOCOL, brand: 'acme-brand', acr: 'urn:mfa', auth_time: SECONDS - 3 };

  it.each([
    ['of its own sector', RESOURCE, ALICE['pairwise-api']],
    ['of the sector that it shares', SHARED, ALICE['shared.example']],
  ])(
    'I-29 shows a protected resource the subject %s, and nothing else that names the user',
    async (_what, client, sub) => {
      const { ask } = await withCaller(client, PAIRWISE);
      expect((await ask('full')).body).toStrictEqual({ ...SHOWN, sub });
    },
  );

  it('I-29 shows its own tokens in the same way, and refresh tokens, through both APIs', async () => {
    const { ask, tokens } = await withCaller(SHARED, PAIRWISE);
    const rest = { clientId: SHARED.clientId, expiresAt: NOW + HOUR, subject: 'alice' };
    await tokens.save({
      ...rest,
      token: 'at',
      kind: 'access_token',
      username: 'alice',
      actor: { sub: 'bot' },
    });
    await tokens.save({ ...rest, token: 'rt', kind: 'refresh_token', username: 'alice' });
    const common = { active: true, exp: SECONDS + 3600, iat: SECONDS, sub: ALICE['shared.example'] };
    const client_id = SHARED.clientId;
    expect((await ask('at')).body).toStrictEqual({ ...common, client_id, token_type: 'Bearer' });
    expect((await ask('rt')).body).toStrictEqual({ ...common, client_id, token_use: 'refresh_token' });
    expect((await ask('rt', B)).body).toStrictEqual({ ...common, token_type: 'refresh_token' });
  });

  it('I-29 shows a public client its own refresh token in the same way', async () => {
    const { app, tokens } = await world({
      ...PAIRWISE,
      moreClients: [{ clientId: 'phone', subjectType: 'pairwise', sectorIdentifier: 'shared.example' }],
    });
    await tokens.save({ token: 'rt', kind: 'refresh_token', clientId: 'phone', subject: 'alice' });
    const answer = await postToken(app, B, basic('phone', ''), 'rt');
    expect(answer.body).toMatchObject({ active: true, sub: ALICE['shared.example'] });
  });

  it("I-29 shows the real subject of a pairwise client's token to a public one", async () => {
    const { ask, tokens } = await withCaller(
      { audiences: [API], subjectType: 'public', sectorIdentifier: 'shared.example' },
      { ...PAIRWISE, moreClients: [{ ...SHARED, secret: generateClientSecret().hash }] },
    );
    await tokens.save({ ...FULL, token: 'theirs', clientId: SHARED.clientId });
    expect((await ask('theirs')).body).toStrictEqual({
      ...PROTOCOL,
      ...ABOUT_THE_USER,
      ...EXTENSIONS,
      client_id: SHARED.clientId,
    });
  });

  it('I-29 shows what its `claims` name as well, and makes every `sub` of an actor pairwise', async () => {
    const claims = ['sub', 'username', 'act', 'tenant'];
    const { ask, tokens } = await withCaller({ ...SHARED, claims }, PAIRWISE);
    const shown = {
      ...PROTOCOL,
      sub: ALICE['shared.example'],
      username: 'alice@example.com',
      tenant: 'blue',
    };
    const actors: readonly [Record<string, unknown>, object][] = [
      [
        { sub: 'bot', iss: 'https://id.example', act: { client_id: 'c', act: { sub: 'root' } } },
        { sub: BOT, iss: 'https://id.example', act: { client_id: 'c', act: { sub: ROOT } } },
      ],
      // What is no subject and no actor is shown for none.
      [{ client_id: 'c', sub: 7, act: 'alice' }, { client_id: 'c' }],
      [{ client_id: 'c', sub: ['alice'], act: [{ sub: 'alice' }] }, { client_id: 'c' }],
      [{ client_id: 'c', sub: '', act: null }, { client_id: 'c' }],
    ];
    for (const [index, [actor, act]] of actors.entries()) {
      await tokens.save({ ...FULL, token: `acted-${index}`, actor });
      expect((await ask(`acted-${index}`)).body).toStrictEqual({ ...shown, act });
    }
  });

  it('I-29 shows no `sub` where its `claims` do not name it, nor where the token has none', async () => {
    const { ask, tokens } = await withCaller({ ...SHARED, claims: ['tenant'] }, PAIRWISE);
    expect((await ask('full')).body).toStrictEqual({ ...PROTOCOL, tenant: 'blue' });
    await tokens.save({ token: 'machine', kind: 'access_token', clientId: 'app', audience: [API] });
    expect((await ask('machine')).body).not.toHaveProperty('sub');
  });

  it('I-29 makes the identifier of what a policy of the app shows, and hides what that adds', async () => {
    const { ask } = await withCaller(SHARED, {
      ...PAIRWISE,
      policy: (_caller, token) => ({ ...token, subject: 'bot', claims: { email: 'alice@example.com' } }),
    });
    expect((await ask('full')).body).toStrictEqual({ ...SHOWN, sub: BOT });
  });

  it('I-29 is what the issuer puts into ID tokens', async () => {
    const { ask } = await withCaller(RESOURCE, PAIRWISE);
    const sub = pairwiseSubject({ salt: SALT, sectorIdentifier: RESOURCE.clientId, subject: 'alice' });
    expect((await ask('full')).body).toMatchObject({ sub });
  });

  it('I-29 does not change when the app clears the bytes of its salt', async () => {
    const salt = new TextEncoder().encode(SALT);
    const { ask } = await withCaller(SHARED, { pairwise: { salt } });
    salt.fill(0);
    expect((await ask('full')).body).toMatchObject({ sub: ALICE['shared.example'] });
  });

  it('I-14 decides about life and ownership as ever', async () => {
    const { app, events } = await withCaller(SHARED, PAIRWISE);
    const reasons = ['expired', 'revoked', 'not_yet_valid', 'not_yours', 'not_yours'];
    for (const token of ['at-expired', 'at-revoked', 'at-future', 'at-other-api', 'rt-live']) {
      const answer = await answeredAsUnknown(
        (one) => postToken(app, A, basic(SHARED.clientId, SECRET), one),
        token,
      );
      expect(answer.text).toBe(INACTIVE);
    }
    expect(events.filter((_, index) => index % 2 === 0).map(({ reason }) => reason)).toStrictEqual(reasons);
  });

  it('answers 500 where the identifiers of two users could become one', async () => {
    const record = {
      kind: 'access_token',
      clientId: 'app',
      status: 'approved',
      issuedAt: NOW,
      audience: [API],
    };
    const { ask, events } = await withCaller(SHARED, {
      ...PAIRWISE,
      tokens: { find: () => ({ ...record, scope: [], subject: 'a\ud800' }) as never },
    });
    expect((await ask('any')).status).toBe(500);
    expect(events[0]?.fault?.message).toBe('pairwise: sector and subject must be of well-formed Unicode');
  });
});

describe('a pairwise client, where the router has no `pairwise`', () => {
  const CLIENT = { clientId: 'c', audiences: [API], subjectType: 'pairwise', organizations: [ORG] } as const;

  it.each([A, B])(
    'I-29 is answered 500 by %s, whatever it asks about, and the audit says why',
    async (path) => {
      const { ask, events } = await withCaller(CLIENT);
      for (const token of ['full', 'rt-live', 'at-expired', 'unknown']) {
        const answer = await ask(token, path);
        expect(answer.status).toBe(500);
        expect(answer.text).not.toContain('alice');
        expect(events.at(-1)).toMatchObject({
          outcome: 'failed',
          clientId: 'c',
          fault: { message: `"pairwise" must be given: a client has "subjectType" 'pairwise'` },
        });
      }
    },
  );

  it('reads the details API, which tells of no user, with and without it', async () => {
    for (const options of [{}, PAIRWISE]) {
      const { app } = await withCaller(CLIENT, options);
      const answer = await request(app).get(`${C}/at-live`).set('Authorization', basic('c', SECRET));
      expect([answer.status, answer.body.clientId]).toStrictEqual([200, 'app']);
      expect(answer.text).not.toContain('alice');
    }
  });
});

describe('the option `pairwise`', () => {
  const stores = { tokens: { find: () => undefined }, clients: { find: () => undefined } };

  it.each([
    [oauthIntrospection, A],
    [refreshTokenIntrospection, B],
  ] as const)('is one of %p alone', async (factory, path) => {
    const { tokens, clients, clock } = await withCaller({ subjectType: 'pairwise' });
    await tokens.save({ token: 'rt', kind: 'refresh_token', clientId: 'caller', subject: 'alice' });
    const app = express().use(factory({ tokens, clients, clock: () => clock.now, ...PAIRWISE }));
    const answer = await postToken(app, path, basic('caller', SECRET), 'rt');
    const sub = pairwiseSubject({ salt: SALT, sectorIdentifier: 'caller', subject: 'alice' });
    expect(answer.body).toMatchObject({ active: true, sub });
  });

  it.each([
    ['a salt alone', SALT, '"pairwise" must be'],
    ['null', null, '"pairwise" must be'],
    ['no salt', {}, '"pairwise.salt" must be a secret of 32 bytes or more'],
    ['a salt of 31 bytes', { salt: SALT.slice(1) }, '"pairwise.salt"'],
    ['an empty salt', { salt: '' }, '"pairwise.salt"'],
    ['a salt that is no text', { salt: 1e40 }, '"pairwise.salt"'],
    ['a misspelt member', { salt: SALT, sector: 'x' }, '"pairwise": unknown option "sector"'],
  ])('refuses %s with a TypeError that names it', (_what, pairwise, named) => {
    for (const factory of [oauthIntrospection, refreshTokenIntrospection, accessTokenDetails]) {
      const make = (): unknown => factory({ ...stores, pairwise } as never);
      expect(make).toThrow(TypeError);
      expect(make).toThrow(`${factory.name}: ${named}`);
      expect(make).not.toThrow('thirty-two');
    }
  });
});
