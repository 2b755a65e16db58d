import { beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import { CompactSign } from 'jose';
import * as oauth from 'oauth4webapi';
import request from 'supertest';
import {
  type Introspector,
  type JwtIntrospectorOptions,
  type RemoteIntrospectorOptions,
  type RequireActiveTokenOptions,
  remoteIntrospector,
  requireActiveToken,
} from '../../lib/index.js';
import { type InactivityReason, inactivityOf } from '../../lib/introspection/inactivity.js';
import { serving } from '../support/http.js';
import { type IssuerKey, issuerKey, type JwtIssuer, jwtIssuer, published } from '../support/jwt-issuer.js';
import { json, optionsFor, TOKEN, upstream } from '../support/scripted-server.js';
import { API, NOW, SECONDS } from '../support/world.js';

/*
 * Tokens and introspection responses in the form in which the servers document them, and the settings that take them.
 */

type Guard = Partial<RequireActiveTokenOptions>;
type Members = Readonly<Record<string, unknown>>;

/** A guard that believes an introspector, and shows the token. */
const guarded = (introspector: Introspector, guard: Guard = {}) =>
  express().use(
    requireActiveToken({ introspector, clock: () => NOW, ...guard } as RequireActiveTokenOptions),
    (req, res) => void res.json(req.activeToken),
  );

interface JwtServer {
  readonly server: string;
  readonly issuer: string;
  readonly settings: Partial<JwtIntrospectorOptions>;
  readonly guard?: Guard;
  readonly header: Members;
  /** Of an access token. */
  readonly claims: Members;
  /** What it is at the guard. */
  readonly seen: Members;
  /** What is refused for other tokens of that server, each by what is different. */
  readonly refused: readonly (readonly [
    what: string,
    reason: InactivityReason,
    claims: Members,
    header?: Members,
  ])[];
}

const TIMES = { iat: SECONDS - 10, exp: SECONDS + 300 };
const FOREIGN = ['of another issuer', 'wrong_issuer', { iss: 'https://idp.example.org' }] as const;
const TENANT = 'aaaabbbb-0000-cccc-1111-dddd2222eeee';

const JWT_SERVERS: readonly JwtServer[] = [
  {
    // Keycloak Server Administration Guide, "OpenID Connect"; the claim `typ` is that of org.keycloak.util.TokenUtil.
    server: 'Keycloak',
    issuer: 'https://keycloak.example.com/realms/shop',
    settings: { types: ['JWT'], audience: 'orders-api' },
    guard: { scope: 'orders' },
    header: { typ: 'JWT' },
    claims: {
      ...TIMES,
      auth_time: SECONDS - 60,
      jti: 'onrtac:0b9a1b0e-34b5-4c2f-8a0e-9d8f6a3c1f10',
      aud: ['orders-api', 'account'],
      sub: 'f8a6c1f0-7d1c-4a9b-b1a7-2c4f3e0d9a55',
      typ: 'Bearer',
      azp: 'shop-web',
      sid: 'c0ffee00-0000-4000-8000-000000000000',
      acr: '1',
      realm_access: { roles: ['offline_access'] },
      scope: 'orders profile',
    },
    seen: { token_type: 'Bearer', scopes: ['orders', 'profile'], typ: 'Bearer', acr: '1' },
    refused: [
      FOREIGN,
      ['that is an ID token', 'wrong_type', { typ: 'ID', aud: 'orders-api', nonce: 'n', at_hash: 'h' }],
      ['that is a logout token', 'wrong_type', { typ: 'Logout' }],
      [
        'that is a refresh token',
        'wrong_type',
        { typ: 'Refresh', aud: 'https://keycloak.example.com/realms/shop' },
      ],
      ['that is an offline token', 'wrong_type', { typ: 'Offline' }],
      ['of another API', 'wrong_audience', { aud: 'account' }],
    ],
  },
  {
    // Keycloak 24 and older: the nonce is in the access token, too (Upgrading Guide, 25.0.0).
    server: 'Keycloak 24',
    issuer: 'https://keycloak.example.com/realms/shop',
    settings: { types: ['JWT'], audience: 'orders-api' },
    header: { typ: 'JWT' },
    claims: { ...TIMES, aud: 'orders-api', typ: 'Bearer', nonce: 'n', session_state: 's', sub: 'x' },
    seen: { nonce: 'n' },
    refused: [['that is an ID token', 'wrong_type', { typ: 'ID' }]],
  },
  {
    // Amazon Cognito Developer Guide, "Understanding the access token" and "Understanding the identity (ID) token".
    server: 'Amazon Cognito',
    issuer: 'https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example',
    settings: { types: [null] },
    guard: { scope: 'orders/read', claims: ({ client_id: client }) => client === 'xxxxxxxxxxxxexample' },
    header: {},
    claims: {
      ...TIMES,
      sub: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      'cognito:groups': ['admin'],
      version: 2,
      client_id: 'xxxxxxxxxxxxexample',
      origin_jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      event_id: '64f513be-32db-42b0-b78e-b02127b4f463',
      token_use: 'access',
      scope: 'orders/read phone openid',
      auth_time: SECONDS - 10,
      jti: 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee',
      username: 'my-test-user',
    },
    seen: { token_type: 'Bearer', username: 'my-test-user', scopes: ['orders/read', 'phone', 'openid'] },
    refused: [
      FOREIGN,
      [
        'that is an ID token',
        'wrong_type',
        { token_use: 'id', aud: 'xxxxxxxxxxxxexample', scope: undefined },
      ],
      ['that says JWT', 'wrong_type', {}, { typ: 'JWT' }],
    ],
  },
  {
    // Okta developer documentation, "Tokens and claims": access token and ID token, header and payload.
    server: 'Okta',
    issuer: 'https://example.okta.com/oauth2/default',
    settings: { types: ['at+jwt', null], audience: 'api://default' },
    guard: { scope: 'orders:read' },
    header: {},
    claims: {
      ...TIMES,
      ver: 1,
      jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
      aud: 'api://default',
      sub: 'alice@example.com',
      cid: '0oabucvyc38HLL1ef0h7',
      uid: '00uid4BxXw6I6TV4m0g3',
      scp: ['openid', 'orders:read'],
      auth_time: SECONDS - 60,
    },
    seen: { scope: 'openid orders:read', scopes: ['openid', 'orders:read'], cid: '0oabucvyc38HLL1ef0h7' },
    refused: [
      FOREIGN,
      [
        'that is an ID token for an app that is called as the API',
        'wrong_type',
        {
          jti: 'ID.4eAWJOCMB3SX8XewDfVR',
          cid: undefined,
          scp: undefined,
          amr: ['pwd'],
          idp: '00ok1u7AsAkrwdZL3z0',
        },
      ],
      [
        'that is an ID token with an access token',
        'wrong_type',
        { jti: 'x', at_hash: 'cpqKfdQA5eH891Ff5oJr_Q' },
      ],
      ['that is an ID token for an app', 'wrong_audience', { jti: 'x', aud: '0oabucvyc38HLL1ef0h7' }],
    ],
  },
  {
    // Microsoft identity platform, "Access token claims reference": a token of v1.0.
    server: 'Entra ID, v1.0',
    issuer: `https://sts.windows.net/${TENANT}/`,
    settings: { types: ['JWT'], audience: ['api://orders', 'https://api.example.com'] },
    guard: { scope: 'Orders.Read' },
    header: { typ: 'JWT', x5t: 'i6lGk3FZzxRcUb2C3nEQ7syHJlY' },
    claims: {
      ...TIMES,
      nbf: SECONDS - 10,
      aud: 'api://orders',
      acr: '1',
      aio: 'AXQAi/8IAAAA',
      amr: ['pwd', 'mfa'],
      appid: '00001111-aaaa-2222-bbbb-3333cccc4444',
      appidacr: '0',
      idp: `https://sts.windows.net/${TENANT}/`,
      oid: 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb',
      scp: 'Orders.Read Orders.Write',
      sub: 'l3_roISQU222bULS9yi2k0XpqpOiMz5H3ZACo1GeXA',
      tid: TENANT,
      uti: 'fqiBqXLPj0eQa82S-IYFAA',
      ver: '1.0',
    },
    seen: { scopes: ['Orders.Read', 'Orders.Write'], oid: 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb' },
    refused: [
      FOREIGN,
      ['of v2.0', 'wrong_issuer', { iss: `https://login.microsoftonline.com/${TENANT}/v2.0` }],
      ['that is an ID token', 'wrong_type', { nonce: '123523', scp: undefined }],
      ['of Microsoft Graph', 'wrong_audience', { aud: '00000003-0000-0000-c000-000000000000' }],
    ],
  },
  {
    // The same, of v2.0; and "ID token claims reference".
    server: 'Entra ID, v2.0',
    issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
    settings: { types: ['JWT'], audience: '11112222-bbbb-3333-cccc-4444dddd5555' },
    guard: { scope: 'Orders.Read' },
    header: { typ: 'JWT' },
    claims: {
      ...TIMES,
      nbf: SECONDS - 10,
      aud: '11112222-bbbb-3333-cccc-4444dddd5555',
      azp: '00001111-aaaa-2222-bbbb-3333cccc4444',
      azpacr: '0',
      name: 'Alice',
      oid: 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb',
      preferred_username: 'alice@example.com',
      rh: 'I',
      scp: 'Orders.Read',
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      tid: TENANT,
      uti: 'fqiBqXLPj0eQa82S-IYFAA',
      ver: '2.0',
    },
    seen: { scopes: ['Orders.Read'], azp: '00001111-aaaa-2222-bbbb-3333cccc4444' },
    refused: [
      FOREIGN,
      ['of another tenant', 'wrong_issuer', { iss: 'https://login.microsoftonline.com/x/v2.0', tid: 'x' }],
      ['that is an ID token of the same registration', 'wrong_type', { nonce: '12345', scp: undefined }],
      [
        'that is an ID token',
        'wrong_audience',
        { aud: '00001111-aaaa-2222-bbbb-3333cccc4444', scp: undefined },
      ],
    ],
  },
  {
    // The same, app-only: `roles` in place of `scp` ("Application permissions"), `idtyp` is an optional claim.
    server: 'Entra ID, app-only',
    issuer: `https://login.microsoftonline.com/${TENANT}/v2.0`,
    settings: { types: ['JWT'], audience: '11112222-bbbb-3333-cccc-4444dddd5555' },
    guard: { claims: ({ idtyp }) => idtyp === 'app' },
    header: { typ: 'JWT' },
    claims: {
      ...TIMES,
      nbf: SECONDS - 10,
      aud: '11112222-bbbb-3333-cccc-4444dddd5555',
      azp: '00001111-aaaa-2222-bbbb-3333cccc4444',
      azpacr: '1',
      idtyp: 'app',
      oid: 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb',
      roles: ['Orders.Read.All'],
      sub: 'aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb',
      tid: TENANT,
      ver: '2.0',
    },
    seen: { roles: ['Orders.Read.All'], scopes: [] },
    refused: [FOREIGN],
  },
  {
    // AD FS, "OpenID Connect/OAuth flows and application scenarios"; strimzi/strimzi-kafka-operator#2738 for `auth_time`.
    server: 'guard/02 AD FS',
    issuer: 'http://sts.contoso.example/adfs/services/trust',
    settings: { types: ['JWT'], audience: 'microsoft:identityserver:orders' },
    guard: { scope: 'orders:read' },
    header: { typ: 'JWT', x5t: 'qGZsG3Fq' },
    claims: {
      ...TIMES,
      aud: 'microsoft:identityserver:orders',
      apptype: 'Confidential',
      appid: 'shop-web',
      authmethod: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
      auth_time: '2026-09-21T14:13:00.000Z',
      ver: '1.0',
      scp: 'openid orders:read',
      sub: 'x',
    },
    seen: { scopes: ['openid', 'orders:read'] },
    refused: [
      FOREIGN,
      ['that is an ID token', 'wrong_audience', { aud: 'shop-web' }],
      ['that is an ID token with a nonce', 'wrong_type', { nonce: 'n' }],
    ],
  },
  {
    // Auth0 Docs, "Access Token Profiles": Auth0's own.
    server: 'Auth0',
    issuer: 'https://tenant.auth0.com/',
    settings: { types: ['JWT'], audience: API },
    guard: { scope: 'read:orders' },
    header: { typ: 'JWT' },
    claims: {
      ...TIMES,
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
      aud: [API, 'https://tenant.auth0.com/userinfo'],
      azp: 'my_client_id',
      scope: 'openid profile read:orders',
    },
    seen: { scopes: ['openid', 'profile', 'read:orders'], azp: 'my_client_id' },
    refused: [
      FOREIGN,
      ['whose issuer has no slash', 'wrong_issuer', { iss: 'https://tenant.auth0.com' }],
      ['that is an ID token', 'wrong_audience', { aud: 'my_client_id', scope: undefined }],
      ['that is an ID token with a nonce', 'wrong_type', { aud: 'my_client_id', nonce: 'n' }],
    ],
  },
  {
    // The same, the profile of RFC 9068.
    server: 'Auth0, by RFC 9068',
    issuer: 'https://tenant.auth0.com/',
    settings: { audience: API },
    guard: { scope: 'read:orders' },
    header: { typ: 'at+jwt' },
    claims: {
      ...TIMES,
      sub: 'auth0|5f7c8ec7c33c6c004bbafe82',
      aud: API,
      client_id: 'my_client_id',
      jti: '73WakrfVbNJBaAmhQtEeDv',
      scope: 'read:orders',
    },
    seen: { client_id: 'my_client_id' },
    refused: [FOREIGN, ['that is an ID token', 'wrong_type', {}, { typ: 'JWT' }]],
  },
  {
    // Janssen Server, "Access token" of the Auth Server guide, with `accessTokenAsJwt`.
    server: 'Janssen',
    issuer: 'https://janssen.server.host',
    settings: { types: ['JWT'] },
    header: { typ: 'JWT' },
    claims: {
      ...TIMES,
      aud: '1800.df1bb233',
      client_id: '1800.df1bb233',
      sub: 'x',
      scope: ['openid'],
      nbf: null,
      cnf: null,
    },
    seen: { scope: 'openid', client_id: '1800.df1bb233' },
    refused: [FOREIGN],
  },
];

describe.each(JWT_SERVERS)('a guard before JWTs of $server', ({ issuer, settings, guard, ...server }) => {
  let key: IssuerKey;
  let keys: JwtIssuer;
  let introspector: Introspector;
  beforeAll(async () => {
    key = await issuerKey('server-1', 'RS256');
  });
  const setUp = async (): Promise<void> => {
    keys = await jwtIssuer();
    keys.keys = published(key);
    introspector = keys.another({ issuer, ...settings });
  };
  const token = (claims: Members = {}, header: Members = server.header): Promise<string> =>
    new CompactSign(Buffer.from(JSON.stringify({ iss: issuer, ...server.claims, ...claims })))
      .setProtectedHeader({ alg: 'RS256', kid: 'server-1', ...header })
      .sign(key.sign);
  const get = async (jwt: string): Promise<request.Response> =>
    request(guarded(introspector, guard)).get('/').set('Authorization', `Bearer ${jwt}`);

  it('takes its access tokens', async () => {
    await setUp();
    const answer = await get(await token());
    expect([answer.status, answer.body]).toMatchObject([200, { active: true, iss: issuer, ...server.seen }]);
    expect('auth_time' in answer.body).toBe(typeof server.claims.auth_time === 'number');
  });

  const refused = server.refused.map(([what, reason, claims, header]) => ({ what, reason, claims, header }));
  it.each(refused)('refuses one $what: $reason', async ({ reason, claims, header }) => {
    await setUp();
    const jwt = await token(claims, header);
    expect(inactivityOf(await introspector.introspect(jwt))).toMatchObject({ reason });
    const answer = await get(jwt);
    expect([answer.status, answer.headers['www-authenticate']]).toStrictEqual([
      401,
      expect.stringContaining('error="invalid_token"'),
    ]);
    expect(answer.text).not.toContain(reason);
  });
});

interface RemoteServer {
  readonly server: string;
  readonly settings?: Partial<RemoteIntrospectorOptions>;
  readonly guard?: Guard;
  readonly answer: Members;
  readonly seen: Members;
  readonly refused: readonly (readonly [what: string, answer: Members])[];
}

const ANSWER = { active: true, ...TIMES };

const REMOTE_SERVERS: readonly RemoteServer[] = [
  {
    // Keycloak: the claims of the token, and `username`, `client_id`, `token_type` (AccessTokenIntrospectionProvider).
    server: 'Keycloak',
    guard: { audience: 'orders-api', scope: 'orders' },
    answer: {
      ...ANSWER,
      aud: ['orders-api', 'account'],
      typ: 'Bearer',
      azp: 'shop-web',
      acr: '1',
      scope: 'orders',
      client_id: 'shop-web',
      username: 'alice',
      token_type: 'Bearer',
    },
    seen: { username: 'alice', token_type: 'Bearer' },
    refused: [
      ['a refresh token', { typ: 'Refresh', token_type: 'Refresh' }],
      ['an offline token', { typ: 'Offline', token_type: 'Offline' }],
      ['an ID token', { typ: 'ID', token_type: 'ID' }],
      ['a token of another API', { aud: 'account' }],
      ['an inactive token', { active: false }],
    ],
  },
  {
    // Okta, "OpenID Connect & OAuth 2.0 API": response of the introspection endpoint.
    server: 'Okta',
    guard: { audience: 'api://default', scope: 'orders:read' },
    answer: {
      ...ANSWER,
      token_type: 'Bearer',
      scope: 'orders:read profile',
      client_id: 'a9VpZDRCeFh3Nkk2VdYa',
      username: 'alice@example.com',
      sub: 'alice@example.com',
      aud: 'api://default',
      iss: 'https://example.okta.com/oauth2/default',
      jti: 'AT.7P4KlczBYVcWLkxduEuKeZfeiNYkZIC9uGJ28Cc-YaI',
      uid: '00uid4BxXw6I6TV4m0g3',
    },
    seen: { uid: '00uid4BxXw6I6TV4m0g3' },
    refused: [['a token of another API', { aud: 'https://example.okta.com' }]],
  },
  {
    // Salesforce Help, "OpenID Connect Token Introspection".
    server: 'Salesforce',
    guard: { scope: 'api' },
    answer: {
      ...ANSWER,
      nbf: SECONDS - 10,
      scope: 'id api refresh_token',
      client_id: '3MVG99OxTyEMCQ3hSjz15',
      username: 'alice@example.com',
      sub: 'https://login.salesforce.com/id/00Dxx/005xx',
      token_type: 'access_token',
    },
    seen: { token_type: 'access_token', client_id: '3MVG99OxTyEMCQ3hSjz15' },
    refused: [
      ['a refresh token', { token_type: 'refresh_token' }],
      ['an ID token', { token_type: 'id_token' }],
    ],
  },
  {
    // Doorkeeper, lib/doorkeeper/oauth/token_introspection.rb: `exp` of a token that never expires is nil.to_i.
    server: 'Doorkeeper',
    answer: {
      active: true,
      scope: 'public',
      client_id: null,
      token_type: 'Bearer',
      exp: 0,
      iat: SECONDS - 10,
    },
    seen: { scopes: ['public'], token_type: 'Bearer' },
    refused: [
      ['an expired token', { exp: SECONDS - 1 }],
      ['an inactive token', { active: false }],
    ],
  },
  {
    // Janssen Server, "Introspection Endpoint": what it does not know is null or empty.
    server: 'Janssen',
    settings: { clientId: undefined as never, clientSecret: undefined as never, accessToken: () => 'own' },
    guard: { scope: 'https://jans.io/oauth/config/scripts.write' },
    answer: {
      ...ANSWER,
      sub: '',
      iss: 'https://janssen.server.host',
      token_type: 'Bearer',
      client_id: '1800.df1bb233-10b8-40ed-bbb9-07da50892a35',
      aud: '1800.df1bb233-10b8-40ed-bbb9-07da50892a35',
      nbf: null,
      scope: 'https://jans.io/oauth/config/scripts.write',
      acr_values: null,
      cnf: null,
      jti: null,
      username: null,
    },
    seen: { client_id: '1800.df1bb233-10b8-40ed-bbb9-07da50892a35' },
    refused: [['a token without the scope', { scope: '' }]],
  },
  {
    // Auth0 has no such endpoint; AD FS and Entra neither. Casdoor, "OAuth 2.0", wants a hint with each question.
    server: 'Casdoor',
    settings: { parameters: { token_type_hint: 'access_token' } },
    answer: {
      ...ANSWER,
      token_type: 'Bearer',
      aud: ['b800a86702dd4d29ec4d'],
      username: 'admin',
      client_id: '',
    },
    seen: { username: 'admin' },
    refused: [['an inactive token', { active: false }]],
  },
];

describe.each(REMOTE_SERVERS)('a guard before the introspection endpoint of $server', (server) => {
  const asked = async (
    changes: Members = {},
  ): Promise<{ answer: request.Response; form: URLSearchParams }> => {
    const as = await upstream(json({ ...server.answer, ...changes }));
    const { clientSecret, clientId, ...options } = optionsFor(as, { clock: () => NOW, ...server.settings });
    const credentials = { ...(clientId && { clientId }), ...(clientSecret && { clientSecret }) };
    const app = guarded(remoteIntrospector({ ...options, ...credentials }), server.guard);
    const answer = await request(app).get('/').set('Authorization', `Bearer ${TOKEN}`);
    return { answer, form: as.seen[0]?.form as URLSearchParams };
  };

  it('takes its access tokens', async () => {
    const { answer, form } = await asked();
    expect([answer.status, answer.body]).toMatchObject([200, { active: true, ...server.seen }]);
    expect('exp' in answer.body).toBe(server.answer.exp !== 0);
    expect(form.get('token')).toBe(TOKEN);
    for (const [name, value] of Object.entries(server.settings?.parameters ?? {})) {
      expect(form.getAll(name)).toStrictEqual([value]);
    }
  });

  it.each(server.refused)('refuses %s', async (_what, changes) => {
    const { answer } = await asked(changes);
    expect([401, 403]).toContain(answer.status);
    expect(answer.status === 403).toBe('scope' in changes);
  });
});

describe('a guard before tokens of Keycloak 26.7 that are bound to a DPoP key', () => {
  // keycloak/keycloak: `kc-jkt-type` in org.keycloak.representations.AccessToken.Confirmation, beside `jkt`.
  const client: oauth.Client = { client_id: 'shop-web' };
  const claims = { ...TIMES, aud: 'orders-api', azp: 'shop-web', sub: 'x', scope: 'orders' };

  it.each(['jwt', 'remote'])('takes them from the holder of that key only (%s)', async (way) => {
    const [holder, thief] = [
      oauth.DPoP(client, await oauth.generateKeyPair('ES256')),
      oauth.DPoP(client, await oauth.generateKeyPair('ES256')),
    ];
    const cnf = { jkt: await holder.calculateThumbprint(), 'kc-jkt-type': 'DPoP' };
    const key = await issuerKey('server-1', 'RS256');
    const keys = await jwtIssuer({ clock: Date.now });
    keys.keys = published(key);
    const exp = Math.floor(Date.now() / 1000) + 300;
    const token = await keys.token({
      claims: { ...claims, exp, typ: 'DPoP', cnf },
      header: { alg: 'RS256', kid: 'server-1', typ: 'JWT' },
      by: key.sign,
    });
    const as = await upstream(json({ active: true, ...claims, exp, token_type: 'DPoP', typ: 'DPoP', cnf }));
    const introspector =
      way === 'jwt'
        ? keys.another({ types: ['JWT'], audience: 'orders-api' })
        : remoteIntrospector(optionsFor(as));
    const app = guarded(introspector, { audience: 'orders-api', clock: Date.now });
    await serving(app, async (origin) => {
      const call = (DPoP: oauth.DPoPHandle): Promise<Response> =>
        oauth.protectedResourceRequest(token, 'GET', new URL('/', origin), undefined, null, {
          DPoP,
          [oauth.allowInsecureRequests]: true,
        });
      const answer = await call(holder);
      expect([answer.status, await answer.json()]).toMatchObject([200, { token_type: 'DPoP', cnf }]);
      await expect(call(thief)).rejects.toMatchObject({ status: 401 });
    });
    const asBearer = await request(app).get('/').set('Authorization', `Bearer ${token}`);
    expect(asBearer.status).toBe(401);
  });
});
