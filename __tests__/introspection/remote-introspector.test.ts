import { describe, expect, it } from '@jest/globals';
import * as oauth from 'oauth4webapi';
import {
  IntrospectionUnavailableError,
  type RemoteIntrospectorOptions,
  remoteIntrospector,
} from '../../lib/index.js';
import { inactivityOf } from '../../lib/introspection/inactivity.js';
import {
  json,
  optionsFor,
  rejection,
  type Script,
  SECRET,
  TOKEN,
  upstream,
} from '../support/scripted-server.js';
import { NOW } from '../support/world.js';

/** An upstream and an introspector in front of it. */
async function asking(script: Script, more: Partial<RemoteIntrospectorOptions> = {}) {
  const server = await upstream(script);
  return { server, introspector: remoteIntrospector(optionsFor(server, more)) };
}

/** What becomes of an answer. */
async function answered(body: unknown): Promise<unknown> {
  const { introspector } = await asking(json(body));
  return introspector.introspect(TOKEN);
}

describe('remoteIntrospector asks', () => {
  it('I-02 A-02 by POST with a form, as a Basic client with form-encoded credentials', async () => {
    const { server, introspector } = await asking(json({ active: true }), {
      clientId: '1PpG/Q 1',
      clientSecret: 'z/tZ9VwFZqApmIQ+ZH1I5pLk/uB4ud:X2/8bL+wfFTt1rFw=',
    });
    expect(await introspector.introspect('t')).toStrictEqual({ active: true });
    const [request] = server.seen;
    expect(request).toMatchObject({ method: 'POST', path: '/introspect' });
    expect([...(request?.form ?? [])]).toStrictEqual([['token', 't']]);
    expect(request?.headers).toMatchObject({
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      authorization:
        'Basic MVBwRyUyRlErMTp6JTJGdFo5VndGWnFBcG1JUSUyQlpIMUk1cExrJTJGdUI0dWQlM0FYMiUyRjhiTCUyQndmRlR0MXJGdyUzRA==',
    });
  });

  it('with a hint only where one is given', async () => {
    const { server, introspector } = await asking(json({ active: false }));
    await introspector.introspect('t', { hint: 'refresh_token' });
    await introspector.introspect('t', {});
    expect(server.seen.map(({ form }) => form.get('token_type_hint'))).toStrictEqual(['refresh_token', null]);
  });

  it('with the parameters that a server wants beside the token', async () => {
    const { server, introspector } = await asking(json({ active: false }), {
      parameters: {
        resource: ['https://a.example/?x=1&y', 'b'],
        token_type_hint: 'access_token',
        'odd name': 'a b',
      },
    });
    await introspector.introspect('t');
    await introspector.introspect('t', { hint: 'refresh_token' });
    const [first, second] = server.seen.map(({ form }) => [...form]);
    const resources = [
      ['resource', 'https://a.example/?x=1&y'],
      ['resource', 'b'],
      ['odd name', 'a b'],
    ];
    expect(first).toStrictEqual([['token', 't'], ['token_type_hint', 'access_token'], ...resources]);
    expect(second).toStrictEqual([['token', 't'], ['token_type_hint', 'refresh_token'], ...resources]);
  });

  it('with those parameters beside each kind of credentials, as they were when it was made', async () => {
    for (const more of [
      { clientAuth: 'client_secret_post' as const },
      { clientAuth: 'none' as const, clientSecret: undefined as never },
      { clientAuth: oauth.ClientSecretPost(SECRET), clientSecret: undefined as never },
      { accessToken: () => 'own', clientSecret: undefined as never },
    ]) {
      const parameters = { resource: 'a' };
      const { server, introspector } = await asking(json({ active: false }), { ...more, parameters });
      parameters.resource = 'b';
      await introspector.introspect('t');
      const form = server.seen[0]?.form;
      expect(form?.getAll('resource')).toStrictEqual(['a']);
      expect(form?.get('token')).toBe('t');
      if (!('accessToken' in more)) expect(form?.get('client_id')).toBe('api');
    }
  });

  it('about any token as one value', async () => {
    const { server, introspector } = await asking(json({ active: false }));
    for (const token of ['a&client_id=b', 'a+b c%20=?#', '"quoted"']) {
      await introspector.introspect(token, { hint: 'x&token=y' });
      const { form } = server.seen.at(-1) as { form: URLSearchParams };
      expect([...form]).toStrictEqual([
        ['token', token],
        ['token_type_hint', 'x&token=y'],
      ]);
    }
  });

  it('not at all about what cannot be a token', async () => {
    const { server, introspector } = await asking(json({ active: true }));
    for (const token of ['', 'a\nb', 'töken', '\u0000']) {
      expect(await introspector.introspect(token)).toStrictEqual({ active: false });
    }
    expect(server.seen).toHaveLength(0);
  });

  it('J-11 not at all about a signed introspection answer', async () => {
    const { server, introspector } = await asking(json({ active: true }));
    const jwt = (header: string) => `${Buffer.from(header).toString('base64url')}.e30.c2ln`;
    for (const header of [
      '{"alg":"RS256","typ":"token-introspection+jwt"}',
      '{ "typ":"application/Token-Introspection+JWT" }',
      '{\n"typ":"token-introspection+jwt"}',
    ]) {
      expect(await introspector.introspect(jwt(header))).toStrictEqual({ active: false });
    }
    expect(server.seen).toHaveLength(0);
    for (const token of [jwt('{"typ":"at+jwt"}'), jwt('{"typ":5}'), jwt('{"'), 'eyes.on', 'ewe']) {
      expect(await introspector.introspect(token)).toStrictEqual({ active: true });
    }
  });

  it('over one connection that is kept', async () => {
    const { server, introspector } = await asking(json({ active: false }));
    for (let i = 0; i < 20; i++) await introspector.introspect(TOKEN);
    expect(server.connections.opened).toBe(1);
    expect(server.seen).toHaveLength(20);
  });
});

describe('remoteIntrospector answers', () => {
  it('I-13 nothing but inactive for an inactive token, whatever the server says of it', async () => {
    expect(await answered({ active: false, sub: 'alice', exp: 'x', reason: 'expired' })).toStrictEqual({
      active: false,
    });
  });

  it.each([
    ['a scope with odd spaces', { scope: '  read   write ' }, { scope: 'read write' }],
    ['a scope with other white space', { scope: 'read\twrite\n' }, { scope: 'read write' }],
    ['a scope that is an array', { scope: ['read', 'write all'] }, { scope: 'read write all' }],
    [
      'scp where there is no scope',
      { scp: ['read', 'write'] },
      { scp: ['read', 'write'], scope: 'read write' },
    ],
    ['scp where scope is null', { scope: null, scp: 'read' }, { scp: 'read', scope: 'read' }],
    ['scope rather than scp', { scope: 'read', scp: 'write' }, { scope: 'read', scp: 'write' }],
    ['an empty scope', { scope: '' }, {}],
    ['an empty scope array', { scope: [] }, {}],
    ['an aud that is a string', { aud: 'x' }, { aud: 'x' }],
    ['an aud that is an array of one', { aud: ['x'] }, { aud: 'x' }],
    ['an aud that is an array of several', { aud: ['x', 'y'] }, { aud: ['x', 'y'] }],
    ['an aud that is an empty array', { aud: [] }, {}],
    [
      'I-16 fractional times',
      { exp: 10.9, iat: 5.9, nbf: 4.1, auth_time: 3.5 },
      { exp: 10, iat: 5, nbf: 5, auth_time: 3 },
    ],
    ['far and negative times', { exp: 4.9e9, nbf: -1 }, { exp: 4.9e9, nbf: -1 }],
    ['an exp of 0, of a token without end', { exp: 0 }, {}],
    ['an exp of -1, of a token without end', { exp: -1 }, {}],
    ['an exp below that', { exp: -1e300 }, {}],
    ['an exp of the first second, which is past', { exp: 0.5 }, { exp: 1 }],
    [
      'guard/02 times that are ISO dates',
      { auth_time: '2026-01-01T00:00:00Z', iat: 'now', updated_at: 'x' },
      { updated_at: 'x' },
    ],
    [
      'guard/02 times that are numbers in text',
      { auth_time: '1700000000', iat: '0' },
      { auth_time: 1_700_000_000, iat: 0 },
    ],
    ['guard/02 times that are something like it', { auth_time: '1.7e9', iat: '' }, {}],
    ['ids that are numbers', { sub: 42, client_id: 7 }, { sub: '42', client_id: '7' }],
    ['members that are null', { exp: null, sub: null, aud: null, ext: null }, { ext: null }],
    ...[
      'client_id',
      'token_type',
      'username',
      'iss',
      'jti',
      'acr',
      'nbf',
      'iat',
      'auth_time',
      'scope',
      'scp',
      'cnf',
      'act',
      'authorization_details',
      'brand',
      'token_use',
    ].map((member): [string, object, object] => [`a ${member} that is null`, { [member]: null }, {}]),
    ['a cnf with what is null', { cnf: { jkt: null, 'x5t#S256': 'x' } }, { cnf: { 'x5t#S256': 'x' } }],
    // Bound to something all the same: the guard refuses it.
    ['a cnf with nothing but null', { cnf: { jkt: null, 'x5t#S256': null } }, { cnf: {} }],
    ['extension members', { tenant: { id: [1, 'x'] } }, { tenant: { id: [1, 'x'] } }],
    ['a confirmation', { cnf: { jkt: 'x' } }, { cnf: { jkt: 'x' } }],
  ])('I-17 %s', async (_what, members, expected) => {
    expect(await answered({ active: true, ...members })).toStrictEqual({ active: true, ...expected });
  });

  it('what begins with a byte order mark', async () => {
    expect(await answered('\ufeff{"active":true}')).toStrictEqual({ active: true });
  });

  it.each([
    ['a century from now', NOW / 1000 + 36_525 * 86_400, true],
    ['a second more', NOW / 1000 + 36_525 * 86_400 + 1, false],
    ['in milliseconds', NOW + 60_000, false],
    ['without end', 1e300, false],
  ])('ecosystem/10 for an exp that is %s: active %j: %j', async (_what, exp, active) => {
    const { introspector } = await asking(json({ active: true, exp }), { clock: () => NOW });
    const answer = await introspector.introspect(TOKEN);
    expect(answer).toMatchObject({ active });
    expect(inactivityOf(answer)).toStrictEqual(active ? undefined : { reason: 'implausible_exp' });
  });

  it('no reason for what the server calls inactive, and one for what it is not asked about', async () => {
    const { introspector } = await asking(json({ active: false }));
    const reasonOf = async (token: string) => inactivityOf(await introspector.introspect(token))?.reason;
    expect(await reasonOf(TOKEN)).toBeUndefined();
    expect(await reasonOf('two words\n')).toBe('malformed');
    const answer = Buffer.from('{"typ":"token-introspection+jwt"}').toString('base64url');
    expect(await reasonOf(`${answer}.e30.c2ln`)).toBe('wrong_type');
  });

  it('what nobody can change, down to the last object', async () => {
    const answer = (await answered({ active: true, aud: ['x', 'y'], tenant: { ids: [{ id: 1 }] } })) as {
      tenant: { ids: readonly object[] };
      aud: object;
    };
    for (const part of [answer, answer.aud, answer.tenant, answer.tenant.ids, answer.tenant.ids[0]]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.isFrozen(await answered({ active: false }))).toBe(true);
  });

  it('without names that turn into a prototype when copied', async () => {
    const answer = (await answered(
      '{"active":true,"__proto__":{"admin":true},"ext":{"__proto__":{"admin":true},"a":[{"__proto__":1}]}}',
    )) as Record<string, object>;
    expect(JSON.stringify(answer)).toBe('{"active":true,"ext":{"a":[{}]}}');
    expect(Object.assign({}, answer).admin).toBeUndefined();
    expect(Object.getPrototypeOf(answer)).toBe(Object.getPrototypeOf(JSON.parse('{}')));
  });

  it.each([
    'application/json; charset=utf-8',
    'Application/JSON ;charset=utf-8',
    'application/token-introspection+json',
    'application/vnd.example.v1+JSON; charset=utf-8',
  ])('JSON sent as %s', async (type) => {
    const { introspector } = await asking(json({ active: true }, 200, { 'Content-Type': type }));
    expect(await introspector.introspect(TOKEN)).toStrictEqual({ active: true });
  });
});

describe('remoteIntrospector rejects', () => {
  it.each([
    ['active as a string', '{"active":"true"}'],
    ['active as a number', '{"active":1}'],
    ['no active', '{"sub":"alice"}'],
    ['active as null', '{"active":null}'],
    ['an array', '[true]'],
    ['null', 'null'],
    ['a string', '"active"'],
    ['nothing', ''],
    ['a page', '<html>down for maintenance</html>'],
    ['half an object', '{"active":true'],
    ['an exp that is a string', '{"active":true,"exp":"1790000000"}'],
    ['an exp that is not finite', '{"active":true,"exp":1e999}'],
    ['an nbf that is an object', '{"active":true,"nbf":{}}'],
    ['a scope that is a number', '{"active":true,"scope":5}'],
    ['a scope with a number in it', '{"active":true,"scope":["read",5]}'],
    ['an aud that is a number', '{"active":true,"aud":5}'],
    ['an aud with a number in it', '{"active":true,"aud":["x",5]}'],
    ['a sub that is an object', '{"active":true,"sub":{}}'],
    ['a sub that is no whole number', '{"active":true,"sub":1.5}'],
    ['an iss that is a boolean', '{"active":true,"iss":true}'],
    ['a cnf that is a string', '{"active":true,"cnf":"x"}'],
    ['an exp that is a numeric string', '{"active":true,"exp":"0"}'],
    ['an auth_time that is an object', '{"active":true,"auth_time":{}}'],
    ['an iat that is not finite', '{"active":true,"iat":1e999}'],
    ['a deep nest', `{"active":true,"x":${'['.repeat(9000)}${']'.repeat(9000)}}`],
    ['a large answer', `{"active":true,"x":"${'x'.repeat(64 * 1024)}"}`],
  ])('I-10 I-30 %s', async (_what, body) => {
    const { introspector } = await asking(json(body));
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'malformed_answer' });
  });

  it('I-30 what is not UTF-8', async () => {
    const { introspector } = await asking((res) => {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.end(Buffer.from([...Buffer.from('{"active":true,"sub":"'), 0xff, ...Buffer.from('"}')]));
    });
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'malformed_answer' });
  });

  it.each([
    { 'Content-Type': 'text/html' },
    { 'Content-Type': 'application/jsonp' },
    { 'Content-Type': 'text/plain' },
    { 'Content-Type': 'text/html+json' },
    { 'Content-Type': 'application/json, text/html' },
    { 'Content-Type': 'application/a/b+json' },
    undefined,
  ])('I-30 the media type of %j', async (headers) => {
    const { introspector } = await asking((res) => res.writeHead(200, headers).end('{"active":true}'));
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ reason: 'malformed_answer' });
  });

  it.each([
    [204, 'status', ''],
    [201, 'status', '{"active":true}'],
    [302, 'status', '{"active":true}'],
    [304, 'status', ''],
    [400, 'status', '{"error":"invalid_request"}'],
    [400, 'status', 'null'],
    [400, 'status', '<html>'],
    [400, 'our_credentials', '{"error":"invalid_client"}'],
    [400, 'our_credentials', '{"error":"unauthorized_client"}'],
    [401, 'our_credentials', '{"error":"invalid_client"}'],
    [403, 'our_credentials', '{"active":false}'],
    [404, 'status', '{"active":false}'],
    [429, 'rate_limited', '{"active":false}'],
    [500, 'status', '{"active":false}'],
    [502, 'status', '<html>'.repeat(20_000)],
    [503, 'status', '{"active":false}'],
  ])('I-30 status %s as %s', async (status, reason, body) => {
    const { server, introspector } = await asking(json(body, status, { Location: '/elsewhere' }));
    const error = await rejection(introspector.introspect(TOKEN));
    expect(error).toBeInstanceOf(IntrospectionUnavailableError);
    expect(error).toMatchObject({ reason, retryAfter: undefined });
    expect((error as Error).message).toContain(String(status));
    expect(server.seen).toHaveLength(1);
  });

  it.each([
    [429, '30', 30_000],
    [503, '0', 0],
    [503, new Date(NOW + 90_000).toUTCString(), 90_000],
    [503, new Date(NOW - 90_000).toUTCString(), undefined],
    [429, '99999999999999999999', 3_600_000],
    [429, 'Fri, 31 Dec 9999 23:59:59 GMT', 3_600_000],
    [429, '-5', undefined],
    [429, 'tomorrow GMT', undefined],
    [429, '2030-01-01', undefined],
    [500, '30', undefined],
  ])('with how long to wait: status %s, Retry-After %s', async (status, header, expected) => {
    const { introspector } = await asking(json({}, status, { 'Retry-After': header }), { clock: () => NOW });
    expect(await rejection(introspector.introspect(TOKEN))).toMatchObject({ retryAfter: expected });
  });

  it('T-25 with no word of the token, the secret or the server in the error', async () => {
    const words = `${TOKEN} ${SECRET} the words of the server`;
    const scripts: Script[] = [
      json(words),
      json({ active: words }),
      json({ active: true, exp: words, [words]: words }),
      json({ error: words, error_description: words }, 500),
      json({ error: words }, 401, { 'WWW-Authenticate': `Basic realm="${words}"` }),
      (_res, _request, socket) => socket.end(`${words}\r\n\r\n`),
      (_res, _request, socket) => socket.end(`HTTP/1.1 200 ${words}\r\n${words}\r\n\r\n`),
    ];
    for (const script of scripts) {
      const { introspector } = await asking(script);
      const error = (await rejection(introspector.introspect(TOKEN))) as Error;
      const told: string[] = [];
      for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
        told.push(
          cause.message,
          String(cause.stack),
          JSON.stringify(cause),
          ...Object.values(cause).map(String),
        );
      }
      for (const word of [TOKEN, SECRET, 'words of', encodeURIComponent(SECRET)]) {
        expect(told.join('\n')).not.toContain(word);
      }
    }
  });
});

describe('remoteIntrospector refuses at construction', () => {
  const good = { endpoint: 'https://id.example/introspect', clientId: 'api', clientSecret: 's' };
  const { clientSecret: _secret, ...noSecret } = good;

  it.each<[string, unknown]>([
    ['options must be an object', undefined],
    ['unknown option "issuerUrl"', { ...good, issuerUrl: 'x' }],
    ['"issuer" or "endpoint"', { clientId: 'api', clientSecret: 's' }],
    ['"issuer" or "endpoint"', { ...good, issuer: 'https://id.example' }],
    ['"endpoint"', { ...good, endpoint: '' }],
    ['"endpoint"', { ...good, endpoint: '/introspect' }],
    ['"endpoint"', { ...good, endpoint: 5 }],
    ['"endpoint"', { ...good, endpoint: 'http://id.example/introspect' }],
    ['"endpoint"', { ...good, endpoint: 'ftp://id.example/', allowInsecureRequests: true }],
    ['"endpoint"', { ...good, endpoint: 'https://api:secret@id.example/' }],
    ['"endpoint"', { ...good, endpoint: 'https://id.example/#x' }],
    ['"issuer"', { ...good, endpoint: undefined, issuer: 'http://id.example' }],
    ['"issuer"', { ...good, endpoint: undefined, issuer: 'https://id.example/?x=y' }],
    ['"issuer"', { ...good, endpoint: undefined, issuer: null }],
    ['"issuer"', { ...good, signedResponse: true }],
    ['"clientId"', { ...good, clientId: undefined }],
    ['"clientId"', { ...good, clientId: '' }],
    ['"clientId"', { issuer: 'https://id.example', accessToken: () => 'x', signedResponse: true }],
    ['"clientSecret"', noSecret],
    ['"clientSecret"', { ...good, clientSecret: '' }],
    ['"clientSecret"', { ...noSecret, clientAuth: 'client_secret_post' }],
    ['"clientSecret"', { ...good, clientAuth: 'none' }],
    ['"clientSecret"', { ...good, clientAuth: () => {} }],
    ['"clientSecret"', { ...good, accessToken: () => 'x' }],
    ['"clientAuth"', { ...noSecret, accessToken: () => 'x', clientAuth: 'none' }],
    ['"clientAuth"', { ...noSecret, clientAuth: 'private_key_jwt' }],
    ['"accessToken"', { ...noSecret, accessToken: 'x' }],
    ...[
      'x',
      ['x'],
      null,
      { resource: 5 },
      { resource: '' },
      { resource: [] },
      { resource: ['a', 5] },
      { resource: undefined },
      { '': 'x' },
      { token: 'x' },
      { client_id: 'x' },
      { client_secret: 'x' },
      { client_assertion: 'x' },
      { client_assertion_type: 'x' },
      { token_type_hint: ['a', 'b'] },
    ].map((parameters): [string, unknown] => ['"parameters"', { ...good, parameters }]),
    ['"timeout"', { ...good, timeout: 0 }],
    ['"timeout"', { ...good, timeout: Number.POSITIVE_INFINITY }],
    ['"timeout"', { ...good, timeout: 2 ** 31 }],
    ['"timeout"', { ...good, timeout: '3s' }],
    ['"fetch"', { ...good, fetch: 'x' }],
    ['"signedResponse"', { ...good, signedResponse: 'yes' }],
    ['"allowInsecureRequests"', { ...good, allowInsecureRequests: 1 }],
    ['"clock"', { ...good, clock: 5 }],
  ])('naming %s', (named, options) => {
    const make = () => remoteIntrospector(options as RemoteIntrospectorOptions);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(named);
  });

  it('nothing that is good', () => {
    for (const options of [
      good,
      { endpoint: good.endpoint, accessToken: () => 'x' },
      {
        endpoint: 'http://localhost:4445/introspect',
        clientId: 'api',
        clientAuth: 'none',
        allowInsecureRequests: true,
      },
      { issuer: 'https://id.example/tenant', clientId: 'api', clientSecret: 's', signedResponse: true },
    ] as const) {
      expect(remoteIntrospector(options)).toStrictEqual({ introspect: expect.any(Function) });
    }
  });
});
