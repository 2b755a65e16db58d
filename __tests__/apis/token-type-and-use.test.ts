import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  remoteIntrospector,
  requireActiveToken,
  storeIntrospector,
  type TokenRecord,
} from '../../lib/index.js';
import { withCaller } from '../support/callers.js';
import { serving } from '../support/http.js';
import { A, API, INACTIVE, ISSUER, NOW, postToken, world } from '../support/world.js';

/** A record as a store of somebody's own has it. */
const RECORD = {
  kind: 'access_token',
  clientId: 'app',
  status: 'approved',
  issuedAt: NOW,
  scope: [],
  audience: [API],
} as const satisfies TokenRecord;

const REFRESH = { ...RECORD, kind: 'refresh_token' } as const satisfies TokenRecord;

const ofStore = (record: TokenRecord) => ({ find: () => record });

async function told(record: TokenRecord): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { app, as, clients } = await world({ tokens: ofStore(record) });
  const answer = await postToken(app, A, as('app'), 'a-token');
  const introspector = storeIntrospector(ofStore(record), { clients, clock: () => NOW });
  return [answer.body as object, await introspector.introspect('a-token')] as never;
}

describe('token_type', () => {
  it.each([
    ['nothing', {}, 'Bearer'],
    ['Bearer', { tokenType: 'Bearer' }, 'Bearer'],
    ['DPoP', { tokenType: 'DPoP' }, 'DPoP'],
    ['a DPoP key', { confirmation: { jkt: 'x' } }, 'DPoP'],
    ['a DPoP key and Bearer', { confirmation: { jkt: 'x' }, tokenType: 'Bearer' }, 'DPoP'],
    ['a certificate', { confirmation: { 'x5t#S256': 'x' } }, 'Bearer'],
    ['a claim that says otherwise', { claims: { token_type: 'mac' } }, 'Bearer'],
  ])('I-19 of an access token of any store whose record has %s', async (_what, more, type) => {
    for (const answer of await told({ ...RECORD, ...more })) {
      expect(answer).toMatchObject({ active: true, token_type: type });
      expect(Object.keys(answer)[0]).toBe('active');
    }
  });

  it('I-19 is not there for a refresh token, whatever its record says', async () => {
    for (const answer of await told({ ...REFRESH, tokenType: 'Bearer', confirmation: { jkt: 'x' } }))
      expect(answer).not.toHaveProperty('token_type');
  });
});

describe('attack/04 token_use', () => {
  it.each([
    ['no claims', {}],
    ['a claim that says otherwise', { claims: { token_use: 'access_token', tenant: 'blue' } }],
    ['a claim in the words of another server', { claims: { token_use: 'refresh' } }],
    ['a claim that is null', { claims: { token_use: null } }],
  ])('is refresh_token for a refresh token with %s', async (_what, more) => {
    for (const answer of await told({ ...REFRESH, ...more }))
      expect(answer).toMatchObject({ active: true, token_use: 'refresh_token' });
  });

  it.each([
    ['access_token', 'access_token'],
    ['access', 'access'],
    ['refresh_token', undefined],
    ['id', undefined],
    [7, undefined],
  ])('of an access token is never that of something else: a claim %j', async (claim, use) => {
    const [answer] = await told({ ...RECORD, claims: { token_use: claim, tenant: 'blue' } });
    expect(answer).toMatchObject({ active: true, tenant: 'blue' });
    expect(answer?.token_use).toBe(use);
  });

  it.each([
    ['a policy', { introspects: 'any' }, { policy: () => ({ claims: undefined, scope: [], audience: [] }) }],
    ['no claims', { introspects: 'any', claims: [] }, {}],
    ['no scopes', { introspects: 'any', scopes: [] }, {}],
    [
      'a pairwise subject',
      { introspects: 'any', subjectType: 'pairwise' },
      { pairwise: { salt: 's'.repeat(32) } },
    ],
  ] as const)('is not hidden by %s', async (_what, caller, options) => {
    const { ask, tokens } = await withCaller(caller, options);
    await tokens.save({
      token: 'rt-claims',
      kind: 'refresh_token',
      clientId: 'app',
      claims: { tenant: 'blue' },
    });
    for (const token of ['rt-live', 'rt-claims'])
      expect((await ask(token)).body).toMatchObject({ active: true, token_use: 'refresh_token' });
  });

  it('makes a guard behind remoteIntrospector refuse a refresh token, whoever asks', async () => {
    const { app, secretOf, tokens } = await world();
    const common = { clientId: 'app', scope: ['read'], audience: [API], expiresAt: NOW + 60_000 };
    await tokens.save({ ...common, token: 'at', kind: 'access_token' });
    await tokens.save({ ...common, token: 'rt', kind: 'refresh_token', tokenType: 'Bearer' });
    await serving(app, async (origin) => {
      for (const clientId of ['app', 'opted-out']) {
        const introspector = remoteIntrospector({
          endpoint: `${origin}${A}`,
          clientId,
          clientSecret: secretOf(clientId),
          allowInsecureRequests: true,
          clock: () => NOW,
        });
        const guard = requireActiveToken({ introspector, audience: API, scope: 'read', clock: () => NOW });
        const api = express().get('/', guard, (req, res) => void res.json(req.activeToken));
        const call = (token: string) => request(api).get('/').set('Authorization', `Bearer ${token}`);
        expect((await call('at')).status).toBe(200);
        const refused = await call('rt');
        expect([clientId, refused.status]).toStrictEqual([clientId, 401]);
        expect(refused.headers['www-authenticate']).toContain('error="invalid_token"');
      }
    });
  });

  it('makes the router refuse a refresh token as that of a Bearer caller', async () => {
    const { app, tokens } = await world();
    const more = { clientId: 'api', audience: [ISSUER], scope: ['introspection'] };
    await tokens.save({ ...more, token: 'rt', kind: 'refresh_token' });
    const answer = await postToken(app, A, 'Bearer rt', 'at-live');
    expect([answer.status, answer.text === INACTIVE]).toStrictEqual([401, false]);
  });
});
