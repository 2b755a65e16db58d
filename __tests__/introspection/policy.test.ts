import { describe, expect, it } from '@jest/globals';
import { type ApiName, type Client, defaultPolicy, type TokenRecord } from '../../lib/index.js';

const record: TokenRecord = {
  kind: 'access_token',
  clientId: 'app',
  status: 'approved',
  issuedAt: 1,
  organization: 'acme',
  scope: ['read', 'write'],
  audience: ['https://api.example'],
};
const A = 'oauth-introspection';
const api: Client = { clientId: 'api', audiences: ['https://api.example', 'https://second.example'] };
const refresh: TokenRecord = { ...record, kind: 'refresh_token' };
const admin: Client = { clientId: 'admin', organizations: ['acme'] };
const stranger: Client = { clientId: 'stranger', organizations: ['globex'], introspects: 'any' };

describe('defaultPolicy', () => {
  it.each([
    ['its own', { clientId: 'app' }, record, 'oauth-introspection', true],
    [
      'one meant for it',
      { clientId: 'api', audiences: ['https://api.example'] },
      record,
      'oauth-introspection',
      true,
    ],
    [
      'one meant for it among others',
      api,
      { ...record, audience: ['https://other.example', 'https://api.example'] },
      A,
      true,
    ],
    ['one meant for it, where it is to see its own alone', { ...api, introspects: 'own' }, record, A, false],
    ['its own, where it is to see these alone', { clientId: 'app', introspects: 'own' }, record, A, true],
    ['one for somebody else', { clientId: 'api', audiences: ['x'] }, record, 'oauth-introspection', false],
    [
      "another client's refresh token",
      { clientId: 'api', audiences: ['https://api.example'] },
      { ...record, kind: 'refresh_token' },
      'refresh-token-introspection',
      false,
    ],
    ['one of its organization, through the details API', admin, record, 'access-token-details', true],
    ['one of its organization, through another API', admin, record, 'oauth-introspection', false],
    [
      'a refresh token of its organization',
      admin,
      { ...record, kind: 'refresh_token' },
      'access-token-details',
      false,
    ],
    [
      'a refresh token of its organization, where that is shown',
      admin,
      refresh,
      'refresh-token-details',
      true,
    ],
    ['an access token there', admin, record, 'refresh-token-details', false],
    ["another organization's refresh token", stranger, refresh, 'refresh-token-details', false],
    ['one of its organization, to manage it', admin, record, 'token-management', true],
    ['a refresh token, to manage it', admin, refresh, 'token-management', false],
    ["another organization's, to manage it", stranger, record, 'token-management', false],
    ['its own, to manage it', { clientId: 'app' }, record, 'token-management', false],
    [
      'one of another organization',
      admin,
      { ...record, organization: 'globex' },
      'access-token-details',
      false,
    ],
    [
      'one without an organization',
      admin,
      { ...record, organization: undefined },
      'access-token-details',
      false,
    ],
    [
      'one of an organization, by a client without any',
      { clientId: 'app' },
      record,
      'access-token-details',
      false,
    ],
    ["one by introspects: 'any'", { clientId: 'x', introspects: 'any' }, record, 'oauth-introspection', true],
    [
      "one by introspects: 'any', which is no right to an organization",
      { clientId: 'x', introspects: 'any' },
      record,
      'access-token-details',
      false,
    ],
    [
      'its own scopes of it',
      { clientId: 'x', audiences: ['https://api.example'], scopes: ['read'] },
      record,
      'oauth-introspection',
      { scope: ['read'] },
    ],
    [
      'its own scopes of it, in their order',
      { ...api, scopes: ['admin', 'write', 'read'] },
      { ...record, scope: ['read', 'more', 'write'] },
      A,
      { scope: ['read', 'write'] },
    ],
    ['all of it, where its scopes are', { ...api, scopes: ['write', 'read'] }, record, A, true],
  ] as [string, Client, TokenRecord, ApiName, unknown][])(
    'shows or hides %s',
    (_what, caller, token, api, expected) => {
      expect(defaultPolicy(caller, token, api)).toStrictEqual(expected);
    },
  );
});

describe('defaultPolicy: claims', () => {
  const full: TokenRecord = {
    ...record,
    subject: 'alice',
    username: 'alice@example.com',
    brand: 'acme-brand',
    actor: { sub: 'bot' },
    acr: 'urn:mfa',
    authTime: 1,
    issuer: 'https://id.example',
    jti: 'id-1',
    confirmation: { jkt: 'x' },
    claims: { tenant: 'blue', level: 3, token_use: 'access_token' },
  };
  const nothing = {
    subject: undefined,
    username: undefined,
    brand: undefined,
    actor: undefined,
    acr: undefined,
    authTime: undefined,
  };

  it.each([
    ['none of them for an empty list', [], { ...nothing, claims: { token_use: 'access_token' } }],
    [
      'those that are named, extensions too',
      ['sub', 'auth_time', 'level', 'absent'],
      {
        username: undefined,
        brand: undefined,
        actor: undefined,
        acr: undefined,
        claims: { level: 3, token_use: 'access_token' },
      },
    ],
    [
      'none for the names that they have in a record, nor for a claim within a claim',
      ['subject', 'actor', 'authTime', 'claims', 'claims.tenant'],
      { ...nothing, claims: { token_use: 'access_token' } },
    ],
    [
      'all of it where all are named',
      ['sub', 'username', 'brand', 'act', 'acr', 'auth_time', 'tenant', 'level'],
      true,
    ],
  ])('I-29 shows %s', (_what, claims, expected) => {
    expect(defaultPolicy({ ...api, claims }, full, A)).toStrictEqual(expected);
    expect(defaultPolicy({ clientId: 'any', introspects: 'any', claims }, full, A)).toStrictEqual(expected);
    expect(defaultPolicy({ ...api, clientId: 'app', claims }, full, A)).toBe(true);
  });

  it('I-29 hides an empty name, and a time of 0', () => {
    const view = defaultPolicy({ ...api, claims: ['sub'] }, { ...record, username: '', authTime: 0 }, A);
    expect(view).toStrictEqual({ username: undefined, authTime: undefined });
  });

  it('I-29 leaves the extensions out where none is left', () => {
    const view = defaultPolicy({ ...api, claims: [] }, { ...record, claims: { tenant: 'blue' } }, A);
    expect(view).toStrictEqual({ claims: undefined });
  });

  it('makes no view where it hides nothing', () => {
    for (const claims of [['sub'], []]) expect(defaultPolicy({ ...api, claims }, record, A)).toBe(true);
    expect(defaultPolicy({ ...api, claims: [] }, { ...record, claims: { token_use: 'x' } }, A)).toBe(true);
  });

  it('I-29 has no say over the details API', () => {
    expect(defaultPolicy({ ...admin, claims: [] }, full, 'access-token-details')).toBe(true);
  });
});

describe('defaultPolicy: authorization_details', () => {
  const everywhere = { type: 'account' };
  const here = { type: 'payment', locations: ['https://api.example'], actions: ['pay'] };
  const there = { type: 'payment', locations: ['https://other.example'] };
  const both = { type: 'both', locations: ['https://other.example', 'https://api.example'] };
  const two = { type: 'two', locations: ['https://second.example', 'https://api.example'] };

  it.each([
    ['all of them where none is for another resource only', [everywhere, here, two], true],
    ['T-21 none that is for other resources only', [there, here, there], [here]],
    [
      'T-21 of the locations of an entry, its own',
      [both, everywhere],
      [{ type: 'both', locations: ['https://api.example'] }, everywhere],
    ],
    ['T-21 no member where nothing is left', [there], undefined],
    ['T-21 no member where there is nothing', [], undefined],
    ...['https://API.example', 'https://api.example/', 'https://api.example:443', 'https://api.example '].map(
      (location) => [
        `T-22 none for ${JSON.stringify(location)}, which is another string`,
        [{ type: 'payment', locations: [location] }, everywhere],
        [everywhere],
      ],
    ),
    ...[
      'https://api.example',
      null,
      true,
      7,
      { 0: 'https://api.example' },
      ['https://api.example', 7],
      [],
    ].map((locations) => [
      `none for locations that are ${JSON.stringify(locations)}`,
      [everywhere, { type: 'payment', locations }],
      [everywhere],
    ]),
  ] as [string, Record<string, unknown>[], unknown][])('shows a resource %s', (_what, details, expected) => {
    const token = { ...record, authorizationDetails: details };
    expect(defaultPolicy(api, token, A)).toStrictEqual(
      expected === true || { authorizationDetails: expected },
    );
  });

  it('T-21 shows all of them to the client of the token, and by opt-out', () => {
    const token = { ...record, authorizationDetails: [there, both] };
    expect(defaultPolicy({ ...api, clientId: 'app' }, token, A)).toBe(true);
    expect(defaultPolicy({ ...api, introspects: 'any' }, token, A)).toBe(true);
  });

  it('I-21 I-29 T-21 narrows all of it at once', () => {
    const token = { ...record, subject: 'alice', acr: 'urn:mfa', authorizationDetails: [there, here] };
    expect(defaultPolicy({ ...api, scopes: ['write'], claims: ['acr'] }, token, A)).toStrictEqual({
      scope: ['write'],
      subject: undefined,
      authorizationDetails: [here],
    });
  });
});
