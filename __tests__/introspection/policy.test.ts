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
  ] as [string, Client, TokenRecord, ApiName, unknown][])(
    'shows or hides %s',
    (_what, caller, token, api, expected) => {
      expect(defaultPolicy(caller, token, api)).toStrictEqual(expected);
    },
  );
});
