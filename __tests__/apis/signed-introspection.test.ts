import { describe, expect, it } from '@jest/globals';
import express from 'express';
import * as jose from 'jose';
import * as oauth from 'oauth4webapi';
import request from 'supertest';
import { ASYMMETRIC_ALGORITHMS } from '../../lib/algorithms.js';
import { JWKS_PATH } from '../../lib/apis/jwks.js';
import {
  introspectionRouter,
  jwtIntrospector,
  oauthIntrospection,
  type PrivateJwk,
  remoteIntrospector,
  requireActiveToken,
} from '../../lib/index.js';
import { gateway } from '../support/gateway.js';
import { serving } from '../support/http.js';
import {
  ask,
  type Caller,
  caller,
  EC,
  ED,
  JWT,
  KEYS,
  privateJwk,
  RSA,
  verified,
} from '../support/signing.js';
import { upstream } from '../support/upstream.js';
import {
  A,
  API,
  answeredAsUnknown,
  basic,
  FULL,
  INACTIVE,
  ISSUER,
  NOW,
  postToken,
  SECONDS,
  type World,
  type WorldOptions,
  world,
} from '../support/world.js';

describe('signed answers of OAuth introspection (RFC 9701)', () => {
  it('J-01 J-03 J-04 J-06 J-08 signs what it would say in JSON, and nothing else', async () => {
    const { app, tokens, as } = await world({ keys: KEYS });
    await tokens.save(FULL);
    const answer = await ask(app, as('api'), 'full');
    expect([answer.status, answer.headers['content-type']]).toStrictEqual([200, JWT]);
    const { payload, protectedHeader } = await verified(app, answer.body, 'api');
    expect(protectedHeader).toStrictEqual({ alg: 'RS256', kid: 'rsa', typ: 'token-introspection+jwt' });
    const plain = await ask(app, as('api'), 'full', 'application/json');
    expect(plain.headers['content-type']).toBe('application/json');
    expect(payload).toStrictEqual({
      iss: ISSUER,
      aud: 'api',
      iat: SECONDS,
      token_introspection: JSON.parse(plain.body as string) as unknown,
    });
    expect(Object.keys(payload.token_introspection as object)).toHaveLength(21);
  });

  it('E-03 E-04 E-09 may not be kept, and varies by Accept, as JSON does beside it', async () => {
    const { app, as } = await world({ keys: KEYS });
    for (const accept of [JWT, 'application/json']) {
      const { headers } = await ask(app, as('api'), 'at-live', accept);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        pragma: 'no-cache',
        'x-content-type-options': 'nosniff',
        vary: 'Accept',
      });
      expect(headers).not.toHaveProperty('etag');
    }
    const again = await ask(app, as('api'), 'at-live').set('If-None-Match', '*');
    expect(again.status).toBe(200);
  });

  it('E-09 adds to a Vary of the app', async () => {
    const before = [
      ((_req, res, next) => {
        res.vary('Origin');
        next();
      }) as express.RequestHandler,
    ];
    const { app, as } = await world({ keys: KEYS, before });
    expect((await ask(app, as('api'), 'at-live')).headers.vary).toBe('Origin, Accept');
  });

  it.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['text/html', 'application/json'],
    [`${JWT};q=0.5, application/json`, 'application/json'],
    [`${JWT};q=0, */*`, 'application/json'],
    [`${JWT};q=0.5, application/json;q=0.4`, JWT],
    [`${JWT}, */*;q=0.1`, JWT],
  ])('J-01 answers Accept: %p with %s', async (accept, type) => {
    const { app, as } = await world({ keys: KEYS });
    const asked = postToken(app, A, as('api'), 'at-live');
    const answer = await (accept === undefined ? asked : asked.set('Accept', accept));
    expect([answer.status, answer.headers['content-type']]).toStrictEqual([200, type]);
  });

  it('J-01 answers JSON to whatever is asked for where there are no keys', async () => {
    const { app, as } = await world();
    const answer = await ask(app, as('api'), 'at-live');
    expect([answer.status, answer.headers['content-type']]).toStrictEqual([200, 'application/json']);
    expect(answer.headers).not.toHaveProperty('vary');
  });

  it('J-04 takes the time of an answer from the clock, in whole seconds', async () => {
    const { app, as, clock } = await world({ keys: KEYS });
    clock.now = NOW + 1999;
    const { body } = await ask(app, as('api'), 'at-live');
    expect(jose.decodeJwt(String(body)).iat).toBe(SECONDS + 1);
  });

  it('J-04 names the client that a Bearer token was issued to as the audience', async () => {
    const { app, tokens } = await world({ keys: KEYS });
    const token = {
      kind: 'access_token',
      clientId: 'api',
      audience: [ISSUER],
      scope: ['introspection'],
    } as const;
    await tokens.save({ ...token, token: 'credential' });
    const answer = await ask(app, 'Bearer credential', 'at-live');
    const { payload } = await verified(app, answer.body, 'api');
    expect(payload.token_introspection).toMatchObject({ active: true, client_id: 'app', aud: API });
  });

  it.each([
    'never-seen',
    'at-expired',
    'at-revoked',
    'at-future',
    'at-disabled-client',
    'at-removed-client',
    'at-other-api',
    'rt-live',
    'not a token\u00e9',
  ])(
    'J-05 I-14 says of %p nothing but that it is inactive, byte for byte as of an unknown one',
    async (token) => {
      const { app, as } = await world({ keys: KEYS });
      const answer = await answeredAsUnknown((one) => ask(app, as('api'), one), token);
      const { payload } = await verified(app, answer.body, 'api');
      expect(payload).toStrictEqual({
        iss: ISSUER,
        aud: 'api',
        iat: SECONDS,
        token_introspection: { active: false },
      });
      expect((await ask(app, as('api'), token, 'application/json')).body).toBe(INACTIVE);
    },
  );

  it('J-07 J-12 tells each caller what it may see, and no more', async () => {
    const { app, as } = await world({ keys: KEYS });
    const told = async (clientId: string): Promise<unknown> => {
      const { body } = await ask(app, as(clientId), 'at-live');
      return (await verified(app, body, clientId)).payload.token_introspection;
    };
    expect(await told('api')).toMatchObject({ active: true, scope: 'read write' });
    expect(await told('narrow-api')).toMatchObject({ active: true, scope: 'read' });
    for (const clientId of ['own-only', 'other-app']) {
      expect(await told(clientId)).toStrictEqual({ active: false });
    }
  });

  it.each<[string, number, string, (made: World) => request.Test]>([
    // RFC 9701 §5 wants 400 here; the API's own contract, which wins, has 401 and a challenge.
    [
      'J-02 no credentials',
      401,
      'invalid_client',
      ({ app }) => ask(app, '', 'at-live').unset('Authorization'),
    ],
    ['J-02 wrong credentials', 401, 'invalid_client', ({ app }) => ask(app, basic('api', 'x'), 'at-live')],
    [
      'J-02 a public client',
      403,
      'unauthorized_client',
      ({ app }) => ask(app, basic('public', ''), 'at-live'),
    ],
    ['no token', 400, 'invalid_request', ({ app, as }) => ask(app, as('api'), '')],
  ])('answers %s with an error in JSON, whatever Accept says', async (_what, status, error, asked) => {
    const answer = await asked(await world({ keys: KEYS }));
    expect([answer.status, answer.headers['content-type']]).toStrictEqual([status, 'application/json']);
    expect(JSON.parse(answer.body as string)).toStrictEqual({ error, error_description: expect.any(String) });
  });

  it('J-13 signs nothing for what did not come by TLS, where that is required', async () => {
    const { app, as } = await world({ keys: KEYS, requireTls: true });
    const answer = await ask(app, as('api'), 'at-live');
    expect([answer.status, answer.headers['content-type']]).toStrictEqual([400, 'application/json']);
    app.set('trust proxy', true);
    expect((await ask(app, as('api'), 'at-live').set('X-Forwarded-Proto', 'https')).status).toBe(200);
  });

  it('tells the audit the same as of a JSON answer, and never the JWT', async () => {
    const { app, as, events } = await world({ keys: KEYS });
    for (const token of ['at-live', 'at-expired']) {
      const { body } = await ask(app, as('api'), token);
      await ask(app, as('api'), token, 'application/json');
      const [signed, plain] = events.splice(0).map(({ durationMs: _ms, ...event }) => event);
      expect(signed).toStrictEqual(plain);
      for (const part of String(body).split('.')) expect(JSON.stringify(signed)).not.toContain(part);
    }
  });

  it('signs what a gateway says', async () => {
    const made = await world();
    const { app } = gateway(made, upstream({ active: true, sub: 'alice', aud: API, tenant: 'blue' }), {
      keys: KEYS,
    });
    const { body } = await ask(app, made.as('api'), 'a-token');
    expect((await verified(app, body, 'api')).payload.token_introspection).toStrictEqual({
      active: true,
      sub: 'alice',
      aud: API,
      token_type: 'Bearer',
      tenant: 'blue',
    });
  });

  it.each<[string, WorldOptions, string]>([
    [
      'keys that are none',
      { keys: 'x' as never },
      'introspectionRouter: "keys": must be an array of one key or more',
    ],
    [
      'keys that are null',
      { keys: null as never },
      'introspectionRouter: "keys": must be an array of one key or more',
    ],
    [
      'a public key',
      { keys: [{ ...EC, d: undefined }] },
      'introspectionRouter: "keys": must have one that signs: all are public JWKs',
    ],
  ])('cannot be made with %s', async (_what, options, message) => {
    await expect(world(options)).rejects.toStrictEqual(new TypeError(message));
  });

  it('cannot be made alone without an issuer', async () => {
    const { tokens, clients } = await world();
    expect(() => oauthIntrospection({ tokens, clients, keys: KEYS })).toThrow(
      new TypeError(
        'oauthIntrospection: "issuer" must be given where there are "keys": signed answers need it',
      ),
    );
  });
});

describe('the algorithm of signed answers', () => {
  const made = (async () => {
    const keys: PrivateJwk[] = [];
    for (const alg of ASYMMETRIC_ALGORITHMS) {
      const isRsa = /^[RP]S/.test(alg);
      keys.push(isRsa ? { ...RSA, kid: `kid-${alg}`, alg } : await privateJwk(`kid-${alg}`, alg));
    }
    const callers = new Map(
      ASYMMETRIC_ALGORITHMS.map((alg) => [alg, caller(`rs-${alg}`, { introspectionSignedResponseAlg: alg })]),
    );
    const moreClients = [...callers.values()].map(({ client }) => client);
    return { callers, keys, ...(await world({ keys, moreClients })) };
  })();

  it.each(ASYMMETRIC_ALGORITHMS)(
    'J-09 is %s for a client that is registered so: jose, oauth4webapi and remoteIntrospector verify it',
    async (alg) => {
      const { app, callers } = await made;
      const { client, secret, authorization } = callers.get(alg) as Caller;
      const { body } = await ask(app, authorization, 'at-live');
      const { payload, protectedHeader } = await verified(app, body, client.clientId);
      expect(protectedHeader).toStrictEqual({ alg, kid: `kid-${alg}`, typ: 'token-introspection+jwt' });
      expect(payload.token_introspection).toMatchObject({ active: true, sub: 'alice' });

      await serving(app, async (origin) => {
        const server = {
          issuer: ISSUER,
          introspection_endpoint: origin + A,
          jwks_uri: origin + JWKS_PATH,
          introspection_signing_alg_values_supported: [alg],
        };
        const known = { client_id: client.clientId, introspection_signed_response_alg: alg };
        const overHttp = { [oauth.allowInsecureRequests]: true };
        const answer = await oauth.introspectionRequest(
          server,
          known,
          oauth.ClientSecretBasic(secret),
          'at-live',
          { ...overHttp, requestJwtResponse: true },
        );
        const json = await oauth.processIntrospectionResponse(server, known, answer);
        await oauth.validateApplicationLevelSignature(server, answer, overHttp);
        expect(json).toMatchObject({ active: true, sub: 'alice' });

        const introspector = remoteIntrospector({
          issuer: 'https://id.example.com',
          clientId: client.clientId,
          clientSecret: secret,
          signedResponse: true,
          clock: () => NOW,
          allowInsecureRequests: true,
          fetch: async (url, init) =>
            String(url).includes('well-known') ? Response.json(server) : fetch(url, init),
        });
        expect(await introspector.introspect('at-live')).toMatchObject({ active: true, sub: 'alice' });
        expect(await introspector.introspect('never-seen')).toStrictEqual({ active: false });
      });
    },
  );

  it('J-09 is RS256 for a client that is registered with none, wherever its key stands', async () => {
    const { app, as } = await world({ keys: [ED, EC, RSA] });
    const { body } = await ask(app, as('api'), 'at-live');
    expect(jose.decodeProtectedHeader(String(body)).kid).toBe('rsa');
  });

  it('is that of the first of its keys', async () => {
    const { app, as } = await world({ keys: [ED, { ...RSA, kid: 'first' }, RSA] });
    const { body } = await ask(app, as('api'), 'at-live');
    expect(jose.decodeProtectedHeader(String(body)).kid).toBe('first');
  });

  it('is never another than the registered one: where no key is for it, that is a fault, which the audit tells', async () => {
    const { app, as, events } = await world({ keys: [EC, ED] });
    for (const token of ['at-live', 'never-seen']) {
      const answer = await ask(app, as('api'), token);
      expect([answer.status, JSON.parse(answer.body as string)]).toStrictEqual([
        500,
        {
          error: 'server_error',
          error_description: 'An unexpected error has occurred while processing the request',
        },
      ]);
      expect(events.at(-1)).toMatchObject({
        outcome: 'failed',
        fault: { message: 'keys: none is for RS256, with which answers for the caller are signed' },
      });
    }
    expect((await ask(app, as('api'), 'at-live', '*/*')).status).toBe(200);
  });
});

describe('keys that change', () => {
  it('sign as soon as they are first, while what the old ones signed verifies until they are gone', async () => {
    const next: PrivateJwk = { ...EC, kid: 'next' };
    let keys = [ED, { ...(await privateJwk('old', 'ES256')) }];
    const { client, authorization } = caller('rs', { introspectionSignedResponseAlg: 'ES256' });
    const { app } = await world({ keys: async () => keys, moreClients: [client] });
    const signedBy = async (): Promise<[string, unknown]> => {
      const { body } = await ask(app, authorization, 'at-live');
      return [String(body), jose.decodeProtectedHeader(String(body)).kid];
    };
    const [old, kid] = await signedBy();
    expect(kid).toBe('old');

    keys = [...keys, next];
    expect((await signedBy())[1]).toBe('old');
    keys = [next, ...keys.slice(0, 2)];
    const [newer, newKid] = await signedBy();
    expect(newKid).toBe('next');
    for (const jwt of [old, newer]) await expect(verified(app, jwt, 'rs')).resolves.toBeDefined();

    keys = [next];
    await expect(verified(app, newer, 'rs')).resolves.toBeDefined();
    await expect(verified(app, old, 'rs')).rejects.toThrow('no applicable key');
  });

  it.each<[string, () => never, number, object]>([
    [
      'fails',
      () => Promise.reject(new Error(`${String(EC.d)}`)) as never,
      503,
      { outcome: 'unavailable', fault: { name: 'Error' } },
    ],
    [
      'answers no keys',
      () => [] as never,
      500,
      { outcome: 'failed', fault: { message: 'keys: must be an array of one key or more' } },
    ],
  ])('harm no JSON answer where the function %s', async (_what, keys, status, event) => {
    const { app, as, events } = await world({ keys });
    const answer = await ask(app, as('api'), 'at-live');
    expect([answer.status, answer.headers['content-type']]).toStrictEqual([status, 'application/json']);
    expect(answer.headers['retry-after']).toBe(status === 503 ? '5' : undefined);
    expect(events[0]).toMatchObject(event);
    expect(JSON.stringify([answer.body, events])).not.toContain(EC.d);
    expect((await ask(app, as('api'), 'at-live', '*/*')).status).toBe(200);
  });
});

describe('J-11 a signed answer that is presented as an access token', () => {
  it('is refused by a guard that takes JWTs signed with the same key', async () => {
    const { client, authorization } = caller('rs', {
      introspectionSignedResponseAlg: 'ES256',
    });
    const { app, tokens } = await world({ keys: [EC], moreClients: [client] });
    await tokens.save({ ...FULL, expiresAt: NOW + 60_000 });
    const { body } = await ask(app, authorization, 'full');
    await serving(app, async (origin) => {
      const introspector = jwtIntrospector({
        issuer: ISSUER,
        jwksUri: origin + JWKS_PATH,
        audience: 'rs',
        types: ['at+jwt', 'JWT'],
        allowInsecureRequests: true,
        clock: () => NOW,
      });
      const guarded = express().get(
        '/',
        requireActiveToken({ introspector, audience: 'rs', clock: () => NOW }),
        (_req, res) => void res.json('in'),
      );
      const present = async (token: string): Promise<number> =>
        (await request(guarded).get('/').set('Authorization', `Bearer ${token}`)).status;
      expect(await present(String(body))).toBe(401);
      const good = { iss: ISSUER, aud: 'rs', exp: SECONDS + 60, sub: 'alice', client_id: 'app' };
      const sign = (claims: object, typ: string): Promise<string> =>
        new jose.SignJWT({ ...claims })
          .setProtectedHeader({ alg: 'ES256', kid: 'ec', typ })
          .sign(EC as jose.JWK);
      expect(await present(await sign(good, 'at+jwt'))).toBe(200);
      // By its type alone, and by what it lacks alone.
      expect(await present(await sign(good, 'token-introspection+jwt'))).toBe(401);
      expect(await present(await sign(jose.decodeJwt(String(body)), 'at+jwt'))).toBe(401);
    });
  });

  it('is refused as the credential of a caller, and unknown as the token asked about', async () => {
    const { app, as } = await world({ keys: KEYS });
    const { body } = await ask(app, as('api'), 'at-live');
    const refused = await ask(app, `Bearer ${String(body)}`, 'at-live');
    expect([refused.status, JSON.parse(refused.body as string)]).toMatchObject([
      401,
      { error: 'invalid_token' },
    ]);
    expect((await ask(app, as('api'), String(body), '*/*')).body).toBe(INACTIVE);
  });
});

it('introspectionRouter takes the keys of a gateway as well, and tells of a misspelt option', async () => {
  const { clients } = await world();
  const introspector = upstream({ active: false });
  expect(() => introspectionRouter({ introspector, clients, issuer: ISSUER, keys: KEYS })).not.toThrow();
  expect(() => introspectionRouter({ introspector, clients, issuer: ISSUER, key: KEYS } as never)).toThrow(
    new TypeError('introspectionRouter: unknown option "key"'),
  );
});
