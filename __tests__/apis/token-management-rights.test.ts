import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  accessTokenDetails,
  type Client,
  type ManagementOptions,
  type NewToken,
  tokenDigest,
} from '../../lib/index.js';
import {
  CHANGES,
  changing,
  error,
  type Managed,
  managed,
  NOT_FOUND,
  R,
  REFRESH_NOT_FOUND,
} from '../support/managers.js';
import { answeredAsUnknown, C, NOW, ORG, world } from '../support/world.js';

describe('token management: what is switched on', () => {
  it.each<[ManagementOptions, string]>([
    [{}, 'GET, HEAD'],
    [{ revoke: false, approve: false, update: false, delete: false, refreshTokens: false }, 'GET, HEAD'],
    [{ revoke: true }, 'GET, HEAD, POST'],
    [{ approve: true }, 'GET, HEAD, POST'],
    [{ update: true }, 'GET, HEAD, POST'],
    [{ delete: true }, 'GET, HEAD, DELETE'],
    [{ update: true, delete: true }, 'GET, HEAD, POST, DELETE'],
    [{ refreshTokens: true }, 'GET, HEAD'],
  ])('E-05 %j: Allow says %s', async (management, allow) => {
    const made = await managed({ management });
    const wrong = await made.call('put', `${C}/at-grant`);
    expect([wrong.status, wrong.headers.allow]).toStrictEqual([405, allow]);
    expect(wrong.body).toStrictEqual(error('invalid_request', 'The method is not allowed'));
    for (const method of ['post', 'delete'] as const) {
      const answer = await made.call(method, `${C}/at-grant?action=none`);
      expect(answer.status === 405).toBe(!allow.includes(method.toUpperCase()));
    }
    const refresh = await made.call('get', `${R}/rt-grant`);
    expect(refresh.status).toBe(management.refreshTokens ? 200 : 404);
    // What is off is the app's.
    if (!management.refreshTokens) expect(refresh.headers['content-type']).toContain('text/html');
  });

  it('is nothing where nobody says so', async () => {
    const made = await managed({ management: undefined as never });
    const answer = await made.call('post', `${C}/at-grant?action=revoke`);
    expect([answer.status, answer.headers.allow]).toStrictEqual([405, 'GET, HEAD']);
    expect((await made.call('get', `${R}/rt-grant`)).status).toBe(404);
  });

  it.each(CHANGES)('does not %s where only the others are on', async (right, change) => {
    const others = Object.fromEntries(
      ['revoke', 'approve', 'update', 'delete'].map((other) => [other, other !== right]),
    );
    const made = await managed({ management: others });
    await made.tokens.revoke('at-sibling');
    const before = ['at-grant', 'at-sibling'].map((token) => ({ ...made.tokens.find(token) }));
    for (const token of ['at-grant', 'at-sibling']) {
      const answer = await changing(made, change, token);
      expect(answer.status).toBe(right === 'delete' ? 405 : 400);
    }
    expect(['at-grant', 'at-sibling'].map((token) => ({ ...made.tokens.find(token) }))).toStrictEqual(before);
  });

  it.each(CHANGES)('does %s where it alone is on', async (right, change) => {
    const made = await managed({ management: { [right]: true } });
    expect((await changing(made, change, 'at-grant')).status).toBe(200);
  });

  it('is an option of accessTokenDetails, too', async () => {
    const { tokens, clients, events } = await managed();
    const made = await managed({ clients, tokens });
    const app = express().use(
      accessTokenDetails({
        tokens,
        clients,
        clock: () => NOW,
        management: { revoke: true },
        scopeSeparator: ' ',
        notFoundCode: 'gone',
      }),
    );
    const ask = (token: string) =>
      request(app).post(`${C}/${token}?action=revoke`).set('Authorization', made.header('manager'));
    expect((await ask('at-grant')).body).toMatchObject({ status: 'revoked', scope: 'read write' });
    expect((await ask('none')).body).toMatchObject({ code: 'gone', message: 'Access Token doesnt exists' });
    expect(events).toStrictEqual([]);
  });

  it.each([
    ['management', 'on', 'an object'],
    ['management', [], 'an object'],
    ['management', null, 'an object'],
    ['revokes', { revokes: true }, ''],
    ['management.update', { update: 1 }, 'a boolean'],
    ['management.revoke', { revoke: true }, 'revoke or revokeGrant'],
    ['management.approve', { approve: true }, 'approve or revoke'],
    ['management.update', { update: true }, 'update'],
    ['management.delete', { delete: true }, 'remove'],
  ])('a TypeError names "%s": %j', (name, management, expected) => {
    const find = (): undefined => undefined;
    for (const tokens of [{ find }, { find, revoke: find }]) {
      const make = () => accessTokenDetails({ tokens, clients: { find }, management: management as never });
      expect(make).toThrow(TypeError);
      expect(make).toThrow(`"${name}"`);
      expect(make).toThrow(expected);
    }
  });

  it('takes what a store without methods can do', () => {
    const find = (): undefined => undefined;
    const management = { refreshTokens: true, revoke: false };
    expect(accessTokenDetails({ tokens: { find }, clients: { find }, management })).toBeInstanceOf(Function);
  });

  it('is nothing for a gateway, which has no tokens', async () => {
    const introspector = { introspect: async () => ({ active: false }) as const };
    const gateway = world({ introspector, tokens: undefined, management: {} } as never);
    await expect(gateway).rejects.toThrow('"management" must be left out where there is no "tokens"');
  });
});

describe('token management: who may', () => {
  const ALL = [...CHANGES.map(([right]) => right), 'refreshTokens'];
  /** Does one of all, as somebody. */
  const attempt = (made: Managed, right: string, as: string, org = ORG, token = 'at-grant') => {
    const base = `/v1/o/${org}/oauth2`;
    const [, change] = CHANGES.find(([name]) => name === right) ?? [];
    const call = change
      ? changing(made, change, token, `${base}/accesstokens`)
      : made.call('get', `${base}/refreshtokens/${token}`);
    return call.set('Authorization', made.header(as));
  };

  it.each(ALL)('%s needs its own right and no other', async (right) => {
    const made = await managed();
    const token = right === 'refreshTokens' ? 'rt-grant' : 'at-grant';
    const refused = await attempt(made, right, `all-but-${right}`, ORG, token);
    expect([refused.status, refused.body]).toStrictEqual([403, error('unauthorized_client')]);
    expect(made.statusOf(token)).toBe('approved');
    expect((await attempt(made, right, `only-${right}`, ORG, token)).status).toBe(200);
  });

  it.each([
    ['a client without any right', 'admin', ORG],
    ['a client without organizations', 'homeless-manager', ORG],
    ['a client of another organization', 'foreign-manager', ORG],
    ['anybody, about an organization that does not exist', 'manager', 'no-such-org'],
    ["introspects: 'any', which is no right to an organization", 'opted-out', ORG],
    ['the client that the token was issued to', 'app', ORG],
    ['a public client', 'public-manager', ORG],
  ])('refuses %s, whether or not there is such a token', async (_what, as, org) => {
    const made = await managed();
    for (const right of ALL) {
      const [there, unknown] = [
        await attempt(made, right, as, org),
        await attempt(made, right, as, org, 'never-seen'),
      ];
      expect([there.status, there.body]).toStrictEqual([403, error('unauthorized_client')]);
      expect(unknown.text).toBe(there.text);
    }
    expect(made.statusOf('at-grant')).toBe('approved');
    for (const event of made.events) expect(event).not.toHaveProperty('tokenDigest');
  });

  it('E-06 refuses whoever does not say who it is with 401 and a challenge', async () => {
    const made = await managed();
    for (const right of ALL) {
      for (const authorization of ['', 'Digest at-grant', 'Basic *']) {
        const answer = await attempt(made, right, 'manager').set('Authorization', authorization);
        expect([answer.status, answer.body]).toStrictEqual([
          401,
          error('invalid_client', 'Client authentication failed'),
        ]);
        expect(answer.headers['www-authenticate']).toBe('Basic realm="token introspection", charset="UTF-8"');
      }
    }
    expect(made.statusOf('at-grant')).toBe('approved');
  });

  it.each(CHANGES)(
    'I-14 answers %s of what is not to be seen as of what is not there',
    async (right, change) => {
      const made = await managed();
      for (const [token, reason] of [
        ['no-such-token', 'unknown'],
        ['rt-live', 'wrong_kind'],
        ['at-other-org', 'not_yours'],
        ['at-no-org', 'not_yours'],
        ['t%C3%B6ken', 'unknown'],
      ] as const) {
        const answer = await answeredAsUnknown((asked) => changing(made, change, asked), token);
        expect([answer.status, answer.text]).toStrictEqual([404, NOT_FOUND]);
        expect(made.events.at(-2)).toMatchObject({ outcome: 'inactive', reason, action: right });
      }
      expect(['rt-live', 'at-other-org', 'at-no-org'].map(made.statusOf)).toStrictEqual(
        Array(3).fill('approved'),
      );
    },
  );

  it('asks the policy by the name of the API, and does nothing where it hides the token', async () => {
    const asked: string[] = [];
    const made = await managed({
      policy: (_caller, _token, api) => {
        asked.push(api);
        return false;
      },
    });
    for (const [, change] of CHANGES) expect((await changing(made, change, 'at-grant')).text).toBe(NOT_FOUND);
    expect((await made.call('get', `${R}/rt-grant`)).text).toBe(REFRESH_NOT_FOUND);
    expect(asked).toStrictEqual([...Array(4).fill('token-management'), 'refresh-token-details']);
    expect(made.statusOf('at-grant')).toBe('approved');
  });

  it('leaves the refresh token out where the policy does, and revokes it all the same', async () => {
    const made = await managed({ policy: () => ({ refreshToken: undefined }) });
    const answer = await made.call('post', `${C}/at-linked?action=revoke&cascade=true`);
    expect(answer.body).not.toHaveProperty('refreshToken');
    expect(made.statusOf('rt-linked')).toBe('revoked');
  });

  it('does not bring back a refresh token that the policy leaves out', async () => {
    const made = await managed({ policy: () => ({ refreshToken: undefined }) });
    for (const token of ['at-linked', 'rt-linked']) await made.tokens.revoke(token);
    const answer = await made.call('post', `${C}/at-linked?action=approve&cascade=true`);
    expect(answer.status).toBe(200);
    expect(['at-linked', 'rt-linked'].map(made.statusOf)).toStrictEqual(['approved', 'revoked']);
  });

  it.each<[string, Partial<NewToken>]>([
    ['of another organization', { kind: 'refresh_token', organization: 'globex' }],
    ['no refresh token', { kind: 'access_token', organization: ORG }],
  ])('does nothing with what a token is linked to that is %s', async (_what, other) => {
    const made = await managed();
    const at = { clientId: 'app', organization: ORG, kind: 'access_token', refreshToken: 'other' } as const;
    await made.tokens.save({ ...at, token: 'at' });
    await made.tokens.save({ clientId: 'app', token: 'other', ...other } as NewToken);
    for (const [action, before] of [
      ['revoke', 'approved'],
      ['approve', 'revoked'],
    ] as const) {
      if (before === 'revoked') await made.tokens.revoke('other');
      const answer = await made.call('post', `${C}/at?action=${action}&cascade=true`);
      expect([answer.status, made.statusOf('other')]).toStrictEqual([200, before]);
    }
  });

  it('revokes a refresh token of no organization, and does not bring it back', async () => {
    const made = await managed();
    const at = { clientId: 'app', organization: ORG, kind: 'access_token', refreshToken: 'other' } as const;
    await made.tokens.save({ ...at, token: 'at' });
    await made.tokens.save({ clientId: 'app', token: 'other', kind: 'refresh_token' });
    await made.call('post', `${C}/at?action=revoke&cascade=true`);
    expect([made.statusOf('at'), made.statusOf('other')]).toStrictEqual(['revoked', 'revoked']);
    await made.call('post', `${C}/at?action=approve&cascade=true`);
    expect([made.statusOf('at'), made.statusOf('other')]).toStrictEqual(['approved', 'revoked']);
  });

  it('is done, and says so, though the policy shows the token no more, or the caller is over its limit', async () => {
    const hides = await managed({ policy: (_caller, token) => token.status === 'approved' });
    const answer = await hides.call('post', `${C}/at-grant?action=revoke`);
    expect([answer.status, answer.body.status]).toStrictEqual([200, 'revoked']);
    expect(hides.events.at(-1)).toMatchObject({ outcome: 'done', action: 'revoke' });
    const once = await managed({ policy: (_caller, token) => token.lastModifiedBy !== 'manager' });
    const updated = await once
      .call('post', `${C}/at-grant`)
      .send({ attributes: [{ name: 'tier', value: 'silver' }] });
    expect(updated.body.attributes).toStrictEqual([
      { name: 'tier', value: 'silver' },
      { name: 'region', value: 'south' },
    ]);
    const more = await once.call('post', `${C}/at-linked`).send({ attributes: [{ name: 'a', value: 'b' }] });
    expect(more.body.attributes).toStrictEqual([{ name: 'a', value: 'b' }]);
    const rateLimit = { inactive: { windowMs: 60_000, limit: 1 } };
    const limited = await managed({ rateLimit });
    const { tokens } = limited;
    const revoke = tokens.revoke.bind(tokens);
    // Others of the caller's calls are too many by now.
    tokens.revoke = async (token) => {
      for (let i = 0; i < 2; i++) await limited.call('get', `${C}/none`);
      return revoke(token);
    };
    expect((await limited.call('post', `${C}/at-grant?action=revoke`)).status).toBe(200);
    expect(limited.events.at(-1)).toMatchObject({ outcome: 'done', action: 'revoke' });
    expect((await limited.call('get', `${C}/none`)).status).toBe(429);
  });

  it('refuses what did not come by TLS where that is demanded', async () => {
    const made = await managed({ requireTls: true });
    for (const [, change] of CHANGES) expect((await changing(made, change, 'at-grant')).status).toBe(400);
    expect(made.statusOf('at-grant')).toBe('approved');
  });
});

describe('token management: limits, and the audit', () => {
  it('counts tokens that are not there, and not those that are dead', async () => {
    const rateLimit = { inactive: { windowMs: 60_000, limit: 2 } };
    const made = await managed({ rateLimit });
    for (let i = 0; i < 5; i++) {
      expect((await made.call('post', `${C}/at-grant?action=revoke`)).status).toBe(200);
      expect((await made.call('post', `${C}/at-grant?action=approve`)).status).toBe(200);
    }
    for (const status of [404, 404, 429])
      expect((await made.call('post', `${C}/none?action=revoke`)).status).toBe(status);
    const limited = await made.call('post', `${C}/none?action=revoke`);
    expect([limited.status, limited.body]).toStrictEqual([429, error('slow_down')]);
    expect(limited.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    // What is there can be ended all the same.
    expect((await made.call('post', `${C}/at-grant?action=revoke`)).status).toBe(200);
    expect(made.statusOf('at-grant')).toBe('revoked');
  });

  it('tells what was done, to which token and by whom', async () => {
    const made = await managed();
    await made.call('post', `${C}/at-grant?action=revoke`);
    await made.call('post', `${C}/at-grant?action=approve&cascade=true`);
    await made.call('post', `${C}/at-grant`).send({ scope: 'read' });
    await made.call('delete', `${C}/at-grant`);
    await made.call('post', `${C}/at-grant?action=revoke`).set('Authorization', made.as('admin'));
    await made.call('post', `${C}/at-expired?action=approve`);
    const common = {
      api: 'token-management',
      tokenDigest: tokenDigest('at-grant'),
      address: '127.0.0.1',
      time: NOW,
    };
    const done = { ...common, outcome: 'done', status: 200, clientId: 'manager' };
    const events = made.events.map(({ durationMs: _duration, ...event }) => event);
    expect(events.slice(0, 4)).toStrictEqual([
      { ...done, action: 'revoke' },
      { ...done, action: 'approve', cascade: true },
      { ...done, action: 'update' },
      { ...done, action: 'delete' },
    ]);
    expect(events.slice(4)).toMatchObject([
      { outcome: 'refused', error: 'unauthorized_client', clientId: 'admin', action: 'revoke', status: 403 },
      { outcome: 'refused', error: 'conflict', clientId: 'manager', action: 'approve', status: 409 },
    ]);
  });

  it('E-03, E-04 lets nobody keep an answer, and never answers 304', async () => {
    const made = await managed();
    for (const call of [
      ...CHANGES.map(([, change]) => changing(made, change, 'at-grant')),
      made.call('get', `${R}/rt-grant`),
      made.call('post', `${C}/none?action=revoke`),
      made.call('put', `${C}/at-grant`),
    ]) {
      const answer = await call.set('If-None-Match', '*');
      expect(answer.status).not.toBe(304);
      expect(answer.headers).not.toHaveProperty('etag');
      expect(answer.headers).toMatchObject({
        'cache-control': 'no-store',
        pragma: 'no-cache',
        'x-content-type-options': 'nosniff',
      });
    }
  });
});

describe('token management: clients', () => {
  it('go by what they are allowed now', async () => {
    const made = await managed();
    const client = (await made.clients.find('manager')) as Client;
    let { manages } = client;
    const clients = {
      find: async (id: string) => (id === 'manager' ? { ...client, manages } : made.clients.find(id)),
    };
    const again = await managed({ clients: clients as never });
    expect((await again.call('post', `${C}/at-grant?action=revoke`)).status).toBe(200);
    manages = ['update'];
    expect((await again.call('post', `${C}/at-grant?action=approve`)).status).toBe(403);
    manages = 'approve' as never;
    expect((await again.call('post', `${C}/at-grant?action=approve`)).status).toBe(503);
    expect(again.statusOf('at-grant')).toBe('revoked');
  });
});
