import { connect } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import request from 'supertest';
import {
  cachingIntrospector,
  MemoryTokenStore,
  requireActiveToken,
  storeIntrospector,
} from '../../lib/index.js';
import { serving } from '../support/http.js';
import { error, managed, NOT_FOUND, R, REFRESH_NOT_FOUND } from '../support/managers.js';
import { A, answeredAsUnknown, C, HOUR, NOW, ORG, postToken } from '../support/world.js';

/** The details of `at-grant` as they are seeded. */
const DETAILS = {
  app: '',
  attributes: [
    { name: 'tier', value: 'gold' },
    { name: 'region', value: 'south' },
  ],
  clientId: 'app',
  createdAt: NOW,
  createdBy: 'app',
  expiresAt: NOW + HOUR,
  grantType: '',
  issuedAt: NOW,
  lastModifiedAt: NOW,
  lastModifiedBy: 'app',
  refreshCount: 0,
  refreshToken: 'rt-grant',
  scope: 'read,write',
  status: 'approved',
  token: 'at-grant',
  tokenType: 'BearerToken',
};

describe('token management: revoke', () => {
  it.each([`/v1/o/${ORG}`, `/v1/organizations/${ORG}`])(
    'revokes a token below %s, and answers its details then',
    async (base) => {
      const made = await managed();
      made.clock.now = NOW + 1000;
      const answer = await made.call('post', `${base}/oauth2/accesstokens/at-grant?action=revoke`);
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toBe('application/json');
      expect(answer.text).toBe(JSON.stringify({ ...DETAILS, lastModifiedAt: NOW + 1000, status: 'revoked' }));
      expect(made.tokens.find('at-grant')).toMatchObject({ status: 'revoked' });
    },
  );

  it.each([
    ['no more', '?action=revoke', ['approved', 'approved']],
    ['no more', '?action=revoke&cascade=false', ['approved', 'approved']],
    ['its grant with cascade', '?action=revoke&cascade=true', ['revoked', 'revoked']],
    ['its grant with cascade', '?cascade=true&foo=1&action=revoke', ['revoked', 'revoked']],
  ])('revokes %s: %s', async (_what, query, others) => {
    const made = await managed();
    expect((await made.call('post', `${C}/at-grant${query}`)).body).toMatchObject({ status: 'revoked' });
    expect(made.statusOf('at-grant')).toBe('revoked');
    expect(['at-sibling', 'rt-grant'].map(made.statusOf)).toStrictEqual(others);
    expect(['at-linked', 'at-live', 'rt-live'].map(made.statusOf)).toStrictEqual(Array(3).fill('approved'));
  });

  it('revokes with cascade the refresh token of a token that is of no grant', async () => {
    const made = await managed();
    await made.call('post', `${C}/at-linked?action=revoke&cascade=true`);
    expect(['at-linked', 'rt-linked'].map(made.statusOf)).toStrictEqual(['revoked', 'revoked']);
    // One that has none.
    expect((await made.call('post', `${C}/at-future?action=revoke&cascade=true`)).status).toBe(200);
  });

  it('takes the media types that are sent with no body, and does it twice', async () => {
    const made = await managed();
    for (const type of ['application/octet-stream', 'application/x-www-form-urlencoded', 'text/plain']) {
      const answer = await made.call('post', `${C}/at-grant?action=revoke`).set('Content-Type', type);
      expect([answer.status, answer.body.status]).toStrictEqual([200, 'revoked']);
    }
  });

  it('takes a request that has no word about its body, as curl -X POST sends it', async () => {
    const made = await managed();
    const text = await serving(made.app, async (origin) => {
      const socket = connect(Number(new URL(origin).port), '127.0.0.1');
      const head = [`POST ${C}/at-grant?action=revoke HTTP/1.1`, 'Host: x', 'Connection: close'];
      socket.write([...head, `Authorization: ${made.header('manager')}`, '', ''].join('\r\n'));
      return Buffer.concat(await socket.toArray()).toString();
    });
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(made.statusOf('at-grant')).toBe('revoked');
  });

  it('R-07 is seen at once by OAuth introspection, and by a guard with a cache', async () => {
    const made = await managed();
    const introspector = cachingIntrospector(
      storeIntrospector(made.tokens, { clients: made.clients, clock: () => made.clock.now }),
      { maxAge: 600_000, clock: () => made.clock.now },
    );
    made.app.get(
      '/orders',
      requireActiveToken({ introspector, clock: () => made.clock.now }),
      (_req, res) => void res.json({}),
    );
    const seen = async (): Promise<unknown> => {
      const orders = await request(made.app).get('/orders').set('Authorization', 'Bearer at-grant');
      return [(await postToken(made.app, A, made.as('app'), 'at-grant')).body.active, orders.status];
    };
    const changed = async (method: 'post' | 'delete', query: string): Promise<unknown> => {
      expect((await made.call(method, `${C}/at-grant${query}`)).status).toBe(200);
      return seen();
    };
    expect(await seen()).toStrictEqual([true, 200]);
    expect(await changed('post', '?action=revoke')).toStrictEqual([false, 401]);
    // That it is dead is remembered for five seconds.
    expect(await changed('post', '?action=approve')).toStrictEqual([true, 401]);
    await introspector.invalidate('at-grant');
    expect(await seen()).toStrictEqual([true, 200]);
    expect(await changed('delete', '')).toStrictEqual([false, 401]);
  });
});

describe('token management: approve', () => {
  it('takes a revocation back, of the token alone', async () => {
    const made = await managed();
    await made.call('post', `${C}/at-linked?action=revoke&cascade=true`);
    made.clock.now = NOW + 1000;
    const answer = await made.call('post', `${C}/at-linked?action=approve`);
    expect([answer.status, answer.body]).toStrictEqual([
      200,
      expect.objectContaining({ status: 'approved', lastModifiedAt: NOW + 1000, token: 'at-linked' }),
    ]);
    expect(['at-linked', 'rt-linked'].map(made.statusOf)).toStrictEqual(['approved', 'revoked']);
  });

  it('takes with cascade that of the refresh token back as well', async () => {
    const made = await managed();
    for (const token of ['at-grant', 'at-sibling', 'rt-grant']) await made.tokens.revoke(token);
    const answer = await made.call('post', `${C}/at-grant?action=approve&cascade=true`);
    expect(answer.body).toMatchObject({ status: 'approved' });
    expect(['at-grant', 'rt-grant', 'at-sibling'].map(made.statusOf)).toStrictEqual([
      'approved',
      'approved',
      'revoked',
    ]);
  });

  it('leaves an approved token as it is, and does it with cascade where there is no refresh token', async () => {
    const made = await managed();
    for (const path of ['at-grant?action=approve', 'at-future?action=approve&cascade=true'])
      expect((await made.call('post', `${C}/${path}`)).body).toMatchObject({ status: 'approved' });
    expect(made.tokens.find('at-grant')).toMatchObject({ lastModifiedAt: NOW });
  });

  it.each(['', '&cascade=true'])(
    'is 409 where the grant was revoked, and changes nothing%s',
    async (more) => {
      const made = await managed();
      await made.call('post', `${C}/at-grant?action=revoke&cascade=true`);
      const answer = await made.call('post', `${C}/at-grant?action=approve${more}`);
      expect(answer.status).toBe(409);
      expect(answer.body).toStrictEqual(
        error('conflict', 'The request could not be processed due to a conflict'),
      );
      expect(['at-grant', 'at-sibling', 'rt-grant'].map(made.statusOf)).toStrictEqual(
        Array(3).fill('revoked'),
      );
    },
  );

  it('is 409 for an expired token, revoked or not', async () => {
    const made = await managed();
    await made.tokens.revoke('at-grant');
    made.clock.now = NOW + HOUR;
    for (const token of ['at-grant', 'at-expired']) {
      const answer = await made.call('post', `${C}/${token}?action=approve`);
      expect([answer.status, answer.body]).toStrictEqual([409, error('conflict', 'The token has expired')]);
    }
    expect(made.statusOf('at-grant')).toBe('revoked');
  });

  it.each([
    ['rt', 'ended'],
    ['at', undefined],
  ])('changes nothing when %s is of another grant, and says so', async (_which, grantId) => {
    const made = await managed();
    const at = {
      ...LINK,
      token: 'at',
      kind: 'access_token',
      refreshToken: 'rt',
      grantId: grantId && 'other',
    };
    await made.tokens.save(at as never);
    await made.tokens.save({ ...LINK, token: 'rt', kind: 'refresh_token', grantId: 'ended' });
    for (const token of ['at', 'rt']) await made.tokens.revoke(token);
    for (let i = 0; i < 2; i++) {
      const answer = await made.call('post', `${C}/at?action=approve&cascade=true`);
      expect([answer.status, answer.body]).toStrictEqual([
        409,
        error('conflict', 'The refresh token is of another grant'),
      ]);
      expect([made.statusOf('at'), made.statusOf('rt')]).toStrictEqual(['revoked', 'revoked']);
    }
    expect((await made.call('post', `${C}/at?action=approve`)).status).toBe(200);
  });
});

const LINK = { clientId: 'app', organization: ORG } as const;

describe('token management: delete', () => {
  it('removes a token, and answers its details as they were', async () => {
    const made = await managed();
    const answer = await made.call('delete', `${C}/at-grant`);
    expect([answer.status, answer.text]).toStrictEqual([200, JSON.stringify(DETAILS)]);
    expect(made.tokens.find('at-grant')).toBeUndefined();
    expect(['at-sibling', 'rt-grant'].map(made.statusOf)).toStrictEqual(['approved', 'approved']);
    expect((await made.call('delete', `${C}/at-grant`)).text).toBe(NOT_FOUND);
    const dead = await made.call('delete', `${C}/at-expired`);
    expect(dead.body).toMatchObject({ status: 'expired', token: 'at-expired' });
  });

  it('is 404 where somebody else has removed it meanwhile', async () => {
    const tokens = new MemoryTokenStore({ clock: () => NOW });
    await tokens.save({ ...LINK, token: 'at', kind: 'access_token' });
    const made = await managed({ tokens: Object.assign(tokens, { remove: async () => 0 }) });
    const answer = await made.call('delete', `${C}/at`);
    expect([answer.status, answer.text]).toStrictEqual([404, NOT_FOUND]);
    expect(made.events.at(-1)).toMatchObject({ outcome: 'inactive', reason: 'unknown', action: 'delete' });
  });
});

describe('token management: update', () => {
  it('changes the attributes that are named, adds new ones, and says who did it', async () => {
    const made = await managed();
    made.clock.now = NOW + 1000;
    const attributes = [
      { name: 'color', value: '' },
      { name: 'tier', value: 'silver' },
    ];
    const answer = await made.call('post', `${C}/at-grant`).send({ attributes });
    expect([answer.status, answer.text]).toStrictEqual([
      200,
      JSON.stringify({
        ...DETAILS,
        attributes: [
          { name: 'tier', value: 'silver' },
          { name: 'region', value: 'south' },
          { name: 'color', value: '' },
        ],
        lastModifiedAt: NOW + 1000,
        lastModifiedBy: 'manager',
      }),
    ]);
    expect(made.tokens.find('at-grant')).toMatchObject({ scope: ['read', 'write'] });
  });

  it.each([
    ['read', 'read'],
    ['write,admin:all', 'write,admin:all'],
    ['write  admin,  write', 'write,admin'],
    ['', ''],
  ])('sets the scope "%s"', async (scope, shown) => {
    const made = await managed();
    const answer = await made.call('post', `${C}/at-grant`).send({ scope });
    expect([answer.status, answer.body]).toStrictEqual([
      200,
      { ...DETAILS, scope: shown, lastModifiedBy: 'manager' },
    ]);
  });

  it('keeps attributes that the policy does not show', async () => {
    const made = await managed({ policy: () => ({ attributes: [], scope: [] }) });
    const attributes = [{ name: 'color', value: 'red' }];
    const answer = await made.call('post', `${C}/at-grant`).send({ attributes });
    expect(answer.body).toMatchObject({ attributes: [], scope: '' });
    expect(made.tokens.find('at-grant')).toMatchObject({
      attributes: [...DETAILS.attributes, ...attributes],
      scope: ['read', 'write'],
    });
  });

  it('changes attributes of a record that has none, and a revoked token, which stays so', async () => {
    const record = {
      ...LINK,
      kind: 'access_token',
      status: 'approved',
      issuedAt: NOW,
      scope: [],
      audience: [],
    };
    const changed: unknown[] = [];
    const tokens = {
      find: () => record as never,
      update: async (...given: unknown[]) => void changed.push(given),
    };
    const bare = await managed({ tokens, management: { update: true } });
    const attributes = [{ name: 'a', value: 'b' }];
    expect((await bare.call('post', `${C}/at`).send({ attributes })).status).toBe(200);
    expect(changed).toStrictEqual([['at', { attributes, lastModifiedBy: 'manager' }]]);
    const made = await managed();
    expect((await made.call('post', `${C}/at-revoked`).send({ scope: 'x' })).body).toMatchObject({
      scope: 'x',
      status: 'revoked',
    });
  });

  it.each([
    ['the JSON type with a charset', 'application/json; charset=utf-8'],
    ['the JSON type in other case', 'Application/JSON'],
  ])('takes %s', async (_what, type) => {
    const made = await managed();
    const answer = await made.call('post', `${C}/at-grant`).set('Content-Type', type).send('{"scope":"x"}');
    expect(answer.body).toMatchObject({ scope: 'x' });
  });

  it.each([
    ['express.json()', express.json()],
    ['express.urlencoded()', express.urlencoded({ extended: true })],
    ['express.raw()', express.raw({ type: () => true })],
    ['express.text()', express.text({ type: () => true })],
  ])('works where the app has run %s before', async (_what, parser) => {
    const made = await managed({ before: [parser] });
    const answer = await made.call('post', `${C}/at-grant`).send({ scope: 'x' });
    expect([answer.status, answer.body.scope]).toStrictEqual([200, 'x']);
    const revoked = await made.call('post', `${C}/at-grant?action=revoke`);
    expect([revoked.status, revoked.body.status]).toStrictEqual([200, 'revoked']);
  });

  it.each<[string, object | string, string]>([
    ['nothing', {}, 'The body must be a JSON object with attributes or scope'],
    ['an array', [], 'The body must be a JSON object'],
    ['no JSON', '{"scope":', 'The body could not be read'],
    ['a string', '"scope"', 'The body could not be read'],
    [
      'unknown members',
      { scope: 'read', callbackUrl: 'x', developer: 'y' },
      'These members cannot be updated: callbackUrl, developer',
    ],
    [
      'a name of Object.prototype',
      '{"__proto__":{"scope":"x"}}',
      'These members cannot be updated: __proto__',
    ],
    ['a scope that is no string', { scope: ['read'] }, 'scope must be a string'],
    ['a scope that is null', { scope: null }, 'scope must be a string'],
    ['a scope that is none', { scope: 'read "write"' }, 'scope must be a string'],
    ['attributes that are no array', { attributes: { a: 'b' } }, 'attributes must be an array'],
    ['an attribute that is null', { attributes: [null] }, 'attributes must be an array'],
    ['an attribute without a value', { attributes: [{ name: 'a' }] }, 'attributes must be an array'],
    ['a value that is no string', { attributes: [{ name: 'a', value: 1 }] }, 'attributes must be an array'],
    ['a name that is no string', { attributes: [{ name: 1, value: 'b' }] }, 'attributes must be an array'],
    ['an empty name', { attributes: [{ name: '', value: 'b' }] }, 'attributes must be an array'],
    [
      'an attribute with more',
      { attributes: [{ name: 'a', value: 'b', type: 'c' }] },
      'attributes must be an array',
    ],
    [
      'no well-formed Unicode',
      '{"attributes":[{"name":"a","value":"\\ud800"}]}',
      'attributes must be an array',
    ],
    [
      'a name twice',
      { attributes: ['b', 'c'].map((value) => ({ name: 'a', value })) },
      'attributes must have each name once',
    ],
  ])('is 400 for %s, and changes nothing', async (_what, body, message) => {
    const made = await managed();
    const answer = await made.call('post', `${C}/at-grant`).type('json').send(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toStrictEqual(error('invalid_request', expect.stringContaining(message)));
    expect((await made.call('get', `${C}/at-grant`)).text).toBe(JSON.stringify(DETAILS));
  });

  it('quotes no more than a little of what it does not know', async () => {
    const made = await managed();
    const body = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i} ${'x'.repeat(500)}`, 1]));
    const answer = await made.call('post', `${C}/at-grant`).send(body);
    expect([answer.status, answer.text.length < 500]).toStrictEqual([400, true]);
  });

  it('is 413 for a body that is too large, however it is read', async () => {
    const body = { attributes: [{ name: 'a', value: 'ä'.repeat(33_000) }] };
    for (const before of [[], [express.text({ type: () => true, limit: '1mb' })]]) {
      const made = await managed({ before });
      const answer = await made.call('post', `${C}/at-grant`).send(body);
      expect(answer.status).toBe(413);
      expect(answer.body).toStrictEqual(error('invalid_request', 'The body is too large'));
    }
  });

  it.each([
    ['application/x-www-form-urlencoded', 'scope=read'],
    ['text/xml', '<scope>read</scope>'],
    ['application/json; charset=koi8-r', '{"scope":"read"}'],
  ])('is 415 for %s', async (type, body) => {
    const made = await managed();
    const answer = await made.call('post', `${C}/at-grant`).set('Content-Type', type).send(body);
    expect([answer.status, answer.body]).toStrictEqual([415, error('invalid_request')]);
  });

  it('is 400 where the app has left what is no JSON, or no object', async () => {
    for (const body of ['{', '5']) {
      const made = await managed({ before: [express.text({ type: () => true })] });
      const answer = await made.call('post', `${C}/at-grant`).type('json').send(body);
      expect([answer.status, answer.body]).toStrictEqual([
        400,
        error('invalid_request', 'The body must be a JSON object'),
      ]);
    }
  });
});

describe('token management: what is asked for', () => {
  it.each([
    ['an unknown action', '?action=destroy', 'The action is not supported'],
    ['an empty action', '?action=', 'The action is not supported'],
    ['an update by its name', '?action=update', 'The action is not supported'],
    ['two actions', '?action=revoke&action=approve', 'The action parameter must not be repeated'],
    ['an unknown cascade', '?action=revoke&cascade=1', 'The cascade parameter must be true or false'],
    [
      'two cascades',
      '?action=revoke&cascade=true&cascade=true',
      'The cascade parameter must not be repeated',
    ],
    ['neither an action nor a body', '', 'The body must be a JSON object with attributes or scope'],
  ])('is 400 for %s', async (_what, query, message) => {
    const made = await managed();
    const answer = await made.call('post', `${C}/at-grant${query}`);
    expect([answer.status, answer.body]).toStrictEqual([400, error('invalid_request', message)]);
    expect(made.statusOf('at-grant')).toBe('approved');
  });

  it.each(['revoke', 'approve'])('is 400 for a body with %s, which would be lost', async (action) => {
    const made = await managed();
    const answer = await made.call('post', `${C}/at-revoked?action=${action}`).send({ scope: 'read' });
    expect([answer.status, answer.body]).toStrictEqual([
      400,
      error('invalid_request', 'An action takes no body'),
    ]);
    const chunked = made.call('post', `${C}/at-live?action=revoke`).set('Transfer-Encoding', 'chunked');
    chunked.write('x');
    expect((await chunked).status).toBe(400);
    expect([made.statusOf('at-revoked'), made.statusOf('at-live')]).toStrictEqual(['revoked', 'approved']);
  });

  it('reads the query itself, whatever the app has set', async () => {
    for (const parser of ['simple', 'extended', false]) {
      const made = await managed();
      made.app.set('query parser', parser);
      expect((await made.call('post', `${C}/at-grant?action=revoke`)).body).toMatchObject({
        status: 'revoked',
      });
    }
  });
});

describe('token management: refresh tokens', () => {
  it.each([`/v1/o/${ORG}`, `/v1/organizations/${ORG}`])(
    'answers the details of a refresh token below %s, which stands where that of an access token does',
    async (base) => {
      const made = await managed();
      const answer = await made.call('get', `${base}/oauth2/refreshtokens/rt-grant`);
      const { token: _token, tokenType: _type, ...members } = DETAILS;
      expect([answer.status, answer.text]).toStrictEqual([
        200,
        JSON.stringify({ ...members, attributes: [], refreshCount: 3, refreshToken: 'rt-grant' }),
      ]);
      expect(made.events.at(-1)).toMatchObject({ api: 'refresh-token-details', outcome: 'active' });
    },
  );

  it.each([
    ['rt-revoked', 'revoked'],
    ['rt-expired', 'expired'],
  ])('answers 200 for %s, with the status %s', async (token, status) => {
    const made = await managed();
    const answer = await made.call('get', `${R}/${token}`);
    expect([answer.status, answer.body.status]).toStrictEqual([200, status]);
    expect(made.events).toMatchObject([{ outcome: 'inactive', reason: status }]);
  });

  it.each([
    ['unknown', 'no-such-token', 'unknown'],
    ['an access token', 'at-live', 'wrong_kind'],
    ["another organization's", 'rt-abroad', 'not_yours'],
    ['without an organization', 'rt-nowhere', 'not_yours'],
  ])('answers a token that is %s with the same 404', async (_what, token, reason) => {
    const made = await managed();
    const elsewhere = { kind: 'refresh_token', clientId: 'app' } as const;
    await made.tokens.save({ ...elsewhere, token: 'rt-abroad', organization: 'globex' });
    await made.tokens.save({ ...elsewhere, token: 'rt-nowhere' });
    const answer = await answeredAsUnknown((asked) => made.call('get', `${R}/${asked}`), token);
    expect([answer.status, answer.text]).toStrictEqual([404, REFRESH_NOT_FOUND]);
    expect(made.events[0]).toMatchObject({ outcome: 'inactive', reason });
  });

  it('follows GET with HEAD, and answers any other method with 405', async () => {
    const made = await managed();
    const head = await made.call('head', `${R}/rt-grant`);
    expect([head.status, head.text]).toStrictEqual([200, undefined]);
    for (const method of ['post', 'delete', 'put'] as const) {
      const answer = await made.call(method, `${R}/rt-grant`);
      expect([answer.status, answer.headers.allow]).toStrictEqual([405, 'GET, HEAD']);
    }
    expect(made.statusOf('rt-grant')).toBe('approved');
  });
});
