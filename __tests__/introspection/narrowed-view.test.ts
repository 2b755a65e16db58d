import { describe, expect, it } from '@jest/globals';
import type { Client, TokenRecord } from '../../lib/index.js';
import { narrowedView } from '../../lib/introspection/narrowed-view.js';
import { isSeenByOptOut } from '../../lib/introspection/policy.js';

const API = 'https://api.example';
const record: TokenRecord = {
  kind: 'access_token',
  clientId: 'app',
  status: 'approved',
  issuedAt: 1,
  scope: ['read', 'write'],
  audience: [API],
};
const of = (claims: Record<string, unknown>): TokenRecord => ({ ...record, claims });
const api = (more: Partial<Client>): Client => ({ clientId: 'api', audiences: [API], ...more });

describe('I-21 I-29 what a resource sees of `scp`, which some servers have beside `scope`', () => {
  it.each([
    [
      'text with another value',
      'read write',
      { scopes: ['read'] },
      { scope: ['read'], claims: { tenant: 't' } },
    ],
    [
      'a list with another value',
      ['read', 'write'],
      { scopes: ['read'] },
      { scope: ['read'], claims: { tenant: 't' } },
    ],
    [
      'wider than the scope itself',
      ['read', 'write', 'admin'],
      { scopes: ['read', 'write'] },
      { claims: { tenant: 't' } },
    ],
    ['its own values only', 'read write', { scopes: ['read', 'write', 'more'] }, undefined],
    ['neither text nor a list', 5, { scopes: ['read', 'write'] }, { claims: { tenant: 't' } }],
    ['an empty list', [], { scopes: ['read', 'write'] }, undefined],
  ] as const)('is %s: hidden unless all of it is for the resource', (_what, scp, more, view) => {
    expect(narrowedView(api(more), of({ scp, tenant: 't' }))).toStrictEqual(view);
  });

  it('is hidden where nothing else is left of the claims', () => {
    expect(narrowedView(api({ scopes: ['read', 'write'] }), of({ scp: 'admin' }))).toStrictEqual({
      claims: undefined,
    });
  });

  it('is a claim as any other to a resource that declares claims and no scopes', () => {
    const token = of({ scp: 'read admin', tenant: 't' });
    expect(narrowedView(api({ claims: ['scp'] }), token)).toStrictEqual({ claims: { scp: 'read admin' } });
    expect(narrowedView(api({ claims: ['tenant'] }), token)).toStrictEqual({ claims: { tenant: 't' } });
    expect(narrowedView(api({ claims: [] }), { ...record })).toBeUndefined();
  });

  it('is judged among the claims that are left', () => {
    const both = api({ claims: ['scp'], scopes: ['read'] });
    expect(narrowedView(both, of({ scp: 'admin', tenant: 't' }))).toStrictEqual({
      scope: ['read'],
      claims: undefined,
    });
    expect(narrowedView(both, of({ scp: 'read', tenant: 't' }))).toStrictEqual({
      scope: ['read'],
      claims: { scp: 'read' },
    });
  });
});

describe('whether only `introspects: any` lets a caller see a token', () => {
  const any = api({ audiences: ['https://other.example'], introspects: 'any' });
  it.each([
    ['a token of nobody it has to do with', any, record, 'oauth-introspection', true],
    [
      'a refresh token of another client',
      any,
      { ...record, kind: 'refresh_token' },
      'refresh-token-introspection',
      true,
    ],
    [
      'a refresh token meant for it by its audience',
      api({ introspects: 'any' }),
      { ...record, kind: 'refresh_token' },
      'oauth-introspection',
      true,
    ],
    ['one that is meant for it', api({ introspects: 'any' }), record, 'oauth-introspection', false],
    ['its own', { ...any, clientId: 'app' }, record, 'oauth-introspection', false],
    ['one that a caller without the option sees', api({}), record, 'oauth-introspection', false],
    ['one that such a caller does not see', api({ audiences: [] }), record, 'oauth-introspection', false],
    ['one of its organization, through the details', any, record, 'access-token-details', false],
    ['the same, through the details of refresh tokens', any, record, 'refresh-token-details', false],
    ['the same, to manage it', any, record, 'token-management', false],
  ] as const)('%s', (_what, caller, token, name, isSeen) => {
    expect(isSeenByOptOut(caller, token as TokenRecord, name)).toBe(isSeen);
  });
});
