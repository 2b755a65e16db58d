import { beforeEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import type { Test } from 'supertest';
import { requestedRevocation } from '../../lib/apis/requested-revocation.js';
import {
  accessTokenDetails,
  ConflictError,
  cachingIntrospector,
  MemoryTokenStore,
  type NewToken,
  NotFoundError,
  storeIntrospector,
  type TokenSelector,
} from '../../lib/index.js';
import { type RawAnswer, raw, serving } from '../support/http.js';
import { ALL, error, type Managed, managed } from '../support/managers.js';
import { FAILURES, failingStore, HOUR, NOW, ORG, type WorldOptions } from '../support/world.js';

const REVOKE = `/v1/o/${ORG}/oauth2/revoke`;

/** Tokens of two users at two apps, in two organizations and in none, named after all of that. */
const TOKENS: readonly NewToken[] = ['carol', 'dave'].flatMap((subject) =>
  ['shop', 'bank', ''].flatMap((appId) =>
    [ORG, 'globex', ''].flatMap((organization) =>
      (['access_token', 'refresh_token'] as const).map((kind) => ({
        token: [kind === 'access_token' ? 'at' : 'rt', subject, appId, organization].join('.'),
        kind,
        clientId: 'app',
        subject,
        expiresAt: NOW + HOUR,
        ...(appId && { appId }),
        ...(organization && { organization }),
      })),
    ),
  ),
);

async function revocable(options: WorldOptions = {}): Promise<Managed> {
  const made = await managed(options);
  for (const token of TOKENS) await made.tokens.save(token);
  return made;
}

/** Of these tokens, the names of those that are revoked. */
const revokedOf = ({ statusOf }: Managed): readonly string[] =>
  TOKENS.map(({ token }) => token)
    .filter((token) => statusOf(token) === 'revoked')
    .toSorted();

describe('revocation by app and user: what it revokes', () => {
  it.each<[string, readonly string[]]>([
    ['enduser=carol', ['at.carol..acme', 'at.carol.bank.acme', 'at.carol.shop.acme']],
    ['app=shop', ['at.carol.shop.acme', 'at.dave.shop.acme']],
    ['app=shop&enduser=carol', ['at.carol.shop.acme']],
    ['enduser=carol&app=shop&cascade=false', ['at.carol.shop.acme']],
    ['app=shop&enduser=carol&cascade=true', ['at.carol.shop.acme', 'rt.carol.shop.acme']],
    [
      'cascade=true&app=shop',
      ['at.carol.shop.acme', 'at.dave.shop.acme', 'rt.carol.shop.acme', 'rt.dave.shop.acme'],
    ],
    ['app=nobody', []],
    ['app=carol', []],
    ['enduser=app', []],
    ['&app=sho%70&', ['at.carol.shop.acme', 'at.dave.shop.acme']],
  ])('%s: these tokens of the organization, and none of another one or of none', async (query, expected) => {
    for (const base of ['/v1/o', '/v1/organizations']) {
      const made = await revocable();
      const call = (): Test => made.call('post', `${base}/${ORG}/oauth2/revoke?${query}`);
      const [first, again] = [await call(), await call()];
      expect([first.status, first.text]).toStrictEqual([200, JSON.stringify({ revoked: expected.length })]);
      expect(revokedOf(made)).toStrictEqual(expected);
      expect([again.status, again.body]).toStrictEqual([200, { revoked: 0 }]);
    }
  });

  it('takes any identifier, as a form and as a path encode it', async () => {
    const made = await revocable();
    const names = ['a b', 'a+b', 'a=b', 'a&b', 'ä', '\u{1f600}', '%41', 'a%2', 'A', '{}', '*', '\u0000'];
    for (const [i, subject] of names.entries())
      await made.tokens.save({
        token: `odd-${i}`,
        kind: 'access_token',
        clientId: 'app',
        subject,
        organization: ORG,
      });
    for (const [i, subject] of names.entries()) {
      const encoded = [encodeURIComponent(subject), new URLSearchParams({ x: subject }).toString().slice(2)];
      for (const [round, enduser] of encoded.entries()) {
        const answer = await made.call('post', `${REVOKE}?enduser=${enduser}`);
        expect([subject, answer.body]).toStrictEqual([subject, { revoked: round === 0 ? 1 : 0 }]);
      }
      expect(made.statusOf(`odd-${i}`)).toBe('revoked');
    }
    // Beside a `=` a value may have more of them.
    expect((await made.call('post', `${REVOKE}?enduser=a=b`)).status).toBe(200);
  });

  it('revokes the refresh tokens before the access tokens that somebody may get for them meanwhile', async () => {
    const made = await revocable();
    const asked: TokenSelector[] = [];
    const revokeMatching = made.tokens.revokeMatching.bind(made.tokens);
    made.tokens.revokeMatching = async (of) => {
      asked.push(of);
      const revoked = await revokeMatching(of);
      if (of.kind === 'refresh_token')
        await made.tokens.save({
          token: 'at-of-rotation',
          kind: 'access_token',
          clientId: 'app',
          appId: 'shop',
          organization: ORG,
        });
      return revoked;
    };
    const answer = await made.call('post', `${REVOKE}?app=shop&cascade=true`);
    expect([answer.body, made.statusOf('at-of-rotation')]).toStrictEqual([{ revoked: 5 }, 'revoked']);
    const of = { appId: 'shop', organization: ORG };
    expect(asked).toStrictEqual([
      { ...of, kind: 'refresh_token' },
      { ...of, kind: 'access_token' },
    ]);
  });

  it('is felt at once by a cache that hears of it, and can be taken back token by token', async () => {
    const made = await revocable();
    const cache = cachingIntrospector(storeIntrospector(made.tokens, { clock: () => NOW }), {
      maxAge: 600_000,
      clock: () => NOW,
    });
    expect(await cache.introspect('at.carol.shop.acme')).toMatchObject({ active: true });
    await made.call('post', `${REVOKE}?app=shop&cascade=true`);
    expect(await cache.introspect('at.carol.shop.acme')).toStrictEqual({ active: false });
    const approved = await made.call(
      'post',
      `/v1/o/${ORG}/oauth2/accesstokens/at.carol.shop.acme?action=approve`,
    );
    expect([approved.status, made.statusOf('at.carol.shop.acme')]).toStrictEqual([200, 'approved']);
  });
});

describe('revocation by app and user: requests that it refuses', () => {
  let made: Managed;
  beforeEach(async () => {
    made = await revocable();
  });

  it.each<[string, string]>([
    ['', 'The app or the enduser parameter is required'],
    ['?', 'The app or the enduser parameter is required'],
    ['?cascade=true', 'The app or the enduser parameter is required'],
    ['?app=', 'The app parameter must not be empty'],
    ['?app', 'The app parameter must not be empty'],
    ['?app=shop&enduser=', 'The enduser parameter must not be empty'],
    ['?enduser=carol&app=', 'The app parameter must not be empty'],
    ['?app=shop&app=shop', 'The app parameter must not be repeated'],
    ['?app=shop&%61pp=bank', 'The app parameter must not be repeated'],
    ['?enduser=carol&enduser=dave', 'The enduser parameter must not be repeated'],
    ['?app=shop&cascade=true&cascade=true', 'The cascade parameter must not be repeated'],
    ['?app=shop&cascade=1', 'The cascade parameter must be true or false'],
    ['?app=shop&cascade=TRUE', 'The cascade parameter must be true or false'],
    ['?app=shop&cascade=', 'The cascade parameter must not be empty'],
    ['?app=shop&endUser=carol', 'The query must have app, enduser and cascade only'],
    ['?app=shop&enduser[]=carol', 'The query must have app, enduser and cascade only'],
    ['?app=shop&token=at-live', 'The query must have app, enduser and cascade only'],
    ['?app[x]=shop', 'The query must have app, enduser and cascade only'],
    ['?enduser=%ff', 'The query is malformed'],
    ['?enduser=%ed%a0%80', 'The query is malformed'],
    ['?enduser=%c0%af', 'The query is malformed'],
    ['?enduser=carol%', 'The query is malformed'],
    ['?enduser=%zz', 'The query is malformed'],
    ['?app=shop&%zz=1', 'The query is malformed'],
  ])('answers %s with 400 in the shape of the API, and revokes nothing', async (query, message) => {
    const authorization = made.header('manager');
    const answer = await serving(made.app, (origin) =>
      raw(origin, { path: `${REVOKE}${query}`, headers: ['Authorization', authorization] }),
    );
    expect([answer.status, JSON.parse(answer.body)]).toStrictEqual([400, error('invalid_request', message)]);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', pragma: 'no-cache' });
    expect(revokedOf(made)).toStrictEqual([]);
    expect(made.events).toMatchObject([{ outcome: 'refused', error: 'invalid_request', action: 'revoke' }]);
  });

  it.each(['get', 'head', 'put', 'patch', 'delete', 'options'])(
    'E-05 answers %s with 405',
    async (method) => {
      const authorization = made.header('manager');
      const answer = await serving(made.app, (origin) =>
        raw(origin, {
          method: method.toUpperCase(),
          path: `${REVOKE}?app=shop`,
          headers: ['Authorization', authorization],
        }),
      );
      expect([answer.status, answer.headers.allow]).toStrictEqual([405, 'POST']);
      expect(revokedOf(made)).toStrictEqual([]);
    },
  );

  it('takes no characters that a URL cannot have, of which a lenient parser makes those of another user', () => {
    for (const enduser of ['\u00e4', '\u00c3\u00a4', 'a b', 'a\u0000'])
      expect(() => requestedRevocation(`/?enduser=${enduser}`)).toThrow('The query is malformed');
  });

  it('answers a malformed organization with 400', async () => {
    const answer = await made.call('post', '/v1/o/%zz/oauth2/revoke?app=shop');
    expect([answer.status, answer.body]).toStrictEqual([400, error('invalid_request')]);
  });
});

describe('revocation by app and user: bodies', () => {
  const BODIES: readonly (readonly [status: number, type: string, body: string])[] = [
    [200, '', ''],
    [200, 'application/json', ''],
    [200, 'application/json', '{}'],
    [200, 'application/json', ' { } \r\n'],
    [200, 'application/x-www-form-urlencoded', ''],
    [200, 'application/x-www-form-urlencoded', '{}'],
    [200, 'application/octet-stream', '{}'],
    [400, 'application/json', '{"app":"shop"}'],
    [400, 'application/json', '[]'],
    [400, 'application/x-www-form-urlencoded', 'app=shop'],
    [400, 'application/x-www-form-urlencoded', '{}=x'],
    [400, 'text/plain', 'x'],
    [400, 'text/plain', 'x'.repeat(70_000)],
  ];
  const PARSERS = [
    ['none', []],
    ['JSON and forms', [express.json(), express.urlencoded({ extended: false })]],
    ['nested forms', [express.urlencoded({ extended: true })]],
    ['text', [express.text({ type: () => true })]],
    ['bytes', [express.raw({ type: () => true })]],
  ] as const;

  it.each(PARSERS)(
    'takes nothing and {}, and nothing else, behind an app that parses %s',
    async (_what, before) => {
      const made = await revocable({ before: [...before] });
      for (const [status, type, body] of BODIES) {
        for (const isChunked of [false, true]) {
          const answer = await sent(made, type, body, isChunked);
          // What the parser of the app refuses, the app answers.
          if (before.length > 0 && answer.headers['content-type']?.includes('html')) continue;
          expect([type, body.slice(0, 20), isChunked, answer.status]).toStrictEqual([
            type,
            body.slice(0, 20),
            isChunked,
            status,
          ]);
          if (status === 400)
            expect(JSON.parse(answer.body)).toStrictEqual(error('invalid_request', 'The call takes no body'));
        }
      }
    },
  );

  async function sent(made: Managed, type: string, body: string, isChunked: boolean): Promise<RawAnswer> {
    const headers = ['Authorization', made.header('manager'), ...(type ? ['Content-Type', type] : [])];
    return serving(made.app, async (origin) => {
      if (!isChunked) return raw(origin, { path: `${REVOKE}?app=nobody`, headers, body });
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          if (body) controller.enqueue(new TextEncoder().encode(body));
          controller.close();
        },
      });
      const pairs = headers.flatMap((name, i) => (i % 2 === 0 ? [[name, headers[i + 1]]] : []));
      const init = { method: 'POST', headers: Object.fromEntries(pairs), body: stream, duplex: 'half' };
      const answer = await fetch(`${origin}${REVOKE}?app=nobody`, init as RequestInit);
      return {
        status: answer.status,
        headers: Object.fromEntries(answer.headers),
        body: await answer.text(),
      };
    });
  }
});

describe('revocation by app and user: who may', () => {
  const attempt = (made: Managed, as: string, path = `${REVOKE}?app=shop&cascade=true`): Test =>
    made.call('post', path).set('Authorization', made.header(as));

  it.each([
    ['a client with every right but this one', 'all-but-revoke', ORG],
    ['a client without any right', 'admin', ORG],
    ['a client without organizations', 'homeless-manager', ORG],
    ['a client of another organization', 'foreign-manager', ORG],
    ['a client of this one in another organization', 'manager', 'globex'],
    ['anybody, in an organization that does not exist', 'manager', 'no-such-org'],
    ["introspects: 'any', which is no right to an organization", 'opted-out', ORG],
    ['the client that the tokens were issued to', 'app', ORG],
    ['a public client', 'public-manager', ORG],
  ])('refuses %s with 403, whatever the query', async (_what, as, org) => {
    const made = await revocable();
    const texts = new Set<string>();
    for (const query of ['app=shop&cascade=true', 'app=nobody', '']) {
      const answer = await attempt(made, as, `/v1/o/${org}/oauth2/revoke?${query}`);
      expect([answer.status, answer.body]).toStrictEqual([403, error('unauthorized_client')]);
      texts.add(answer.text);
    }
    expect(texts.size).toBe(1);
    expect(revokedOf(made)).toStrictEqual([]);
  });

  it('needs its own right only, and revokes in each organization that the client holds, each by itself', async () => {
    const made = await revocable();
    expect((await attempt(made, 'only-revoke')).body).toStrictEqual({ revoked: 4 });
    expect(
      (await attempt(made, 'foreign-manager', '/v1/o/globex/oauth2/revoke?app=shop')).body,
    ).toStrictEqual({
      revoked: 2,
    });
  });

  it('E-06 refuses whoever does not say who it is with 401 and a challenge', async () => {
    const made = await revocable();
    for (const authorization of ['', 'Digest at-live', 'Basic *']) {
      const answer = await attempt(made, 'manager').set('Authorization', authorization);
      expect([answer.status, answer.body]).toStrictEqual([401, error('invalid_client')]);
      expect(answer.headers['www-authenticate']).toBe('Basic realm="token introspection", charset="UTF-8"');
    }
    expect(revokedOf(made)).toStrictEqual([]);
  });

  it('refuses what did not come by TLS where that is demanded', async () => {
    const made = await revocable({ requireTls: true });
    expect((await attempt(made, 'manager')).status).toBe(400);
    expect(revokedOf(made)).toStrictEqual([]);
  });

  it('counts under the limits for calls and for failed attempts', async () => {
    const limit = { windowMs: 60_000, limit: 1 };
    const called = await revocable({ rateLimit: { calls: limit } });
    expect((await attempt(called, 'manager')).status).toBe(200);
    const over = await attempt(called, 'manager');
    expect([over.status, over.body]).toStrictEqual([429, error('slow_down')]);
    expect(over.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    const failed = await revocable({ rateLimit: { failures: limit } });
    for (const status of [401, 429])
      expect((await attempt(failed, 'manager').set('Authorization', 'Basic *')).status).toBe(status);
    // To find nothing is no sign of scanning.
    const found = await revocable({ rateLimit: { inactive: limit } });
    for (let i = 0; i < 3; i++)
      expect((await attempt(found, 'manager', `${REVOKE}?app=nobody`)).status).toBe(200);
  });

  it('tells the audit what was done and by whom, and of no token', async () => {
    const made = await revocable();
    await attempt(made, 'manager');
    await attempt(made, 'manager', `${REVOKE}?enduser=carol`);
    await attempt(made, 'admin');
    const common = { api: 'token-management', address: '127.0.0.1', time: NOW, action: 'revoke' };
    const done = { ...common, outcome: 'done', status: 200, clientId: 'manager' };
    const events = made.events.map(({ durationMs: _duration, ...event }) => event);
    expect(events).toStrictEqual([
      { ...done, cascade: true },
      done,
      { ...common, outcome: 'refused', error: 'unauthorized_client', status: 403, clientId: 'admin' },
    ]);
  });
});

describe('revocation by app and user: where it is', () => {
  /** What the app itself answers, where the router has no such path. */
  const isAbsent = async (made: Managed): Promise<boolean> => {
    const answer = await made.call('post', `${REVOKE}?app=shop`);
    return answer.status === 404 && String(answer.headers['content-type']).includes('text/html');
  };

  it('is there where revoke is switched on, and nowhere else', async () => {
    expect(await isAbsent(await revocable({ management: { ...ALL, revoke: false } }))).toBe(true);
    expect(await isAbsent(await revocable({ management: {} }))).toBe(true);
    expect(await isAbsent(await revocable({ management: { revoke: true } }))).toBe(false);
  });

  it('is not there over a store that cannot tell organizations apart, which goes on otherwise', async () => {
    const tokens = new MemoryTokenStore({ clock: () => NOW });
    Object.assign(tokens, { revokeMatching: undefined });
    const made = await managed({ tokens });
    await tokens.save({ token: 'at', kind: 'access_token', clientId: 'app', organization: ORG });
    expect(await isAbsent(made)).toBe(true);
    const one = await made.call('post', `/v1/o/${ORG}/oauth2/accesstokens/at?action=revoke`);
    expect([one.status, one.body.status]).toStrictEqual([200, 'revoked']);
  });

  it('is part of accessTokenDetails alone, too', async () => {
    const { tokens, clients, header } = await revocable();
    const app = express().use(accessTokenDetails({ tokens, clients, management: { revoke: true } }));
    const answer = await serving(app, (origin) =>
      raw(origin, { path: `${REVOKE}?app=shop`, headers: ['Authorization', header('manager')] }),
    );
    expect([answer.status, answer.body]).toStrictEqual([200, '{"revoked":2}']);
  });
});

describe('revocation by app and user: without its store', () => {
  const over = (revokeMatching: () => unknown): Promise<Managed> =>
    managed({
      tokens: Object.assign(new MemoryTokenStore({ clock: () => NOW }), { revokeMatching }) as never,
    });

  it.each<[string, () => unknown]>([
    ...FAILURES.filter(([what]) => what !== 'answers 42'),
    ['answers nothing', () => undefined],
    ['answers -1', () => -1],
    ['answers half a token', () => 0.5],
  ])('is 503 when the store %s, and tells the audit', async (_what, fail) => {
    const made = await over(fail);
    for (const cascade of ['true', 'false']) {
      const answer = await made.call('post', `${REVOKE}?app=shop&cascade=${cascade}`);
      expect([answer.status, answer.body]).toStrictEqual([503, error('temporarily_unavailable')]);
      expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
      expect(made.events.at(-1)).toMatchObject({ outcome: 'unavailable', action: 'revoke' });
    }
  });

  it('is 503 when the clients cannot be looked up', async () => {
    const made = await managed({ clients: failingStore(() => Promise.reject(new Error('down'))) });
    expect((await made.call('post', `${REVOKE}?app=shop`)).status).toBe(503);
  });

  it.each([
    [404, new NotFoundError()],
    [409, new ConflictError()],
  ])('is %s for what a store says of its own', async (status, thrown) => {
    const made = await over(() => Promise.reject(thrown));
    const answer = await made.call('post', `${REVOKE}?app=shop`);
    expect([answer.status, Object.keys(answer.body)]).toStrictEqual([
      status,
      ['code', 'message', 'contexts'],
    ]);
  });
});
