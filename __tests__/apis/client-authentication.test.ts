import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import {
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import request from 'supertest';
import {
  type Client,
  generateClientSecret,
  introspectionRouter,
  type ReplayMemory,
  tokenRevocation,
} from '../../lib/index.js';
import { assertionMemory } from '../../lib/replay-memory.js';
import {
  A,
  API,
  basic,
  failingStore,
  ISSUER,
  NOW,
  SECONDS,
  type World,
  type WorldOptions,
  world,
} from '../support/world.js';

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const HMAC = 'a secret that is long enough for all of the three hashes, HS512 included';
const { secret: SECRET, hash: HASH } = generateClientSecret();

const keys = await generateKeyPair('ES256', { extractable: true });
const others = await generateKeyPair('ES256', { extractable: true });
const rsa = await generateKeyPair('RS256', { extractable: true });
const pss = (await importJWK(await exportJWK(rsa.privateKey), 'PS256')) as typeof rsa.privateKey;
const jwk: JWK = { ...(await exportJWK(keys.publicKey)), kid: 'one' };
const rsaJwk: JWK = { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' };

const CLIENTS: readonly Client[] = [
  { clientId: 'poster', secret: HASH, authMethods: ['client_secret_post'], audiences: [API] },
  {
    clientId: 'either',
    secret: HASH,
    authMethods: ['client_secret_basic', 'client_secret_post'],
    audiences: [API],
  },
  {
    clientId: 'signer',
    authMethods: ['private_key_jwt'],
    jwks: { keys: [jwk, rsaJwk] as never },
    audiences: [API],
  },
  {
    clientId: 'only-rsa',
    authMethods: ['private_key_jwt'],
    jwks: { keys: [jwk, rsaJwk] as never },
    authSigningAlg: 'RS256',
    audiences: [API],
  },
  { clientId: 'gone', authMethods: ['private_key_jwt'], jwks: { keys: [jwk] as never }, disabled: true },
  { clientId: 'hmac', authMethods: ['client_secret_jwt'], hmacSecret: HMAC, audiences: [API] },
  { clientId: 'no-jwt', secret: HASH, hmacSecret: HMAC, jwks: { keys: [jwk] as never }, audiences: [API] },
  { clientId: 'short', authMethods: ['client_secret_jwt'], hmacSecret: 'x'.repeat(32), audiences: [API] },
];

const made = (options: WorldOptions = {}): Promise<World> =>
  world({ rateLimit: false, moreClients: CLIENTS, ...options });

const send = ({ app }: Pick<World, 'app'>, form: object) =>
  request(app)
    .post(A)
    .type('form')
    .send({ token: 'at-live', ...form });

/** The claims of a good assertion, with changes; `undefined` leaves one out. */
const claims = (clientId: string, changes: object = {}): Record<string, unknown> => ({
  iss: clientId,
  sub: clientId,
  aud: ISSUER,
  jti: `jti-${Math.random()}`,
  iat: SECONDS,
  exp: SECONDS + 60,
  ...changes,
});

const signed = (
  payload: Record<string, unknown>,
  header: { alg?: string; kid?: string; typ?: string } = {},
  key: Parameters<SignJWT['sign']>[0] = keys.privateKey,
): Promise<string> =>
  new SignJWT(JSON.parse(JSON.stringify(payload)) as Record<string, unknown>)
    .setProtectedHeader({ alg: 'ES256', ...header })
    .sign(key);

const withAssertion = (client_assertion: string, more: object = {}) => ({
  client_assertion,
  client_assertion_type: TYPE,
  ...more,
});

const REFUSED = { status: 401, body: { error: 'invalid_client' } };

function expectRefused(answer: request.Response): void {
  expect(answer).toMatchObject(REFUSED);
  expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
  expect(answer.headers['cache-control']).toBe('no-store');
}

describe('client_secret_post', () => {
  it('A-07 is taken from the form of a client that is registered for it', async () => {
    const { app, events } = await made();
    for (const client_id of ['poster', 'either']) {
      const answer = await send({ app }, { client_id, client_secret: SECRET });
      expect(answer.body).toMatchObject({ active: true, sub: 'alice' });
      expect(events.at(-1)).toMatchObject({ outcome: 'active', clientId: client_id });
    }
  });

  it('A-07 is never taken from the URI', async () => {
    const { app } = await made();
    const query = `?client_id=poster&client_secret=${encodeURIComponent(SECRET)}`;
    expectRefused(await request(app).post(`${A}${query}`).type('form').send({ token: 'at-live' }));
  });

  it('A-11 A-12 a wrong secret, an unknown client and none are refused alike', async () => {
    const { app, events } = await made();
    const answers = [];
    for (const form of [
      { client_id: 'poster', client_secret: 'wrong' },
      { client_id: 'nobody', client_secret: SECRET },
      { client_secret: SECRET },
    ]) {
      const answer = await send({ app }, form);
      expectRefused(answer);
      answers.push(answer.text);
    }
    expect(new Set(answers).size).toBe(1);
    expect(events.map(({ clientId }) => clientId)).toStrictEqual(['poster', undefined, undefined]);
  });

  it('A-12 the registered method is enforced, either way, remembered secrets included', async () => {
    const w = await made();
    const byBasic = (id: string) =>
      request(w.app).post(A).set('Authorization', basic(id, SECRET)).type('form').send({ token: 'at-live' });
    const byPost = (id: string, secret = SECRET) => send(w, { client_id: id, client_secret: secret });
    for (let i = 0; i < 2; i++) {
      expectRefused(await byBasic('poster'));
      expect((await byPost('poster')).status).toBe(200);
      expect((await byBasic('either')).status).toBe(200);
      expect((await byPost('either')).status).toBe(200);
      expectRefused(await byPost('api', w.secretOf('api')));
      expectRefused(await byBasic('signer'));
      expectRefused(await byPost('signer'));
    }
    expectRefused(
      await request(w.app)
        .post(A)
        .set('Authorization', basic('signer', ''))
        .type('form')
        .send({ token: 'x' }),
    );
  });

  it('A-12 a header is forgotten when its client is to come in another way', async () => {
    const { secret, hash } = generateClientSecret();
    const client: { authMethods?: readonly string[]; clientId: string; secret: string } = {
      clientId: 'moved',
      secret: hash,
    };
    const { app } = await made({
      clients: { find: (id) => (id === 'moved' ? ({ ...client } as Client) : undefined) },
    });
    const ask = () =>
      request(app).post(A).set('Authorization', basic('moved', secret)).type('form').send({ token: 'x' });
    expect((await ask()).status).toBe(200);
    client.authMethods = ['client_secret_post'];
    expectRefused(await ask());
  });

  it('A-08 a public client that names itself proves nothing', async () => {
    const { app } = await made();
    expectRefused(await send({ app }, { client_id: 'public' }));
    expectRefused(await send({ app }, { client_id: 'public', client_secret: '' }));
    expectRefused(await send({ app }, { client_id: 'public', client_secret: 'x' }));
    expectRefused(await send({ app }, {}));
  });

  it('A-04 an id with control characters is wrong everywhere, and nobody is asked about it', async () => {
    const asked: string[] = [];
    const { app } = await made({
      clients: { find: (id) => void asked.push(id) },
      rateLimit: { failures: { limit: 6, windowMs: 60_000 } },
    });
    for (const client_id of ['a\0b', 'a\nb']) {
      expectRefused(await send({ app }, { client_id, client_secret: 'x' }));
      expectRefused(await send({ app }, { client_id }));
      expectRefused(await send({ app }, withAssertion(await signed(claims(client_id)))));
    }
    expect(asked).toStrictEqual([]);
    expect((await send({ app }, { client_id: 'a\0b', client_secret: 'x' })).status).toBe(429);
  });

  it('A-09 what is wrong with the rest of a form is no failure to authenticate', async () => {
    const w = await made({ rateLimit: { failures: { limit: 1, windowMs: 60_000 } } });
    for (let i = 0; i < 4; i++) {
      const twice = `client_id=poster&client_secret=${SECRET}&token=a&token=b`;
      expect((await request(w.app).post(A).type('form').send(twice)).status).toBe(400);
      expect((await request(w.app).post(A).send({ token: 'a' })).status).toBe(415);
    }
    expect((await send(w, { client_id: 'poster', client_secret: SECRET })).status).toBe(200);
  });

  it('A-07 an empty Authorization header says nothing', async () => {
    const { app } = await made();
    const answer = await send({ app }, { client_id: 'poster', client_secret: SECRET }).set(
      'Authorization',
      '',
    );
    expect(answer.status).toBe(200);
  });

  it('A-09 is counted with all other failures', async () => {
    const { app } = await made({ rateLimit: { failures: { limit: 2, windowMs: 60_000 } } });
    for (const status of [401, 401, 429, 429]) {
      expect((await send({ app }, { client_id: 'poster', client_secret: 'wrong' })).status).toBe(status);
    }
  });
});

describe('one way at once', () => {
  it.each([
    ['Basic and a secret', true, { client_secret: 'x' }],
    ['Basic and an assertion', true, withAssertion('x')],
    ['Basic and an assertion of no type', true, { client_assertion: 'x' }],
    ['Basic and the type of one', true, { client_assertion_type: TYPE }],
    ['Basic and an access token', true, { access_token: 'x' }],
    ['Basic and another client', true, { client_id: 'poster' }],
    ['a secret and an assertion', false, withAssertion('x', { client_id: 'poster', client_secret: 'x' })],
    [
      'a secret and the type of one',
      false,
      { client_id: 'poster', client_secret: 'x', client_assertion_type: TYPE },
    ],
    ['a secret and an access token', false, { client_id: 'poster', client_secret: 'x', access_token: 'x' }],
    ['an assertion and an access token', false, withAssertion('x', { access_token: 'x' })],
  ])('A-08 refuses %s', async (_what, hasHeader, form) => {
    const w = await made();
    const call = send(w, form);
    const answer = await (hasHeader ? call.set('Authorization', w.as('api')) : call);
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
  });

  it('A-08 takes the same client_id again', async () => {
    const w = await made();
    expect((await send(w, { client_id: 'api' }).set('Authorization', w.as('api'))).status).toBe(200);
    const assertion = await signed(claims('signer'));
    expect((await send(w, withAssertion(assertion, { client_id: 'signer' }))).status).toBe(200);
  });
});

describe('client assertions', () => {
  it.each([
    ['ES256', keys.privateKey, {}],
    ['ES256 by kid', keys.privateKey, { kid: 'one' }],
    ['RS256', rsa.privateKey, { alg: 'RS256' }],
    ['PS256', pss, { alg: 'PS256' }],
  ])('A-14 A-19 private_key_jwt by %s', async (_alg, key, header) => {
    const { app, events } = await made();
    const answer = await send({ app }, withAssertion(await signed(claims('signer'), header, key)));
    expect(answer.body).toMatchObject({ active: true, sub: 'alice' });
    expect(events.at(-1)).toMatchObject({ clientId: 'signer', outcome: 'active' });
  });

  it.each(['HS256', 'HS384', 'HS512'])('A-14 client_secret_jwt by %s', async (alg) => {
    const { app } = await made();
    const ask = async (secret: string) =>
      send({ app }, withAssertion(await signed(claims('hmac'), { alg }, Buffer.from(secret))));
    expect((await ask(HMAC)).body).toMatchObject({ active: true });
    expectRefused(await ask(`${HMAC}!`));
  });

  it('A-14 a secret is not used for more than it is long enough for', async () => {
    const { app } = await made();
    const ask = async (alg: string) =>
      send({ app }, withAssertion(await signed(claims('short'), { alg }, Buffer.from('x'.repeat(32)))));
    expect((await ask('HS256')).status).toBe(200);
    expectRefused(await ask('HS384'));
  });

  it.each([
    ['aud as the only one of a list', { aud: [ISSUER] }],
    ['no iat', { iat: undefined }],
    ['a past iat', { iat: SECONDS - 3600 }],
    ['an iat of a clock that is a little ahead', { iat: SECONDS + 10, nbf: SECONDS + 10 }],
    ['an exp of a clock that is a little behind', { exp: SECONDS - 9 }],
    ['the longest life', { exp: SECONDS + 610 }],
  ])('A-14 is taken with %s', async (_what, changes) => {
    const { app } = await made();
    expect((await send({ app }, withAssertion(await signed(claims('signer', changes))))).status).toBe(200);
  });

  it.each([
    ['another iss', { iss: 'hmac' }, 'assertion_issuer'],
    ['no iss', { iss: undefined }, 'assertion_issuer'],
    ['no sub', { sub: undefined }, 'malformed'],
    ['an empty sub', { iss: '', sub: '' }, 'malformed'],
    ['an unknown client', { iss: 'nobody', sub: 'nobody' }, 'unknown_client'],
    ['a disabled client', { iss: 'gone', sub: 'gone' }, 'client_disabled'],
    ['another aud', { aud: 'https://other.example' }, 'assertion_audience'],
    ['the URL of the endpoint (A-16)', { aud: `${ISSUER}${A}` }, 'assertion_audience'],
    ['somebody else in aud too (A-16)', { aud: [ISSUER, 'https://other.example'] }, 'assertion_audience'],
    ['an issuer with a slash', { aud: `${ISSUER}/` }, 'assertion_audience'],
    ['an empty aud', { aud: [] }, 'assertion_audience'],
    ['no aud', { aud: undefined }, 'assertion_audience'],
    ['no exp', { exp: undefined }, 'assertion_expired'],
    ['exp over', { exp: SECONDS - 10 }, 'assertion_expired'],
    ['exp as text', { exp: `${SECONDS + 60}` }, 'assertion_expired'],
    ['exp in milliseconds', { exp: NOW + 60_000 }, 'assertion_lifetime'],
    ['too long a life', { exp: SECONDS + 611 }, 'assertion_lifetime'],
    ['nbf to come', { nbf: SECONDS + 11 }, 'assertion_early'],
    ['nbf as text', { nbf: 'now' }, 'assertion_early'],
    ['nbf as text of a number', { nbf: String(SECONDS) }, 'assertion_early'],
    ['iat as text of a number', { iat: String(SECONDS) }, 'assertion_early'],
    ['iat to come', { iat: SECONDS + 11 }, 'assertion_early'],
    ['iat as text', { iat: 'now' }, 'assertion_early'],
    ['no jti (A-15)', { jti: undefined }, 'assertion_id'],
    ['an empty jti (A-15)', { jti: '' }, 'assertion_id'],
    ['a jti that is a number (A-15)', { jti: 5 }, 'assertion_id'],
  ])('A-14 A-17 is refused with %s, which the audit alone is told', async (_what, changes, credentials) => {
    const { app, events } = await made();
    expectRefused(await send({ app }, withAssertion(await signed(claims('signer', changes)))));
    expect(events).toMatchObject([{ outcome: 'refused', error: 'invalid_client', credentials }]);
  });

  it('tells the audit what else was wrong with credentials, and nobody else', async () => {
    const w = await made({ clientCertificate: () => undefined });
    const wrongSecret = { client_secret: 'wrong' };
    const good = claims('signer');
    const asked: readonly [string, () => PromiseLike<request.Response>][] = [
      ['missing', () => send(w, {})],
      ['other_scheme', () => send(w, {}).set('Authorization', 'Digest x')],
      ['malformed', () => send(w, {}).set('Authorization', 'Basic !')],
      ['unknown_client', () => send(w, {}).set('Authorization', basic('nobody', 'x'))],
      ['wrong_secret', () => send(w, {}).set('Authorization', basic('api', 'x'))],
      ['client_disabled', () => send(w, {}).set('Authorization', w.as('disabled'))],
      ['other_method', () => send(w, {}).set('Authorization', basic('signer', 'x'))],
      ['other_method', () => send(w, { client_id: 'api', client_secret: w.secretOf('api') })],
      ['unknown_client', () => send(w, { client_id: 'nobody', ...wrongSecret })],
      ['malformed', () => send(w, wrongSecret)],
      ['malformed', () => send(w, { client_assertion: 'x' })],
      ['missing', () => send(w, { client_id: 'signer' })],
      ['other_method', async () => send(w, withAssertion(await signed(claims('api'))))],
      [
        'assertion_subject',
        async () => send(w, withAssertion(await signed(claims('signer')), { client_id: 'api' })),
      ],
      [
        'assertion_type',
        async () => send(w, withAssertion(await signed(claims('signer'), { typ: 'at+jwt' }))),
      ],
      ['assertion_algorithm', async () => send(w, withAssertion(await signed(claims('only-rsa'))))],
      ['assertion_algorithm', async () => send(w, withAssertion(await signed(claims('hmac'))))],
      [
        'assertion_signature',
        async () => send(w, withAssertion(await signed(claims('signer'), {}, others.privateKey))),
      ],
      [
        'assertion_signature',
        async () =>
          send(w, withAssertion(await signed(claims('hmac'), { alg: 'HS256' }, Buffer.from('y'.repeat(64))))),
      ],
      ['assertion_replayed', async () => send(w, withAssertion(await signed(good)))],
    ];
    expect((await send(w, withAssertion(await signed(good)))).status).toBe(200);
    w.events.length = 0;
    for (const [credentials, ask] of asked) {
      const { status, body } = await ask();
      expect([credentials, status, body]).toStrictEqual([
        credentials,
        401,
        { error: 'invalid_client', error_description: 'Client authentication failed' },
      ]);
    }
    expect(w.events.map((event) => event.credentials)).toStrictEqual(
      asked.map(([credentials]) => credentials),
    );
    w.events.length = 0;
    const repeated = { Authorization: [w.as('api'), w.as('api')] } as never;
    await send(w, {}).set(repeated);
    expect((await send(w, {}).set('Authorization', w.as('api'))).status).toBe(200);
    expect(w.events.at(-1)).not.toHaveProperty('credentials');
  });

  it.each(['JWT', 'jwt', 'client-authentication+jwt', 'application/client-authentication+jwt'])(
    'A-14 is taken as %s',
    async (typ) => {
      const { app } = await made();
      expect((await send({ app }, withAssertion(await signed(claims('signer'), { typ })))).status).toBe(200);
    },
  );

  it.each<unknown>(['at+jwt', 'dpop+jwt', 'logout+jwt', 'token-introspection+jwt', '', 5, ['JWT']])(
    'A-14 a JWT for another use is none (%s)',
    async (typ) => {
      const { app } = await made();
      const assertion = await signed(claims('signer'), { typ: typ as string });
      expectRefused(await send({ app }, withAssertion(assertion)));
    },
  );

  it('A-14 refuses a key of somebody else, a changed payload, alg none, an unknown kid and HMAC with the public key', async () => {
    const { app } = await made();
    const good = await signed(claims('signer'));
    const [header, , signature] = good.split('.') as [string, string, string];
    const changed = Buffer.from(JSON.stringify(claims('signer', { jti: 'other' }))).toString('base64url');
    const pem = await exportSPKI(keys.publicKey);
    const der = createPublicKey(pem).export({ format: 'der', type: 'spki' });
    const hs = (key: Uint8Array) => signed(claims('signer'), { alg: 'HS256' }, key);
    for (const assertion of [
      await signed(claims('signer'), {}, others.privateKey),
      await signed(claims('signer'), { kid: 'two' }),
      `${header}.${changed}.${signature}`,
      new UnsecuredJWT(claims('signer')).encode(),
      await hs(Buffer.from(pem)),
      await hs(der),
      await hs(Buffer.from(JSON.stringify(jwk))),
      await signed(claims('hmac')),
      await signed(claims('api')),
      await signed(claims('no-jwt')),
      await signed(claims('no-jwt'), { alg: 'HS256' }, Buffer.from(HMAC)),
    ]) {
      expectRefused(await send({ app }, withAssertion(assertion)));
    }
    // None of them has used it up.
    expect((await send({ app }, withAssertion(good))).status).toBe(200);
  });

  it('A-14 understands no critical extension', async () => {
    const { app } = await made();
    const payload = Buffer.from(JSON.stringify(claims('signer')));
    const assertion = await new CompactSign(payload)
      .setProtectedHeader({ alg: 'ES256', crit: ['exp'], exp: 1 })
      .sign(keys.privateKey, { crit: { exp: true } });
    expectRefused(await send({ app }, withAssertion(assertion)));
  });

  it('A-12 by no other algorithm than the registered one', async () => {
    const { app } = await made();
    expectRefused(await send({ app }, withAssertion(await signed(claims('only-rsa')))));
    const by = await signed(claims('only-rsa'), { alg: 'RS256' }, rsa.privateKey);
    expect((await send({ app }, withAssertion(by))).status).toBe(200);
  });

  it('A-13 A-17 has the exact type, one assertion, and a client_id that is its sub', async () => {
    const { app } = await made();
    const good = await signed(claims('signer'));
    for (const form of [
      { client_assertion: good },
      { client_assertion_type: TYPE },
      { client_assertion: good, client_assertion_type: TYPE.toUpperCase() },
      {
        client_assertion: good,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer',
      },
      withAssertion(good, { client_id: 'hmac' }),
      withAssertion(good, { client_id: 'nobody' }),
      withAssertion('no JWT'),
      withAssertion('e30.e30.'),
      withAssertion(`${Buffer.from('{"alg":"ES256"}').toString('base64url')}.W10.AA`),
    ])
      expectRefused(await send({ app }, form));
    const twice = await request(app)
      .post(A)
      .type('form')
      .send(`token=at-live&client_assertion_type=${TYPE}&client_assertion=${good}&client_assertion=${good}`);
    expect(twice).toMatchObject({ status: 400, body: { error: 'invalid_request' } });
    expect((await send({ app }, withAssertion(good))).status).toBe(200);
  });

  it('A-15 is taken once, at every endpoint of the process, and again by another client', async () => {
    const w = await made();
    const jti = 'the same';
    const assertion = await signed(claims('signer', { jti }));
    expect((await send(w, withAssertion(assertion))).status).toBe(200);
    expectRefused(await send(w, withAssertion(assertion)));
    expectRefused(await send(w, withAssertion(await signed(claims('signer', { jti, exp: SECONDS + 61 })))));
    const other = await signed(claims('hmac', { jti }), { alg: 'HS256' }, Buffer.from(HMAC));
    expect((await send(w, withAssertion(other))).status).toBe(200);
  });

  it('A-15 is taken once by all endpoints, and again at another issuer with a client of that name', async () => {
    const w = await made();
    const assertion = await signed(claims('signer'));
    const revoke = () =>
      request(w.app)
        .post('/v1/oauth/revoke')
        .type('form')
        .send({ token: 'x', ...withAssertion(assertion) });
    expect((await send(w, withAssertion(assertion))).status).toBe(200);
    expect((await revoke()).status).toBe(401);
    const { tokens, clients } = w;
    const clock = () => NOW;
    const options = { tokens, clients, clock, rateLimit: false as const };
    const alone = express()
      .use(tokenRevocation({ ...options, issuer: ISSUER }))
      .use('/b', tokenRevocation({ ...options, issuer: 'https://b.example' }))
      .use('/c', tokenRevocation({ ...options, issuer: ISSUER }));
    const at = async (path: string, aud: string) =>
      (
        await request(alone)
          .post(`${path}/v1/oauth/revoke`)
          .type('form')
          .send({ token: 'x', ...withAssertion(await signed(claims('signer', { aud, jti: 'one' }))) })
      ).status;
    expect(await at('', ISSUER)).toBe(200);
    expect(await at('/c', ISSUER)).toBe(401);
    expect(await at('/b', 'https://b.example')).toBe(200);
  });

  it('A-15 a client over its limit of calls fills no memory', async () => {
    const remembered: string[] = [];
    const replay: ReplayMemory = { remember: (key) => remembered.push(key) > 0 };
    const w = await made({ assertions: { replay }, rateLimit: { calls: { limit: 1, windowMs: 60_000 } } });
    const statuses = [];
    for (let i = 0; i < 5; i++)
      statuses.push(
        (await send(w, withAssertion(await signed(claims('signer')), { token: 'unknown' }))).status,
      );
    expect(statuses).toStrictEqual([200, 429, 429, 429, 429]);
    expect(remembered).toHaveLength(2);
  });

  it('issuer/20 a client over its limit of inactive responses still learns of active tokens', async () => {
    const w = await made({ rateLimit: { inactive: { limit: 1, windowMs: 60_000 } } });
    const ask = async (token: string): Promise<number> =>
      (await send(w, withAssertion(await signed(claims('signer')), { token }))).status;
    expect([await ask('guess-1'), await ask('guess-2'), await ask('at-live')]).toStrictEqual([200, 429, 200]);
  });

  it('issuer/17 a client that has proved itself with this key passes, however often others at its address have failed', async () => {
    const w = await made({ rateLimit: { failures: { limit: 1, windowMs: 60_000 } } });
    const ask = async (clientId: string, changes: object = {}, ...by: [header?: object, key?: never]) =>
      (await send(w, withAssertion(await signed(claims(clientId, changes), ...by)))).status;
    expect(await ask('signer')).toBe(200);
    for (const status of [401, 429]) expect((await send(w, withAssertion('x'))).status).toBe(status);
    expect(await ask('signer')).toBe(200);
    // Verified as before.
    expect(await ask('signer', {}, {}, others.privateKey as never)).toBe(429);
    expect(await ask('signer', { aud: 'https://other.example' })).toBe(429);
    // With another key, or as another client, it has proved nothing yet.
    expect(await ask('signer', {}, { alg: 'RS256', kid: 'rsa' }, rsa.privateKey as never)).toBe(429);
    expect(await ask('hmac', {}, { alg: 'HS256' }, Buffer.from(HMAC) as never)).toBe(429);
    w.clock.now += 61_000;
    const later = { iat: SECONDS + 61, exp: SECONDS + 90 };
    expect(await ask('hmac', later, { alg: 'HS256' }, Buffer.from(HMAC) as never)).toBe(200);
  });

  it('issuer/17 neither looks for a client nor verifies anything for an assertion that stops at a blocked address', async () => {
    const w = await made({ rateLimit: { failures: { limit: 1, windowMs: 60_000 } } });
    for (let i = 0; i < 2; i++) await send(w, withAssertion('x'));
    w.clients.find = () => {
      throw new Error('asked');
    };
    expect((await send(w, withAssertion(await signed(claims('signer'))))).status).toBe(429);
  });

  it('attack/23 one client cannot fill the memory for assertions: over its share it is told to slow down', async () => {
    const w = await made();
    const owner = createHash('sha256')
      .update(`["client assertion",["${ISSUER}"],"signer"]`)
      .digest('base64url');
    const memory = assertionMemory(w.clockOption);
    for (let i = 0; i < 500_000; i++) memory.remember(`key-${i}`, 70_000, owner);
    const full = await send(w, withAssertion(await signed(claims('signer'))));
    expect([full.status, full.body.error, full.headers['retry-after']]).toStrictEqual([
      429,
      'slow_down',
      '70',
    ]);
    const hmac = await signed(claims('hmac'), { alg: 'HS256' }, Buffer.from(HMAC));
    expect((await send(w, withAssertion(hmac))).status).toBe(200);
    w.clock.now += 200_000;
    const again = claims('signer', { iat: SECONDS + 200, exp: SECONDS + 230 });
    expect((await send(w, withAssertion(await signed(again)))).status).toBe(200);
  });

  it('A-15 remembers digests, for as long as the assertion is good', async () => {
    const remembered: unknown[][] = [];
    const replay: ReplayMemory = {
      remember(...given) {
        remembered.push(given);
        return true;
      },
    };
    const { app } = await made({ assertions: { replay } });
    await send({ app }, withAssertion(await signed(claims('signer', { jti: 'id' }))));
    const key = createHash('sha256')
      .update(`["client assertion",["${ISSUER}"],"signer","id"]`)
      .digest('base64url');
    const owner = createHash('sha256')
      .update(`["client assertion",["${ISSUER}"],"signer"]`)
      .digest('base64url');
    expect(remembered).toStrictEqual([[key, 70_000, owner]]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('down');
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['answers no boolean', () => 'yes'],
  ])('A-15 is unavailable where the memory %s', async (_how, remember) => {
    const { app } = await made({ assertions: { replay: { remember } as never } });
    const answer = await send({ app }, withAssertion(await signed(claims('signer'))));
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } });
    expect(answer.headers['retry-after']).toBeDefined();
  });

  it('A-16 takes the URL of an endpoint where the app says so', async () => {
    const url = `${ISSUER}${A}`;
    const { app } = await made({
      assertions: { audience: [ISSUER, url], maxLifetime: 30_000, algorithms: ['ES256'] },
    });
    const ask = async (changes: object, ...how: [object?, typeof rsa.privateKey?]) =>
      (
        await send(
          { app },
          withAssertion(await signed(claims('signer', { exp: SECONDS + 30, ...changes }), ...how)),
        )
      ).status;
    expect(await ask({ aud: url })).toBe(200);
    expect(await ask({ aud: [url, ISSUER] })).toBe(200);
    expect(await ask({ aud: [url, 'https://other.example'] })).toBe(401);
    expect(await ask({ exp: SECONDS + 60 })).toBe(401);
    expect(await ask({}, { alg: 'RS256' }, rsa.privateKey)).toBe(401);
  });

  it('is refused where the app takes none', async () => {
    const { app } = await made({ assertions: false });
    expectRefused(await send({ app }, withAssertion(await signed(claims('signer')))));
  });

  it('A-09 wrong ones count as failures, and are not looked at any more when they were too many', async () => {
    const { app } = await made({ rateLimit: { failures: { limit: 1, windowMs: 60_000 } } });
    const wrong = withAssertion(await signed(claims('signer'), {}, others.privateKey));
    expect((await send({ app }, wrong)).status).toBe(401);
    expect((await send({ app }, wrong)).status).toBe(429);
    expect((await send({ app }, withAssertion(await signed(claims('signer'))))).status).toBe(429);
  });

  it('is unavailable where the clients cannot be asked, and wrong where a registered key is broken', async () => {
    const down = await made({ clients: failingStore(() => Promise.reject(new Error('down'))) as never });
    expect((await send(down, withAssertion(await signed(claims('signer'))))).status).toBe(503);
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const weak: Client = {
      clientId: 'weak',
      authMethods: ['private_key_jwt'],
      jwks: { keys: [publicKey.export({ format: 'jwk' }) as never] },
    };
    // Which a store of ours would not take.
    const w = await made({ clients: { find: (id) => (id === 'weak' ? weak : undefined) } });
    const assertion = await signed(claims('weak'), { alg: 'RS256' }, rsa.privateKey);
    expectRefused(await send(w, withAssertion(assertion)));
  });

  it.each([
    ['assertions', { assertions: true }],
    ['assertions.audience', { assertions: { audience: [] } }],
    ['assertions.audience', { assertions: { audience: [ISSUER, ''] } }],
    ['assertions.maxLifetime', { assertions: { maxLifetime: 0 } }],
    ['assertions.algorithms', { assertions: { algorithms: ['HS256'] } }],
    ['assertions.replay', { assertions: { replay: {} } }],
    ['jti', { assertions: { jti: true } }],
    ['clientCertificate', { clientCertificate: 'yes' }],
    ['fetch', { fetch: 5 }],
  ])('a TypeError names %s (%#)', async (name, options) => {
    const { tokens, clients } = await made();
    const make = () => introspectionRouter({ tokens, clients, issuer: ISSUER, ...options } as never);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`"${name}"`);
  });
});
